import { afterEach, describe, expect, test, vi } from 'vitest';
import { LongSocket } from '../../src/client/long-socket.js';
import {
  clientConfig,
  type LongSocketOptions,
  resolveProtocols,
  resolveUrl,
  validateClient,
} from '../../src/client/options.js';
import { systemRandom } from '../../src/io/clock.js';

afterEach(() => vi.unstubAllGlobals());

const call = (): void => {};

/** What the error says, whose code is `code`; empty when there is none. */
function refusal(run: () => unknown, code: string): string {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ name: 'LongSocketError', code });
    return (error as Error).message;
  }
  return '';
}

const refused = (options: object): string => refusal(() => validateClient('ws://host/', options), 'INVALID_OPTION');

const milliseconds = [
  [0, 1.5, Number.POSITIVE_INFINITY],
  [-1, Number.NaN, '500', null],
] as const;

const finite = [
  [0, 1.5],
  [-1, Number.NaN, Number.POSITIVE_INFINITY, '500', null],
] as const;

type ClientOnly = Omit<LongSocketOptions, keyof import('../../src/socket/options.js').SocketOptions>;

/** For each option of the client alone: what it may be, and what it may not. */
const VALUES: Record<keyof ClientOnly, readonly [good: readonly unknown[], bad: readonly unknown[]]> = {
  protocols: [
    ['chat', ['a', 'b'], [], call],
    ['', [''], ['a', 5], null, 5, {}, 'a b', ['a', 'a'], 'ä'],
  ],
  headers: [
    [{ a: 'b' }, call],
    ['a: b', null, 5, [['a', 'b']]],
  ],
  node: [[{ origin: 'http://x' }], [call, null, 'x']],
  autoConnect: [
    [true, false],
    ['false', 0, null],
  ],
  reconnect: [
    [true, false],
    ['no', {}],
  ],
  backoffBase: finite,
  backoffCap: finite,
  backoff: [[call], [100]],
  minUptime: milliseconds,
  maxAttempts: [
    [1, Number.POSITIVE_INFINITY],
    [0, -1, 1.5, Number.NaN],
  ],
  shouldReconnect: [[call], [true]],
  connectTimeout: [
    [1, Number.POSITIVE_INFINITY],
    [0, -1, Number.NaN, '10s'],
  ],
  onConnect: [[call], [{}]],
  signal: [
    [new AbortController().signal, { aborted: false, addEventListener: call, removeEventListener: call }],
    [{}, true, call, null],
  ],
  WebSocket: [[WeakMap], ['ws', {}]],
  dial: [[call], [{}]],
  signals: [[call], [[]]],
  session: [
    [true, false],
    ['yes', 1, null],
  ],
  onLost: [[], ['retry', true, null]],
  maxConnectionAge: [
    [1, Number.POSITIVE_INFINITY],
    [0, -1, Number.NaN, '1h'],
  ],
};

describe('validation', () => {
  for (const [name, [good, bad]] of Object.entries(VALUES)) {
    test(`${name} is checked, and named when it is wrong`, () => {
      for (const value of [...good, undefined]) expect(refused({ [name]: value })).toBe('');
      for (const value of bad) expect(refused({ [name]: value })).toMatch(new RegExp(`^option \`${name}\` must be `));
    });
  }

  test('covers the options of both ends', () => {
    expect(refused({ closeTimeout: -1 })).toContain('`closeTimeout`');
    expect(refused({ heartbeat: { interval: 0 } })).toContain('`heartbeat.interval`');
  });

  test.each([
    [{ session: true, onConnect: call }, '`onConnect`'],
    [{ session: true, overflow: 'drop-oldest' }, '`overflow`'],
    [{ session: true, overflow: 'drop-newest' }, '`overflow`'],
    [{ session: true, heartbeat: false }, '`heartbeat`'],
    [{ session: true, heartbeat: { message: 'ping' } }, '`heartbeat`'],
    [{ session: true, maxBufferedBytes: 16_777_217 }, '`maxBufferedBytes`'],
    [{ session: true, maxBufferedMessages: Number.POSITIVE_INFINITY }, '`maxBufferedMessages`'],
    [{ onLost: 'close' }, '`onLost` needs `session: true`'],
  ])('refuses %j, which contradicts itself', (options, problem) => {
    expect(refused(options)).toContain(problem);
  });

  test.each([
    { session: true, overflow: 'throw' },
    { session: true, onLost: 'close', heartbeat: { interval: 5000, timeout: 1000 } },
    { session: false, overflow: 'drop-oldest', onConnect: call },
  ])('takes %j', (options) => {
    expect(refused(options)).toBe('');
  });

  test('names an unknown option, and those there are', () => {
    const message = refused({ maxRetries: 3 });
    expect(message).toMatch(/^unknown option `maxRetries`/);
    for (const name of Object.keys(VALUES)) expect(message).toContain(name);
  });

  test('comes before anything is begun', () => {
    const dial = vi.fn();
    expect(() => new LongSocket('ws://host/', { dial, minUptime: -1 })).toThrow('`minUptime`');
    expect(() => new LongSocket('no url', { dial })).toThrow(expect.objectContaining({ code: 'INVALID_URL' }));
    expect(dial).not.toHaveBeenCalled();
  });
});

