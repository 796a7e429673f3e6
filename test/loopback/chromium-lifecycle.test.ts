/** Pages that are hidden, put into the back/forward cache, cut off and resumed, in a real Chromium. */
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { LongSocket } from '../../src/index.js';
import { launchChromium } from '../helpers/chromium.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { type Bench, type Entry, type PageServer, servePages } from '../helpers/page-server.js';
import { WsServer } from '../helpers/ws-server.js';

declare const bench: Bench;

let browser: Browser;
let pages: PageServer;
let page: Page;

beforeAll(async () => {
  // Playwright turns the back/forward cache off.
  const options = { ignoreDefaultArgs: ['--disable-back-forward-cache'] };
  [pages, browser] = await Promise.all([servePages(), launchChromium(options)]);
});

afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

beforeEach(async () => {
  page = await (await browser.newContext()).newPage();
  await page.goto(pages.bench);
  await page.waitForFunction(() => 'bench' in window);
});

afterEach(() => page.context().close());

/** A page whose socket waits for a minute to dial again, though its server would take it. */
async function waiting(): Promise<{ server: WsServer; proxy: FaultProxy }> {
  const server = await WsServer.listen();
  const proxy = await FaultProxy.listen(server.port);
  await proxy.refuse(true);
  await page.evaluate(async (url) => {
    const options = { backoffBase: 100_000, backoffCap: 100_000, random: () => 0.9 };
    const socket = new bench.LongSocket(url, options);
    const own = bench.record(socket);
    Object.assign(bench.kept, { socket, own });
    await bench.entry(own, 'reconnecting');
  }, `ws://127.0.0.1:${proxy.port}/`);
  await proxy.refuse(false);
  return { server, proxy };
}

const opened = (n = 1): Promise<Entry> => page.evaluate((n) => bench.entry(bench.kept.own as Entry[], 'open', n), n);

test('a page that comes back from the back/forward cache is connected again within 300 ms', async () => {
  const reports: string[] = [];
  const server = await WsServer.listen({ onSocket: (ws) => ws.on('message', (data) => reports.push(String(data))) });
  await page.evaluate(async (url) => {
    const socket = new bench.LongSocket(url, { backoffBase: 60_000, random: () => 0.9 });
    const own = bench.record(socket);
    const native = bench.recordNative(new WebSocket(url));
    await bench.entry(own, 'open');
    await bench.entry(native, 'open');
    // Playwright cannot look into a page that has come back, so the page itself tells the server.
    window.addEventListener('pageshow', async ({ persisted }) => {
      const shown = performance.now();
      const { at } = await bench.entry(own, 'open', 2);
      await bench.entry(native, 'close');
      const names = own.map(({ name }) => name).filter((name) => name !== 'state');
      socket.send(JSON.stringify({ persisted, took: at - shown, names, native: native.at(-1) }));
    });
  }, server.url);
  await page.goto(pages.elsewhere);
  await page.evaluate(() => setTimeout(() => history.back(), 0));
  await vi.waitFor(() => expect(reports).toHaveLength(1), { timeout: 5000 });
  const { persisted, took, names, native } = JSON.parse(reports[0] as string);
  // Otherwise the page was loaded anew, and this test would have tested nothing.
  expect(persisted).toBe(true);
  expect(took).toBeLessThan(300);
  expect(names.filter((name: string) => ['open', 'interrupted', 'close'].includes(name))).toEqual([
    'open',
    'interrupted',
    'open',
  ]);
  expect(native).toMatchObject({ name: 'close', code: 1006, wasClean: false });
  await vi.waitFor(() => expect(server.open).toHaveLength(1));
});

