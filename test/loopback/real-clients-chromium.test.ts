/** Real clients in a page of a real Chromium, with sessions over the build for browsers, against their servers in Node. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocketServer } from '../../src/server.js';
import { launchChromium } from '../helpers/chromium.js';
import { type Pairing, patience, Scene, sendAmidCuts, sessions, upTo } from '../helpers/real-clients.js';
import type { clients } from '../helpers/real-clients-page.js';
import { type End, serveGraphql, serveJsonRpc, serveMqtt, serveYjs } from '../helpers/real-servers.js';

let browser: Browser;
let script: string;

beforeAll(async () => {
  const bundled = build({
    entryPoints: [fileURLToPath(new URL('../helpers/real-clients-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    logLevel: 'error',
    // Without the paths of tsconfig: what is installed, which is what `npm run build` has made.
    tsconfigRaw: {},
  });
  const [{ outputFiles }, chromium] = await Promise.all([bundled, launchChromium()]);
  script = outputFiles[0]?.text ?? '';
  browser = chromium;
});

afterAll(() => browser?.close());

/** Its page is of no origin that a server could know. */
const pairing: Pairing = {
  ...sessions,
  Server: class extends WebSocketServer {
    constructor(options: { port: number; host: string }) {
      super({ ...options, origins: '*' });
    }
  },
};

/** What a test has of a server. */
interface Served {
  /** What has come up. */
  readonly up: () => readonly number[];
  readonly down: (n: number) => void;
  /** The client hears from now on what is sent down. */
  readonly ready?: () => boolean;
  readonly answers?: true;
  readonly room?: string;
}

const servers: Record<keyof typeof clients, (scene: Scene) => Promise<Served>> = {
  async 'graphql-ws'(scene) {
    const { up, down, feeds } = serveGraphql(scene);
    return { up: () => up, down, ready: () => feeds.size === 1, answers: true };
  },
  async 'y-websocket'(scene) {
    const { room, up, down } = serveYjs(scene);
    return { up: () => up, down, room };
  },
  async 'mqtt.js'(scene) {
    const { up, down } = await serveMqtt(scene);
    return { up: () => up, down };
  },
  async 'vscode-ws-jsonrpc'(scene) {
    let end: End | undefined;
    void serveJsonRpc(scene).then((made) => {
      end = made;
    });
    return { up: () => end?.told ?? [], down: (n) => end?.speak(n), ready: () => end !== undefined, answers: true };
  },
};

async function open(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  onTestFinished(() => page.context().close());
  await page.addScriptTag({ content: script });
  return page;
}

const names = Object.keys(servers) as (keyof typeof servers)[];

test.each(names)('%s in a page loses, repeats and disorders nothing over 20 cuts', async (name) => {
  const scene = await Scene.open(pairing);
  const { up, down, ready = () => true, answers = false, room = '' } = await servers[name](scene);
  const page = await open();
  await page.evaluate(
    async ([client, url, place]) => {
      window.client = await window.clients[client](url, place);
    },
    [name, scene.url, room] as const,
  );
  await vi.waitFor(() => expect(ready()).toBe(true), patience);
  const speaking: Promise<unknown>[] = [];
  const speak = (n: number): void => {
    speaking.push(page.evaluate((number) => void window.client.speak(number), n));
  };
  const last = await sendAmidCuts(scene, 1, [speak, down]);
  await Promise.all(speaking);
  await vi.waitFor(() => expect(up()).toEqual(upTo(last)), patience);
  const seen = () => page.evaluate(() => ({ ...window.client }));
  const answered = answers ? upTo(last) : [];
  await vi.waitFor(async () => expect(await seen()).toMatchObject({ heard: upTo(last), answered }), patience);
  expect((await seen()).log).toEqual(['open']);
  await scene.holdsOne();
  await page.evaluate(() => void window.client.end());
  await scene.isLeft();
});