describe('the url', () => {
  test('that is none is not taken for a path of the page', () => {
    vi.stubGlobal('location', { href: 'https://host/page' });
    try {
      expect(resolveUrl('/path')).toBe('wss://host/path');
      for (const value of [undefined, null, 5, {}, { href: 5 }]) {
        expect(() => resolveUrl(value)).toThrow(expect.objectContaining({ code: 'INVALID_URL' }));
      }
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test.each([
    ['ws://host', 'ws://host/'],
    ['wss://host:8443/a?b=c', 'wss://host:8443/a?b=c'],
    ['http://host/x', 'ws://host/x'],
    ['https://user:key@host/x', 'wss://user:key@host/x'],
    [new URL('ws://host/y'), 'ws://host/y'],
    ['WS://HOST/Path', 'ws://host/Path'],
  ])('%s is dialed as %s', (given, dialed) => expect(resolveUrl(given)).toBe(dialed));

  test.each([
    '',
    'host',
    '/path',
    'ws://',
    'ftp://host',
    'httpx://host',
    'ws://host/#',
    'ws://host/#part',
    null,
    5,
    {},
    [],
  ])('%o is none', (given) => {
    expect(refusal(() => resolveUrl(given), 'INVALID_URL')).not.toBe('');
    expect(refusal(() => validateClient(given, {}), 'INVALID_URL')).not.toBe('');
  });

  test('may be relative in a page', () => {
    vi.stubGlobal('location', { href: 'https://host/app/page' });
    expect(resolveUrl('/socket')).toBe('wss://host/socket');
    expect(resolveUrl('socket')).toBe('wss://host/app/socket');
  });

  test('that is a function is not asked before the dial', () => {
    const provider = vi.fn();
    validateClient(provider, {});
    expect(provider).not.toHaveBeenCalled();
  });
});

describe('protocols', () => {
  test.each([
    [undefined, []],
    [null, []],
    ['a', ['a']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
  ])('%o are %o', (given, list) => expect(resolveProtocols(given)).toEqual(list));

  test.each(['', [''], 5, {}, [['a', 5]]])('%o, from a provider, are refused', (given) => {
    expect(refusal(() => resolveProtocols(given), 'INVALID_OPTION')).toContain('protocols');
  });
});

describe('the machine’s view', () => {
  test('has every default', () => {
    expect(clientConfig('ws://host/', {})).toEqual({
      reconnect: true,
      backoffBase: 500,
      backoffCap: 30_000,
      minUptime: 5000,
      maxAttempts: Number.POSITIVE_INFINITY,
      connectTimeout: 10_000,
      closeTimeout: 5000,
      heartbeat: { kind: 'probe', interval: 25_000, timeout: 5000, message: undefined, isReply: undefined },
      maxBufferedBytes: 1_048_576,
      maxBufferedMessages: 16_384,
      overflow: 'throw',
      greets: false,
      freshCredentials: false,
      maxConnectionAge: Number.POSITIVE_INFINITY,
      onLost: 'new-session',
      random: systemRandom,
      backoff: undefined,
      shouldReconnect: undefined,
    });
  });

  test('waits longer for a dial outside Node, where browsers hold dials back', () => {
    vi.stubGlobal('process', undefined);
    expect(clientConfig('ws://host/', {}).connectTimeout).toBe(20_000);
    expect(clientConfig('ws://host/', { connectTimeout: 1 }).connectTimeout).toBe(1);
  });

  test('has what was given', () => {
    const given = {
      reconnect: false,
      backoffBase: 0,
      backoffCap: 1,
      minUptime: 0,
      maxAttempts: 3,
      connectTimeout: 4,
      closeTimeout: 0,
    };
    expect(clientConfig('ws://host/', given)).toMatchObject(given);
    expect(clientConfig('ws://host/', { onConnect: call }).greets).toBe(true);
  });

  test('takes credentials for fresh when a provider may give others', () => {
    expect(clientConfig(() => 'ws://host/', {}).freshCredentials).toBe(true);
    expect(clientConfig('ws://host/', { protocols: () => 'a' }).freshCredentials).toBe(true);
    expect(clientConfig('ws://host/', { headers: () => ({}) }).freshCredentials).toBe(true);
    expect(clientConfig('ws://host/', { protocols: 'a', headers: {} }).freshCredentials).toBe(false);
  });

  test('lets nothing out that shouldReconnect throws: the table decides then', () => {
    const reported: unknown[] = [];
    const { shouldReconnect } = clientConfig('ws://host/', {
      shouldReconnect: () => {
        throw 'thrown';
      },
      onListenerError: (error) => reported.push(error),
    });
    expect(
      shouldReconnect?.({ phase: 'open', cause: 'lost', code: 1006, reason: '', wasClean: false }),
    ).toBeUndefined();
    expect(reported).toEqual(['thrown']);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '5', null])('takes %j of backoff for no wait', (wait) => {
    const cause = { phase: 'open', cause: 'lost', code: 1006, reason: '', wasClean: false } as const;
    const { backoff } = clientConfig('ws://host/', { backoff: () => wait as number });
    expect(backoff?.({ attempt: 1, cause })).toBeUndefined();
    expect(clientConfig('ws://host/', { backoff: () => 7 }).backoff?.({ attempt: 1, cause })).toBe(7);
  });
});
