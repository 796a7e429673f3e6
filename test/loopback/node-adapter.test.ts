/** The Node adapter against real servers: what goes over the wire, how an upgrade is asked for and refused. */
import { Agent } from 'node:http';
import { connect, type Socket as TcpSocket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { type Data, LongSocket, type LongSocketError, type LongSocketOptions } from '../../src/index.js';
import { selfSigned } from '../helpers/certificate.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { listenRaw } from '../helpers/raw-server.js';
import { record } from '../helpers/recorder.js';
import { closeOf, echo, WsServer } from '../helpers/ws-server.js';

function dial(url: string, options: LongSocketOptions = {}) {
  const socket = new LongSocket(url, { backoffBase: 20, ...options });
  return { socket, seen: record(socket) };
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test('text and bytes come back as they went, in order, whatever their size and character', async () => {
  const server = await WsServer.listen();
  const { socket, seen } = dial(server.url);
  const long = 'é€😀'.repeat(40_000);
  const buffer = bytes(9, 1, 2, 3, 9);
  socket.send('queued before the connection');
  await socket.opened;
  for (const data of [
    '',
    long,
    buffer.subarray(1, 4),
    buffer.buffer,
    new DataView(buffer.buffer, 4),
    new Uint8Array(),
  ]) {
    socket.send(data as Data);
  }

  await seen.nth('message', 7);
  const [queued, empty, text, ...binary] = seen.all('message');
  expect([queued, empty, text === long]).toEqual(['queued before the connection', '', true]);
  expect(binary.every((data) => data instanceof ArrayBuffer)).toBe(true);
  expect(binary.map((data) => [...new Uint8Array(data as ArrayBuffer)])).toEqual([[1, 2, 3], [9, 1, 2, 3, 9], [9], []]);
});

test("binaryType 'uint8array' gives plain Uint8Arrays, not Buffers, after a reconnect as well", async () => {
  const server = await WsServer.listen();
  const { socket, seen } = dial(server.url, { binaryType: 'uint8array' });
  await socket.opened;
  socket.send(bytes(1, 2));
  await seen.nth('message');
  (await server.socket()).terminate();
  await seen.nth('open', 2);
  socket.send(bytes(3));
  await seen.nth('message', 2);
  expect(seen.all('message')).toEqual([bytes(1, 2), bytes(3)]);
  for (const data of seen.all('message')) expect(data.constructor).toBe(Uint8Array);
});

test('bytes sent over an open connection are a copy or are gone: the caller may reuse the buffer in the next tick', async () => {
  const server = await WsServer.listen();
  const { socket, seen } = dial(server.url);
  const buffer = bytes(1);
  socket.send(buffer);
  buffer[0] = 2; // It still waits for the connection.
  await socket.opened;
  await new Promise(setImmediate);
  buffer[0] = 3;
  socket.send(buffer);
  await new Promise(setImmediate);
  buffer[0] = 4;
  await seen.nth('message', 2);
  expect(seen.all('message').map((data) => new Uint8Array(data as ArrayBuffer)[0])).toEqual([1, 3]);
});

test('protocol, extensions and url tell what was agreed on', async () => {
  const server = await WsServer.listen({ ws: { handleProtocols: () => 'second' } });
  const { socket } = dial(`${server.url}path?q=1`, { protocols: ['first', 'second'] });
  expect([socket.protocol, socket.extensions, socket.url]).toEqual(['', '', `${server.url}path?q=1`]);
  await socket.opened;
  expect([socket.protocol, socket.extensions, socket.url]).toEqual(['second', '', `${server.url}path?q=1`]);
  expect(server.requests[0]?.headers['sec-websocket-protocol']).toBe('first,second');
});

test('no compression is offered unless asked for; perMessageDeflate sends fewer bytes than the messages have', async () => {
  const server = await WsServer.listen({ ws: { perMessageDeflate: { threshold: 0 } } });
  const proxy = await FaultProxy.listen(server.port);
  const message = 'compressible '.repeat(10_000);
  const upFor = async (options: LongSocketOptions): Promise<number> => {
    const { socket, seen } = dial(`ws://127.0.0.1:${proxy.port}/`, options);
    await socket.opened;
    const before = proxy.status.bytesUp;
    socket.send(message);
    expect((await seen.nth('message')) === message).toBe(true);
    return proxy.status.bytesUp - before;
  };
  expect(await upFor({})).toBeGreaterThan(message.length);
  expect(server.requests[0]?.headers['sec-websocket-extensions']).toBeUndefined();
  expect(await upFor({ node: { perMessageDeflate: true } })).toBeLessThan(message.length / 10);
  expect(server.requests[1]?.headers['sec-websocket-extensions']).toMatch(/^permessage-deflate/);
  await proxy.close();
});

test('a backlog of compressed messages is worked off: it fills no TCP buffer, whose draining would be told', async () => {
  const sizes: number[] = [];
  const server = await WsServer.listen({
    ws: { perMessageDeflate: true },
    onSocket: (peer) => peer.on('message', (data: Buffer) => sizes.push(data.length)),
  });
  const { socket } = dial(server.url, { node: { perMessageDeflate: true } });
  await socket.opened;
  for (let i = 0; i < 4; i++) socket.write(new Uint8Array(700_000)).catch(() => {});
  await vi.waitFor(() => expect(sizes).toEqual(Array(4).fill(700_000)), { timeout: 2000 });
});

test('headers, cookie and origin reach the server; a provider of headers is asked for each dial', async () => {
  const server = await WsServer.listen();
  const { seen } = dial(server.url, {
    node: { origin: 'https://example.org' },
    headers: ({ attempt, reason }) => ({ Cookie: 'a=1; b=2', Authorization: `Bearer ${reason} ${attempt}` }),
  });
  (await server.socket()).terminate();
  await seen.nth('open', 2);
  const [first, second] = server.requests.map(({ headers }) => headers);
  expect(first).toMatchObject({ cookie: 'a=1; b=2', origin: 'https://example.org', authorization: 'Bearer connect 1' });
  expect(second?.authorization).toBe('Bearer retry 2');
});

test('an http.Agent makes the connection', async () => {
  class CountingAgent extends Agent {
    connections = 0;
    override createConnection(...args: Parameters<Agent['createConnection']>) {
      this.connections += 1;
      return super.createConnection(...args);
    }
  }
  const server = await WsServer.listen();
  const agent = new CountingAgent();
  const { socket } = dial(server.url, { node: { agent } });
  await socket.opened;
  expect(agent.connections).toBe(1);
});

test('a self-signed certificate is refused unless its authority is given', async () => {
  const identity = selfSigned();
  const server = await WsServer.listen({ identity });
  const url = server.url.replace('ws:', 'wss:');
  const distrusting = dial(url, { maxAttempts: 1 });
  const error = await distrusting.seen.nth('error');
  expect([error.code, (error.cause as NodeJS.ErrnoException).code]).toEqual([
    'DIAL_FAILED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
  ]);
  expect(server.requests).toEqual([]);

  const trusting = dial(url, { node: { ca: identity.certificate } });
  trusting.socket.send('over TLS');
  expect(await trusting.seen.nth('message')).toBe('over TLS');
});

test('a message longer than maxPayload ends the connection with 1009, is not delivered, and a new connection follows', async () => {
  const server = await WsServer.listen({
    onSocket: (socket) => server.accepted.length === 1 && socket.send('x'.repeat(1001)),
  });
  const { seen } = dial(server.url, { node: { maxPayload: 1000 } });
  expect((await closeOf(await server.socket())).code).toBe(1009);
  await seen.nth('open', 2);
  expect(seen.all('message')).toEqual([]);
  expect(seen.all('error')[0]?.ending?.error).toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
});

test('a refused upgrade tells its HTTP status; 401 is final where the same credentials would be sent again', async () => {
  const server = await WsServer.listen({ refuse: () => '401 Unauthorized' });
  const { socket, seen } = dial(server.url, { headers: { Authorization: 'stale' } });
  const detail = await socket.closed;
  expect(detail).toMatchObject({ phase: 'dial', cause: 'status', status: 401, code: 1006, wasClean: false });
  expect(seen.names).toEqual(['error', 'failed', 'close']);
  expect(seen.all('error')[0]?.code).toBe('UPGRADE_REFUSED');
  await expect(socket.opened).rejects.toMatchObject({ code: 'UPGRADE_REFUSED' });
  expect(server.requests).toHaveLength(1);
});

test('401 is retried with a provider, which is told of it', async () => {
  const server = await WsServer.listen({
    refuse: ({ headers }) => (headers.authorization === 'fresh' ? undefined : '401 No'),
  });
  const { socket } = dial(server.url, {
    headers: ({ cause }) => ({ Authorization: cause?.status === 401 ? 'fresh' : 'stale' }),
  });
  await socket.opened;
  expect(server.requests).toHaveLength(2);
});

test('503 with Retry-After is dialed again, and not before the time it names', async () => {
  const server = await WsServer.listen({
    refuse: (_, count) => (count === 1 ? '503 Busy\r\nRetry-After: 1' : undefined),
  });
  const { seen } = dial(server.url, { random: () => 0 });
  expect(await seen.nth('reconnecting')).toMatchObject({ delay: 1000, cause: { status: 503, retryAfter: 1000 } });
  await seen.nth('open');
  const [first = 0, second = 0] = server.times;
  expect(second - first).toBeGreaterThanOrEqual(995); // Timers may be early by a fraction.
  expect(second - first).toBeLessThan(1500);
});

test("Retry-After as a date is read against the server's own clock", async () => {
  const head = '503 Busy\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nRetry-After: Mon, 01 Jan 2001 00:02:00 GMT';
  const server = await WsServer.listen({ refuse: () => head });
  const { seen } = dial(server.url);
  expect((await seen.nth('reconnecting')).cause.retryAfter).toBe(120_000);
});

test('a refused port is a failed attempt, dialed again until it opens, with a wait that grows', async () => {
  const server = await WsServer.listen();
  const proxy = await FaultProxy.listen(server.port);
  await proxy.refuse(true);
  const { socket, seen } = dial(`ws://127.0.0.1:${proxy.port}/`, { random: () => 1 - Number.EPSILON });
  expect(socket.send('kept')).toBe('queued');
  await seen.nth('reconnecting', 4);
  expect(seen.all('reconnecting').map(({ delay, attempt }) => [Math.round(delay), attempt])).toEqual([
    [20, 2],
    [40, 3],
    [80, 4],
    [160, 5],
  ]);
  const { code, cause, ending } = seen.all('error')[0] as LongSocketError;
  expect([code, (cause as NodeJS.ErrnoException).code]).toEqual(['DIAL_FAILED', 'ECONNREFUSED']);
  expect(ending).toMatchObject({ phase: 'dial', cause: 'dial', code: 1006, wasClean: false });
  await proxy.refuse(false);
  await seen.nth('open');
  expect(await seen.nth('message')).toBe('kept');
  expect([seen.all('open'), seen.all('close'), seen.all('interrupted')]).toEqual([[{ reconnected: false }], [], []]);
  await proxy.close();
});

test('an upgrade that is never answered is aborted after connectTimeout: the server sees the TCP connection go', async () => {
  const server = await listenRaw();
  const gone: number[] = [];
  const started = performance.now();
  const { seen } = dial(server.url, { connectTimeout: 100 });
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  server.sockets[0]?.on('close', () => gone.push(performance.now() - started));
  await vi.waitFor(() => expect(server.sockets).toHaveLength(2), { timeout: 2000, interval: 5 });
  expect(seen.all('error')[0]).toMatchObject({ code: 'CONNECT_TIMEOUT', ending: { phase: 'dial', cause: 'timeout' } });
  expect(gone).toHaveLength(1);
  expect(gone[0]).toBeGreaterThan(90);
  expect(gone[0]).toBeLessThan(400);
});

test('writes of one tick leave in few system calls', async () => {
  const server = await WsServer.listen();
  let raw: TcpSocket | undefined;
  const createConnection = (options: Parameters<typeof connect>[0]): TcpSocket => {
    raw = connect(options);
    return raw;
  };
  const { socket, seen } = dial(server.url, { node: { createConnection } });
  await socket.opened;
  const calls = countWrites(raw as TcpSocket);
  const messages = Array.from({ length: 200 }, (_, i) => `message ${i}`);
  for (const message of messages) socket.send(message);
  await seen.nth('message', 200);
  expect(seen.all('message')).toEqual(messages);
  expect(calls.count).toBeGreaterThan(0);
  expect(calls.count).toBeLessThanOrEqual(4);
});

/** Counts what libuv is asked to write: each is a system call. The handle is Node's own, not documented. */
function countWrites(raw: TcpSocket): { count: number } {
  const calls = { count: 0 };
  const { _handle: handle } = raw as unknown as { _handle: Record<string, (...args: unknown[]) => unknown> };
  for (const name of ['writev', 'writeBuffer', 'writeUtf8String', 'writeLatin1String', 'writeAsciiString']) {
    const original = handle[name]?.bind(handle);
    if (!original) continue;
    handle[name] = (...args) => {
      calls.count += 1;
      return original(...args);
    };
  }
  return calls;
}

test('codes and reasons pass through in both directions, those a browser would refuse among them', async () => {
  const server = await WsServer.listen();
  const { seen } = dial(server.url);
  (await server.socket()).close(4001, 'because');
  expect(await seen.nth('interrupted')).toMatchObject({ cause: 'peer', code: 4001, reason: 'because', wasClean: true });
  (await server.socket(2)).close();
  expect(await seen.nth('interrupted', 2)).toMatchObject({ cause: 'peer', code: 1005, reason: '', wasClean: true });
  (await server.socket(3)).terminate();
  expect(await seen.nth('interrupted', 3)).toMatchObject({ cause: 'lost', code: 1006, reason: '', wasClean: false });

  for (const [code, reason] of [
    [1001, ''],
    [1005, ''],
    [4002, 'dône'],
  ] as const) {
    const last = dial(server.url);
    const ended = closeOf(await server.socket(server.accepted.length + 1));
    await last.socket.opened;
    last.socket.close(code, reason);
    expect(await ended).toEqual({ code, reason });
    expect(await last.socket.closed).toMatchObject({ cause: 'caller', code, reason, wasClean: true });
    expect(last.seen.names).toEqual(['open', 'close']);
  }
});

test('bytes of a buffer that was transferred away are an empty message, and not the end of the connection', async () => {
  const server = await WsServer.listen();
  const { socket, seen } = dial(server.url);
  await socket.opened;
  const bytes = Uint8Array.of(1);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  socket.send(bytes);
  expect(await seen.nth('message')).toEqual(new ArrayBuffer(0));
  expect(seen.names).toEqual(['open', 'message']);
});

test('what the server sends together with its answer to the upgrade is delivered, behind open', async () => {
  const server = await listenRaw((raw) => raw.write(Buffer.from([0x81, 2, 0x68, 0x69])));
  const { seen } = dial(server.url);
  expect(await seen.nth('message')).toBe('hi');
  expect(seen.names).toEqual(['open', 'message']);
});

test('an invalid frame ends the connection with 1002 and an error, the process goes on, and another is dialed', async () => {
  let goodbye = Buffer.alloc(0);
  const server = await listenRaw((raw) => {
    if (server.sockets.length > 1) return;
    raw.on('data', (chunk: Buffer) => {
      goodbye = Buffer.concat([goodbye, chunk]);
    });
    raw.write(Buffer.from([0x83, 0x00])); // opcode 3 is reserved
  });
  const { seen } = dial(server.url);
  await seen.nth('open', 2);
  expect(seen.all('error')[0]).toMatchObject({ code: 'CONNECTION_LOST', cause: { code: 'WS_ERR_INVALID_OPCODE' } });
  expect(goodbye[0]).toBe(0x88);
  const code = ((goodbye[6] ?? 0) ^ (goodbye[2] ?? 0)) * 256 + ((goodbye[7] ?? 0) ^ (goodbye[3] ?? 0));
  expect(code).toBe(1002);
});

test('a poison message is refused by send() and holds nothing up', async () => {
  const server = await WsServer.listen({ onSocket: echo });
  const { socket, seen } = dial(server.url);
  socket.send('first');
  expect(() => socket.send({ poison: true } as unknown as Data)).toThrow(/JSON\.stringify/);
  socket.send('last');
  await seen.nth('message', 2);
  expect(seen.all('message')).toEqual(['first', 'last']);
  expect(server.accepted).toHaveLength(1);
});

test('a server that accepts a session and chooses no subprotocol does not speak the protocol, and that is final', async () => {
  const server = await WsServer.listen({ ws: { handleProtocols: () => false } });
  const { socket, seen } = dial(server.url, { session: true });
  expect(await socket.closed).toMatchObject({ cause: 'no-session' });
  expect(seen.all('error')).toMatchObject([{ code: 'SESSION_UNSUPPORTED' }]);
  expect(server.requests).toHaveLength(1);
});
