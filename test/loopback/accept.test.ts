/** The server's end, on sockets accepted by a real `ws` server. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Data, LongSocket } from '../../src/index.js';
import { type AcceptedSocket, accept, respond, type SocketOptions } from '../../src/server.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { type Recorder, record } from '../helpers/recorder.js';
import { WsServer } from '../helpers/ws-server.js';

interface End {
  readonly server: WsServer;
  /** The first accepted socket, as soon as there is one. */
  readonly accepted: Promise<{ socket: AcceptedSocket<Data, Data, IncomingMessage>; seen: Recorder }>;
}

async function serve(options: SocketOptions = {}, onAccepted?: (socket: AcceptedSocket) => void): Promise<End> {
  let resolve: (end: Awaited<End['accepted']>) => void;
  const accepted: End['accepted'] = new Promise((fulfil) => {
    resolve = fulfil;
  });
  const server = await WsServer.listen({
    onSocket: (ws, request) => {
      const socket = accept<Data, Data, IncomingMessage>(ws, request, options);
      resolve({ socket, seen: record(socket) });
      onAccepted?.(socket);
    },
  });
  return { server, accepted };
}

test('both ends run the same program: each answers the other, text and bytes, in order', async () => {
  const { server, accepted } = await serve({}, (socket) => {
    respond(socket, (message) => (typeof message === 'string' ? `echo ${message}` : message));
    socket.send('from the server');
  });
  const client = new LongSocket(`${server.url}chat?room=1`);
  const seen = record(client);
  client.send('from the client');
  client.send('');
  client.send(Uint8Array.of(1, 2));
  await seen.nth('message', 4);
  const [first, second, third, bytes] = seen.all('message');
  expect([first, second, third]).toEqual(['from the server', 'echo from the client', 'echo ']);
  expect(new Uint8Array(bytes as ArrayBuffer)).toEqual(Uint8Array.of(1, 2));
  const { socket } = await accepted;
  expect([socket.url, socket.request.headers.host, socket.state.status]).toEqual([
    '/chat?room=1',
    `127.0.0.1:${server.port}`,
    'connected',
  ]);
});

