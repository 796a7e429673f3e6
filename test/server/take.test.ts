/** A real server and real clients on a simulated network. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LongSocket, type LongSocketOptions } from '../../src/index.js';
import {
  asWebSocket,
  LongSocketServer,
  type LongSocketServerOptions,
  memoryStore,
  type ServerSocket,
  type SessionSocket,
  type UpgradeRequest,
} from '../../src/server.js';
import { type NetworkOptions, SimulatedNetwork, VirtualClock } from '../../src/testing.js';

function world(options: LongSocketServerOptions = {}, networkOptions: Partial<NetworkOptions> = {}) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, ...networkOptions });
  const errors: unknown[] = [];
  const sockets: ServerSocket[] = [];
  /** Another server on the same clock, which connections go to from now on. */
  const serve = (others: LongSocketServerOptions = {}): LongSocketServer => {
    const server = new LongSocketServer({ noServer: true, clock, random: () => 0.5, ...options, ...others });
    server.on('error', (error) => errors.push(error));
    server.on('connection', (socket) => {
      sockets.push(socket);
      socket.on('message', (data) => socket.send(data));
    });
    network.serve(server.take);
    return server;
  };
  const server = serve();
  const connect = (clientOptions: LongSocketOptions = {}, url = 'ws://host/path?query') => {
    const socket = new LongSocket(url, { clock, random: () => 0.5, dial: network.dial, ...clientOptions });
    const got: unknown[] = [];
    socket.on('message', (data) => got.push(data));
    return { socket, got };
  };
  return { clock, network, server, serve, sockets, errors, connect };
}

/** What becomes of one dial that is not tried again. */
async function answered(options: LongSocketServerOptions, clientOptions: LongSocketOptions = {}, url?: string) {
  const { clock, connect, errors, sockets } = world(options);
  const { socket } = connect({ reconnect: false, ...clientOptions }, url);
  await clock.advanceAsync(100);
  const { state } = socket;
  const status = state.status === 'closed' ? (state.cause as { status?: number } | undefined)?.status : state.status;
  return { status, errors, sockets, socket, clock };
}

