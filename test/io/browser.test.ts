import { beforeEach, describe, expect, test, vi } from 'vitest';
import { LongSocket } from '../../src/client/long-socket.js';
import { LongSocketError } from '../../src/core/errors.js';
import type { ConnectionReport } from '../../src/core/types.js';
import { open } from '../../src/io/browser.js';
import type { Connection, DialRequest } from '../../src/io/connection.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { FakeWebSocket } from './helpers/fake-web-socket.js';

beforeEach(() => FakeWebSocket.reset());

const KIB = 1024;

function dial(overrides: Partial<DialRequest> = {}) {
  const clock = new VirtualClock();
  const reports: ConnectionReport[] = [];
  const request = { id: 7, url: 'ws://host/', protocols: ['a', 'b'], binaryType: 'arraybuffer', clock, ...overrides };
  const connection: Connection = open(FakeWebSocket, request as DialRequest, (report) => reports.push(report));
  return { clock, reports, connection, socket: FakeWebSocket.last };
}

/** The same at the application's end. */
function longSocket(options: { closeTimeout?: number; onConnect?: () => unknown } = {}) {
  const clock = new VirtualClock();
  const closes: unknown[] = [];
  const subject = new LongSocket('ws://host/', {
    clock,
    random: () => 0.5,
    signals: () => () => {},
    dial: (request, report) => open(FakeWebSocket, request, report),
    ...options,
  });
  subject.on('close', (detail) => closes.push(detail));
  return { clock, closes, subject };
}

const ENDED = { type: 'connection-close', id: 7, code: 1006, reason: '', wasClean: false };

