import { describe, expect, test, vi } from 'vitest';
import { fateOf, settle, simulated } from '../socket/simulated.js';

describe('lives', () => {
  test('a socket dials at once', () => {
    const { socket, network, clock, names } = simulated();
    expect(network.dialed).toBe(1);
    expect(socket.state).toMatchObject({ status: 'connecting', attempt: 1, delay: 0 });
    clock.advance(100);
    expect(names()).toEqual(['open']);
    expect(socket.url).toBe('ws://host/');
  });

  test('without autoConnect it dials on connect(), and touches nothing before', () => {
    const { socket, network, clock, world } = simulated({ autoConnect: false });
    expect(socket.state).toEqual({ status: 'closed' });
    expect([network.dialed, world.watchers, clock.timers]).toEqual([0, 0, 0]);
    socket.connect();
    expect([network.dialed, world.watchers]).toEqual([1, 1]);
  });

  test('the whole of one life, in order', () => {
    const { socket, network, clock, names, details } = simulated();
    clock.advance(100);
    network.cut();
    clock.advance(1000);
    socket.close(4000, 'bye');
    clock.advance(100);
    expect(names()).toEqual(['open', 'interrupted', 'error', 'reconnecting', 'open', 'close']);
    expect(details('open')).toEqual([{ reconnected: false }, { reconnected: true }]);
    expect(details('error')).toMatchObject([{ code: 'CONNECTION_LOST', ending: { cause: 'lost' } }]);
    expect(details('close')).toMatchObject([{ code: 4000, reason: 'bye', wasClean: true, cause: 'caller' }]);
    expect(details('state').map(({ status }) => status)).toEqual([
      'connected',
      'connecting',
      'connecting',
      'connected',
      'connected',
      'closed',
    ]);
  });

  test('state events carry the object that state is', () => {
    const { socket, clock } = simulated();
    const seen: boolean[] = [];
    socket.on('state', (state) => seen.push(state === socket.state));
    clock.advance(100);
    socket.close();
    clock.advance(100);
    expect(seen).toEqual([true, true, true]);
  });

  test('opened and closed are settled once for each life, and made anew for the next', async () => {
    const { socket, clock } = simulated();
    const { opened, closed } = socket;
    clock.advance(100);
    await opened;
    expect(await fateOf(closed)).toBe('pending');
    socket.close();
    clock.advance(100);
    expect((await closed).code).toBe(1000);
    socket.connect();
    expect(socket.opened).not.toBe(opened);
    expect(await fateOf(socket.opened)).toBe('pending');
    clock.advance(100);
    expect(await fateOf(socket.opened)).toBe('resolved');
    expect(await fateOf(socket.closed)).toBe('pending');
  });

  test('opened rejects with the reason when the life ends before', async () => {
    const { socket, clock, network } = simulated({ autoConnect: false, maxAttempts: 1 });
    network.dials = 'refuse';
    socket.connect();
    const { opened } = socket;
    clock.advance(100);
    await expect(opened).rejects.toMatchObject({ code: 'DIAL_FAILED' });
  });

  test('giving up says failed, then close', () => {
    const { socket, clock, network, names, details } = simulated({ autoConnect: false, maxAttempts: 2 });
    network.dials = 503;
    socket.connect();
    clock.advance(60_000);
    expect(names()).toEqual(['error', 'reconnecting', 'error', 'failed', 'close']);
    expect(details('failed')).toMatchObject([{ cause: 'status', status: 503 }]);
    expect([network.open, clock.timers]).toEqual([0, 0]);
  });

  test('nothing is left behind by a life that is over', () => {
    const { socket, clock, network, world } = simulated();
    clock.advance(100);
    expect(world.watchers).toBe(1);
    socket.close();
    clock.advance(100);
    expect([network.open, clock.timers, world.watchers]).toEqual([0, 0, 0]);
    socket.connect();
    expect(world.watchers).toBe(1);
  });

  test('connect() while closing begins a life with one set of watchers', () => {
    const { socket, clock, network, world, names } = simulated();
    clock.advance(100);
    socket.close();
    socket.connect();
    clock.advance(100);
    expect(names()).toEqual(['open', 'close', 'open']);
    expect([world.watchers, network.mostAtOnce]).toEqual([1, 1]);
    expect(socket.send('x')).toBe('sent');
  });

  test('a socket closes at the end of an await using block', async () => {
    const { socket, clock } = simulated();
    clock.advance(100);
    const disposed = socket[Symbol.asyncDispose]();
    clock.advance(100);
    await disposed;
    expect(socket.state.status).toBe('closed');
    await socket[Symbol.asyncDispose]();
  });

  test('signals that throw are reported, and the socket goes on', () => {
    const reported: unknown[] = [];
    const { socket, clock } = simulated({
      signals: () => {
        throw 'thrown';
      },
      onListenerError: (error) => reported.push(error),
    });
    clock.advance(100);
    expect(socket.state.status).toBe('connected');
    expect(reported).toEqual(['thrown']);
  });
});

