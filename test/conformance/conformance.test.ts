/**
 * One suite for every implementation of `WebSocket`: Chromium's own, that of the `ws` package, and ours over both, without a session and
 * with one. Each is asked the same, and its log of events compared with what the standard says; where one deviates, it is listed here
 * by name, with the reason, and a deviation that is gone fails the suite as well.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { built } from '../helpers/child.js';
import { launchChromium } from '../helpers/chromium.js';
import { cases } from './cases.js';
import { deviations, type Implementation, NOT_ASKED } from './deviations.js';
import { ask, type Case, type Standard, type Subject } from './kit.js';
import { ConformanceServer } from './server.js';

let server: ConformanceServer;
let browser: Browser | undefined;
let page: Promise<Page> | undefined;
let ours: Standard;

const bundle = async (file: string): Promise<string> => {
  const entryPoints = [fileURLToPath(new URL(file, import.meta.url))];
  const { outputFiles } = await build({ entryPoints, bundle: true, format: 'esm', target: 'es2022', write: false });
  return outputFiles[0]?.text ?? '';
};

beforeAll(async () => {
  const [sessions, dropIn] = await Promise.all([import(built('server.js')), import(built('websocket.js'))]);
  ours = dropIn.WebSocket;
  const script = await bundle('./page.ts');
  const icon = '<link rel="icon" href="data:,">';
  const html = `<!doctype html><meta charset="utf-8">${icon}<script type="module" src="/cases.js"></script>`;
  server = await ConformanceServer.listen(sessions.LongSocketServer, { '/': html, '/cases.js': script });
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** With the cases in it. */
async function openPage(): Promise<Page> {
  browser = await launchChromium();
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.waitForFunction(() => 'conformance' in window);
  return page;
}

type Ask = (one: Case, limit: number) => Promise<unknown>;

const inNode =
  (subject: () => Omit<Subject, 'server'>): Ask =>
  (one, limit) =>
    ask(one, { ...subject(), server: server.url }, limit);
const inPage =
  (implementation: string): Ask =>
  async ({ name }, limit) => {
    page ??= openPage();
    const args = [name, implementation, limit] as const;
    return await (await page).evaluate(([name, kind, limit]) => window.conformance(name, kind, limit), args);
  };

/** The implementations, and how each is asked. */
const implementations: Record<Implementation, Ask> = {
  Chromium: inPage('native'),
  ws: inNode(() => ({ WebSocket: WsWebSocket as unknown as Standard })),
  'longsocket over Chromium': inPage('ours'),
  'longsocket over ws': inNode(() => ({ WebSocket: ours })),
  'longsocket over Chromium, with a session': inPage('session'),
  'longsocket over ws, with a session': inNode(() => {
    const WithOptions = ours as unknown as new (...args: unknown[]) => InstanceType<Standard>;
    return { WebSocket: ours, open: (url, protocols) => new WithOptions(url, protocols, { session: true }) };
  }),
};

test('every case and every deviation has a name of its own', () => {
  const names = cases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const listed = Object.values(deviations).flatMap((known) => Object.keys(known));
  expect(listed.filter((name) => !names.includes(name))).toEqual([]);
});

describe.each(Object.entries(implementations))('%s', (implementation, answer) => {
  const known = deviations[implementation as Implementation];
  const asked = cases.filter(
    ({ name, inPage }) => !NOT_ASKED.includes(known[name]) && (!inPage || /Chromium/.test(implementation)),
  );
  test.each(asked.map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const deviation = known[name];
    if (deviation) expect(await answer(one, 1500), `no deviation any more: ${deviation}`).not.toEqual(one.expected);
    else expect(await answer(one, 20_000)).toEqual(one.expected);
  });
});
