/**
 * The promise of sessions, kept by real processes and a real browser on a bad network: both ends say a thousand messages
 * per second while connections are reset, ended, stalled, silenced and cut at an age of 5 s, and each message arrives once
 * and in order. `LONGSOCKET_SOAK_SECONDS=30` makes it a long one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { launchChromium } from '../helpers/chromium.js';
import { type PageServer, servePages } from '../helpers/page-server.js';
import type { Remote } from '../helpers/soak/child.js';
import type { ClientProgram } from '../helpers/soak/clients.js';
import { longestGaps, misbehave } from '../helpers/soak/faults.js';
import { clientsIn } from '../helpers/soak/page-clients.js';
import { proxyTo, settle, startClients, startServer, talk, urlOf } from '../helpers/soak/scene.js';
import { eventsOf, sentBy, verdict } from '../helpers/soak/verdict.js';

const seconds = Number(process.env.LONGSOCKET_SOAK_SECONDS ?? 9);
const rate = 1000;

vi.setConfig({ testTimeout: seconds * 1000 + 40_000, hookTimeout: 60_000 });

let browser: Browser;
let pages: PageServer;

beforeAll(async () => {
  [pages, browser] = await Promise.all([servePages(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

async function openPage(): Promise<Remote<ClientProgram>> {
  const page = await (await browser.newContext()).newPage();
  onTestFinished(() => page.context().close());
  await page.goto(pages.bench);
  await page.waitForFunction(() => 'bench' in window);
  return clientsIn(page);
}

async function soak(what: string, clients: readonly Remote<ClientProgram>[], seed: number): Promise<void> {
  const server = await startServer();
  const proxy = await proxyTo(await server.ask('listen', { origins: [new URL(pages.bench).origin] }));
  proxy.latency(2); // Some distance, so that there is always something on its way.
  for (const [index, each] of clients.entries()) {
    await each.ask('connect', urlOf(proxy), [`${what}-${index}`], { session: true });
  }
  proxy.limitAge(5000);
  await talk(rate, [server, ...clients]);
  const faults = await misbehave(proxy, seconds, seed);
  proxy.limitAge(undefined);

  const { atClients, atServer } = await settle(server, clients);
  expect(verdict(atClients, atServer)).toEqual([]);
  expect(eventsOf(atClients, 'lost', 'close', 'failed')).toEqual([]);
  expect(eventsOf(atServer, 'lost', 'close')).toEqual([]);

  const sent = [sentBy(atClients), sentBy(atServer)];
  const gaps = longestGaps(faults, [...Object.values(atClients), ...Object.values(atServer)]);
  const interrupted = eventsOf(atClients, 'interrupted').length;
  console.log(
    `${what}, ${seconds} s: ${sent.join(' + ')} messages, ${faults.length} faults, ${interrupted} interruptions;`,
    `longest silence beyond the fault's own, in ms: ${JSON.stringify(gaps)}`,
  );
  for (const messages of sent) expect(messages).toBeGreaterThan(0.7 * rate * seconds * clients.length);
  expect(faults.length).toBeGreaterThanOrEqual(Math.floor(seconds / 4));
  expect(interrupted).toBeGreaterThan(0);
  for (const [kind, gap] of Object.entries(gaps)) expect(gap, kind).toBeLessThan(kind === 'silence' ? 7000 : 2500);
}

test('two processes in Node lose, repeat and disorder nothing on a bad network', async () => {
  await soak('node', [await startClients(), await startClients()], 1);
});

test('a page in Chromium loses, repeats and disorders nothing on a bad network', async () => {
  await soak('chromium', [await openPage()], 2);
});

test('a plain socket does lose messages there, and the ledger finds it', async () => {
  const server = await startServer();
  const proxy = await proxyTo(await server.ask('listen'));
  const clients = await startClients();
  await clients.ask('connect', urlOf(proxy), ['plain']);
  await talk(rate, [server, clients]);
  await sleep(300);
  proxy.stall();
  await sleep(200);
  proxy.cut('rst');
  proxy.resume();
  await sleep(1000);
  const { atClients, atServer } = await settle(server, [clients]);
  const found = verdict(atClients, atServer).join();
  expect(found).toMatch(/client to server: \d+ of \d+ lost/);
  expect(found).toMatch(/server to client: \d+ of \d+ lost/);
});