describe('close()', () => {
  test.each([999, 1004, 1006, 1015, 2999, 5000, 1000.5, Number.NaN, '1000'])('refuses code %s', (code) => {
    const { socket, clock } = simulated();
    clock.advance(100);
    expect(() => socket.close(code as number)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(socket.state).toEqual({ status: 'connected', closing: false });
    expect(socket.send('x')).toBe('sent');
  });

  test.each([1000, 1001, 1003, 1005, 1007, 1011, 1014, 3000, 4999])('takes code %d', (code) => {
    const { socket, clock, details } = simulated();
    clock.advance(100);
    socket.close(code);
    clock.advance(100);
    expect(details('close')).toMatchObject([{ code }]);
  });

  test('refuses a reason of more than 123 bytes, or none', () => {
    const { socket } = simulated();
    for (const reason of ['é'.repeat(62), 5, null]) {
      expect(() => socket.close(1000, reason as string)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    expect(() => socket.close(1005, 'why')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    socket.close(1000, `${'é'.repeat(61)}x`);
    expect(socket.state.status).toBe('closed');
  });
});

describe('terminate()', () => {
  test('ends a connection at once, by code 1006, and counts what waited', () => {
    const { socket, clock, network, names, details } = simulated();
    clock.advance(100);
    socket.send('on its way');
    socket.terminate();
    expect(socket.state.status).toBe('closed');
    expect(details('close')).toMatchObject([
      { cause: 'caller', code: 1006, reason: '', wasClean: false, unconfirmed: 1 },
    ]);
    expect(() => socket.send('late')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    clock.advance(100_000);
    expect([network.open, clock.timers, network.dialed]).toEqual([0, 0, 1]);
    expect(names()).toEqual(['open', 'close']);
  });

  test('does not wait for a closing handshake that is under way, nor for a dial', () => {
    for (const ms of [100, 0]) {
      const { socket, clock, network, details } = simulated();
      network.dials = 'hang';
      clock.advance(ms);
      if (ms) {
        network.silence();
        socket.close();
      }
      socket.terminate();
      expect(details('close')).toMatchObject([{ code: 1006 }]);
      expect([network.open, clock.timers]).toEqual([0, 0]);
      socket.terminate();
      expect(details('close')).toHaveLength(1);
    }
  });

  test('called by a listener of what is being received, refuses what is sent from then on', () => {
    const { socket, clock, server } = simulated();
    clock.advance(100);
    const refused = vi.fn();
    socket.on('message', () => {
      socket.terminate();
      try {
        socket.send('late');
      } catch (error) {
        refused((error as { code: string }).code);
      }
    });
    server().send('hello');
    clock.advance(100);
    expect(refused).toHaveBeenCalledExactlyOnceWith('CLOSED');
    expect(socket.state.status).toBe('closed');
  });
});

describe('the abort signal', () => {
  test('closes the socket', () => {
    const controller = new AbortController();
    const { socket, clock, details } = simulated({ signal: controller.signal });
    clock.advance(100);
    controller.abort();
    clock.advance(100);
    expect(socket.state.status).toBe('closed');
    expect(details('close')).toMatchObject([{ cause: 'caller', code: 1000, wasClean: true }]);
  });

  test('that is aborted already throws, and dials nothing', () => {
    const signal = AbortSignal.abort('why');
    expect(() => simulated({ signal })).toThrow(expect.objectContaining({ code: 'ABORTED', cause: 'why' }));
    const { socket, network } = simulated({ signal, autoConnect: false });
    for (const go of [() => socket.connect(), () => socket.reconnect()]) {
      expect(go).toThrow(expect.objectContaining({ code: 'ABORTED' }));
    }
    expect(network.dialed).toBe(0);
  });

  test('is listened to by one listener in a life, and by none behind it', () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    const { socket, clock } = simulated({ signal });
    clock.advance(100);
    expect(add).toHaveBeenCalledTimes(1);
    socket.close();
    clock.advance(100);
    expect(remove.mock.calls).toEqual([add.mock.calls[0]?.slice(0, 2)]);
  });
});

describe('an async iterator', () => {
  test('reads messages from then on, and ends with the life', async () => {
    const { socket, clock, server } = simulated();
    clock.advance(100);
    server().send('missed');
    clock.advance(100);
    const messages = socket[Symbol.asyncIterator]();
    server().send('a');
    clock.advance(100);
    socket.close();
    clock.advance(100);
    expect(await messages.next()).toEqual({ done: false, value: 'a' });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  test('goes on over a reconnection', async () => {
    const { socket, clock, server, network } = simulated();
    const messages = socket[Symbol.asyncIterator]();
    clock.advance(100);
    server().send('a');
    clock.advance(100);
    network.cut();
    clock.advance(1000);
    server().send('b');
    clock.advance(100);
    expect([(await messages.next()).value, (await messages.next()).value]).toEqual(['a', 'b']);
  });

  test('throws what the life failed of', async () => {
    const { socket, clock, network } = simulated({ autoConnect: false, maxAttempts: 1 });
    network.dials = 'refuse';
    socket.connect();
    const read = socket[Symbol.asyncIterator]().next();
    clock.advance(100);
    await expect(read).rejects.toMatchObject({ code: 'DIAL_FAILED' });
  });

  test('of a socket that is closed is at its end', async () => {
    const { socket } = simulated();
    socket.close();
    await settle();
    expect(await socket[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test('has the bounds of the options', async () => {
    const { socket, clock, server } = simulated({ maxBufferedMessages: 2 });
    clock.advance(100);
    const messages = socket[Symbol.asyncIterator]();
    for (const data of ['a', 'b', 'c']) server().send(data);
    clock.advance(100);
    await messages.next();
    await messages.next();
    await expect(messages.next()).rejects.toMatchObject({ code: 'READER_TOO_SLOW' });
  });
});

describe('inspect', () => {
  test('sees every step, and the chances it drew; one that throws is reported', () => {
    const reported: unknown[] = [];
    const drawn: number[] = [];
    const { clock, network } = simulated({
      inspect: ({ random }) => {
        drawn.push(...random);
        throw 'thrown';
      },
      onListenerError: (error) => reported.push(error),
    });
    clock.advance(100);
    network.cut();
    clock.advance(1000);
    expect(drawn).toEqual([0.5]);
    expect(reported.length).toBeGreaterThan(3);
  });
});

describe('listeners', () => {
  test('one that throws starves nobody and breaks nothing', () => {
    const reported: unknown[] = [];
    const { socket, clock, received } = simulated({ onListenerError: (error) => reported.push(error) });
    const after = vi.fn();
    socket.on('open', () => {
      throw 'thrown';
    });
    socket.on('open', after);
    socket.send('queued');
    clock.advance(100);
    expect(after).toHaveBeenCalled();
    expect(received).toEqual(['queued']);
    expect(reported).toEqual(['thrown']);
  });

  test('may reconnect, close and connect in any event, and one connection is alive at most', () => {
    for (const event of ['state', 'open', 'interrupted', 'reconnecting', 'error', 'close'] as const) {
      for (const act of ['reconnect', 'close', 'connect'] as const) {
        const { socket, clock, network } = simulated();
        socket.once(event, () => socket[act]());
        clock.advance(100);
        network.cut();
        clock.advance(1000);
        socket.close();
        clock.advance(1000);
        expect(network.mostAtOnce).toBe(1);
        socket.close();
        clock.advance(1000);
        expect([socket.state.status, network.open, clock.timers]).toEqual(['closed', 0, 0]);
      }
    }
  });
});