test('online cuts the wait: the dial follows within 300 ms', async () => {
  const { proxy } = await waiting();
  await page.context().setOffline(true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = await page.evaluate(() => (bench.kept.socket as LongSocket).state.status);
  const asked = Date.now();
  await page.context().setOffline(false);
  await opened();
  expect([before, Date.now() - asked < 300]).toEqual(['connecting', true]);
  await proxy.close();
});

test('each sign that time has passed or the network is back cuts the wait, and its opposite does not', async () => {
  const { server, proxy } = await waiting();
  const signals = await page.evaluateHandle(() => {
    const show = (visibilityState: string): void => {
      Object.defineProperty(document, 'visibilityState', { value: visibilityState, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    };
    const { connection } = navigator as unknown as { connection: EventTarget };
    return {
      hidden: () => show('hidden'),
      visible: () => show('visible'),
      resume: () => document.dispatchEvent(new Event('resume')),
      freeze: () => document.dispatchEvent(new Event('freeze')),
      shownFirst: () => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false })),
      shownAgain: () => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })),
      hide: () => window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })),
      offline: () => window.dispatchEvent(new Event('offline')),
      online: () => window.dispatchEvent(new Event('online')),
      otherNetwork: () => connection.dispatchEvent(new Event('change')),
    };
  });
  const send = (name: string): Promise<unknown> =>
    signals.evaluate((all, name) => all[name as keyof typeof all](), name);

  for (const name of ['hidden', 'freeze', 'shownFirst', 'hide', 'offline']) await send(name);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(server.requests).toEqual([]);
  for (const [i, name] of ['visible', 'resume', 'shownAgain', 'online', 'otherNetwork'].entries()) {
    await send(name);
    await opened(i + 1);
    expect(server.requests).toHaveLength(i + 1);
    // Back to waiting for a minute.
    await proxy.refuse(true);
    proxy.cut();
    await page.evaluate((n) => bench.entry(bench.kept.own as Entry[], 'reconnecting', n), i + 2);
    await proxy.refuse(false);
  }
  await proxy.close();
});

test('a page that is cut off and comes back is connected again within 300 ms of online', async () => {
  const server = await WsServer.listen();
  await page.evaluate(async (url) => {
    const heartbeat = { message: 'ping', isReply: (data: unknown) => data === 'ping', interval: 60_000, timeout: 200 };
    const socket = new bench.LongSocket(url, {
      heartbeat,
      backoffBase: 100_000,
      backoffCap: 100_000,
      random: () => 0.9,
    });
    const own = bench.record(socket);
    Object.assign(bench.kept, { socket, own });
    await bench.entry(own, 'open');
    window.addEventListener('online', () => {
      bench.kept.online = performance.now();
    });
  }, server.url);
  await page.context().setOffline(true);
  const { cause } = await page.evaluate(() => bench.entry(bench.kept.own as Entry[], 'interrupted'));
  expect(cause).toBe('dead-peer');
  await page.context().setOffline(false);
  const { at } = await opened(2);
  const online = await page.evaluate(() => bench.kept.online as number);
  expect(at - online).toBeLessThan(300);
});

test('another network asks an open connection for a sign of life, and a dead one is given up within the short limit', async () => {
  const server = await WsServer.listen();
  const proxy = await FaultProxy.listen(server.port);
  await page.evaluate(async (url) => {
    const socket = new bench.LongSocket(url, {
      heartbeat: { message: 'ping', isReply: (data) => data === 'ping', interval: 60_000, timeout: 300 },
      backoffBase: 50,
    });
    const own = bench.record(socket);
    Object.assign(bench.kept, { socket, own });
    await bench.entry(own, 'open');
    const { connection } = navigator as unknown as { connection: EventTarget };
    connection.dispatchEvent(new Event('change'));
  }, `ws://127.0.0.1:${proxy.port}/`);
  await vi.waitFor(() => expect(proxy.status.bytesUp).toBeGreaterThan(0));
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(await page.evaluate(() => (bench.kept.own as Entry[]).filter(({ name }) => name === 'interrupted'))).toEqual(
    [],
  );
  proxy.silence();
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await opened(2);
  expect(server.accepted).toHaveLength(2);
  await proxy.close();
});

test('after close() nothing of the surroundings is listened to any more', async () => {
  const server = await WsServer.listen();
  const left = await page.evaluate(async (url) => {
    const listening: string[] = [];
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (...args: Parameters<typeof addEventListener>) {
      if (!(this instanceof WebSocket)) listening.push(args[0]);
      return addEventListener.apply(this, args);
    };
    EventTarget.prototype.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
      const at = listening.indexOf(args[0]);
      if (at >= 0) listening.splice(at, 1);
      return removeEventListener.apply(this, args);
    };
    const socket = new bench.LongSocket(url);
    await socket.opened;
    const during = listening.length;
    socket.close();
    await socket.closed;
    return [during > 4, listening];
  }, server.url);
  expect(left).toEqual([true, []]);
});
