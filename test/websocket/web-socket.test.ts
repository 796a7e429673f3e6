import { runInNewContext } from 'node:vm';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket } from '../../src/websocket/web-socket.js';
import { bytes, connected, facade, log } from './facade.js';

const named = (name: string): unknown => expect.objectContaining({ name, constructor: DOMException });
const LOST = [1006, '', false];
const pick = ({ CONNECTING, OPEN, CLOSING, CLOSED }: typeof WebSocket.prototype | typeof WebSocket) => ({
  CONNECTING,
  OPEN,
  CLOSING,
  CLOSED,
});

describe('the interface', () => {
  test('has the names, lengths and descriptors that Web IDL gives it', () => {
    expect([WebSocket.name, WebSocket.length]).toEqual(['WebSocket', 1]);
    expect(Object.getPrototypeOf(WebSocket)).toBe(EventTarget);
    expect([WebSocket.prototype.send.length, WebSocket.prototype.close.length]).toEqual([1, 0]);
    expect(Object.getOwnPropertyDescriptor(WebSocket.prototype, Symbol.toStringTag)).toEqual({
      value: 'WebSocket',
      writable: false,
      enumerable: false,
      configurable: true,
    });
    for (const name of ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol']) {
      const descriptor = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
      expect(descriptor).toMatchObject({ enumerable: true, configurable: true, set: undefined });
      expect(descriptor?.get?.name).toBe(`get ${name}`);
    }
    for (const name of ['onopen', 'onmessage', 'onerror', 'onclose', 'binaryType']) {
      const descriptor = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
      expect(descriptor).toMatchObject({ enumerable: true, configurable: true });
      expect(descriptor?.set?.length).toBe(1);
    }
  });

  test('has its constants on itself and on its prototype, unchangeable', () => {
    const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
    for (const holder of [WebSocket, WebSocket.prototype, facade().socket]) expect(pick(holder)).toEqual(states);
    for (const name of Object.keys(states)) {
      expect(Object.getOwnPropertyDescriptor(WebSocket, name)).toMatchObject({ writable: false, configurable: false });
    }
  });

  test('refuses to be called, and to work on anything but a WebSocket', () => {
    const { get } = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'readyState') as PropertyDescriptor;
    expect(() => (WebSocket as unknown as () => unknown)()).toThrow(TypeError);
    expect(() => new (WebSocket as unknown as new () => unknown)()).toThrow(TypeError);
    expect(() => get?.call({})).toThrow(TypeError);
    expect(() => WebSocket.prototype.onopen).toThrow(TypeError);
    expect(() => WebSocket.prototype.send.call({} as WebSocket, 'x')).toThrow(TypeError);
    expect(() => WebSocket.prototype.close.call({} as WebSocket)).toThrow(TypeError);
    expect(() => (connected().socket.send as () => void)()).toThrow(TypeError);
  });

  test('is a real target: once, signal and objects with handleEvent', () => {
    const { socket, clock, server } = connected();
    const heard: string[] = [];
    const controller = new AbortController();
    socket.addEventListener('message', () => heard.push('once'), { once: true });
    socket.addEventListener('message', () => heard.push('signal'), { signal: controller.signal });
    socket.addEventListener('message', { handleEvent: () => heard.push('object') });
    for (const text of ['a', 'b']) server().send(text);
    clock.advance(100);
    controller.abort();
    server().send('c');
    clock.advance(100);
    expect(heard).toEqual(['once', 'signal', 'object', 'signal', 'object', 'object']);
    expect(String(socket)).toBe('[object WebSocket]');
  });
});