test('an accepted socket is connected from the start and closes with its connection, telling how it ended', async () => {
  const { server, accepted } = await serve();
  const client = new WebSocket(server.url);
  const { socket, seen } = await accepted;
  await socket.opened;
  await once(client, 'open');
  client.close(4003, 'bye');
  expect(await socket.closed).toMatchObject({ cause: 'peer', code: 4003, reason: 'bye', wasClean: true });
  expect(seen.names).toEqual(['close']);
  expect(() => socket.send('late')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
});

test('close(code, reason) at the server reaches the client, which dials again', async () => {
  const { server, accepted } = await serve();
  const client = new LongSocket(server.url, { backoffBase: 10 });
  const seen = record(client);
  const { socket } = await accepted;
  socket.close(1012, 'restart');
  expect(await socket.closed).toMatchObject({ cause: 'caller', code: 1012, wasClean: true });
  expect(await seen.nth('interrupted')).toMatchObject({ cause: 'peer', code: 1012, reason: 'restart', wasClean: true });
  expect((await seen.nth('reconnecting')).attempt).toBe(2);
});

test('what the client sends with its first breath is not lost', async () => {
  const { server, accepted } = await serve();
  const client = new WebSocket(server.url);
  client.on('open', () => {
    client.send('at once');
    client.close();
  });
  const { seen } = await accepted;
  await seen.nth('close');
  expect(seen.all('message')).toEqual(['at once']);
});

for (const end of ['accepted', 'client'] as const) {
  test(`a slow reader makes write() of the ${end} end pend, with bounded buffers, and then gets everything in order`, async () => {
    const maxBufferedBytes = 256 * 1024;
    const received: number[] = [];
    const count = (data: Buffer): number => received.push(data.readUInt32BE());
    let writer: { write(data: Data): Promise<void>; readonly bufferedAmount: number; drain(): Promise<void> };
    let reader: WebSocket;
    if (end === 'accepted') {
      const { server, accepted } = await serve({ maxBufferedBytes });
      reader = new WebSocket(server.url);
      writer = (await accepted).socket;
      await once(reader, 'open');
    } else {
      const server = await WsServer.listen({ onSocket: (socket) => socket.pause() });
      const client = new LongSocket(server.url, { maxBufferedBytes });
      record(client);
      await client.opened;
      writer = client;
      reader = await server.socket();
    }
    reader.pause();
    reader.on('message', count);

    const message = (n: number): Buffer => {
      const data = Buffer.alloc(32 * 1024);
      data.writeUInt32BE(n);
      return data;
    };
    let accepted = 0;
    let most = 0;
    const total = 1000; // 32 MB: more than what TCP and its buffers take.
    const writing = (async () => {
      for (let n = 0; n < total; n++) {
        await writer.write(message(n));
        accepted += 1;
        most = Math.max(most, writer.bufferedAmount);
      }
      await writer.drain();
    })();
    await vi.waitFor(async () => {
      const before = accepted;
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(accepted).toBeGreaterThan(0);
      expect(accepted).toBe(before);
    });
    expect(accepted).toBeLessThan(total);
    reader.resume();
    await writing;
    await vi.waitFor(() => expect(received).toHaveLength(total), { timeout: 5000 });
    expect(received).toEqual(received.map((_, i) => i));
    // The outbox's bound, the transport's high-water mark, and the messages that passed each.
    expect(most).toBeLessThan(maxBufferedBytes + 512 * 1024 + 2 * 33 * 1024);
  });
}

test('a client that falls silent is found dead, and what it did not confirm is counted exactly', async () => {
  const { server, accepted } = await serve({ heartbeat: { interval: 60, timeout: 60 } });
  const proxy = await FaultProxy.listen(server.port);
  const client = new LongSocket(`ws://127.0.0.1:${proxy.port}/`, { heartbeat: false });
  record(client);
  const { socket, seen } = await accepted;
  await client.opened;
  socket.send('one');
  socket.send('two');
  await new Promise((resolve) => setTimeout(resolve, 200)); // Two probes at least.
  proxy.silence();
  socket.send('three');
  expect(await seen.nth('close')).toMatchObject({ cause: 'dead-peer', code: 1006, unconfirmed: 1, undelivered: 0 });
  await vi.waitFor(() => expect(server.open).toEqual([]));
  await proxy.close();
});

test('close() of the accepted end does not wait for a client that stopped reading', async () => {
  const { server, accepted } = await serve({ closeTimeout: 100 });
  const client = new WebSocket(server.url);
  const { socket } = await accepted;
  await once(client, 'open');
  client.pause();
  const pending = socket.write(new Uint8Array(20_000_000)).then(() => socket.write('waits'));
  pending.catch(() => {});
  const asked = performance.now();
  socket.close();
  expect(await socket.closed).toMatchObject({ cause: 'caller', wasClean: false });
  expect(performance.now() - asked).toBeLessThan(500);
  await expect(pending).rejects.toMatchObject({ code: 'CLOSED' });
  client.terminate();
});

test('accept() of what is no socket of ws says what it needs', () => {
  class WebSocket {
    addEventListener(): void {}
    send(): void {}
  }
  expect(() => accept(new WebSocket() as never, { url: '/' })).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('the ws package') }),
  );
});

test('accept() of a socket that is gone already gives one that closes, rather than one that looks connected', async () => {
  const server = await WsServer.listen({ onSocket: () => {} });
  const client = new WebSocket(server.url);
  await once(client, 'open');
  const ws = await server.socket();
  client.terminate();
  await once(ws, 'close');
  const socket = accept(ws, { url: '/' });
  const seen = record(socket);
  expect(await seen.nth('close', 1, 500)).toMatchObject({ code: 1006, wasClean: false });
});

test('the same bytes sent to two sockets and then overwritten arrive as they were at send()', async () => {
  const sockets: AcceptedSocket[] = [];
  const server = await WsServer.listen({ onSocket: (ws, request) => sockets.push(accept(ws, request)) });
  const clients = [new WebSocket(server.url), new WebSocket(server.url)];
  const received: number[][] = [];
  for (const client of clients) client.on('message', (data: Buffer) => received.push([...data]));
  await vi.waitFor(() => expect(sockets).toHaveLength(2));
  const buffer = Uint8Array.of(1, 2, 3);
  for (const socket of sockets) socket.send(buffer);
  buffer.fill(0);
  await vi.waitFor(() =>
    expect(received).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]),
  );
  for (const client of clients) client.terminate();
});