describe('a session over a simulated network', () => {
  test('begins, and carries messages, within what the clock is let pass', () => {
    const { clock, server, sockets, connect } = world();
    const { socket, got } = connect({ session: true });
    socket.send('hello');
    clock.advance(100);
    expect(got).toEqual(['hello']);
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.session).toBe(socket.session);
    expect(server.stats()).toMatchObject({ sessions: 1, attached: 1, plain: 0 });
  });

  test('outlives a cut, without a promise being awaited', () => {
    const { clock, network, server, sockets, connect } = world();
    const { socket, got } = connect({ session: true });
    clock.advance(1000);
    const session = socket.session;
    network.cut();
    socket.send('during');
    expect(server.stats()).toMatchObject({ attached: 0, detached: 1 });
    clock.advance(5000);
    expect(got).toEqual(['during']);
    expect(socket.session).toBe(session);
    expect(sockets).toHaveLength(1);
  });

  test('is given up after sessionTtl, and its client is told what is lost', () => {
    const { clock, network, server, connect } = world({ sessionTtl: 10_000 });
    const lost: unknown[] = [];
    const { socket } = connect({ session: true, onLost: 'new-session' });
    socket.on('lost', (loss) => lost.push(loss));
    clock.advance(100);
    network.dials = 'refuse';
    network.cut();
    socket.send('a');
    clock.advance(11_000);
    expect(server.stats().sessions).toBe(0);
    network.dials = 'accept';
    clock.advance(30_000);
    expect(lost).toHaveLength(1);
    expect(server.stats().sessions).toBe(1);
  });

  test('is found dead by the heartbeat when nothing passes any more', () => {
    const { clock, network, server, connect } = world({ heartbeat: { interval: 1000, timeout: 500 } });
    connect({ session: true });
    clock.advance(100);
    network.silence();
    network.dials = 'refuse';
    clock.advance(5000);
    expect(server.stats()).toMatchObject({ attached: 0, detached: 1 });
  });

  test('has bytes as the server wants them', () => {
    for (const [binaryType, expected] of [
      ['arraybuffer', new Uint8Array([1, 2]).buffer],
      ['uint8array', new Uint8Array([1, 2])],
    ] as const) {
      const { clock, sockets, connect } = world({ binaryType });
      const { socket } = connect({ session: true });
      clock.advance(100);
      const got: unknown[] = [];
      sockets[0]?.on('message', (data) => got.push(data));
      socket.send(new Uint8Array([0, 1, 2]).subarray(1));
      clock.advance(100);
      expect(got).toEqual([expected]);
    }
  });

  test('moves to another server through a store', async () => {
    const store = memoryStore();
    const { clock, server, serve, sockets, connect } = world({ store });
    const { socket, got } = connect({ session: true });
    clock.advance(100);
    serve();
    const closing = server.close();
    socket.send('during');
    await clock.advanceAsync(10_000);
    await closing;
    expect(got).toEqual(['during']);
    expect(sockets).toHaveLength(2);
    expect(sockets[1]?.session).toBe(sockets[0]?.session);
  });

  test('rotates to another server when this one drains', async () => {
    const store = memoryStore();
    const { clock, server, serve, connect } = world({ store });
    const { socket, got } = connect({ session: true });
    clock.advance(10_000);
    const session = socket.session;
    const interrupted = vi.fn();
    socket.on('interrupted', interrupted);
    const next = serve();
    const drained = server.drain({ within: 5000 });
    socket.send('during');
    await clock.advanceAsync(20_000);
    await drained;
    expect(got).toEqual(['during']);
    expect(socket.session).toBe(session);
    expect(interrupted).not.toHaveBeenCalled();
    expect([server.stats().sessions, next.stats().sessions]).toEqual([0, 1]);
  });

  test('takes the shape of a socket of ws', () => {
    const { clock, sockets, connect } = world();
    const { socket } = connect({ session: true });
    clock.advance(100);
    const got: string[] = [];
    asWebSocket(sockets[0] as SessionSocket).on('message', (data: Buffer) => got.push(String(data)));
    socket.send('a');
    clock.advance(100);
    expect(got).toEqual(['a']);
  });

  test('asks where its client comes from', () => {
    const sourceOf = vi.fn(({ headers }: UpgradeRequest) => String(headers?.['x-forwarded-for']));
    const { clock, connect } = world({ sourceOf });
    connect({ session: true, headers: { 'X-Forwarded-For': '203.0.113.7' } });
    clock.advance(100);
    expect(sourceOf.mock.results.map(({ value }) => value)).toEqual(['203.0.113.7']);
  });
});