describe('the constructor', () => {
  const options = { dial: () => ({}) as never };

  test.each([
    'no url',
    '//host',
    'ws://',
    'ws://host:99999',
    'ws://ho st/',
    'ftp://host/',
    'mailto:a@b',
    'about:blank',
    'ws://host/#frag',
    'ws://host/#',
    'wss://host/?a#b',
  ])('refuses %j with a SyntaxError', (url) => {
    expect(() => new WebSocket(url, [], options)).toThrow(named('SyntaxError'));
  });

  test.each([
    ['ws://host', 'ws://host/'],
    ['WSS://HOST:443/a b', 'wss://host/a%20b'],
    ['http://host:80/x', 'ws://host/x'],
    ['https://host:8443/', 'wss://host:8443/'],
    ['ws://user:pass@host/?q=é', 'ws://user:pass@host/?q=%C3%A9'],
    ['ws://host/\uD800', 'ws://host/%EF%BF%BD'],
    [new URL('ws://host/u'), 'ws://host/u'],
  ])('dials %s as %s', (url, resolved) => {
    const dial = vi.fn(options.dial);
    expect(new WebSocket(url, [], { dial }).url).toBe(resolved);
    expect(dial).toHaveBeenCalledWith(expect.objectContaining({ url: resolved }), expect.anything());
  });

  test('resolves a relative URL against the document, else against where the program is', () => {
    vi.stubGlobal('location', { href: 'https://host/a/worker.js' });
    expect(new WebSocket('live', [], options).url).toBe('wss://host/a/live');
    vi.stubGlobal('document', { baseURI: 'http://base:8080/deep/' });
    expect([new WebSocket('live', [], options).url, new WebSocket('/x', [], options).url]).toEqual([
      'ws://base:8080/deep/live',
      'ws://base:8080/x',
    ]);
    vi.unstubAllGlobals();
  });

  test.each([[''], ['a b'], ['a,b'], ['é'], ['a\u007f'], [['a', 'a']], [['ok', '']], [['a', 'b', '(c)']], [{}]])(
    'refuses the subprotocols %j with a SyntaxError',
    (protocols) => {
      expect(() => new WebSocket('ws://host', protocols as string, options)).toThrow(named('SyntaxError'));
    },
  );

  test.each([
    [undefined, []],
    [[], []],
    ['a', ['a']],
    [
      ['a', 'A', 'b.1'],
      ['a', 'A', 'b.1'],
    ],
    [new Set(['a', 'b']), ['a', 'b']],
    [null, ['null']],
    [[1], ['1']],
  ])('offers the subprotocols %j as %j', (protocols, offered) => {
    const dial = vi.fn(options.dial);
    new WebSocket('ws://host', protocols as string, { dial });
    expect(dial).toHaveBeenCalledWith(expect.objectContaining({ protocols: offered }), expect.anything());
  });

  test('cannot convert a symbol', () => {
    expect(() => new WebSocket(Symbol() as never, [], options)).toThrow(TypeError);
    expect(() => new WebSocket('ws://host', [Symbol()] as never, options)).toThrow(TypeError);
  });
});

describe('before it is open', () => {
  test('it is connecting, with no protocol and no extensions, and tells blobs', () => {
    const { socket } = facade();
    const { url, readyState, bufferedAmount, protocol, extensions, binaryType } = socket;
    expect({ url, readyState, bufferedAmount, protocol, extensions, binaryType }).toEqual({
      url: 'ws://host/path',
      readyState: 0,
      bufferedAmount: 0,
      protocol: '',
      extensions: '',
      binaryType: 'blob',
    });
  });

  test('send() is an InvalidStateError, once its argument is converted', () => {
    const { socket } = facade();
    expect(() => socket.send('x')).toThrow(named('InvalidStateError'));
    expect(() => socket.send(Symbol() as never)).toThrow(TypeError);
    expect(socket.bufferedAmount).toBe(0);
  });

  test('a refused dial is an error and then a close, once everybody could listen', () => {
    const { socket, clock, network } = facade();
    network.dials = 'refuse';
    const { socket: refused, entries } = facade({ clock, dial: network.dial });
    clock.advance(10);
    expect(refused.readyState).toBe(3);
    expect(entries).toEqual(['error', LOST]);
    socket.close();
  });

  test('a dial that throws is no exception, but an error and a close, in a task of their own', async () => {
    const { socket, clock, entries } = facade({
      dial: () => {
        throw new Error('no network');
      },
    });
    await clock.advanceAsync(0);
    expect([socket.readyState, entries]).toEqual([3, ['error', LOST]]);
  });

  test('close() fails it: closing at once, an error and a close in a later task', async () => {
    const { socket, clock, entries, network } = facade();
    socket.close(1000, 'unused');
    expect([socket.readyState, entries]).toEqual([2, []]);
    await Promise.resolve();
    expect([socket.readyState, entries]).toEqual([2, []]);
    clock.advance(0);
    expect([socket.readyState, entries]).toEqual([3, ['error', LOST]]);
    clock.advance(10_000);
    expect([entries.length, network.open, clock.timers]).toEqual([2, 0, 0]);
  });

  test('connectTimeout fails it', () => {
    const { clock, network, entries, socket } = facade({ connectTimeout: 1000 }, { latency: 5000 });
    clock.advance(999);
    expect(socket.readyState).toBe(0);
    clock.advance(1);
    expect([entries, network.open]).toEqual([['error', LOST], 0]);
  });

  test('a server that chooses none of the subprotocols fails it', () => {
    const { clock, network, entries, socket } = facade({}, { protocols: ['a', 'b'] });
    network.serve(() => {});
    clock.advance(100);
    expect([entries, socket.readyState, network.open]).toEqual([['error', LOST], 3, 0]);
  });
});

