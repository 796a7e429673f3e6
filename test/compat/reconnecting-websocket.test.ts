import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CloseEvent, ErrorEvent, type Options, ReconnectingWebSocket, type UrlProvider } from '../../src/compat.js';
import type { Signal } from '../../src/io/signals.js';
import { type ServerConnection, SimulatedNetwork, VirtualClock } from '../../src/testing.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** A socket on a simulated network with latency 10 ms and a chance of one half, what it told, and when it dialed. */
function simulated(options: Options = {}, url: UrlProvider = 'ws://host/') {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock });
  const servers: ServerConnection[] = [];
  const received: unknown[] = [];
  network.serve((server) => {
    servers.push(server);
    server.onmessage = (data) => received.push(data);
  });
  const dials: number[] = [];
  const world = { signal: (_: Signal): void => {} };
  const socket = new ReconnectingWebSocket(url, undefined, {
    clock,
    random: () => 0.5,
    dial: (...request) => {
      dials.push(clock.now());
      return network.dial(...request);
    },
    signals: (report) => {
      world.signal = report;
      return () => {};
    },
    ...options,
  });
  const told: string[] = [];
  socket.addEventListener('open', () => told.push('open'));
  socket.addEventListener('message', ({ data }) => told.push(`message ${data}`));
  socket.addEventListener('error', ({ message }) => told.push(`error ${message}`));
  socket.addEventListener('close', ({ code, wasClean }) => told.push(`close ${code}${wasClean ? '' : ' unclean'}`));
  const server = (): ServerConnection => servers.at(-1) as ServerConnection;
  /** The waits between dials that failed 10 ms after they began. */
  const waits = (): number[] => dials.slice(1).map((at, index) => Math.round(at - (dials[index] as number) - 10));
  return { clock, network, socket, server, received, dials, waits, told, world };
}

describe('the wait before a retry', () => {
  test('is theirs, without chance, when it is given', async () => {
    const { clock, network, waits } = simulated({ minReconnectionDelay: 1000, maxReconnectionDelay: 2000 });
    network.dials = 'refuse';
    await clock.advanceAsync(10_000);
    expect(waits().slice(0, 5)).toEqual([1000, 1300, 1690, 2000, 2000]);
  });

  test('grows by reconnectionDelayGrowFactor, up to 10 s', async () => {
    const { clock, network, waits } = simulated({ minReconnectionDelay: 100, reconnectionDelayGrowFactor: 10 });
    network.dials = 'refuse';
    await clock.advanceAsync(40_000);
    expect(waits().slice(0, 5)).toEqual([100, 1000, 10_000, 10_000, 10_000]);
  });

  test('begins between 1 and 5 s when only the others are given', async () => {
    const { clock, network, waits } = simulated({ maxReconnectionDelay: 60_000 });
    network.dials = 'refuse';
    await clock.advanceAsync(8000);
    expect(waits().slice(0, 2)).toEqual([3000, 3900]);
  });

  test('is drawn at random, as by a LongSocket, when none is given', async () => {
    const { clock, network, waits } = simulated();
    network.dials = 'refuse';
    await clock.advanceAsync(10_000);
    expect(waits().slice(0, 4)).toEqual([250, 500, 1000, 2000]);
  });

  test('begins anew behind a connection that held for minUptime, and so does retryCount', async () => {
    const { clock, network, socket, server, dials } = simulated({ minReconnectionDelay: 1000, minUptime: 500 });
    network.dials = 'refuse';
    await clock.advanceAsync(4000);
    expect(socket.retryCount).toBe(3);
    network.dials = 'accept';
    await clock.advanceAsync(2000);
    expect(socket.readyState).toBe(socket.OPEN);
    expect(socket.retryCount).toBe(0);
    server().close(4000);
    const lost = clock.now() + 10;
    await clock.advanceAsync(900);
    expect(socket.retryCount).toBe(1);
    await clock.advanceAsync(200);
    expect(dials.at(-1)).toBe(lost + 1000);
    // Not for this one.
    await clock.advanceAsync(100);
    server().close(4000);
    await clock.advanceAsync(100);
    expect(socket.retryCount).toBe(2);
  });

  test('is cut short when the page wakes, and by reconnect()', async () => {
    const { clock, network, socket, dials, world } = simulated({
      minReconnectionDelay: 60_000,
      maxReconnectionDelay: 60_000,
    });
    network.dials = 'refuse';
    await clock.advanceAsync(1000);
    world.signal('online');
    await clock.advanceAsync(1000);
    socket.reconnect();
    await clock.advanceAsync(1000);
    expect(dials).toEqual([0, 1000, 2000]);
    expect(socket.retryCount).toBe(1);
  });

  test('is lengthened by what the server asks for', async () => {
    const { clock, dials } = simulated({
      minReconnectionDelay: 100,
      dial: ({ id }, report) => {
        dials.push(clock.now());
        queueMicrotask(() =>
          report({
            type: 'connection-close',
            id,
            code: 1006,
            reason: '',
            wasClean: false,
            status: 503,
            retryAfter: 5000,
          }),
        );
        const nothing = (): void => {};
        return {
          send: nothing,
          close: nothing,
          terminate: nothing,
          bufferedAmount: 0,
          protocol: '',
          extensions: '',
          url: '',
        };
      },
    });
    await clock.advanceAsync(5200);
    expect(dials).toEqual([0, 5100]);
  });
});

