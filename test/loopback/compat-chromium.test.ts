/** The class of the built package in Chromium: its close events are the platform's, with true codes, however it came to them. */
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { launchChromium } from '../helpers/chromium.js';
import { type PageServer, servePages } from '../helpers/page-server.js';
import { listenRaw } from '../helpers/raw-server.js';
import { closeOf, WsServer } from '../helpers/ws-server.js';

let browser: Browser;
let pages: PageServer;

beforeAll(async () => {
  [browser, pages] = await Promise.all([launchChromium(), servePages()]);
});
afterAll(async () => {
  await browser.close();
  await pages.close();
});

/** Makes a socket in a page, as `window.socket`, whose events are written down in `window.told`. */
async function open(url: string, options: object = {}): Promise<Page> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(pages.elsewhere);
  const content = "import ReconnectingWebSocket from '/compat.js'; Object.assign(window, { ReconnectingWebSocket });";
  await page.addScriptTag({ type: 'module', content });
  await page.waitForFunction(() => 'ReconnectingWebSocket' in window);
  await page.evaluate(
    ([url, options]) => {
      const scope = window as unknown as {
        ReconnectingWebSocket: new (url: string, protocols: string[], options: object) => WebSocket;
        socket: WebSocket;
        told: unknown[][];
      };
      const socket = new scope.ReconnectingWebSocket(url, [], { minReconnectionDelay: 50, ...(options as object) });
      scope.socket = socket;
      scope.told = [];
      socket.addEventListener('open', () => scope.told.push(['open']));
      socket.addEventListener('error', () => scope.told.push(['error']));
      for (const listen of [
        (told: (event: CloseEvent) => void) => socket.addEventListener('close', told),
        (told: (event: CloseEvent) => void) => {
          socket.onclose = told;
        },
      ]) {
        listen((event) =>
          scope.told.push([
            'close',
            event.code,
            event.reason,
            event.wasClean,
            event instanceof CloseEvent,
            event.target === socket,
          ]),
        );
      }
    },
    [url, options] as const,
  );
  return page;
}

/** What was told, as soon as it is as much. */
async function told(page: Page, count: number): Promise<unknown> {
  await page.waitForFunction((count) => (window as unknown as { told: unknown[] }).told.length >= count, count);
  return page.evaluate(() => (window as unknown as { told: unknown[] }).told);
}

const call = (page: Page, code: string): Promise<unknown> => page.evaluate(`window.socket.${code}`);
/** The handler's and the listener's. */
const closed = (code: number, reason: string, wasClean: boolean): unknown[][] => [
  ['close', code, reason, wasClean, true, true],
  ['close', code, reason, wasClean, true, true],
];

test('by the server, by its death, by reconnect() and by close()', async () => {
  const server = await WsServer.listen();
  const page = await open(server.url);
  (await server.socket(1)).close(4001, 'enough');
  await told(page, 4);
  (await server.socket(2)).terminate();
  await told(page, 7);
  await call(page, "reconnect(4002, 'again')");
  expect(await closeOf(await server.socket(3))).toEqual({ code: 4002, reason: 'again' });
  await told(page, 10);
  // A native one throws for this code.
  await call(page, "close(1001, 'bye')");
  expect(await closeOf(await server.socket(4))).toEqual({ code: 1000, reason: 'bye' });
  expect(await told(page, 12)).toEqual([
    ...[['open'], ...closed(4001, 'enough', true), ['open'], ...closed(1006, '', false)],
    ...[['open'], ...closed(4002, 'again', true), ['open'], ...closed(1001, 'bye', true)],
  ]);
  expect(server.open).toEqual([]);
});

test('by nobody who listens, and by one who never answers', async () => {
  const refused = await open('ws://127.0.0.1:1/', { maxRetries: 0 });
  expect(await told(refused, 3)).toEqual([['error'], ...closed(1006, '', false)]);
  const { url, sockets } = await listenRaw();
  const hung = await open(url, { maxRetries: 0, connectionTimeout: 300 });
  expect(await told(hung, 3)).toEqual([['error'], ...closed(1006, 'timeout', false)]);
  expect(sockets).toHaveLength(1);
});

test('messages of every kind arrive, Blobs by default', async () => {
  const server = await WsServer.listen();
  const page = await open(server.url);
  const kinds = await page.evaluate(async () => {
    const { socket } = window as unknown as { socket: WebSocket };
    const kinds: string[] = [];
    const done = new Promise<void>((resolve) => {
      socket.onmessage = async ({ data, origin }) => {
        kinds.push(
          typeof data === 'string' ? `${data} from ${new URL(origin).protocol}` : Object.prototype.toString.call(data),
        );
        if (kinds.length === 2) socket.binaryType = 'arraybuffer';
        if (kinds.length === 4) resolve();
      };
    });
    socket.send('text');
    socket.send(new Blob(['blob']));
    await new Promise((resolve) => setInterval(() => kinds.length === 2 && resolve(undefined), 5));
    socket.send(new Uint8Array(2));
    socket.send(new ArrayBuffer(2));
    await done;
    return kinds;
  });
  expect(kinds).toEqual(['text from ws:', '[object Blob]', '[object ArrayBuffer]', '[object ArrayBuffer]']);
});