describe('open', () => {
  test('comes once, with what the server chose', () => {
    const { socket, entries } = connected({}, { protocols: ['chat', 'b'] });
    expect([socket.readyState, socket.protocol, socket.extensions, entries]).toEqual([1, 'chat', '', ['open']]);
  });

  test('what is sent by its listener arrives, and counts until the task is over', () => {
    const { socket, clock, received } = facade();
    let buffered = 0;
    socket.onopen = () => {
      socket.send('é€😀');
      socket.send(new Uint8Array(3));
      buffered = socket.bufferedAmount;
    };
    clock.advance(100);
    expect(buffered).toBe(12);
    expect(socket.bufferedAmount).toBe(0);
    expect(received).toEqual(['é€😀', [0, 0, 0]]);
  });
});

describe('messages', () => {
  test('are message events of the platform’s, with the origin of the URL', () => {
    const { socket, server, clock } = connected();
    const events: MessageEvent[] = [];
    socket.onmessage = (event) => events.push(event);
    server().send('text');
    clock.advance(100);
    const [event] = events;
    expect(event).toBeInstanceOf(MessageEvent);
    expect([event?.data, event?.origin, event?.target === (socket as unknown)]).toEqual(['text', 'ws://host', true]);
  });

  test('that are bytes come as binaryType says when they come', async () => {
    const { socket, server, clock, entries } = connected();
    server().send(Uint8Array.of(1, 2));
    clock.advance(100);
    socket.binaryType = 'arraybuffer';
    server().send(Uint8Array.of(9, 3).subarray(1));
    clock.advance(100);
    const [, blob, buffer] = entries;
    expect(blob).toBeInstanceOf(Blob);
    expect([...new Uint8Array(await (blob as Blob).arrayBuffer())]).toEqual([1, 2]);
    expect(buffer).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(buffer as ArrayBuffer)]).toEqual([3]);
  });

  test('binaryType ignores all other values', () => {
    const { socket } = connected();
    for (const value of ['nodebuffer', 'BLOB', '', null, undefined, 1]) {
      socket.binaryType = value as never;
      expect(socket.binaryType).toBe('blob');
    }
    socket.binaryType = 'arraybuffer';
    socket.binaryType = 'x' as never;
    expect(socket.binaryType).toBe('arraybuffer');
  });

  test('that come once it is closing are dropped', () => {
    const { socket, server, clock, entries } = connected();
    server().send('a');
    server().send('b');
    socket.addEventListener('message', () => socket.close());
    clock.advance(100);
    expect(entries).toEqual(['open', 'a', [1005, '', true]]);
  });
});

describe('send()', () => {
  test('takes text, bytes and whatever can be made text', () => {
    const { socket, clock, received } = connected();
    const data = [
      'text',
      '',
      '\uD800x',
      Uint8Array.of(1, 2, 3).subarray(1),
      Uint8Array.of(4).buffer,
      new DataView(Uint8Array.of(5, 6, 7).buffer, 1, 2),
      new Uint16Array(1),
      5,
      null,
      undefined,
      { toString: () => 'object' },
    ];
    for (const item of data) socket.send(item as string);
    clock.advance(100);
    expect(received).toEqual(['text', '', '\uFFFDx', [2, 3], [4], [6, 7], [0, 0], '5', 'null', 'undefined', 'object']);
  });

  test('refuses bytes that others may change or resize', () => {
    const { socket, clock, received } = connected();
    const resizable = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(4, {
      maxByteLength: 8,
    });
    for (const data of [new Uint8Array(new SharedArrayBuffer(4)), resizable, new Uint8Array(resizable)]) {
      expect(() => socket.send(data)).toThrow(TypeError);
    }
    socket.send(new SharedArrayBuffer(4) as never);
    clock.advance(100);
    expect(received).toEqual(['[object SharedArrayBuffer]']);
  });

  test('may be given a buffer that is used for something else at once', () => {
    const { socket, clock, received } = connected();
    const buffer = Uint8Array.of(1);
    socket.send(buffer);
    buffer[0] = 2;
    clock.advance(100);
    expect(received).toEqual([[1]]);
  });

  test('counts what was sent until the task is over, though the transport has it', () => {
    const { socket, clock } = connected();
    socket.send('abc');
    socket.send('€');
    expect(socket.bufferedAmount).toBe(6);
    clock.advance(0);
    expect(socket.bufferedAmount).toBe(0);
    expect(clock.timers).toBe(1); // The heartbeat’s.
  });

  test('after close() only counts', () => {
    const { socket, clock, received } = connected();
    socket.close();
    socket.send('€');
    expect(socket.bufferedAmount).toBe(3);
    clock.advance(1000);
    expect(socket.readyState).toBe(3);
    for (const data of ['é', new Uint8Array(10), new Blob(['xyz'])]) socket.send(data);
    expect(socket.bufferedAmount).toBe(18);
    clock.advance(1000);
    expect([socket.bufferedAmount, received]).toEqual([18, []]);
  });
});

