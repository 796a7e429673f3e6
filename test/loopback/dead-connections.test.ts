/** Connections that die without saying so, and peers that never answer: none is waited for. */
import { expect, test, vi } from 'vitest';
import { type Inspection, LongSocket, type LongSocketOptions, type Signal } from '../../src/index.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { listenRaw } from '../helpers/raw-server.js';
import { record } from '../helpers/recorder.js';
import { WsServer } from '../helpers/ws-server.js';

function dial(url: string, options: LongSocketOptions = {}) {
  const socket = new LongSocket(url, { backoffBase: 20, ...options });
  return { socket, seen: record(socket) };
}

async function proxied(): Promise<{ server: WsServer; proxy: FaultProxy; url: string }> {
  const server = await WsServer.listen();
  const proxy = await FaultProxy.listen(server.port);
  return { server, proxy, url: `ws://127.0.0.1:${proxy.port}/` };
}

test('protocol pings keep a silent connection, and the server answers them without its application knowing', async () => {
  const messages: unknown[] = [];
  let pings = 0;
  const server = await WsServer.listen({
    onSocket: (socket) => {
      socket.on('message', (data) => messages.push(data));
      socket.on('ping', () => {
        pings += 1;
      });
    },
  });
  const { socket, seen } = dial(server.url, { heartbeat: { interval: 40, timeout: 500 } });
  await vi.waitFor(() => expect(pings).toBeGreaterThanOrEqual(5), { timeout: 3000 });
  expect([seen.names, socket.state.status, messages]).toEqual([['open'], 'connected', []]);
});

test('any frame is life: a server that answers no ping but speaks is not given up', async () => {
  const text = Buffer.from([0x81, 1, 0x2e]);
  const server = await listenRaw((raw) => {
    raw.resume();
    const timer = setInterval(() => raw.write(text), 40);
    raw.on('close', () => clearInterval(timer));
  });
  const { seen } = dial(server.url, { heartbeat: { interval: 25, timeout: 300 } });
  await seen.nth('message', 15);
  expect(seen.all('interrupted')).toEqual([]);
});

test('a silenced connection is found dead by an unanswered ping, given up at once, and redialed', async () => {
  const { server, proxy, url } = await proxied();
  const { socket, seen } = dial(url, { heartbeat: { interval: 100, timeout: 100 }, random: () => 0.5 });
  await socket.opened;
  proxy.silence();
  const silenced = performance.now();
  expect(socket.send('into the void')).toBe('sent');
  expect(await seen.nth('interrupted')).toMatchObject({
    cause: 'dead-peer',
    code: 1006,
    wasClean: false,
    unconfirmed: 1,
  });
  await seen.nth('open', 2);
  const [, back = 0] = seen.times('open');
  // One interval, one timeout, one short wait; `close()` of the dead connection would have taken 30 s.
  expect(back - silenced).toBeGreaterThan(150);
  expect(back - silenced).toBeLessThan(600);
  expect(seen.all('open')).toEqual([{ reconnected: false }, { reconnected: true }]);
  // The dead one's TCP connection is gone at this end as well.
  await vi.waitFor(() => expect(proxy.status).toMatchObject({ open: 1, silent: 0 }));
  expect(server.accepted).toHaveLength(2);
  await proxy.close();
});

test('a stall that is shorter than the limits interrupts nothing and loses nothing', async () => {
  const { proxy, url } = await proxied();
  const { socket, seen } = dial(url, { heartbeat: { interval: 50, timeout: 1000 } });
  await socket.opened;
  proxy.stall(250);
  const sent = Array.from({ length: 20 }, (_, i) => `${i}`);
  for (const message of sent) socket.send(message);
  await seen.nth('message', 20);
  expect([seen.all('message'), seen.all('interrupted')]).toEqual([sent, []]);
  await proxy.close();
});

test('what was sent into a link that dies is counted exactly: answered probes are proof', async () => {
  const { proxy, url } = await proxied();
  const inspections: Inspection[] = [];
  const inspect = (inspection: Inspection): number => inspections.push(inspection);
  const { socket, seen } = dial(url, { heartbeat: { interval: 60, timeout: 60 }, inspect });
  await socket.opened;
  for (let i = 0; i < 5; i++) socket.send(`arrives ${i}`);
  await vi.waitFor(
    () => expect(inspections.some(({ input }) => input.type === 'pong-received' && input.payload === '5')).toBe(true),
    { timeout: 2000, interval: 2 },
  );
  proxy.silence();
  for (let i = 0; i < 3; i++) socket.send(`is lost ${i}`);
  expect((await seen.nth('interrupted')).unconfirmed).toBe(3);
  await proxy.close();
});

test('without a heartbeat a silenced connection is not found out', async () => {
  const { proxy, url } = await proxied();
  const { socket, seen } = dial(url, { heartbeat: false });
  await socket.opened;
  proxy.silence();
  socket.send('into the void');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect([seen.names, socket.state.status]).toEqual([['open'], 'connected']);
  await proxy.close();
});

test('a reset and an orderly end of TCP are both a lost connection, dialed again after a short wait', async () => {
  const { proxy, url } = await proxied();
  const { seen } = dial(url);
  for (const [n, kind] of [
    [1, 'rst'],
    [2, 'fin'],
  ] as const) {
    await seen.nth('open', n);
    proxy.cut(kind);
    expect(await seen.nth('interrupted', n)).toMatchObject({ cause: 'lost', code: 1006, reason: '', wasClean: false });
  }
  await seen.nth('open', 3);
  await proxy.close();
});

