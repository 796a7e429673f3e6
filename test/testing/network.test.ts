import { describe, expect, test } from 'vitest';
import { LongSocket } from '../../src/index.js';
import { type ServerConnection, SimulatedNetwork, VirtualClock } from '../../src/testing.js';
import { simulated } from '../socket/simulated.js';

function arrange({ latency = 10 }: { latency?: number } = {}) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, latency });
  const servers: ServerConnection[] = [];
  const events: unknown[] = [];
  network.serve((connection) => {
    servers.push(connection);
    connection.protocol = connection.protocols[0] ?? '';
    connection.onmessage = (data) => events.push(['server got', data, clock.now()]);
    connection.onclose = ({ code, reason, wasClean }) => events.push(['server closed', code, reason, wasClean]);
  });
  const socket = new LongSocket('ws://server/path', {
    clock,
    random: () => 0.5,
    dial: network.dial,
    protocols: ['a', 'b'],
  });
  socket.on('message', (data) => events.push(['client got', data, clock.now()]));
  socket.on('close', ({ code, reason, wasClean }) => events.push(['client closed', code, reason, wasClean]));
  return { clock, network, servers, events, socket };
}

describe('a simulated network', () => {
  test('opens a connection after a round trip, with what both ends chose', () => {
    const { clock, servers, socket } = arrange();
    clock.advance(19);
    expect(socket.state.status).toBe('connecting');
    clock.advance(1);
    expect(socket.state.status).toBe('connected');
    expect(socket.protocol).toBe('a');
    expect(servers[0]?.url).toBe('ws://server/path');
  });

  test('carries messages with its latency, in order, and copies them', () => {
    const { clock, servers, events, socket } = arrange();
    clock.advance(20);
    const bytes = new Uint8Array([1, 2]);
    socket.send('one');
    socket.send(bytes);
    bytes[0] = 9;
    servers[0]?.send('hello');
    clock.advance(10);
    expect(events).toEqual([
      ['server got', 'one', 30],
      ['server got', new Uint8Array([1, 2]), 30],
      ['client got', 'hello', 30],
    ]);
  });

  test('completes the closing handshake from either end', () => {
    const client = arrange();
    client.clock.advance(20);
    client.socket.close(4000, 'bye');
    client.clock.advance(20);
    expect(client.events).toEqual([
      ['server closed', 4000, 'bye', true],
      ['client closed', 4000, 'bye', true],
    ]);
    const server = arrange();
    server.clock.advance(20);
    server.socket.on('interrupted', ({ code, cause }) => server.events.push([code, cause]));
    server.servers[0]?.close(4001, 'go');
    server.clock.advance(20);
    expect(server.events).toEqual([
      [4001, 'peer'],
      ['server closed', 4001, 'go', true],
    ]);
  });

  test.each([
    ['refuse', 'dial', undefined],
    [503, 'status', 503],
  ] as const)('%s: dials fail, and are tried again', (fate, cause, status) => {
    const { clock, network, socket } = arrange();
    clock.advance(20);
    network.dials = fate;
    network.cut();
    clock.advance(5000);
    expect(socket.state).toMatchObject({
      status: 'connecting',
      cause: { phase: 'dial', cause, ...(status && { status }) },
    });
    expect(network.dialed).toBeGreaterThan(2);
    network.dials = 'accept';
    clock.advance(20_000);
    expect(socket.state.status).toBe('connected');
  });

  test('hang: nothing comes of a dial, until it is given up', () => {
    const { clock, network, socket } = arrange();
    clock.advance(20);
    network.dials = 'hang';
    network.cut();
    clock.advance(9000);
    expect(network.open).toBe(1);
    clock.advance(3000);
    expect(socket.state).toMatchObject({ cause: { cause: 'timeout' } });
  });

  test('a cut loses what is on its way, and both ends see it at once', () => {
    const { clock, network, events, socket } = arrange();
    clock.advance(20);
    socket.send('lost');
    network.cut();
    expect(events).toEqual([['server closed', 1006, '', false]]);
    expect(socket.state).toMatchObject({ status: 'connecting', cause: { cause: 'lost', code: 1006 } });
    clock.advance(5);
    expect(events).toHaveLength(1);
  });

  test('silence swallows all, and tells nobody', () => {
    const { clock, network, servers, events, socket } = arrange();
    clock.advance(20);
    network.silence();
    socket.send('lost');
    servers[0]?.send('lost');
    clock.advance(10_000);
    expect(events).toEqual([]);
    expect(socket.state.status).toBe('connected');
  });

  test('cuts connections at a given age', () => {
    const { clock, network, socket } = arrange();
    network.maxAge = 1000;
    clock.advance(1009);
    expect(socket.state.status).toBe('connected');
    clock.advance(2);
    expect(socket.state).toMatchObject({ status: 'connecting', cause: { cause: 'lost' } });
  });

  test('counts dials, and the connections there are', () => {
    const { clock, network, socket } = arrange();
    clock.advance(20);
    expect([network.dialed, network.open, network.mostAtOnce]).toEqual([1, 1, 1]);
    socket.reconnect();
    expect([network.dialed, network.open, network.mostAtOnce]).toEqual([2, 1, 1]);
    socket.close();
    clock.advance(100);
    expect(network.open).toBe(0);
  });

  test('brings bytes as the client wants them', () => {
    for (const [binaryType, expected] of [
      ['arraybuffer', new Uint8Array([1, 2]).buffer],
      ['uint8array', new Uint8Array([1, 2])],
    ] as const) {
      const { clock, servers, details } = simulated({ binaryType });
      clock.advance(20);
      servers[0]?.send(new Uint8Array([0, 1, 2]).subarray(1));
      servers[0]?.send(new Uint8Array());
      clock.advance(10);
      expect(details('message')).toEqual([
        expected,
        binaryType === 'arraybuffer' ? new ArrayBuffer(0) : new Uint8Array(),
      ]);
    }
  });

  test('tells the server the headers sent, in lower case, and an origin', () => {
    const { clock, servers } = simulated({ headers: { Cookie: 'a=b' }, node: { origin: 'https://page' } });
    clock.advance(20);
    expect(servers[0]?.headers).toEqual({ cookie: 'a=b', origin: 'https://page' });
  });
});