describe('Blobs', () => {
  /** A Blob that is read when the test says so. */
  class Slow extends Blob {
    release = (): void => {};
    fail = (_: Error): void => {};
    readonly #read = new Promise<void>((resolve, reject) => {
      this.release = resolve;
      this.fail = reject;
    });
    constructor(text: string) {
      super([text]);
    }
    override async arrayBuffer(): Promise<ArrayBuffer> {
      await this.#read;
      return super.arrayBuffer();
    }
  }
  const text = (data: string): number[] => [...Buffer.from(data)];
  /** Node reads a Blob in a few turns of its event loop. */
  const read = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  test('keep their place among messages, which wait for them and count', async () => {
    const { socket, clock, received } = connected();
    const [slow, next] = [new Slow('slow'), new Blob(['next'])];
    const buffer = Uint8Array.of(7);
    socket.send('first');
    socket.send(slow);
    socket.send('é');
    socket.send(buffer);
    socket.send(next);
    buffer[0] = 8;
    expect(socket.bufferedAmount).toBe(5 + 4 + 2 + 1 + 4);
    clock.advance(100);
    expect(received).toEqual(['first']);
    expect(socket.bufferedAmount).toBe(11);
    slow.release();
    await vi.waitFor(() => {
      clock.advance(10);
      expect(received).toHaveLength(5);
    });
    expect(received).toEqual(['first', text('slow'), 'é', [7], text('next')]);
    clock.advance(0);
    expect(socket.bufferedAmount).toBe(0);
  });

  test('that are on their way are waited for by close()', async () => {
    const { socket, clock, received, closes, entries } = connected();
    const slow = new Slow('slow');
    socket.send(slow);
    socket.close(4000, 'bye');
    expect(socket.readyState).toBe(2);
    await clock.advanceAsync(1000);
    expect([received, closes]).toEqual([[], []]);
    slow.release();
    await vi.waitFor(() => {
      clock.advance(20);
      expect(entries).toEqual(['open', [4000, 'bye', true]]);
    });
    expect([received, closes]).toEqual([[text('slow')], [[4000, 'bye', true]]]);
  });

  test('that cannot be read fail the connection', async () => {
    const { socket, clock, entries } = connected();
    const slow = new Slow('gone');
    socket.send(slow);
    socket.send('behind');
    slow.fail(new Error('the file has changed'));
    await read();
    clock.advance(0);
    expect(entries).toEqual(['open', 'error', LOST]);
    expect(socket.bufferedAmount).toBe(10);
  });

  test('whose bytes are of another realm go out', async () => {
    const { socket, clock, received } = connected();
    const bytes = runInNewContext('new Uint8Array([1, 2, 3]).buffer');
    socket.send(Object.assign(new Blob(['xyz']), { arrayBuffer: async () => bytes }));
    await read();
    clock.advance(100);
    expect(received).toEqual([[1, 2, 3]]);
  });

  test('whose bytes are none fail the connection', async () => {
    const { socket, clock, entries } = connected();
    socket.send(Object.assign(new Blob(['gone']), { arrayBuffer: async () => undefined as never }));
    await read();
    clock.advance(0);
    expect(entries).toEqual(['open', 'error', LOST]);
    expect(socket.bufferedAmount).toBe(4);
  });

  test('that are read too late go nowhere, and still count', async () => {
    const { socket, clock, server, entries } = connected();
    const slow = new Slow('late');
    socket.send(slow);
    server().terminate();
    clock.advance(100);
    slow.release();
    await read();
    clock.advance(100);
    expect([entries, socket.bufferedAmount]).toEqual([['open', LOST], 4]);
  });
});

