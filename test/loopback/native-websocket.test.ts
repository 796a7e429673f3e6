/** Node's own WebSocket, of the WHATWG's shape: what the adapter makes of a socket that often does not say that it is over. */
import { expect, test, vi } from 'vitest';
import { built, runModule } from '../helpers/child.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { listenRaw } from '../helpers/raw-server.js';
import { closeOf, WsServer } from '../helpers/ws-server.js';

/** Runs a program that has `dial(url, options)` with Node's own WebSocket; what it gives to `say` is the outcome. */
async function run(program: string): Promise<unknown> {
  const { code, stdout, stderr } = await runModule(
    `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { LongSocket } from '${built('index.js')}';
    const say = (value) => { console.log(JSON.stringify(value)); };
    const dial = (url, options) => {
      const socket = new LongSocket(url, { WebSocket: globalThis.WebSocket, backoffBase: 20, ...options });
      const seen = [];
      for (const name of ['open', 'error', 'interrupted', 'failed', 'close']) {
        socket.on(name, (e) => seen.push(name === 'error' ? [name, e.code] : e.code ? [name, e.code, e.reason, e.wasClean] : name));
      }
      return { socket, seen, next: (name) => new Promise((resolve) => socket.once(name, resolve)) };
    };
    ${program}
    process.exit();
    `,
    ['--experimental-websocket', '--no-warnings'],
  );
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

test('echoes text and bytes, and tells protocol and url', async () => {
  const server = await WsServer.listen();
  const outcome = await run(`
    const { socket, seen } = dial('${server.url}', { protocols: ['a'], binaryType: 'uint8array' });
    const messages = [];
    socket.on('message', (data) => messages.push(typeof data === 'string' ? data : [data.constructor.name, ...data]));
    socket.send('queued');
    await socket.opened;
    socket.send(Uint8Array.of(1, 2, 3).subarray(1));
    while (messages.length < 2) await sleep(2);
    say([messages, socket.protocol, socket.url]);
  `);
  expect(outcome).toEqual([['queued', ['Uint8Array', 2, 3]], 'a', server.url]);
});

test('a refused dial is one failed attempt, though some versions report an error and no close', async () => {
  const outcome = await run(`
    const { socket, seen } = dial('ws://127.0.0.1:1/', { maxAttempts: 3 });
    await socket.closed;
    say(seen);
  `);
  const failure = ['error', 'DIAL_FAILED'];
  expect(outcome).toEqual([failure, failure, failure, ['failed', 1006, '', false], ['close', 1006, '', false]]);
});

test('codes pass through from the server; what may not be sent is sent as 1000', async () => {
  const server = await WsServer.listen();
  const outcome = run(`
    const { socket, seen, next } = dial('${server.url}');
    await next('interrupted');
    await next('open');
    socket.close(1001, 'leaving');
    await socket.closed;
    say(seen);
  `);
  (await server.socket(1)).close(4001, 'because');
  expect(await closeOf(await server.socket(2))).toEqual({ code: 1000, reason: 'leaving' });
  expect(await outcome).toEqual([
    'open',
    ['interrupted', 4001, 'because', true],
    'open',
    ['close', 1000, 'leaving', true],
  ]);
});

test('a hung dial is aborted after connectTimeout, a dead connection given up by an unanswered message', async () => {
  const hung = await listenRaw();
  const server = await WsServer.listen();
  const proxy = await FaultProxy.listen(server.port);
  const outcome = run(`
    const first = dial('${hung.url}', { connectTimeout: 150, maxAttempts: 1 });
    await first.socket.closed;
    const { socket, seen, next } = dial('ws://127.0.0.1:${proxy.port}/', {
      heartbeat: { message: 'ping', isReply: (data) => data === 'ping', interval: 50, timeout: 100 },
    });
    await next('interrupted');
    await next('open');
    say([first.seen, seen]);
  `);
  await vi.waitFor(() => expect(hung.sockets[0]?.closed).toBe(true), { timeout: 3000 });
  await server.socket(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  proxy.silence();
  expect(await outcome).toEqual([
    [
      ['error', 'CONNECT_TIMEOUT'],
      ['failed', 1006, '', false],
      ['close', 1006, '', false],
    ],
    ['open', ['interrupted', 1006, '', false], ['error', 'DEAD_PEER'], 'open'],
  ]);
  await proxy.close();
});

test('close() does not wait longer than closeTimeout for a server that never answers', async () => {
  const server = await listenRaw((raw) => raw.resume());
  const outcome = await run(`
    const { socket } = dial('${server.url}', { closeTimeout: 100 });
    await socket.opened;
    const asked = performance.now();
    socket.close();
    const { code, wasClean } = await socket.closed;
    say({ code, wasClean, ms: Math.round(performance.now() - asked) });
  `);
  expect(outcome).toMatchObject({ code: 1000, wasClean: false });
  expect((outcome as { ms: number }).ms).toBeLessThan(400);
});

test('options that this WebSocket cannot honour end the attempt for good, naming the option', async () => {
  const outcome = await run(`
    const { socket, seen } = dial('ws://127.0.0.1:1/', { headers: { Authorization: 'secret' } });
    const { cause, error } = await socket.closed;
    say([seen.map((entry) => entry[0] + ' ' + entry[1]), cause, error.message.includes('headers')]);
  `);
  expect(outcome).toEqual([['error UNSUPPORTED', 'failed 1006', 'close 1006'], 'unsupported', true]);
});