describe('a connection that the server defers', () => {
  function deferred() {
    const world = simulated();
    world.network.serve((server) => {
      world.servers.push(server);
      server.defer();
    });
    world.clock.advance(1000);
    expect(world.socket.state).toMatchObject({ status: 'connecting', attempt: 1 });
    expect(world.servers).toHaveLength(1);
    return world;
  }

  test('opens when the server says so, with the subprotocol of that moment', () => {
    const { clock, server, socket } = deferred();
    server().protocol = 'late';
    server().open();
    server().open();
    clock.advance(10);
    expect([socket.state.status, socket.protocol]).toEqual(['connected', 'late']);
  });

  test('opens before what the server sends', () => {
    const { clock, server, names } = deferred();
    server().send('first');
    clock.advance(10);
    expect(names()).toEqual(['open', 'message']);
  });

  test('is refused with a status', () => {
    const { clock, server, network, details } = deferred();
    server().refuse(401);
    clock.advance(10);
    expect(details('failed')).toMatchObject([{ cause: 'status', status: 401 }]);
    expect(network.open).toBe(0);
  });

  test('is broken off without having been open', () => {
    const { clock, server, names, socket } = deferred();
    server().terminate();
    clock.advance(10);
    expect(names()).not.toContain('open');
    expect(socket.state).toMatchObject({ status: 'connecting', cause: { phase: 'dial' } });
  });

  test('cannot be refused once it is open', () => {
    const { server } = deferred();
    server().open();
    expect(() => server().refuse(500)).toThrow('open already');
  });
});

describe("a server's ping", () => {
  test.each([true, false])('is answered by the client by itself, whether that has pings or not (%s)', (canPing) => {
    const { clock, server, names } = simulated({}, { canPing });
    clock.advance(20);
    const pongs: string[] = [];
    server().onpong = (payload) => pongs.push(`${payload} at ${clock.now()}`);
    server().ping?.('7');
    clock.advance(20);
    expect(pongs).toEqual(['7 at 40']);
    expect(names()).toEqual(['open']);
  });
});
