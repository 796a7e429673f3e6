import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FaultProxy } from '../helpers/fault-proxy.js';

/** A server that sends back what it gets and remembers its sockets. */
let server: Server;
let serverSockets: Socket[];
let proxy: FaultProxy;
let clients: Client[];

/** A client that writes down everything that happens to it. */
class Client {
  readonly socket: Socket;
  received = '';
  readonly events: string[] = [];

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    this.socket.on('connect', () => this.events.push('connect'));
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString();
    });
    this.socket.on('end', () => this.events.push('end'));
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.events.push(String(error.code)));
    this.socket.on('close', () => this.events.push('close'));
  }
}

beforeEach(async () => {
  serverSockets = [];
  clients = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    serverSockets.push(socket);
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.pipe(socket, { end: false });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  proxy = await FaultProxy.listen((server.address() as AddressInfo).port);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await proxy.close();
  for (const { socket } of clients) socket.destroy();
  for (const socket of serverSockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function dial(): Client {
  const client = new Client(proxy.port);
  clients.push(client);
  return client;
}

/** A client whose first bytes have come back, so that the whole way is known to be open. */
async function connected(): Promise<Client> {
  const client = dial();
  client.socket.write('hello');
  await until(() => client.received === 'hello');
  client.received = '';
  return client;
}

async function until(condition: () => boolean, ms = 2000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`still not so after ${ms} ms: ${condition}`);
    await sleep(5);
  }
}

test('bytes pass both ways in order and are counted on each', async () => {
  const client = await connected();
  const megabytes = 'x'.repeat(3_000_000);
  client.socket.write(megabytes);
  await until(() => client.received.length >= megabytes.length);
  expect(client.received).toBe(megabytes);
  serverSockets[0]?.write('tick');
  await until(() => client.received.endsWith('tick'));
  expect(proxy.status).toMatchObject({ open: 1, accepted: 1, bytesUp: 3_000_005, bytesDown: 3_000_009 });
});

test('an orderly end passes through as an orderly end, from either side', async () => {
  const first = await connected();
  first.socket.end('bye');
  await until(() => first.events.includes('close'));
  expect(first.received).toBe('bye');
  expect(first.events).toEqual(['connect', 'end', 'close']);

  const second = await connected();
  serverSockets[1]?.end('going');
  await until(() => second.events.includes('end'));
  expect(second.received).toBe('going');
  second.socket.end();
  await until(() => proxy.status.open === 0);
});

test('a reset by the server reaches the client as a reset', async () => {
  const client = await connected();
  serverSockets[0]?.resetAndDestroy();
  await until(() => client.events.includes('close'));
  expect(client.events).toEqual(['connect', 'ECONNRESET', 'close']);
});

test('a client whose target does not listen is reset', async () => {
  await new Promise((resolve) => server.close(resolve));
  const client = dial();
  await until(() => client.events.includes('close'));
  expect(client.events).toContain('ECONNRESET');
  await once(server.listen((server.address() as AddressInfo | null)?.port ?? 0, '127.0.0.1'), 'listening');
});

test('cut by reset ends every connection at both ends', async () => {
  const [first, second] = [await connected(), await connected()];
  expect(proxy.cut()).toBe(2);
  expect(proxy.status.open).toBe(0);
  await until(() => first.events.includes('ECONNRESET') && second.events.includes('ECONNRESET'));
  await until(() => serverSockets.every((socket) => socket.closed));
});

test('cut by FIN ends a connection without an error', async () => {
  const client = await connected();
  expect(proxy.cut('fin')).toBe(1);
  await until(() => client.events.includes('end'));
  client.socket.end();
  await until(() => client.events.includes('close'));
  expect(client.events).toEqual(['connect', 'end', 'close']);
});

test('cut can take the newest connection and spare the others', async () => {
  const [first, second] = [await connected(), await connected()];
  expect(proxy.cut('rst', 'newest')).toBe(1);
  await until(() => second.events.includes('ECONNRESET'));
  first.socket.write('still here');
  await until(() => first.received === 'still here');
  expect(proxy.status).toMatchObject({ open: 1, accepted: 2 });
});

test('a stall holds back bytes of both directions and of new connections, and then delivers all of them', async () => {
  const client = await connected();
  proxy.stall();
  client.socket.write('up');
  serverSockets[0]?.write('down');
  const late = dial();
  late.socket.write('late');
  await sleep(100);
  expect([client.received, late.received]).toEqual(['', '']);
  expect(late.events).toEqual(['connect']);
  proxy.resume();
  await until(() => client.received === 'downup' && late.received === 'late');
});

test('a stall ends by itself after the time given', async () => {
  const client = await connected();
  const start = performance.now();
  proxy.stall(150);
  expect(proxy.status.stalled).toBe(true);
  client.socket.write('patience');
  await until(() => client.received === 'patience');
  expect(performance.now() - start).toBeGreaterThanOrEqual(145);
  expect(proxy.status.stalled).toBe(false);
});

test('a stall holds back the end of a connection behind the bytes before it', async () => {
  const client = await connected();
  proxy.stall();
  client.socket.end('last words');
  await sleep(80);
  expect(serverSockets[0]?.readableEnded).toBe(false);
  proxy.resume();
  await until(() => client.events.includes('close'));
  expect(client.received).toBe('last words');
});

test('a long stall makes the sender feel backpressure instead of filling memory', async () => {
  const client = await connected();
  proxy.stall();
  const flood = Buffer.alloc(64 * 1024 * 1024);
  client.socket.write(flood);
  await sleep(300);
  expect(client.socket.writableLength).toBeGreaterThan(0);
  proxy.resume();
  await until(() => client.received.length === flood.length, 10_000);
});

test('a silenced connection swallows bytes both ways, stays open and never heals', async () => {
  const client = await connected();
  const before = proxy.status;
  expect(proxy.silence()).toBe(1);
  client.socket.write('anyone?');
  serverSockets[0]?.write('anyone?');
  await sleep(100);
  expect(client.received).toBe('');
  expect(client.events).toEqual(['connect']);
  expect(proxy.status).toMatchObject({ open: 1, bytesUp: before.bytesUp, bytesDown: before.bytesDown });

  proxy.resume();
  expect(proxy.cut()).toBe(0);
  client.socket.write('still there?');
  await sleep(100);
  expect(client.events).toEqual(['connect']);
  expect(client.received).toBe('');
});

test.each(['fin', 'rst'] as const)('a silenced connection hides the %s of one end from the other', async (kind) => {
  const [one, two] = [await connected(), await connected()];
  proxy.silence();
  const [serverOne, serverTwo] = serverSockets;
  if (!serverOne || !serverTwo) throw new Error('the server has no sockets');
  if (kind === 'fin') {
    one.socket.end();
    serverTwo.end();
  } else {
    one.socket.resetAndDestroy();
    serverTwo.resetAndDestroy();
  }
  await sleep(100);
  expect(serverOne.readableEnded || serverOne.closed).toBe(false);
  expect(two.events).toEqual(['connect']);
  await until(() => proxy.status.open === 1); // the one whose client has given up no longer counts
});

test('new connections work while old ones are silenced', async () => {
  await connected();
  proxy.silence();
  await connected();
  expect(proxy.status).toMatchObject({ open: 2, accepted: 2 });
});

test('refused dials fail at the operating system, and the same port answers again afterwards', async () => {
  const survivor = await connected();
  await proxy.refuse(true);
  const refused = dial();
  await until(() => refused.events.includes('close'));
  expect(refused.events).toEqual(['ECONNREFUSED', 'close']);
  survivor.socket.write('unharmed');
  await until(() => survivor.received === 'unharmed');
  await proxy.refuse(false);
  await connected();
  expect(proxy.status).toMatchObject({ accepted: 2, refusing: false });
});

test('refuse pressed on and off quickly ends in the last state asked for', async () => {
  proxy.refuse(true);
  proxy.refuse(false);
  proxy.refuse(true);
  await proxy.refuse(false);
  await connected();
});

test('a hanging dial is accepted and never answered, not even after the fault is lifted', async () => {
  proxy.hang(true);
  const hung = dial();
  hung.socket.write('hello?');
  await sleep(100);
  expect(hung.events).toEqual(['connect']);
  expect(serverSockets).toEqual([]);
  proxy.hang(false);
  await connected();
  await sleep(50);
  expect(hung.received).toBe('');
  expect(proxy.status).toMatchObject({ open: 2, accepted: 2 });
  hung.socket.destroy();
  await until(() => proxy.status.open === 1);
});

test('after a change of target new connections lead to the other one, and open ones stay where they are', async () => {
  const other = createServer((socket) => {
    serverSockets.push(socket);
    socket.end('from the other');
  });
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const old = await connected();
  proxy.retarget((other.address() as AddressInfo).port);
  const fresh = dial();
  await until(() => fresh.received === 'from the other');
  old.socket.write('still here');
  await until(() => old.received === 'still here');
  fresh.socket.end();
  await new Promise((resolve) => other.close(resolve));
});

test('an age limit cuts new connections at that age and older ones at once', async () => {
  const old = await connected();
  await sleep(220);
  proxy.limitAge(200, 'rst');
  await until(() => old.events.includes('ECONNRESET'), 100);

  const start = performance.now();
  const young = await connected();
  await until(() => young.events.includes('ECONNRESET'));
  const age = performance.now() - start;
  expect(age).toBeGreaterThanOrEqual(190);
  expect(age).toBeLessThan(600);

  const reprieved = await connected();
  proxy.limitAge(undefined);
  await sleep(250);
  expect(reprieved.events).toEqual(['connect']);
});

test('latency delays each direction, and lowering it lets nothing overtake', async () => {
  const client = await connected();
  proxy.latency(60);
  const start = performance.now();
  client.socket.write('one ');
  await sleep(20);
  proxy.latency(0);
  client.socket.write('two');
  await until(() => client.received === 'one two');
  expect(performance.now() - start).toBeGreaterThanOrEqual(58);

  client.received = '';
  proxy.latency(60);
  const again = performance.now();
  client.socket.write('both ways');
  await until(() => client.received === 'both ways');
  expect(performance.now() - again).toBeGreaterThanOrEqual(118);
});

test('close leaves no socket and no timer behind, whatever was going on', async () => {
  const armed = vi.spyOn(globalThis, 'setTimeout');
  const cleared = vi.spyOn(globalThis, 'clearTimeout');
  const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP'));
  await until(() => sockets().length === 2); // the server and the idle proxy; earlier tests' sockets may be closing still
  const world = await FaultProxy.listen((server.address() as AddressInfo).port);
  for (let index = 0; index < 3; index += 1) clients.push(new Client(world.port));
  await until(() => clients.every((client) => client.events.includes('connect')));
  world.limitAge(60_000);
  world.silence();
  world.hang(true);
  clients.push(new Client(world.port));
  await until(() => world.status.accepted === 4);
  world.hang(false);
  world.latency(60_000);
  const slow = new Client(world.port);
  clients.push(slow);
  slow.socket.write('on its way for a minute');
  await until(() => world.status.accepted === 5);
  world.stall(60_000);
  await world.close();
  expect(world.status.open).toBe(0);

  await until(() => clients.every((client) => client.events.includes('end') || client.events.includes('close')));
  for (const { socket } of clients) socket.destroy();
  for (const socket of serverSockets) socket.destroy();
  await until(() => [...clients.map(({ socket }) => socket), ...serverSockets].every((socket) => socket.closed));
  await until(() => sockets().length === 2);
  // The proxy's own are the only ones for a minute: four age limits, the stall, the slow chunk.
  const timers = armed.mock.results
    .map(({ value }) => value)
    .filter((_, index) => Number(armed.mock.calls[index]?.[1]) > 59_000);
  expect(timers).toHaveLength(6);
  const left = timers.filter((timer) => !cleared.mock.calls.some(([handle]) => handle === timer));
  expect(left).toEqual([]);
});