describe('a connection', () => {
  test('that falls silent is found dead, is an error and a close, and is replaced', async () => {
    const { clock, network, told } = simulated({ heartbeat: { interval: 1000, timeout: 500 } });
    await clock.advanceAsync(100);
    network.silence();
    await clock.advanceAsync(3000);
    expect(told).toEqual(['open', 'error the peer gave no sign of life', 'close 1006 unclean', 'open']);
    expect(network.open).toBe(1);
  });

  test('that takes too long is given up, and the provider of its url as well', async () => {
    let asked = 0;
    const hung = simulated({ connectionTimeout: 1000, minReconnectionDelay: 100 }, () => {
      asked++;
      return new Promise<string>(() => {});
    });
    await hung.clock.advanceAsync(1050);
    expect([asked, hung.told]).toEqual([1, ['error TIMEOUT']]);
    await hung.clock.advanceAsync(100);
    expect(asked).toBe(2);

    // An answer that comes too late is no connection of the next attempt.
    const answers: ((url: string) => void)[] = [];
    const late = simulated(
      { connectionTimeout: 1000, minReconnectionDelay: 100 },
      () => new Promise((resolve) => answers.push(resolve)),
    );
    await late.clock.advanceAsync(1200);
    expect(answers).toHaveLength(2);
    answers[0]?.('ws://host/late');
    await late.clock.advanceAsync(1000);
    expect([late.dials, late.told]).toEqual([[], ['error TIMEOUT', 'error TIMEOUT']]);

    const silent = simulated({ maxRetries: 0 });
    silent.network.dials = 'hang';
    await silent.clock.advanceAsync(3999);
    expect(silent.told).toEqual([]);
    await silent.clock.advanceAsync(1);
    expect(silent.told).toEqual(['error TIMEOUT', 'close 1006 unclean']);
    expect([silent.network.open, silent.clock.timers]).toEqual([0, 0]);
  });

  test('is the only one in the end, and takes each message once and in order, whatever is called', async () => {
    const { clock, network, socket, received } = simulated({ minReconnectionDelay: 10 });
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    for (let round = 0; round < 20; round++) {
      socket.send(`${round}`);
      if (round % 3 === 0) socket.reconnect();
      if (round % 5 === 0) socket.close();
      if (round % 5 === 1) socket.reconnect();
      if (round % 7 === 0) network.cut();
      await clock.advanceAsync(7 * (round % 4));
    }
    socket.reconnect();
    await clock.advanceAsync(1000);
    expect([network.open, socket.readyState, socket.bufferedAmount]).toEqual([1, 1, 0]);
    const numbers = received.map(Number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers.at(-1)).toBe(19);
    socket.close();
    await clock.advanceAsync(100);
    expect([network.open, clock.timers]).toEqual([0, 0]);
  });

  test('that was left has nothing to say any more, however late it ends', async () => {
    const { clock, network, socket, told } = simulated({ closeTimeout: 2000 });
    await clock.advanceAsync(100);
    network.silence();
    socket.reconnect(4000);
    await clock.advanceAsync(100);
    expect([told, socket.readyState, network.open]).toEqual([['open', 'close 4000', 'open'], 1, 2]);
    await clock.advanceAsync(5000);
    expect([told, socket.readyState, network.open]).toEqual([['open', 'close 4000', 'open'], 1, 1]);
  });

  test('closed from within any event leaves no timer and no connection behind', async () => {
    for (const type of ['open', 'message', 'close', 'error'] as const) {
      const { clock, network, socket, server } = simulated({ minReconnectionDelay: 100 });
      socket.addEventListener(type, () => socket.close());
      await clock.advanceAsync(100);
      if (type !== 'open') server().send('x');
      await clock.advanceAsync(100);
      network.dials = 'refuse';
      network.cut();
      await clock.advanceAsync(5000);
      expect([type, network.open, clock.timers, socket.readyState]).toEqual([type, 0, 0, 3]);
    }
  });
});

