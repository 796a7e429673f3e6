import { describe, expect, test } from 'vitest';
import type { Greeting, LongSocketOptions } from '../../src/client/options.js';
import { settle, simulated } from '../socket/simulated.js';

/** A client without a session, connected, with what it said of its rotations. */
function connected(options: Parameters<typeof simulated>[0] = {}) {
  const given = simulated(options);
  const rotations: unknown[] = [];
  given.socket.on('rotating', (detail) => rotations.push(['rotating', detail]));
  given.socket.on('rotated', (detail) => rotations.push(['rotated', detail]));
  given.clock.advance(100);
  return { ...given, rotations };
}

describe('rotate()', () => {
  test('opens the next connection, then closes the old one, and nothing else is to be seen of it', () => {
    const { socket, clock, network, servers, received, names, rotations } = connected();
    socket.rotate();
    expect(rotations).toEqual([['rotating', { cause: 'caller' }]]);
    socket.send('before');
    clock.advance(100);
    expect(rotations.at(-1)).toEqual(['rotated', { cause: 'caller' }]);
    socket.send('after');
    servers[0]?.send('too late for this one');
    servers[1]?.send('hello');
    clock.advance(100);
    expect(received).toEqual(['before', 'after']);
    expect(names()).toEqual(['open', 'message']);
    expect([network.dialed, network.open, network.mostAtOnce]).toEqual([2, 1, 2]);
    expect(socket.state).toEqual({ status: 'connected', closing: false });
  });

  test.each([
    ['before there is a connection', (): ReturnType<typeof simulated> => simulated()],
    [
      'while another rotation is under way',
      () => {
        const given = connected();
        given.socket.rotate();
        return given;
      },
    ],
    [
      'when closed',
      () => {
        const given = connected();
        given.socket.close();
        given.clock.advance(100);
        return given;
      },
    ],
  ])('does nothing %s', (_, arrange) => {
    const { socket, network } = arrange();
    const { dialed } = network;
    socket.rotate();
    expect(network.dialed).toBe(dialed);
  });

  test('that fails leaves the connection alone, and is tried again later', () => {
    const { socket, clock, network, names, rotations } = connected();
    network.dials = 'refuse';
    socket.rotate();
    clock.advance(50);
    expect(network.open).toBe(1);
    expect(socket.send('x')).toBe('sent');
    network.dials = 'accept';
    clock.advance(2000);
    expect(names()).toEqual(['open']);
    expect(rotations.at(-1)).toEqual(['rotated', { cause: 'caller' }]);
  });

  test('that hangs is given up, and tried again later', () => {
    const { socket, clock, network, rotations } = connected({ connectTimeout: 1000 });
    network.dials = 'hang';
    socket.rotate();
    clock.advance(1000);
    network.dials = 'accept';
    expect(network.open).toBe(1);
    clock.advance(3000);
    expect(rotations.at(-1)).toEqual(['rotated', { cause: 'caller' }]);
    expect(network.open).toBe(1);
  });

  test('asks the providers again, and says why', async () => {
    const reasons: string[] = [];
    const { socket, clock } = simulated({
      protocols: ({ reason }) => {
        reasons.push(reason);
        return [];
      },
    });
    await clock.advanceAsync(100);
    socket.rotate();
    await clock.advanceAsync(100);
    expect(reasons).toEqual(['connect', 'rotate']);
  });

  test('whose provider hangs is given up by its signal, and the connection stays', async () => {
    const signals: { readonly aborted: boolean }[] = [];
    const { socket, clock, names } = simulated({
      connectTimeout: 1000,
      protocols: ({ signal, reason }) => {
        signals.push(signal);
        return reason === 'rotate' ? new Promise<never>(() => {}) : [];
      },
    });
    await clock.advanceAsync(100);
    socket.rotate();
    await clock.advanceAsync(1000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    expect(names()).toEqual(['open']);
    expect(socket.send('x')).toBe('sent');
  });

  test('after which the old connection does not end is no rotation for ever', () => {
    const { socket, clock, network } = connected();
    network.silence();
    socket.rotate();
    clock.advance(100);
    expect(network.open).toBe(2);
    clock.advance(5000);
    expect(network.open).toBe(1);
  });

  test('with close() in the middle of it leaves nothing behind', () => {
    const { socket, clock, network, names } = connected();
    socket.rotate();
    socket.close();
    clock.advance(100);
    expect(names()).toEqual(['open', 'close']);
    expect([network.open, clock.timers]).toEqual([0, 0]);
  });
});

describe('maxConnectionAge', () => {
  test('replaces each connection before it is so old', () => {
    const { clock, network, names, rotations } = connected({ maxConnectionAge: 60_000 });
    network.maxAge = 60_000;
    for (let minute = 0; minute < 10; minute++) clock.advance(60_000);
    expect(names()).toEqual(['open']);
    expect(rotations).toContainEqual(['rotated', { cause: 'age' }]);
    expect(network.dialed).toBeGreaterThanOrEqual(11);
    expect(network.dialed).toBeLessThanOrEqual(15);
  });

  test('is not told apart from a cut without the option', () => {
    const { clock, network, names } = simulated();
    network.maxAge = 60_000;
    clock.advance(70_000);
    expect(names()).toContain('interrupted');
  });
});

describe('with onConnect', () => {
  /** Each greeting that has begun, and how to finish it. */
  function greeted(options: LongSocketOptions = {}) {
    const greetings: { connection: Greeting; done: () => void }[] = [];
    const given = simulated({
      onConnect: (connection) => new Promise<void>((resolve) => greetings.push({ connection, done: resolve })),
      ...options,
    });
    const rotated: unknown[] = [];
    given.socket.on('rotated', (detail) => rotated.push(detail));
    return { ...given, greetings, rotated };
  }

  test('a rotation takes over when the next connection is greeted', async () => {
    const { socket, clock, greetings, rotated, received, servers, names } = greeted();
    await clock.advanceAsync(100);
    greetings[0]?.done();
    await settle();
    socket.rotate();
    await clock.advanceAsync(100);
    expect(rotated).toEqual([]);
    expect(greetings).toHaveLength(2);
    greetings[1]?.connection.send('token');
    socket.send('on the old one');
    await clock.advanceAsync(100);
    servers[1]?.send('unread by the greeting');
    await clock.advanceAsync(100);
    greetings[1]?.done();
    await clock.advanceAsync(100);
    expect(rotated).toEqual([{ cause: 'caller' }]);
    expect(received).toEqual(['token', 'on the old one']);
    expect(names()).toEqual(['open', 'message']);
    expect(() => greetings[1]?.connection.send('late')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  test('a greeting goes on when the old connection ends before it', async () => {
    const { socket, clock, greetings, received, servers, names, rotated } = greeted();
    await clock.advanceAsync(100);
    greetings[0]?.done();
    await settle();
    socket.rotate();
    await clock.advanceAsync(100);
    const answer = greetings[1]?.connection.receive();
    servers[0]?.terminate();
    await clock.advanceAsync(50);
    expect(socket.state.status).toBe('connecting');
    greetings[1]?.connection.send('token');
    servers[1]?.send('welcome');
    await clock.advanceAsync(50);
    expect(await answer).toBe('welcome');
    greetings[1]?.done();
    await clock.advanceAsync(50);
    expect(received).toEqual(['token']);
    expect(names()).toEqual(['open', 'interrupted', 'error', 'open']);
    expect([rotated, greetings.length]).toEqual([[], 2]);
  });

  test('a greeting that fails costs the rotation alone', async () => {
    const { socket, clock, network, names } = simulated({
      onConnect: ({ reconnected }) => {
        if (network.dialed === 2) throw new Error(`no: ${reconnected}`);
      },
    });
    await clock.advanceAsync(100);
    socket.rotate();
    await clock.advanceAsync(100);
    expect(names()).toEqual(['open']);
    expect(network.open).toBe(1);
    await clock.advanceAsync(3000);
    expect([network.dialed, network.open]).toEqual([3, 1]);
  });

  test('a greeting is over when close() ends the life', async () => {
    const { socket, clock, greetings } = greeted();
    await clock.advanceAsync(100);
    greetings[0]?.done();
    await settle();
    socket.rotate();
    await clock.advanceAsync(100);
    const answer = greetings[1]?.connection.receive();
    socket.close();
    await expect(answer).rejects.toMatchObject({ code: 'CLOSED' });
    await clock.advanceAsync(100);
    expect(clock.timers).toBe(0);
  });
});