test('close() waits closeTimeout for a server that never answers the close frame, then drops the connection', async () => {
  const server = await listenRaw((raw) => raw.resume());
  const { socket, seen } = dial(server.url, { closeTimeout: 150 });
  await socket.opened;
  const gone = new Promise((resolve) => server.sockets[0]?.once('close', resolve));
  const asked = performance.now();
  socket.close(4000, 'enough');
  expect(socket.state).toEqual({ status: 'connected', closing: true });
  expect(await socket.closed).toMatchObject({ cause: 'caller', code: 4000, reason: 'enough', wasClean: false });
  expect(performance.now() - asked).toBeGreaterThan(140);
  expect(performance.now() - asked).toBeLessThan(500);
  await gone;
  expect(seen.names).toEqual(['open', 'close']);
  expect(server.sockets).toHaveLength(1);
});

test('close() hands over what waits before its close frame, and counts what a dead connection never took', async () => {
  const received: string[] = [];
  const server = await WsServer.listen({
    onSocket: (peer) => peer.on('message', (data) => received.push(String(data))),
  });
  const { socket } = dial(server.url);
  await socket.opened;
  for (let i = 0; i < 100; i++) socket.send(`${i}`);
  socket.close();
  expect(await socket.closed).toMatchObject({ wasClean: true, undelivered: 0, unconfirmed: 0 });
  expect(received).toHaveLength(100);

  const stuck = await listenRaw((raw) => raw.pause());
  let handedOver = 0;
  const { socket: late } = dial(stuck.url, {
    closeTimeout: 100,
    maxBufferedBytes: 500_000,
    inspect: ({ effects }) => {
      handedOver += effects.filter(({ type }) => type === 'write').length;
    },
  });
  await late.opened;
  let accepted = 0;
  const writing = (async () => {
    for (;;) {
      await late.write(new Uint8Array(100_000));
      accepted += 1;
    }
  })();
  // Until the buffers of both ends' operating systems are full as well.
  await vi.waitFor(async () => {
    const before = accepted;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([before > 0, accepted]).toEqual([true, before]);
  });
  late.close();
  await expect(writing).rejects.toMatchObject({ code: 'CLOSED' });
  const { wasClean, undelivered, unconfirmed } = await late.closed;
  expect([wasClean, undelivered, unconfirmed]).toEqual([false, accepted - handedOver, handedOver]);
  expect(undelivered).toBeGreaterThan(0);
});

test('a message sent behind the close frame of the peer reaches the next connection, or counts as unconfirmed', async () => {
  const received: string[] = [];
  const server = await WsServer.listen({
    onSocket: (peer) => peer.on('message', (data) => received.push(String(data))),
  });
  const proxy = await FaultProxy.listen(server.port);
  const { socket, seen } = dial(`ws://127.0.0.1:${proxy.port}/`);
  await socket.opened;
  proxy.latency(60); // Between the peer's close frame, our answer, and the end of TCP lie two such times.
  (await server.socket()).close(4001);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([socket.state.status, seen.names]).toEqual(['connected', ['open']]);
  socket.send('late');
  const { unconfirmed } = await seen.nth('interrupted');
  proxy.latency(0);
  await seen.nth('open', 2);
  if (unconfirmed === 0) await vi.waitFor(() => expect(received).toEqual(['late']));
  else expect([unconfirmed, received]).toEqual([1, []]);
  await proxy.close();
});

test('reconnect() during a wait dials at once, and during a dial it leaves one connection', async () => {
  const { server, proxy, url } = await proxied();
  await proxy.refuse(true);
  const { socket, seen } = dial(url, { backoffBase: 60_000, backoffCap: 60_000, random: () => 0.9 });
  await seen.nth('reconnecting');
  await proxy.refuse(false);
  const asked = performance.now();
  socket.reconnect();
  socket.reconnect();
  await seen.nth('open');
  expect(performance.now() - asked).toBeLessThan(200);
  socket.reconnect();
  expect(await seen.nth('interrupted')).toMatchObject({ cause: 'caller', code: 1000 });
  await seen.nth('open', 2);
  await vi.waitFor(() => expect(server.open).toHaveLength(1));
  await proxy.close();
});

test('a dial that was begun before the network came back and fails behind that is followed by another at once', async () => {
  let tell: (signal: Signal) => void = () => {};
  const server = await listenRaw();
  const { seen } = dial(server.url, {
    backoffBase: 60_000,
    backoffCap: 60_000,
    random: () => 0.9,
    signals: (report) => {
      tell = report;
      return () => {};
    },
  });
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  await new Promise((resolve) => setTimeout(resolve, 10));
  tell('online');
  server.sockets[0]?.destroy();
  await seen.nth('reconnecting');
  await vi.waitFor(() => expect(server.sockets).toHaveLength(2));
  // But once alone: the network that is back has refused the second.
  server.sockets[1]?.destroy();
  expect((await seen.nth('reconnecting', 2)).delay).toBe(54_000);
});

test('onConnect that waits for a word which never comes is a failed attempt; what is queued waits for the next', async () => {
  const received: string[][] = [];
  const server = await WsServer.listen({
    onSocket: (peer) => {
      const own: string[] = [];
      const n = received.push(own);
      peer.on('message', (data) => {
        own.push(String(data));
        if (n > 1 && String(data) === 'auth') peer.send('auth ok');
      });
    },
  });
  const { socket, seen } = dial(server.url, {
    connectTimeout: 150,
    onConnect: async (connection) => {
      connection.send('auth');
      expect(await connection.receive()).toBe('auth ok');
    },
  });
  socket.send('queued');
  expect(await seen.nth('error')).toMatchObject({ code: 'CONNECT_TIMEOUT', ending: { phase: 'greeting' } });
  await seen.nth('open');
  await vi.waitFor(() => expect(received).toEqual([['auth'], ['auth', 'queued']]));
  expect(seen.all('message')).toEqual([]);
});