describe('close()', () => {
  test.each([0, 1, 999, 1001, 1005, 1006, 2999, 5000, 65_536 + 1000, null, 'x', Number.NaN, 4999.5])(
    'refuses code %s with an InvalidAccessError, in every state',
    (code) => {
      const { socket, clock } = facade();
      const refused = () => expect(() => socket.close(code as number)).toThrow(named('InvalidAccessError'));
      refused();
      clock.advance(100);
      refused();
      expect(socket.readyState).toBe(1);
      socket.close();
      refused();
      clock.advance(100);
      refused();
    },
  );

  test.each([
    [[], [1005, '']],
    [[undefined], [1005, '']],
    [
      [undefined, 'why'],
      [1000, 'why'],
    ],
    [[1000], [1000, '']],
    [
      ['3000', 'é'],
      [3000, 'é'],
    ],
    [[999.5], [1000, '']],
    [
      [4999, '\uDC00'],
      [4999, '\uFFFD'],
    ],
    [
      [1000, null],
      [1000, 'null'],
    ],
  ])('with %j sends %j', (args, sent) => {
    const { socket, clock, closes, entries } = connected();
    socket.close(...(args as [number]));
    expect(socket.readyState).toBe(2);
    clock.advance(100);
    expect(closes).toEqual([[...sent, true]]);
    expect(entries).toEqual(['open', [...sent, true]]);
  });

  test('refuses a reason of more than 123 bytes with a SyntaxError, behind a code that is none', () => {
    const { socket } = connected();
    expect(() => socket.close(1000, 'é'.repeat(62))).toThrow(named('SyntaxError'));
    expect(() => socket.close(1000, '\uD800'.repeat(42))).toThrow(named('SyntaxError'));
    expect(() => socket.close(1, 'x'.repeat(124))).toThrow(named('InvalidAccessError'));
    expect(socket.readyState).toBe(1);
    socket.close(1000, 'x'.repeat(123));
    expect(socket.readyState).toBe(2);
  });

  test('called again changes nothing, nor does it afterwards', () => {
    const { socket, clock, closes, entries } = connected();
    socket.close(4000, 'first');
    socket.close(4001, 'second');
    clock.advance(100);
    socket.close(4002);
    clock.advance(100);
    expect([closes, entries]).toEqual([[[4000, 'first', true]], ['open', [4000, 'first', true]]]);
  });

  test('comes behind what was sent before it', () => {
    const { socket, clock, received, closes } = connected();
    socket.send('a');
    socket.close(4000);
    clock.advance(100);
    expect([received, closes]).toEqual([['a'], [[4000, '', true]]]);
  });

  test('that nobody answers is over after closeTimeout: without a close frame the code is 1006', () => {
    const { socket, clock, network, entries } = connected({ closeTimeout: 3000 });
    network.silence();
    socket.close(4000, 'bye');
    clock.advance(2999);
    expect(entries).toEqual(['open']);
    clock.advance(1);
    expect(entries).toEqual(['open', LOST]);
    expect([network.open, clock.timers]).toEqual([0, 0]);
  });
});

describe('the end', () => {
  test('by the server has its code and reason, and is clean', () => {
    const { server, clock, entries, socket } = connected();
    server().close(4001, 'enough');
    clock.advance(100);
    expect([entries, socket.readyState]).toEqual([['open', [4001, 'enough', true]], 3]);
  });

  test('without a close frame is 1006, and no error', () => {
    const { server, clock, entries } = connected();
    server().terminate();
    clock.advance(100);
    expect(entries).toEqual(['open', LOST]);
  });

  test('by a dead peer, whom the heartbeat finds, is as by a cut', () => {
    const { clock, network, entries } = connected({ heartbeat: { interval: 1000, timeout: 500 } });
    network.silence();
    clock.advance(2000);
    expect(entries).toEqual(['open', LOST]);
  });

  test('is seen as closed by the listeners of error and of close', () => {
    const { clock, network } = facade();
    network.dials = 'refuse';
    const { socket } = facade({ clock, dial: network.dial });
    const states: number[] = [];
    socket.onerror = () => states.push(socket.readyState);
    socket.onclose = () => states.push(socket.readyState);
    clock.advance(100);
    expect(states).toEqual([3, 3]);
  });

  test('tells what went wrong beside what the standard lets it tell', () => {
    const { clock, network } = facade();
    network.dials = 401;
    const { socket } = facade({ clock, dial: network.dial });
    const told: unknown[] = [];
    socket.onerror = (event) => told.push(event);
    clock.advance(100);
    expect(told).toEqual([expect.objectContaining({ type: 'error', constructor: Event })]);
    expect(told[0]).toMatchObject({ error: { code: 'UPGRADE_REFUSED', ending: { status: 401 } } });
    expect((told[0] as ErrorEvent).message).toContain('401');
  });

  test('is one close for one connection: nothing is ever dialed again', () => {
    for (const end of ['cut', 'close', 'refuse'] as const) {
      const { clock, network, server } = facade();
      if (end === 'refuse') network.dials = 'refuse';
      const { entries } = facade({ clock, dial: network.dial });
      clock.advance(100);
      if (end === 'cut') network.cut();
      if (end === 'close') server().close(1012);
      clock.advance(3_600_000);
      expect(network.dialed).toBe(2);
      expect(entries.filter((entry) => Array.isArray(entry))).toHaveLength(1);
    }
  });
});

