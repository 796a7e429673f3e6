import { describe, expect, test } from 'vitest';
import { LongSocket } from '../../src/index.js';
import { type ServerConnection, SimulatedNetwork, VirtualClock } from '../../src/testing.js';

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
});