describe('a plain connection over a simulated network', () => {
  test('is served as by accept', () => {
    const { clock, server, sockets, connect } = world();
    const { socket, got } = connect({ protocols: ['a', 'b'] });
    clock.advance(100);
    socket.send('hello');
    clock.advance(100);
    expect(got).toEqual(['hello']);
    expect(sockets[0]?.session).toBeUndefined();
    expect([sockets[0]?.protocol, socket.protocol]).toEqual(['a', 'a']);
    expect(server.stats()).toMatchObject({ sessions: 0, plain: 1 });
    sockets[0]?.close(4000, 'bye');
    clock.advance(100);
    expect(server.stats().plain).toBe(0);
    expect(socket.state).toMatchObject({ status: 'connecting', cause: { code: 4000, reason: 'bye' } });
  });

  test('hears first what is sent in the listener to connection', () => {
    const { clock, server, connect } = world();
    server.on('connection', (socket) => socket.send('welcome'));
    const { got } = connect();
    clock.advance(20);
    expect(got).toEqual(['welcome']);
  });

  test('is found dead by pings that are not answered, and only then', () => {
    const { clock, network, server, connect } = world(
      { heartbeat: { interval: 1000, timeout: 500 } },
      { canPing: false },
    );
    connect();
    clock.advance(60_000);
    expect(server.stats().plain).toBe(1);
    network.dials = 'refuse';
    network.silence();
    clock.advance(2000);
    expect(server.stats().plain).toBe(0);
  });

  test('is ended by a message that is too long', () => {
    const { clock, server, sockets, connect } = world({ maxPayload: 5 });
    const { socket, got } = connect();
    clock.advance(100);
    socket.send('12345');
    socket.send('123456');
    socket.send('7');
    const closed = vi.fn();
    sockets[0]?.on('close', closed);
    clock.advance(20);
    expect(got).toEqual(['12345']);
    expect(closed).toHaveBeenCalledTimes(1);
    expect(server.stats().plain).toBe(0);
    expect(socket.state).toMatchObject({ status: 'connecting', cause: { code: 1009 } });
  });

  test('is terminated from the server', () => {
    const { clock, server, sockets, connect } = world();
    const { socket } = connect();
    clock.advance(100);
    sockets[0]?.terminate();
    expect(server.stats().plain).toBe(0);
    clock.advance(15);
    expect(socket.state.status).toBe('connecting');
  });

  test('has no socket of ws beneath it', () => {
    const { clock, sockets, connect } = world();
    connect();
    clock.advance(100);
    expect(() => asWebSocket(sockets[0] as ServerSocket)).toThrow(/no socket of ws/);
  });

  test.each(['close', 'drain'] as const)('is sent away by %s()', async (how) => {
    const { clock, network, server, connect } = world();
    const { socket } = connect({ shouldReconnect: () => false });
    clock.advance(100);
    const over = server[how]();
    await clock.advanceAsync(60_000);
    await over;
    expect(socket.state).toMatchObject({ status: 'closed', cause: { code: how === 'close' ? 1001 : 1012 } });
    expect([network.open, clock.timers]).toEqual([0, 0]);
  });
});