describe('close()', () => {
  test('during a wait leaves no timer', async () => {
    const { clock, network, socket } = simulated({ minReconnectionDelay: 8000 });
    network.dials = 'refuse';
    await clock.advanceAsync(100);
    expect(clock.timers).toBe(1);
    socket.close();
    expect(clock.timers).toBe(0);
  });

  test('while the url is still asked for tells nothing, and dials nothing', async () => {
    let answer = (_: string): void => {};
    const { clock, socket, dials, told } = simulated(
      {},
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    await clock.advanceAsync(10);
    expect(socket.readyState).toBe(socket.CONNECTING);
    socket.close();
    answer('ws://host/');
    await clock.advanceAsync(1000);
    expect([told, dials, socket.readyState]).toEqual([[], [], 3]);
  });

  test.each([1234, 999, 5000, 1006, Number.NaN])('with code %d throws, and closes nothing', async (code) => {
    const { clock, socket, told } = simulated();
    await clock.advanceAsync(100);
    expect(() => socket.close(code)).toThrow(/close code must be/);
    expect(() => socket.reconnect(code)).toThrow(/close code must be/);
    expect(() => socket.close(1000, 'x'.repeat(124))).toThrow(/123 bytes/);
    await clock.advanceAsync(100);
    expect([told, socket.readyState, socket.shouldReconnect]).toEqual([['open'], 1, true]);
  });
});

describe('events', () => {
  test('are those of their classes, and of the platform', async () => {
    const { clock, network, socket } = simulated({ minReconnectionDelay: 100 });
    const events: Event[] = [];
    for (const type of ['open', 'message', 'close', 'error'])
      socket.addEventListener(type, (event) => events.push(event));
    await clock.advanceAsync(50);
    network.dials = 'refuse';
    network.cut();
    await clock.advanceAsync(150);
    expect(events.map(({ type }) => type)).toEqual(['open', 'close', 'error', 'close']);
    expect(events[1]).toBeInstanceOf(CloseEvent);
    expect(events[2]).toBeInstanceOf(ErrorEvent);
    expect((events[2] as unknown as ErrorEvent).error).toMatchObject({ code: 'DIAL_FAILED' });
    for (const event of events) expect([event instanceof Event, event.target === socket]).toEqual([true, true]);
  });

  test('can be made as theirs are', () => {
    const close = new CloseEvent(4000, 'why', {});
    expect([close.type, close.code, close.reason, close.wasClean]).toEqual(['close', 4000, 'why', true]);
    const plain = new CloseEvent();
    expect([plain.code, plain.reason]).toEqual([1000, '']);
    expect(new CloseEvent(1006, '', { wasClean: false }).wasClean).toBe(false);
    const cause = new Error('broken');
    const error = new ErrorEvent(cause, {});
    expect([error.type, error.message, error.error]).toEqual(['error', 'broken', cause]);
  });

  test('reach all listeners, also behind a handler that throws', async () => {
    const { clock, socket, told } = simulated();
    const uncaught = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
    try {
      socket.onopen = () => {
        throw new Error('of the handler');
      };
      await clock.advanceAsync(100);
      expect(told).toEqual(['open']);
      // Told as an EventTarget tells it.
      expect(await thrown).toMatchObject({ message: 'of the handler' });
    } finally {
      for (const listener of uncaught) process.on('uncaughtException', listener);
    }
  });
});

describe('options', () => {
  test.each([
    [{ maxRetries: -1 }, 'maxRetries'],
    [{ minReconnectionDelay: Number.NaN }, 'minReconnectionDelay'],
    [{ connectionTimeout: 0 }, 'connectionTimeout'],
    [{ maxEnqueuedMessages: '3' as never }, 'maxEnqueuedMessages'],
    [{ shouldReconnectOnClose: true as never }, 'shouldReconnectOnClose'],
    [{ debugLogger: {} as never }, 'debugLogger'],
    [{ heartbeat: 5 as never }, 'heartbeat'],
  ])('%j are refused by name', (options, name) => {
    expect(() =>
      new ReconnectingWebSocket('ws://host/', undefined, { startClosed: true, ...options }).reconnect(),
    ).toThrow(`option \`${name}\` must be`);
  });

  test.each([123, {}, 'WebSocket'])('a WebSocket that is %j is none', (WebSocket) => {
    const make = (options?: Options) => () => new ReconnectingWebSocket('ws://host/', undefined, options);
    expect(make({ WebSocket })).toThrow(/^No valid WebSocket class provided/);
    vi.stubGlobal('WebSocket', WebSocket);
    expect(make()).toThrow(/^No valid WebSocket class provided/);
  });

  test('that are refused at reconnect() leave what there is as it is', async () => {
    class Changing extends ReconnectingWebSocket {
      change(options: Options): void {
        this._options = options;
      }
    }
    const clock = new VirtualClock();
    const network = new SimulatedNetwork({ clock });
    const told: string[] = [];
    const socket = new Changing('ws://host/', undefined, { clock, dial: network.dial });
    for (const type of ['open', 'close']) socket.addEventListener(type, () => told.push(type));
    await clock.advanceAsync(100);
    socket.change({ clock, dial: network.dial, heartbeat: 5 as never });
    expect(() => socket.reconnect()).toThrow('heartbeat');
    await clock.advanceAsync(100);
    expect([told, socket.readyState, network.open]).toEqual([['open'], 1, 1]);
  });

  test('that nobody knows are let pass', () => {
    expect(
      new ReconnectingWebSocket('ws://host/', undefined, { startClosed: true, room: 'a' } as Options).readyState,
    ).toBe(3);
  });

  test('a WebSocket that the platform forbids is an error, once', async () => {
    class Forbidden {
      static readonly CLOSING = 2;
      constructor() {
        throw Object.assign(new Error('mixed content'), { name: 'SecurityError' });
      }
    }
    const clock = new VirtualClock();
    const errors: string[] = [];
    const socket = new ReconnectingWebSocket('ws://host/', undefined, { clock, WebSocket: Forbidden });
    socket.onerror = ({ message }) => errors.push(message);
    await clock.advanceAsync(100_000);
    expect(errors).toEqual(['mixed content']);
    expect(socket.shouldReconnect).toBe(false);
  });
});

/** A class such as tests of applications bring along. */
class FakeSocket extends EventTarget {
  static readonly CLOSING = 2;
  static made: FakeSocket[] = [];
  readonly args: unknown[];
  readyState = 0;
  readonly url: string;
  readonly protocol = '';
  readonly extensions = '';
  readonly bufferedAmount = 0;
  binaryType = 'blob';
  readonly sent: unknown[] = [];

  constructor(...args: [string]) {
    super();
    this.args = args;
    this.url = args[0];
    FakeSocket.made.push(this);
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(): void {
    this.readyState = 3;
  }
}

describe('a WebSocket class of the application', () => {
  test('is called as those libraries call it, spoken to by its events, and there as _ws', async () => {
    FakeSocket.made = [];
    const clock = new VirtualClock();
    const told: string[] = [];
    const socket = new ReconnectingWebSocket('ws://host/', ['a'], { clock, WebSocket: FakeSocket });
    socket.onopen = () => told.push('open');
    socket.onmessage = ({ data }) => told.push(`message ${data}`);
    socket.send('early');
    await clock.advanceAsync(10);
    const [fake] = FakeSocket.made as [FakeSocket];
    expect([fake.args, socket._ws]).toEqual([['ws://host/', ['a']], fake]);
    fake.open();
    fake.dispatchEvent(new MessageEvent('message', { data: 'hello' }));
    expect([told, fake.sent]).toEqual([['open', 'message hello'], ['early']]);
    socket.close();
    expect(fake.readyState).toBe(3);
  });

  test('may have on… that it never reads, or that it calls beside its listeners', async () => {
    class Deaf extends FakeSocket {
      onopen: unknown = null;
      onmessage: ((event: unknown) => void) | null = null;
    }
    class Both extends Deaf {
      override dispatchEvent(event: Event): boolean {
        if (event.type === 'message') this.onmessage?.(event);
        return super.dispatchEvent(event);
      }
    }
    for (const WebSocket of [Deaf, Both]) {
      FakeSocket.made = [];
      const clock = new VirtualClock();
      const told: string[] = [];
      const socket = new ReconnectingWebSocket('ws://host/', undefined, { clock, WebSocket });
      for (const type of ['open', 'message'] as const) socket.addEventListener(type, () => told.push(type));
      await clock.advanceAsync(10);
      const fake = FakeSocket.made[0] as Deaf;
      fake.open();
      const event = new MessageEvent('message', { data: 'hello' });
      fake.dispatchEvent(event);
      fake.dispatchEvent(event);
      fake.onmessage?.({ data: 'by hand' });
      expect(told).toEqual(['open', 'message', 'message', 'message']);
      socket.close();
    }
  });

  test('is the global one if none is given, as it is at the time', async () => {
    FakeSocket.made = [];
    vi.stubGlobal('WebSocket', FakeSocket);
    const clock = new VirtualClock();
    const socket = new ReconnectingWebSocket('ws://host/', undefined, { clock });
    await clock.advanceAsync(10);
    expect(FakeSocket.made.map(({ args }) => args)).toEqual([['ws://host/']]);
    socket.close();
  });
});

test.each([
  ['rejects', () => Promise.reject(new Error('gone'))],
  [
    'throws',
    () => {
      throw new Error('gone');
    },
  ],
])('a Blob whose reading %s is an error, and what is behind it goes out', async (_, arrayBuffer) => {
  const { clock, socket, received, told } = simulated();
  const broken = Object.assign(new Blob(['x']), { arrayBuffer });
  socket.send('before');
  socket.send(broken);
  socket.send('behind');
  await clock.advanceAsync(100);
  expect(received).toEqual(['before', 'behind']);
  expect(told).toEqual(['open', 'error gone']);
});

test('bytes of another realm, as of a frame, are sent, from a Blob as well', async () => {
  const { clock, socket, received } = simulated();
  const bytes = runInNewContext('new Uint8Array([1, 2, 3]).buffer');
  socket.send(bytes);
  socket.send(Object.assign(new Blob(['xyz']), { arrayBuffer: async () => bytes }));
  await clock.advanceAsync(100);
  expect(received.map((data) => [...new Uint8Array(data as ArrayBuffer)])).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
});

describe('what programs and tests reach for inside', () => {
  const inside = (options: Options = {}) =>
    new ReconnectingWebSocket('ws://host/', undefined, {
      ...options,
      startClosed: true,
    }) as unknown as Inside;

  interface Inside {
    _retryCount: number;
    _getNextDelay(): number | undefined;
    _getNextUrl(provider: unknown): Promise<string>;
    _getNextProtocols(provider: unknown): Promise<unknown>;
  }

  test('_getNextDelay() is 0 at first, then the wait before the retry of _retryCount', () => {
    const socket = inside({ minReconnectionDelay: 50, maxReconnectionDelay: 500, reconnectionDelayGrowFactor: 2 });
    const delays = [0, 1, 2, 3, 4, 5, 6].map((count) => {
      socket._retryCount = count;
      return socket._getNextDelay();
    });
    expect(delays).toEqual([0, 50, 100, 200, 400, 500, 500]);
  });

  test('_getNextUrl() and _getNextProtocols() throw at once for what is none', async () => {
    const socket = inside();
    for (const none of [123, () => 123]) {
      expect(() => socket._getNextUrl(none)).toThrow('Invalid URL');
      expect(() => socket._getNextProtocols(none)).toThrow('Invalid protocols');
    }
    for (const given of ['a', () => 'a', async () => 'a']) expect(await socket._getNextProtocols(given)).toBe('a');
    for (const none of [null, undefined, () => undefined, async () => '']) {
      expect(await socket._getNextProtocols(none)).toBe(null);
    }
  });

  test('a url that is rejected beside protocols that are none is one error, and no unhandled rejection', async () => {
    const clock = new VirtualClock();
    const { dial } = new SimulatedNetwork({ clock });
    const protocols = () => 123 as never;
    const socket = new ReconnectingWebSocket(() => Promise.reject(new Error('no url')), protocols, {
      clock,
      dial,
      maxRetries: 0,
    });
    const errors: string[] = [];
    socket.onerror = ({ message }) => errors.push(message);
    await clock.advanceAsync(100);
    expect(errors).toHaveLength(1);
  });

  test('debug tells of each attempt when it is decided on, and where it goes', async () => {
    const debugLogger = vi.fn();
    const { clock, network, socket } = simulated({ debug: true, debugLogger, minReconnectionDelay: 1000 });
    network.dials = 'refuse';
    expect(debugLogger.mock.calls).toEqual([['RWS>', 'connect', 0]]);
    await clock.advanceAsync(500);
    expect(debugLogger).toHaveBeenCalledWith('RWS>', 'connect', { url: 'ws://host/', protocols: null });
    expect(debugLogger).toHaveBeenCalledWith('RWS>', 'connect', 1);
    debugLogger.mockClear();
    socket.reconnect();
    expect(debugLogger.mock.calls).toEqual([['RWS>', 'connect', 0]]);
  });
});
