import { describe, expect, test } from 'vitest';
import {
  type CloseDetail,
  type Data,
  type Interruption,
  LongSocket,
  type LongSocketOptions,
  type Reconnecting,
} from '../../src/index.js';
import { type ServerConnection, SimulatedNetwork, seededRandom, VirtualClock } from '../../src/testing.js';

/**
 * How other libraries break, and what is right instead. The numbers are those of the table in README.md beside this file,
 * which says where the scenarios are that need real sockets or a browser.
 */

interface Arranged {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly socket: LongSocket;
  /** Names of the events, in order. */
  readonly events: string[];
  readonly servers: ServerConnection[];
  /** What the server received on all connections. */
  readonly received: Data[];
  /** Details of an event so far. */
  details<Detail>(event: string): Detail[];
}

type Url = ConstructorParameters<typeof LongSocket>[0];

function arrange(options: LongSocketOptions = {}, url: Url = 'ws://server'): Arranged {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, latency: 10 });
  const servers: ServerConnection[] = [];
  const received: Data[] = [];
  network.serve((connection) => {
    servers.push(connection);
    connection.onmessage = (data) => received.push(data);
  });
  const base = { clock, random: () => 0.5, dial: network.dial, signals: () => () => {}, autoConnect: false };
  const socket = new LongSocket(url, { ...base, ...options });
  const log: { event: string; detail: unknown }[] = [];
  const events: string[] = [];
  for (const event of ['open', 'message', 'interrupted', 'reconnecting', 'failed', 'close', 'error'] as const) {
    socket.on(event, (detail: unknown) => {
      log.push({ event, detail });
      events.push(event);
    });
  }
  if (options.autoConnect ?? true) socket.connect();
  const details = <Detail>(event: string): Detail[] =>
    log.filter((entry) => entry.event === event).map(({ detail }) => detail as Detail);
  return { clock, network, socket, events, servers, received, details };
}

function expectQuiet({ clock, network, socket }: Arranged): void {
  expect(socket.state.status).toBe('closed');
  expect(clock.timers, 'timers').toBe(0);
  expect(network.open, 'connections').toBe(0);
}