describe('who is let in', () => {
  test('the request says what an upgrade would say', async () => {
    const requests: UpgradeRequest[] = [];
    const authenticate = (request: UpgradeRequest): string => {
      requests.push(request);
      return 'ann';
    };
    const headers = { Authorization: 'Bearer 1' };
    const { sockets } = await answered({ authenticate, path: '/path' }, { headers, protocols: ['a'], session: true });
    expect(requests).toEqual([
      {
        url: '/path?query',
        headers: { host: 'host', authorization: 'Bearer 1', 'sec-websocket-protocol': 'a, longsocket.v1' },
        socket: {},
      },
    ]);
    expect([sockets[0]?.principal, sockets[0]?.url]).toEqual(['ann', '/path?query']);
    expect(sockets[0]?.request).toBe(requests[0]);
  });

  test.each<[string, LongSocketServerOptions, LongSocketOptions, number | string]>([
    ['another path', { path: '/other' }, {}, 404],
    ['its path', { path: '/path' }, {}, 'connected'],
    ['a page of another site', {}, { node: { origin: 'https://evil' } }, 403],
    ['a page of the same host', {}, { node: { origin: 'https://host' } }, 'connected'],
    ['an origin that is decided later', { origins: async () => true }, { node: { origin: 'x://y' } }, 'connected'],
    ['an origin refused later', { origins: async () => false }, { node: { origin: 'x://y' } }, 403],
    ['nobody', { authenticate: () => undefined }, {}, 401],
    ['nobody, later', { authenticate: async () => null }, {}, 401],
    ['somebody', { authenticate: () => 'ann' }, {}, 'connected'],
    ['somebody, later', { authenticate: async () => 'ann' }, {}, 'connected'],
  ])('%s, with a session or without', async (_, options, clientOptions, status) => {
    for (const session of [false, true]) {
      const { errors, ...found } = await answered(options, { ...clientOptions, session });
      expect([found.status, errors, found.sockets.length]).toEqual([status, [], status === 'connected' ? 1 : 0]);
    }
  });

  test.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database')) as never],
    ['returns a number', () => 7 as never],
  ])('authenticate that %s is answered with 500, and told', async (_, authenticate) => {
    const { status, errors } = await answered({ authenticate });
    expect([status, errors.length]).toEqual([500, 1]);
  });

  test('a client waits for authenticate, and no longer than helloTimeout', async () => {
    let say = (_: string): void => {};
    const authenticate = (): Promise<string> =>
      new Promise((resolve) => {
        say = resolve;
      });
    const { clock, connect, sockets } = world({ authenticate, helloTimeout: 3000 });
    const { socket } = connect();
    await clock.advanceAsync(2000);
    expect(socket.state).toMatchObject({ status: 'connecting', attempt: 1 });
    say('ann');
    await clock.advanceAsync(10);
    expect([socket.state.status, sockets[0]?.principal]).toEqual(['connected', 'ann']);
    const { socket: other } = connect({ reconnect: false });
    await clock.advanceAsync(3020);
    expect(other.state.status).toBe('closed');
    say('late');
    await clock.advanceAsync(100);
    expect(sockets).toHaveLength(1);
  });

  test('one that goes meanwhile is not let in', async () => {
    let say = (_: string): void => {};
    const authenticate = (): Promise<string> =>
      new Promise((resolve) => {
        say = resolve;
      });
    const { clock, connect, sockets } = world({ authenticate });
    const { socket } = connect();
    await clock.advanceAsync(1000);
    socket.close();
    await clock.advanceAsync(20);
    expect(clock.timers).toBe(0);
    say('ann');
    await clock.advanceAsync(1000);
    expect(sockets).toEqual([]);
  });

  test('those who wait are turned away by close(), and nothing is left', async () => {
    const { clock, connect, server } = world({ authenticate: () => new Promise<string>(() => {}) });
    const { socket } = connect({ reconnect: false });
    await clock.advanceAsync(1000);
    await server.close();
    await clock.advanceAsync(20);
    expect(socket.state).toMatchObject({ status: 'closed', cause: { status: 503 } });
    expect(clock.timers).toBe(0);
  });

  test('nobody is, once the server is closed', async () => {
    const { clock, connect, server } = world();
    await server.close();
    for (const session of [false, true]) {
      const { socket } = connect({ reconnect: false, session });
      clock.advance(100);
      expect(socket.state).toMatchObject({ status: 'closed', cause: { status: 503 } });
    }
  });

  test('handleProtocols chooses', () => {
    const handleProtocols = vi.fn((offered: readonly string[]) => offered.at(-1));
    const { clock, connect } = world({ handleProtocols });
    for (const session of [false, true]) {
      const { socket } = connect({ protocols: ['a', 'b'], session });
      clock.advance(100);
      expect(socket.protocol).toBe('b');
    }
    expect(handleProtocols.mock.calls.map(([offered]) => offered)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('at most maxSessions', () => {
    const { clock, connect } = world({ maxSessions: 1 });
    const [one, two] = [connect({ session: true }).socket, connect({ session: true }).socket];
    clock.advance(1000);
    expect([one.state.status, two.state.status]).toEqual(['connected', 'connecting']);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

test('no timer but those of the clock is set, and none is left at the end', async () => {
  const real = [
    vi.spyOn(globalThis, 'setTimeout'),
    vi.spyOn(globalThis, 'setInterval'),
    vi.spyOn(globalThis, 'setImmediate'),
  ];
  const { clock, network, server, connect } = world({ authenticate: async () => 'ann' });
  const { socket } = connect({ session: true });
  const { socket: plain } = connect();
  await clock.advanceAsync(60_000);
  network.cut();
  await clock.advanceAsync(60_000);
  expect([socket.state.status, plain.state.status]).toEqual(['connected', 'connected']);
  socket.close();
  plain.close();
  await clock.advanceAsync(1000);
  const closing = server.close();
  await clock.advanceAsync(1000);
  await closing;
  expect([network.open, clock.timers]).toEqual([0, 0]);
  for (const spy of real) expect(spy).not.toHaveBeenCalled();
});
