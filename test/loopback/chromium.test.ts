/** The build for browsers in a real Chromium: what the page is told, and how the adapter lives with what Chromium does. */
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { WebSocket as ServerSocket } from 'ws';
import { launchChromium } from '../helpers/chromium.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { type Bench, type Entry, type PageServer, servePages } from '../helpers/page-server.js';
import { closeOf, WsServer } from '../helpers/ws-server.js';

declare const bench: Bench;

let browser: Browser;
let pages: PageServer;
let page: Page;
let troubles: string[];

beforeAll(async () => {
  [pages, browser] = await Promise.all([servePages(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

beforeEach(async () => {
  troubles = [];
  page = await (await browser.newContext()).newPage();
  page.on('pageerror', (error) => troubles.push(String(error)));
  await page.goto(pages.bench);
  await page.waitForFunction(() => 'bench' in window);
});

afterEach(async () => {
  await page.context().close();
  expect(troubles).toEqual([]);
});

async function proxied(): Promise<{ server: WsServer; proxy: FaultProxy; url: string }> {
  const server = await WsServer.listen();
  const proxy = await FaultProxy.listen(server.port);
  return { server, proxy, url: `ws://127.0.0.1:${proxy.port}/` };
}

const names = (entries: readonly Entry[]): string[] =>
  entries.map(({ name }) => name).filter((name) => name !== 'state');

test('text and bytes come back as they went, of the type asked for; protocol and url are told', async () => {
  const server = await WsServer.listen();
  const outcome = await page.evaluate(async (url) => {
    const seen: Record<string, unknown> = {};
    for (const binaryType of ['arraybuffer', 'uint8array'] as const) {
      const socket = new bench.LongSocket(url, { binaryType, protocols: ['chat'] });
      const entries = bench.record(socket);
      socket.send('é€😀');
      await socket.opened;
      socket.send('');
      socket.send(Uint8Array.of(9, 1, 2).subarray(1));
      socket.send(Uint8Array.of(3).buffer);
      await bench.entry(entries, 'message', 4);
      const messages = entries.filter(({ name }) => name === 'message').map(({ data }) => data);
      seen[binaryType] = [messages, socket.protocol, socket.url];
      socket.close();
      await socket.closed;
    }
    return seen;
  }, server.url);
  const told = ['chat', server.url];
  expect(outcome).toEqual({
    arraybuffer: [['é€😀', '', ['ArrayBuffer', 1, 2], ['ArrayBuffer', 3]], ...told],
    uint8array: [['é€😀', '', ['Uint8Array', 1, 2], ['Uint8Array', 3]], ...told],
  });
});

test('bufferedAmount counts what waits in bytes of UTF-8, before and after the connection is there', async () => {
  const server = await WsServer.listen();
  const amounts = await page.evaluate(async (url) => {
    const socket = new bench.LongSocket(url);
    socket.send('é€😀');
    const queued = socket.bufferedAmount;
    socket.send(new Uint8Array(3));
    const both = socket.bufferedAmount;
    await socket.opened;
    await socket.drain();
    socket.send('x'.repeat(100_000));
    const inTransport = socket.bufferedAmount;
    return [queued, both, inTransport >= 100_000];
  }, server.url);
  expect(amounts).toEqual([9, 12, true]);
});

test('a refused dial is one error with 1006, as with a native WebSocket, and is dialed again until it opens', async () => {
  const { proxy, url } = await proxied();
  await proxy.refuse(true);
  const { native, own } = await page.evaluate(async (url) => {
    const native = bench.recordNative(new WebSocket(url));
    await bench.entry(native, 'close');
    const socket = new bench.LongSocket(url, { backoffBase: 50 });
    const own = bench.record(socket);
    Object.assign(bench.kept, { socket, own });
    await bench.entry(own, 'reconnecting', 2);
    return { native, own: own.slice() };
  }, url);
  expect(native).toMatchObject([{ name: 'error' }, { name: 'close', code: 1006, reason: '', wasClean: false }]);
  expect(names(own).slice(0, 2)).toEqual(['error', 'reconnecting']);
  expect(own.find(({ name }) => name === 'error')).toMatchObject({ code: 'DIAL_FAILED', cause: 'dial' });
  await proxy.refuse(false);
  await page.evaluate(() => bench.entry(bench.kept.own as Entry[], 'open'));
  await proxy.close();
});

for (const [what, end, told, cause] of [
  ['a close frame with 4001', (peer: ServerSocket) => peer.close(4001, 'because'), [4001, 'because', true], 'peer'],
  ['a close frame without a code', (peer: ServerSocket) => peer.close(), [1005, '', true], 'peer'],
  ['a cut of TCP', (peer: ServerSocket) => peer.terminate(), [1006, '', false], 'lost'],
] as const) {
  test(`${what} is told with the code, reason and cleanness that a native WebSocket tells`, async () => {
    const server = await WsServer.listen();
    await page.evaluate((url) => {
      bench.kept.native = bench.recordNative(new WebSocket(url));
    }, server.url);
    await server.socket(1);
    await page.evaluate((url) => {
      bench.kept.own = bench.record(new bench.LongSocket(url, { backoffBase: 20 }));
    }, server.url);
    await server.socket(2);
    await page.evaluate(() => bench.entry(bench.kept.own as Entry[], 'open'));
    for (const peer of server.accepted) end(peer);
    const { native, own } = await page.evaluate(async () => {
      const { native, own } = bench.kept as { native: Entry[]; own: Entry[] };
      await bench.entry(native, 'close');
      await bench.entry(own, 'open', 2);
      return { native, own };
    });
    const parts = ({ code, reason, wasClean }: Entry): unknown[] => [code, reason, wasClean];
    expect(names(native)).toEqual(['open', 'close']);
    expect(parts(native[1] as Entry)).toEqual(told);
    const failure = cause === 'peer' ? [] : ['error'];
    expect(names(own)).toEqual(['open', 'interrupted', ...failure, 'reconnecting', 'open']);
    const interrupted = own.find(({ name }) => name === 'interrupted') as Entry;
    expect([parts(interrupted), interrupted.cause]).toEqual([told, cause]);
  });
}

test('close(1001), which a native WebSocket refuses, closes the connection with 1000, and no other follows', async () => {
  const server = await WsServer.listen();
  const closing = page.evaluate(async (url) => {
    const socket = new bench.LongSocket(url);
    const entries = bench.record(socket);
    await socket.opened;
    socket.close(1001, 'going');
    await socket.closed;
    return entries;
  }, server.url);
  expect(await closeOf(await server.socket())).toEqual({ code: 1000, reason: 'going' });
  const entries = await closing;
  expect(names(entries)).toEqual(['open', 'close']);
  expect(entries.at(-1)).toMatchObject({ cause: 'caller', reason: 'going', wasClean: true });
  expect([server.open, server.accepted.length]).toEqual([[], 1]);
});

test('reconnect() leaves one connection, and close() in the tick of a dial none', async () => {
  const server = await WsServer.listen();
  await page.evaluate(async (url) => {
    const socket = new bench.LongSocket(url);
    await socket.opened;
    const entries = bench.record(socket);
    socket.reconnect();
    socket.reconnect();
    await bench.entry(entries, 'open');
  }, server.url);
  await vi.waitFor(() => expect(server.open).toHaveLength(1));
  await page.evaluate(async (url) => {
    const socket = new bench.LongSocket(url);
    socket.close();
    await socket.closed;
  }, server.url);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(server.open).toHaveLength(1);
});

test('a hung dial is aborted by connectTimeout, which lets the next one through, and those of other tabs', async () => {
  const { proxy, url } = await proxied();
  proxy.hang(true);
  const other = await page.context().newPage();
  await other.goto(pages.bench);
  await page.evaluate((url) => {
    const socket = new bench.LongSocket(url, { connectTimeout: 400, backoffBase: 20 });
    Object.assign(bench.kept, { own: bench.record(socket) });
  }, url);
  await vi.waitFor(() => expect(proxy.status.accepted).toBe(1));
  proxy.hang(false);
  const waited = await other.evaluate(async (url) => {
    const asked = performance.now();
    await bench.entry(bench.recordNative(new WebSocket(url)), 'open');
    return performance.now() - asked;
  }, url);
  const own = await page.evaluate(async () => {
    await bench.entry(bench.kept.own as Entry[], 'open');
    return bench.kept.own as Entry[];
  });
  expect(names(own)).toEqual(['error', 'reconnecting', 'open']);
  expect(own.find(({ name }) => name === 'error')).toMatchObject({ code: 'CONNECT_TIMEOUT' });
  // The other tab was held up by our dial, and freed with it: without an abort it would wait for minutes.
  expect(waited).toBeGreaterThan(100);
  expect(waited).toBeLessThan(2000);
  await vi.waitFor(() => expect(proxy.status).toMatchObject({ open: 2, silent: 0 }));
  await proxy.close();
});

test('a silenced connection is found dead by an unanswered message, and another dialed without waiting for close', async () => {
  const { proxy, url } = await proxied();
  await page.evaluate(async (url) => {
    const socket = new bench.LongSocket(url, {
      heartbeat: { message: 'ping', isReply: (data) => data === 'ping', interval: 200, timeout: 200 },
      backoffBase: 50,
    });
    Object.assign(bench.kept, { socket, own: bench.record(socket) });
    await socket.opened;
    await new Promise((resolve) => setTimeout(resolve, 500)); // Two answered probes.
  }, url);
  proxy.silence();
  const { own, silenced } = await page.evaluate(async () => {
    const silenced = performance.now();
    const own = bench.kept.own as Entry[];
    await bench.entry(own, 'open', 2);
    return { own, silenced };
  });
  expect(names(own)).toEqual(['open', 'interrupted', 'error', 'reconnecting', 'open']);
  expect(own.find(({ name }) => name === 'interrupted')).toMatchObject({
    cause: 'dead-peer',
    code: 1006,
    wasClean: false,
  });
  expect((own.at(-1) as Entry).at - silenced).toBeLessThan(900);
  await proxy.close();
});

test('a slow reader makes write() pend, with bounded buffers, and then gets everything in order', async () => {
  const received: number[] = [];
  const server = await WsServer.listen({ onSocket: (socket) => socket.pause() });
  const written = page.evaluate(async (url) => {
    const maxBufferedBytes = 256 * 1024;
    const socket = new bench.LongSocket(url, { maxBufferedBytes });
    await socket.opened;
    let most = 0;
    let slowest = 0;
    for (let n = 0; n < 600; n++) {
      const asked = performance.now();
      await socket.write(Uint32Array.of(n, ...new Uint32Array(16 * 1024 - 1)));
      slowest = Math.max(slowest, performance.now() - asked);
      most = Math.max(most, socket.bufferedAmount);
    }
    await socket.drain();
    return { slowest, bounded: most < maxBufferedBytes + 512 * 1024 + 2 * 65 * 1024 };
  }, server.url);
  const socket = await server.socket();
  socket.on('message', (data: Buffer) => received.push(data.readUInt32LE()));
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(received).toEqual([]);
  socket.resume();
  const { slowest, bounded } = await written;
  await vi.waitFor(() => expect(received).toHaveLength(600), { timeout: 5000 });
  expect(received).toEqual(received.map((_, i) => i));
  expect([slowest > 100, bounded]).toEqual([true, true]);
});

test('options that a browser cannot honour are an error that names them, for good, told to listeners', async () => {
  const server = await WsServer.listen();
  for (const options of [{ headers: { Authorization: 'secret' } }, { node: { origin: 'x' } }]) {
    const entries = await page.evaluate(
      async ({ url, options }) => {
        const socket = new bench.LongSocket(url, options);
        const entries = bench.record(socket);
        const { cause } = await socket.closed;
        await new Promise((resolve) => setTimeout(resolve, 20));
        return [cause, socket.state.status, ...entries];
      },
      { url: server.url, options },
    );
    expect(entries.slice(0, 2)).toEqual(['unsupported', 'closed']);
    expect(names(entries.slice(2) as Entry[])).toEqual(['error', 'failed', 'close']);
    expect(entries[2]).toMatchObject({ name: 'error', code: 'UNSUPPORTED' });
  }
  expect(server.requests).toEqual([]);
});

test('works in a dedicated worker', async () => {
  const server = await WsServer.listen();
  const outcome = await page.evaluate(
    (url) =>
      new Promise<unknown[]>((resolve) => {
        const worker = new Worker('/worker.js', { type: 'module' });
        const posts: unknown[] = [];
        worker.onmessage = ({ data }) => posts.push(data) === 2 && resolve(posts);
        worker.postMessage(url);
      }),
    server.url,
  );
  expect(outcome).toEqual([
    { data: 'from a worker', state: { status: 'connected', closing: false }, document: 'undefined' },
    { code: 1000, wasClean: true },
  ]);
});

test('the import touches no global: it listens to nothing, starts no timer and draws no random number', async () => {
  await page.goto(pages.imports);
  const result = await page.evaluate(() => (window as unknown as { result: Promise<unknown> }).result);
  expect(result).toEqual({ touched: [], added: [], exports: 'function' });
});

test('a listener that throws starves no other, and is reported as an uncaught error is', async () => {
  const server = await WsServer.listen();
  const heard = await page.evaluate(async (url) => {
    const reported: string[] = [];
    window.addEventListener('error', (event) => {
      reported.push(event.message);
      event.preventDefault();
    });
    const socket = new bench.LongSocket(url);
    socket.on('open', () => {
      throw new Error('from a listener');
    });
    const second = new Promise((resolve) => socket.on('open', () => resolve('heard')));
    return [await second, reported];
  }, server.url);
  expect(heard).toEqual(['heard', ['Uncaught Error: from a listener']]);
  troubles.length = 0; // The page's own report of it.
});