describe('endings are told as they were', () => {
  test('2: a refused dial is an error with code 1006, unclean, and no close', () => {
    const world = arrange();
    world.network.dials = 'refuse';
    world.socket.reconnect();
    world.clock.advance(20);
    expect(world.events.slice(-2)).toEqual(['error', 'reconnecting']);
    expect(world.details<Reconnecting>('reconnecting').at(-1)?.cause).toMatchObject({
      code: 1006,
      wasClean: false,
      phase: 'dial',
    });
  });

  test('3: a predicate that stops on 1000 survives a server restart, since no failed dial says 1000', () => {
    const codes: number[] = [];
    const world = arrange({
      shouldReconnect: ({ code }) => {
        codes.push(code);
        return code !== 1000;
      },
    });
    world.clock.advance(100);
    world.servers[0]?.terminate();
    world.network.dials = 'refuse';
    world.clock.advance(20_000);
    world.network.dials = 'accept';
    world.clock.advance(40_000);
    expect(new Set(codes)).toEqual(new Set([1006]));
    expect(world.socket.state.status).toBe('connected');
  });

  test('4: wasClean and an empty reason are passed through', () => {
    const world = arrange();
    world.clock.advance(100);
    world.servers[0]?.close(4001, '');
    world.clock.advance(10);
    expect(world.details<Interruption>('interrupted')).toMatchObject([{ code: 4001, reason: '', wasClean: true }]);
    world.clock.advance(1000);
    world.servers[1]?.terminate();
    world.clock.advance(10);
    expect(world.details<Interruption>('interrupted')[1]).toMatchObject({ code: 1006, reason: '', wasClean: false });
  });

  test('5: a close that cannot be is refused and closes nothing; one that can leaves nothing open', () => {
    const world = arrange();
    world.clock.advance(100);
    for (const [code, reason] of [
      [999, ''],
      [1006, ''],
      [5000, ''],
      [1000, 'x'.repeat(124)],
      [1000, '€'.repeat(42)],
    ] as const) {
      expect(() => world.socket.close(code, reason)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    expect(world.socket.state).toMatchObject({ status: 'connected', closing: false });
    world.socket.close(1001, 'x'.repeat(123));
    world.clock.advance(100);
    expectQuiet(world);
  });

  test('16, 34: close() before the first dial has come to anything emits close, once', () => {
    const world = arrange();
    world.socket.close();
    world.socket.close();
    world.clock.advance(1000);
    expect(world.events).toEqual(['close']);
    expectQuiet(world);
  });

  test('17: running out of attempts says so, and reconnect() works afterwards', () => {
    const world = arrange({ maxAttempts: 3 });
    world.network.dials = 'refuse';
    world.socket.reconnect();
    world.clock.advance(60_000);
    expect(world.events.filter((event) => event === 'reconnecting')).toHaveLength(2);
    expect(world.events.slice(-3)).toEqual(['error', 'failed', 'close']);
    expectQuiet(world);
    world.network.dials = 'accept';
    world.socket.reconnect();
    world.clock.advance(20);
    expect(world.socket.state.status).toBe('connected');
  });

  test('36: codes 1000, 1001 and 1005 from the server are no reason to stay away', () => {
    const world = arrange();
    for (const code of [1000, 1001, 1005]) {
      world.clock.advance(6000);
      world.servers.at(-1)?.close(code);
      world.clock.advance(1000);
      expect(world.socket.state.status).toBe('connected');
    }
    expect(world.servers).toHaveLength(4);
  });

  test('41, 42: three connect() at once dial once', () => {
    const world = arrange();
    for (let call = 0; call < 3; call++) world.socket.connect();
    world.clock.advance(100);
    for (let call = 0; call < 3; call++) world.socket.connect();
    world.clock.advance(100);
    expect(world.network.dialed).toBe(1);
    expect(world.events).toEqual(['open']);
  });
});

describe('reconnecting is now, once, and never twice', () => {
  test('6: reconnect() in backoff dials at once', () => {
    const world = arrange({ random: () => 0.99 });
    world.network.dials = 'refuse';
    world.socket.reconnect();
    world.clock.advance(20_000);
    expect(world.socket.state).toMatchObject({ status: 'connecting' });
    expect((world.socket.state as { delay: number }).delay).toBeGreaterThan(1000);
    world.network.dials = 'accept';
    world.socket.reconnect();
    world.clock.advance(20);
    expect(world.socket.state.status).toBe('connected');
  });

  test('32: reconnect() while a retry is pending leaves one connection, and each message comes once', () => {
    const world = arrange();
    world.clock.advance(100);
    world.network.cut();
    world.socket.reconnect();
    world.clock.advance(5000);
    for (const server of world.servers) server.send('news');
    world.clock.advance(100);
    expect(world.network.open).toBe(1);
    expect(world.details('message')).toEqual(['news']);
    world.socket.close();
    world.clock.advance(100);
    expectQuiet(world);
  });

  test('33: reconnect() inside the first open listener loses nothing of what was buffered', () => {
    const world = arrange();
    world.socket.once('open', () => world.socket.reconnect());
    world.socket.send('one');
    world.socket.send('two');
    world.clock.advance(5000);
    const lost = world.details<Interruption>('interrupted')[0]?.unconfirmed ?? 0;
    expect(world.received.length + lost).toBeGreaterThanOrEqual(2);
    expect(world.received).toEqual(['one', 'two']);
  });

  test('36: reconnect() while open leaves one connection; connect() after close() reconnects by itself again', () => {
    const world = arrange();
    world.clock.advance(100);
    world.socket.reconnect();
    world.clock.advance(100);
    expect([world.network.open, world.network.mostAtOnce]).toEqual([1, 1]);
    world.socket.close();
    world.clock.advance(100);
    world.socket.connect();
    world.clock.advance(100);
    world.network.cut();
    world.clock.advance(1000);
    expect(world.socket.state.status).toBe('connected');
  });

  test('26: close() before the first open, then reconnect(), connects', () => {
    const world = arrange();
    world.socket.close();
    world.socket.reconnect();
    world.clock.advance(100);
    expect(world.socket.state.status).toBe('connected');
    expect(world.network.open).toBe(1);
  });

  test('29, 31, 41: a server that opens and drops at once sees the backoff grow', () => {
    const world = arrange({ random: () => 0.99 });
    world.network.maxAge = 20;
    world.clock.advance(60_000);
    const delays = world.details<Reconnecting>('reconnecting').map(({ delay }) => Math.round(delay / 0.99));
    expect(delays.slice(0, 7)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000]);
  });

  test('31: the first retry after a stable connection waits less than 250 ms', () => {
    const world = arrange({ random: () => 0.999 });
    world.clock.advance(10_000);
    world.network.cut();
    expect(world.details<Reconnecting>('reconnecting')[0]?.delay).toBeCloseTo(250, 0);
  });

  test('35, 41: it never gives up by itself, and the cap has jitter', () => {
    const world = arrange({ random: seededRandom(1) });
    world.network.dials = 'refuse';
    world.socket.reconnect();
    world.clock.advance(24 * 3_600_000);
    const late = world
      .details<Reconnecting>('reconnecting')
      .slice(-50)
      .map(({ delay }) => delay);
    expect(world.details('failed')).toEqual([]);
    expect(new Set(late).size).toBeGreaterThan(1);
  });
});

describe('providers are attempts like any other', () => {
  test('7, 38: the last configuration wins, and the stale attempt is aborted', async () => {
    const rooms: { room: string; signal: { aborted: boolean }; answer: (url: string) => void }[] = [];
    let room = 'a';
    const world = arrange({}, ({ signal }) => new Promise<string>((answer) => rooms.push({ room, signal, answer })));
    room = 'b';
    world.socket.reconnect();
    expect(rooms.map((call) => [call.room, call.signal.aborted])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    rooms[1]?.answer('ws://server/b');
    await world.clock.advanceAsync(100);
    rooms[0]?.answer('ws://server/a');
    await world.clock.advanceAsync(100);
    expect(world.servers.map(({ url }) => url)).toEqual(['ws://server/b']);
    expect(world.socket.url).toBe('ws://server/b');
  });

  test('10: a provider that never settles times out and is called again', async () => {
    let calls = 0;
    const world = arrange({ connectTimeout: 3000 }, () =>
      ++calls === 1 ? new Promise<string>(() => {}) : 'ws://server',
    );
    await world.clock.advanceAsync(3000);
    expect(world.details<Reconnecting>('reconnecting')[0]?.cause).toMatchObject({ cause: 'timeout' });
    await world.clock.advanceAsync(1000);
    expect(calls).toBe(2);
    expect(world.socket.state.status).toBe('connected');
  });

  test('10: close() with a provider that hangs closes at once, and aborts it', async () => {
    let aborted: (() => boolean) | undefined;
    const world = arrange({}, ({ signal }) => {
      aborted = () => signal.aborted;
      return new Promise<string>(() => {});
    });
    world.socket.close();
    expect(aborted?.()).toBe(true);
    expectQuiet(world);
  });

  test('11, 31, 41: a provider that rejects thrice is three failed attempts, no close, and not the end', async () => {
    let calls = 0;
    const world = arrange({}, async () => {
      if (++calls > 1 && calls < 5) throw new Error('token 503');
      return 'ws://server';
    });
    await world.clock.advanceAsync(100);
    world.network.cut();
    await world.clock.advanceAsync(60_000);
    expect(world.events.filter((event) => event === 'interrupted')).toHaveLength(1);
    expect(world.details<Reconnecting>('reconnecting').map(({ cause }) => cause.cause)).toEqual([
      'lost',
      'provider',
      'provider',
      'provider',
    ]);
    expect(world.details('close')).toEqual([]);
    expect(world.socket.state.status).toBe('connected');
  });

  test('25: an invalid static URL throws at once', () => {
    for (const url of ['', 'nonsense', 'ftp://server', 'ws://server/#part', 'ws://']) {
      expect(() => arrange({}, url), url).toThrow(expect.objectContaining({ code: 'INVALID_URL' }));
    }
  });

  test('43: a server that accepts and never answers is given up in time, and not for ever', async () => {
    const world = arrange({ connectTimeout: 2000, onConnect: async (connection) => void (await connection.receive()) });
    await world.clock.advanceAsync(2000);
    expect(world.details<Reconnecting>('reconnecting')[0]?.cause).toMatchObject({
      phase: 'greeting',
      cause: 'timeout',
    });
    world.network.serve((connection) => {
      connection.send('welcome');
    });
    await world.clock.advanceAsync(5000);
    expect(world.socket.state.status).toBe('connected');
    expect(world.network.mostAtOnce).toBe(1);
  });
});

describe('messages are accepted or refused, and counted', () => {
  test('12: poison is refused at send(), and what is behind it arrives', () => {
    const world = arrange();
    world.socket.send('m1');
    for (const poison of [{ object: 1 }, null, undefined, 7, Symbol('x'), new Blob(['x'])]) {
      expect(() => world.socket.send(poison as never)).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE' }));
    }
    world.socket.send('m3');
    world.clock.advance(100);
    expect(world.received).toEqual(['m1', 'm3']);
  });

  test('13: onConnect comes before what was queued, on each connection', async () => {
    const world = arrange({ onConnect: (connection) => connection.send('AUTH') });
    world.socket.send('data');
    await world.clock.advanceAsync(100);
    world.network.cut();
    world.socket.send('more');
    await world.clock.advanceAsync(2000);
    expect(world.received).toEqual(['AUTH', 'data', 'AUTH', 'more']);
  });

  test('19: a hundred messages into a connection that is dead are a hundred unconfirmed', () => {
    const world = arrange();
    world.clock.advance(100);
    world.network.silence();
    for (let n = 0; n < 100; n++) expect(world.socket.send(`${n}`)).toBe('sent');
    world.clock.advance(60_000);
    expect(world.details<Interruption>('interrupted')).toMatchObject([{ cause: 'dead-peer', unconfirmed: 100 }]);
    expect(world.received).toEqual([]);
  });

  test('23: sent, queued, dropped and refused can be told apart', () => {
    const world = arrange({ maxBufferedMessages: 1, overflow: 'drop-newest' });
    expect(world.socket.send('one')).toBe('queued');
    expect(world.socket.send('two')).toBe('dropped');
    world.clock.advance(100);
    expect(world.socket.send('three')).toBe('sent');
    world.clock.advance(100);
    expect(world.received).toEqual(['one', 'three']);
    const strict = arrange({ maxBufferedMessages: 1 });
    strict.socket.send('one');
    expect(() => strict.socket.send('two')).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED' }));
  });

  test('24: bufferedAmount is in bytes', () => {
    const world = arrange();
    world.socket.send('é€😀');
    expect(world.socket.bufferedAmount).toBe(9);
  });

  test('28: an open listener that closes ends the flush too', () => {
    const world = arrange();
    world.socket.on('open', () => world.socket.close());
    world.socket.send('one');
    world.clock.advance(1000);
    expect(world.received).toEqual(['one']);
    expectQuiet(world);
  });

  test('28: an open listener that cuts the connection does not make the flush go round', () => {
    const world = arrange();
    world.socket.once('open', () => world.network.cut());
    world.socket.send('one');
    world.clock.advance(5000);
    expect(world.details<Interruption>('interrupted')).toMatchObject([{ unconfirmed: 1 }]);
    expect(world.socket.state.status).toBe('connected');
  });

  test('31: binaryType holds on every connection', () => {
    const requests: string[] = [];
    const world = arrange({ autoConnect: false });
    const socket = new LongSocket('ws://server', {
      clock: world.clock,
      random: () => 0,
      signals: () => () => {},
      binaryType: 'uint8array',
      dial: (request, report) => {
        requests.push(request.binaryType);
        return world.network.dial(request, report);
      },
    });
    world.clock.advance(100);
    world.network.cut();
    world.clock.advance(1000);
    expect(requests).toEqual(['uint8array', 'uint8array']);
    socket.close();
  });
});

describe('listeners', () => {
  test('14: one that throws starves no other', () => {
    const errors: unknown[] = [];
    const world = arrange({ onListenerError: (error) => errors.push(error) });
    world.clock.advance(100);
    const got: unknown[] = [];
    world.socket.on('message', () => {
      throw new Error('mine');
    });
    world.socket.on('message', (data) => got.push(data));
    world.servers[0]?.send('news');
    world.clock.advance(100);
    expect(got).toEqual(['news']);
    expect(errors).toEqual([new Error('mine')]);
  });

  test('26: once is once', () => {
    const world = arrange();
    let calls = 0;
    world.socket.once('open', () => calls++);
    world.clock.advance(100);
    world.socket.reconnect();
    world.clock.advance(100);
    expect(world.details('open')).toHaveLength(2);
    expect(calls).toBe(1);
  });

  test('27: a shouldReconnect that throws is reported, and the table decides', () => {
    const errors: unknown[] = [];
    const world = arrange({
      onListenerError: (error) => errors.push(error),
      shouldReconnect: () => {
        throw new Error('mine');
      },
    });
    world.clock.advance(100);
    world.network.cut();
    world.clock.advance(1000);
    expect(errors).toEqual([new Error('mine')]);
    expect(world.socket.state.status).toBe('connected');
  });

  test('30, 35: listeners may come and go during a dispatch', () => {
    const world = arrange();
    world.clock.advance(100);
    const calls: string[] = [];
    const offSecond: { off: () => void } = { off: () => {} };
    const offFirst = world.socket.on('message', () => {
      calls.push('first');
      offFirst();
      offSecond.off();
      world.socket.on('message', () => calls.push('added'));
    });
    offSecond.off = world.socket.on('message', () => calls.push('second'));
    world.servers[0]?.send('1');
    world.clock.advance(100);
    expect(calls).toEqual(['first']);
    world.servers[0]?.send('2');
    world.clock.advance(100);
    expect(calls).toEqual(['first', 'added']);
  });

  test('39: the heartbeat goes on when the listeners of the first hour are gone', () => {
    const world = arrange();
    const off = world.socket.on('open', () => {});
    world.clock.advance(100);
    off();
    world.clock.advance(10 * 60_000);
    expect(world.details('interrupted')).toEqual([]);
    expect(world.network.dialed).toBe(1);
  });
});

describe('nothing is left behind', () => {
  test('15: close() in a long backoff leaves no timer', () => {
    const world = arrange({ random: () => 0.99 });
    world.network.dials = 'refuse';
    world.socket.reconnect();
    world.clock.advance(20_000);
    expect(world.clock.timers).toBe(1);
    world.socket.close();
    expectQuiet(world);
    expect(world.details<CloseDetail>('close')).toHaveLength(1);
  });

  test('20, 40: a black hole is found in time, and the next connection does not wait for the close of the last', () => {
    const world = arrange({ heartbeat: { interval: 10_000, timeout: 2000 } });
    world.clock.advance(100);
    world.network.silence();
    world.clock.advance(12_500);
    expect(world.details<Interruption>('interrupted')).toMatchObject([{ cause: 'dead-peer' }]);
    expect(world.socket.state.status).toBe('connected');
    expect(world.network.mostAtOnce).toBe(1);
  });

  test('35, 37: a dial that hangs is aborted at connectTimeout, and tried again', () => {
    const world = arrange({ connectTimeout: 4000 });
    world.network.dials = 'hang';
    world.socket.reconnect();
    world.clock.advance(4000);
    expect(world.network.open).toBe(0);
    expect(world.socket.state).toMatchObject({ status: 'connecting', cause: { cause: 'timeout' } });
    world.network.dials = 'accept';
    world.clock.advance(1000);
    expect(world.socket.state.status).toBe('connected');
    expect(world.servers).toHaveLength(1);
  });
});

describe('nothing accepted goes uncounted, whoever calls what from where', () => {
  test('a message sent from shouldReconnect, which then gives up, is undelivered', () => {
    const sent: string[] = [];
    const world = arrange({
      shouldReconnect: () => {
        sent.push(world.socket.send('last words'));
        return false;
      },
    });
    world.clock.advance(100);
    world.network.cut();
    expect(sent).toEqual(['queued']);
    expect(world.details<CloseDetail>('close')).toMatchObject([{ undelivered: 1 }]);
  });

  test('a message behind the close frame of the peer waits, and is undelivered if close() follows', () => {
    const clock = new VirtualClock();
    const written: Data[] = [];
    let closing = false;
    const socket = new LongSocket('ws://server', {
      clock,
      signals: () => () => {},
      dial: (request, report) => {
        clock.schedule(() => report({ type: 'connection-open', id: request.id, canPing: false }), 1);
        clock.schedule(() => {
          report({ type: 'connection-close', id: request.id, code: 1001, reason: '', wasClean: true });
        }, 100);
        return {
          send: (data) => written.push(data),
          close: () => {},
          terminate: () => {},
          get closing() {
            return closing;
          },
          bufferedAmount: 0,
          protocol: '',
          extensions: '',
          url: request.url,
        };
      },
    });
    const ends: CloseDetail[] = [];
    socket.on('close', (detail) => ends.push(detail));
    clock.advance(10);
    socket.send('before');
    closing = true;
    expect(socket.send('behind')).toBe('queued');
    socket.close();
    clock.advance(200);
    expect(written).toEqual(['before']);
    expect(ends).toMatchObject([{ undelivered: 1, unconfirmed: 1 }]);
  });

  test('a write that ends the life takes nobody of the next with it', async () => {
    const world = arrange({ maxBufferedMessages: 1 });
    world.socket.send('first');
    const results: string[] = [];
    world.socket.write('second').then(
      () => results.push('accepted'),
      (error) => results.push(error.code),
    );
    world.socket.close();
    world.socket.connect();
    world.socket.write('third').then(() => results.push('third'));
    await world.clock.advanceAsync(100);
    expect(results).toEqual(['CLOSED', 'third']);
    expect(world.received).toEqual(['third']);
  });

  test('a heartbeat of the peer during onConnect is nobody’s message', async () => {
    const world = arrange({
      heartbeat: { message: 'ping', isReply: (data) => data === 'pong' },
      onConnect: async (connection) => void (await connection.receive()),
    });
    world.network.serve((connection) => {
      connection.send('pong');
      connection.send('welcome');
    });
    world.socket.reconnect();
    await world.clock.advanceAsync(100);
    expect(world.socket.state.status).toBe('connected');
    expect(world.details('message')).toEqual([]);
  });

  test('a dial that gives no connection is a failed attempt', async () => {
    for (const given of [undefined, {}, Promise.reject(new Error('late'))]) {
      const world = arrange({ dial: (() => given) as never });
      await world.clock.advanceAsync(0);
      expect(world.details('error')).toMatchObject([{ code: 'DIAL_FAILED', cause: { code: 'INVALID_OPTION' } }]);
    }
  });

  test('a dial that gives its own attempt up leaves no connection', async () => {
    let again = true;
    const world = arrange(
      {
        dial: (request, report) => {
          const connection = world.network.dial(request, report);
          if (again) {
            again = false;
            world.socket.reconnect();
          }
          return connection;
        },
      },
      async () => 'ws://server',
    );
    await world.clock.advanceAsync(1000);
    expect(world.socket.state.status).toBe('connected');
    expect(world.network.open).toBe(1);
    world.socket.close();
    await world.clock.advanceAsync(1000);
    expectQuiet(world);
  });
});