describe('a full buffer', () => {
  /** A transport that takes nothing more. */
  function clogged(maxBufferedBytes?: number) {
    const given = facade();
    const made = facade({
      ...(maxBufferedBytes && { maxBufferedBytes }),
      clock: given.clock,
      dial: (request, report) => {
        const connection = given.network.dial(request, report);
        let held = 0;
        return {
          url: request.url,
          protocol: '',
          extensions: '',
          get bufferedAmount() {
            return held;
          },
          send: (data) => {
            held += typeof data === 'string' ? data.length : data.byteLength;
            report({ type: 'connection-backed-up', id: request.id });
          },
          close: (code, reason) => connection.close(code, reason),
          terminate: (code, reason) => connection.terminate(code, reason),
        };
      },
    });
    given.clock.advance(100);
    return { ...made, network: given.network, clock: given.clock };
  }

  test('fails the connection: send() does not throw, an error and a close follow', () => {
    const { socket, clock, network, entries } = clogged(1000);
    socket.send('x');
    socket.send('y'.repeat(1000));
    expect([socket.readyState, socket.bufferedAmount]).toEqual([1, 1001]);
    socket.send('z');
    expect([socket.readyState, socket.bufferedAmount, entries]).toEqual([2, 1002, ['open']]);
    socket.send('more');
    clock.advance(0);
    expect(entries).toEqual(['open', 'error', LOST]);
    expect([socket.readyState, socket.bufferedAmount]).toEqual([3, 1006]);
    clock.advance(1000);
    expect([entries.length, network.open, clock.timers]).toEqual([3, 1, 1]);
  });

  test('is one of 16 MiB unless it is told otherwise, and has room for one message of any size', () => {
    const { socket, clock, entries } = clogged();
    const MiB = 'x'.repeat(1024 * 1024);
    socket.send('first, which the transport has');
    for (let n = 0; n < 16; n++) socket.send(MiB);
    clock.advance(0);
    expect(socket.readyState).toBe(1);
    socket.send('');
    expect(socket.readyState).toBe(1);
    socket.send('x');
    clock.advance(0);
    expect(entries).toEqual(['open', 'error', LOST]);

    const large = clogged();
    large.socket.send('first');
    large.socket.send(new Uint8Array(17 * 1024 * 1024));
    expect(large.socket.readyState).toBe(1);
  });

  test('of messages that wait for a Blob is one as well', async () => {
    const { socket, clock, entries } = connected({ maxBufferedBytes: 10 });
    socket.send(new Blob(['large, but alone']));
    socket.send('behind');
    expect(socket.readyState).toBe(2);
    clock.advance(0);
    expect(entries).toEqual(['open', 'error', LOST]);
  });

  test('found by a listener leads to events in another task', () => {
    const { socket, clock, entries } = clogged(10);
    socket.send('first');
    socket.onmessage = () => socket.send('x'.repeat(8));
    log(socket);
    clock.advance(100);
    socket.send('12345678');
    socket.send('12345678');
    expect(entries).toEqual(['open']);
    clock.advance(0);
    expect(entries).toEqual(['open', 'error', LOST]);
  });
});

test('nothing of a message that is received is shared with what comes next', () => {
  const { socket, server, clock, entries } = connected();
  socket.binaryType = 'arraybuffer';
  server().send(Uint8Array.of(1));
  server().send(Uint8Array.of(2));
  clock.advance(100);
  expect(entries.slice(1).map((data) => [...bytes(data as ArrayBuffer)])).toEqual([[1], [2]]);
});