describe('a dial', () => {
  test('makes one socket, with the protocols and binaryType arraybuffer, and says what the server chose', () => {
    const { socket, connection, reports } = dial();
    expect(socket).toMatchObject({ url: 'ws://host/', protocols: ['a', 'b'], binaryType: 'arraybuffer' });
    expect(connection.ping).toBeUndefined();
    socket.opens({ protocol: 'b', extensions: 'permessage-deflate' });
    expect(reports).toEqual([{ type: 'connection-open', id: 7, canPing: false, protocol: 'b' }]);
    expect(connection).toMatchObject({ protocol: 'b', extensions: 'permessage-deflate', url: 'ws://host/' });
  });

  test.each([
    ['headers', { headers: { a: 'b' } }],
    ['node', { node: { origin: 'http://x' } }],
  ] as const)('refuses option %s, which no browser can fulfil, before anything is made', (name, overrides) => {
    expect(() => dial(overrides)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    expect(() => dial(overrides)).toThrow(`\`${name}\``);
    expect(FakeWebSocket.made).toEqual([]);
  });

  test("gives Deno's own WebSocket the headers, and nobody else's", () => {
    const headers = { a: 'b', list: ['one', 'two'] };
    vi.stubGlobal('Deno', {});
    try {
      expect(() => dial({ headers })).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
      vi.stubGlobal('WebSocket', FakeWebSocket);
      expect(() => dial({ node: {} })).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
      const pairs = [
        ['a', 'b'],
        ['list', 'one'],
        ['list', 'two'],
      ];
      expect(dial({ headers }).socket).toMatchObject({ protocols: { headers: pairs, protocols: ['a', 'b'] } });
      expect(dial().socket).toMatchObject({ protocols: ['a', 'b'] });
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test('reports nothing before it has returned', () => {
    expect(dial().reports).toEqual([]);
  });
});

describe('messages', () => {
  test('arrive as they are, and bytes as binaryType says', () => {
    for (const binaryType of ['arraybuffer', 'uint8array'] as const) {
      const { socket, reports } = dial({ binaryType });
      const bytes = Uint8Array.from([1, 2]).buffer;
      socket.receives('text');
      socket.receives(bytes);
      const data = binaryType === 'arraybuffer' ? bytes : new Uint8Array(bytes);
      expect(reports).toEqual([
        { type: 'message-received', id: 7, data: 'text' },
        { type: 'message-received', id: 7, data },
      ]);
    }
  });

  test('are handed to the socket', () => {
    const { socket, connection } = dial();
    socket.opens();
    connection.send('text');
    socket.bufferedAmount = 9;
    expect(socket.sent).toEqual(['text']);
    expect(connection.bufferedAmount).toBe(9);
  });
});

describe('back-pressure', () => {
  test('above 512 KiB is reported once, and its end as soon as a look finds half of that', () => {
    const { socket, connection, clock, reports } = dial();
    socket.opens();
    reports.length = 0;
    socket.bufferedAmount = 512 * KIB;
    connection.send('x');
    expect(reports).toEqual([]);
    socket.bufferedAmount = 512 * KIB + 1;
    connection.send('x');
    connection.send('x');
    expect(reports).toEqual([{ type: 'connection-backed-up', id: 7 }]);
    socket.bufferedAmount = 256 * KIB + 1;
    clock.advance(1000);
    expect(reports).toHaveLength(1);
    socket.bufferedAmount = 256 * KIB;
    clock.advance(10);
    expect(reports.slice(1)).toEqual([{ type: 'connection-writable', id: 7 }]);
    expect(clock.timers).toBe(0);
    socket.bufferedAmount = 512 * KIB + 1;
    connection.send('x');
    expect(reports).toHaveLength(3);
  });

  test('is not looked at any more when the connection is over', () => {
    for (const end of [(given: ReturnType<typeof dial>) => given.socket.ends(), terminate]) {
      const given = dial();
      given.socket.opens();
      given.socket.bufferedAmount = 1024 * KIB;
      given.connection.send('x');
      end(given);
      expect(given.clock.timers).toBe(0);
    }
  });
});

const terminate = ({ connection }: ReturnType<typeof dial>): void => connection.terminate(4901, 'dead peer');

describe('endings of runtimes', () => {
  test('error, then close (Chromium, Firefox): one end, with the error', () => {
    const { socket, clock, reports } = dial();
    const error = new Error('refused');
    socket.fails({ error });
    socket.ends();
    clock.advance(1000);
    expect(reports).toEqual([{ ...ENDED, error }]);
    expect(clock.timers).toBe(0);
  });

  test('error without close (Node 22, WebKitGTK on a blocked port): the end, after a tick', () => {
    const { socket, clock, reports } = dial();
    socket.fails({ message: 'refused' });
    expect(reports).toEqual([]);
    clock.advance(0);
    expect(reports).toEqual([{ ...ENDED, error: 'refused' }]);
    socket.ends();
    expect(reports).toHaveLength(1);
  });

  test('errors that repeat are one end', () => {
    const { socket, clock, reports } = dial();
    socket.fails({ message: 'first' });
    socket.fails({ message: 'second' });
    clock.advance(0);
    expect(reports).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  test('close without error (Chromium, TCP cut): the end', () => {
    const { socket, reports } = dial();
    socket.opens();
    socket.ends(1006);
    expect(reports[1]).toMatchObject(ENDED);
  });

  test('close twice: one end', () => {
    const { socket, reports } = dial();
    const { onclose } = socket;
    socket.ends(1001, 'away', true);
    onclose?.({ code: 1006, reason: '', wasClean: false } as never);
    expect(reports).toEqual([{ ...ENDED, code: 1001, reason: 'away', wasClean: true, error: undefined }]);
  });

  test('code 0 (Deno): 1006 for the application', () => {
    const { subject } = longSocket();
    FakeWebSocket.last.ends(0);
    expect(subject.state).toMatchObject({ cause: { code: 1006, cause: 'dial', wasClean: false } });
  });

  test('events fired inside close() (Node 24) when hanging up: one close event, and nothing after it', () => {
    const { subject, closes, clock } = longSocket();
    FakeWebSocket.last.opens();
    FakeWebSocket.inClose = (socket) => {
      socket.fails();
      socket.ends(1000, '', true);
    };
    subject.close();
    expect(closes).toEqual([expect.objectContaining({ code: 1000, wasClean: true, cause: 'caller' })]);
    clock.advance(60_000);
    expect(closes).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  test('events fired inside close() when terminating: nothing is heard of it', () => {
    FakeWebSocket.inClose = (socket) => {
      socket.fails();
      socket.ends();
    };
    const given = dial();
    terminate(given);
    given.clock.advance(60_000);
    expect(given.reports).toEqual([]);
    expect(given.clock.timers).toBe(0);
  });

  test('close never comes (Chromium, Deno, Node): closeTimeout ends it', () => {
    const { subject, closes, clock } = longSocket({ closeTimeout: 3000 });
    FakeWebSocket.last.opens();
    subject.close(4000, 'bye');
    clock.advance(2999);
    expect(closes).toEqual([]);
    clock.advance(1);
    expect(closes).toEqual([expect.objectContaining({ code: 4000, reason: 'bye', wasClean: false })]);
    expect(FakeWebSocket.last.onclose).toBeNull();
    expect(clock.timers).toBe(0);
  });

  test('close(1011) is an InvalidAccessError: what may not be sent becomes 1000', () => {
    for (const [code, sent] of [
      [1011, 1000],
      [1001, 1000],
      [2999, 1000],
      [3000, 3000],
      [4999, 4999],
    ] as const) {
      const { connection, socket } = dial();
      connection.close(code, 'why');
      connection.terminate(code, 'why');
      expect(socket.closes).toEqual([
        { code: sent, reason: 'why' },
        { code: sent, reason: 'why' },
      ]);
    }
  });

  test('without a code (1005) none is given, by which none is sent', () => {
    const { connection, socket } = dial();
    connection.close(1005, '');
    connection.terminate(1005, '');
    const none = { code: undefined, reason: undefined };
    expect(socket.closes).toEqual([none, none]);
  });
});

test('bytes of a buffer that was transferred away are sent as an empty message, of a buffer that is there', () => {
  const { socket, connection } = dial();
  socket.opens();
  const bytes = Uint8Array.of(1);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  connection.send(bytes);
  // In this order: a view of what was transferred away cannot be looked at.
  expect(socket.sent[0] === bytes).toBe(false);
  expect(socket.sent).toEqual([new Uint8Array()]);
});

describe('terminate', () => {
  test('closes a socket that is still connecting as well, which blocks its host in Chromium', () => {
    const given = dial();
    terminate(given);
    expect(given.socket.closes).toEqual([{ code: 4901, reason: 'dead peer' }]);
  });

  test('detaches, but leaves an error listener where an error without one would be thrown', () => {
    const given = dial();
    terminate(given);
    expect(given.socket).toMatchObject({ onopen: null, onmessage: null, onclose: null });
    expect(given.socket.onerror).toBeTypeOf('function');
    given.socket.fails();
    given.clock.advance(1000);
    expect(given.reports).toEqual([]);
  });

  test('does not mind a close() that throws', () => {
    FakeWebSocket.inClose = () => {
      throw new Error('InvalidStateError');
    };
    const given = dial();
    expect(() => terminate(given)).not.toThrow();
  });

  test('forgets an error whose close was waited for', () => {
    const given = dial();
    given.socket.fails();
    terminate(given);
    expect(given.clock.timers).toBe(0);
  });

  test('a connecting socket that is given up at connectTimeout is closed, and another dialed', () => {
    const { clock } = longSocket();
    clock.advance(10_000);
    expect(FakeWebSocket.made[0]?.closes).toHaveLength(1);
    clock.advance(250);
    expect(FakeWebSocket.made).toHaveLength(2);
  });
});

test('a constructor that throws is a failed dial, told behind the tick, and one that the page forbids is the last', async () => {
  const fail = async (error: Error) => {
    const clock = new VirtualClock();
    const causes: unknown[] = [];
    const subject = new LongSocket('ws://host/', {
      clock,
      dial: () => {
        throw error;
      },
    });
    subject.on('error', (problem) => causes.push(problem));
    expect(causes).toEqual([]);
    await clock.advanceAsync(0);
    return { state: subject.state, error: causes[0], timers: clock.timers };
  };
  expect((await fail(new Error('SyntaxError'))).state).toMatchObject({
    status: 'connecting',
    cause: { cause: 'dial' },
  });
  const forbidden = await fail(Object.assign(new Error('mixed content'), { name: 'SecurityError' }));
  expect(forbidden).toMatchObject({ state: { status: 'closed', cause: { cause: 'unsupported' } }, timers: 0 });
  expect((await fail(new LongSocketError('UNSUPPORTED', 'no headers'))).state.status).toBe('closed');
});
