import { describe, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../src/io/clock.js';
import { clockOf, lineConfig, type SocketOptions, socketChecks, validate } from '../../src/socket/options.js';

const refusal = (options: unknown): string => {
  try {
    validate(options, socketChecks);
  } catch (error) {
    expect(error).toMatchObject({ name: 'LongSocketError', code: 'INVALID_OPTION' });
    return (error as Error).message;
  }
  return '';
};

const call = (): void => {};

/** For each option: what it may be, and what it may not. */
const VALUES: Record<keyof SocketOptions, readonly [good: readonly unknown[], bad: readonly unknown[]]> = {
  codec: [[{ encode: call, decode: call }], [{ encode: call }, 'json', null, call]],
  heartbeat: [
    [false, {}, { interval: 1 }],
    [true, null, 5, 'ping', call],
  ],
  closeTimeout: [
    [0, 0.5, 5000, Number.POSITIVE_INFINITY],
    [-1, Number.NaN, '5000', null],
  ],
  maxBufferedBytes: [
    [1, 2 ** 40, Number.POSITIVE_INFINITY],
    [0, -1, 1.5, Number.NaN, '1'],
  ],
  maxBufferedMessages: [
    [1, Number.POSITIVE_INFINITY],
    [0, 1.5, Number.NEGATIVE_INFINITY],
  ],
  overflow: [
    ['throw', 'drop-oldest', 'drop-newest'],
    ['drop', '', true],
  ],
  binaryType: [
    ['arraybuffer', 'uint8array'],
    ['blob', 'nodebuffer'],
  ],
  onListenerError: [[call], ['x', {}]],
  inspect: [[call], [true]],
  clock: [
    [{ now: call, setTimer: call, clearTimer: call }],
    [{ now: call, setTimer: call }, null, call, { now: 1, setTimer: call, clearTimer: call }],
  ],
  random: [[Math.random], [0.5]],
};

describe('validation', () => {
  for (const [name, [good, bad]] of Object.entries(VALUES)) {
    test(`${name} is checked, and named when it is wrong`, () => {
      for (const value of [...good, undefined]) expect(refusal({ [name]: value })).toBe('');
      for (const value of bad) expect(refusal({ [name]: value })).toMatch(new RegExp(`^option \`${name}\` must be `));
    });
  }

  test('has a check for each option, and says which there are', () => {
    expect(Object.keys(socketChecks)).toEqual(Object.keys(VALUES));
    const message = refusal({ hartbeat: {} });
    expect(message).toMatch(/^unknown option `hartbeat`; there are: /);
    for (const name of Object.keys(VALUES)) expect(message).toContain(name);
  });

  test('is not taken in by the names of an object’s own methods', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      expect(refusal(JSON.parse(`{"${name}": 1}`))).toContain(`\`${name}\``);
    }
  });

  test.each([null, undefined, 5, 'x', call])('refuses %s as options', (options) => {
    expect(refusal(options)).toMatch(/must be an object/);
  });

  test('says what it got', () => {
    expect(refusal({ closeTimeout: '5s' })).toMatch(/got "5s"$/);
    expect(refusal({ closeTimeout: -1 })).toMatch(/got -1$/);
    expect(refusal({ overflow: Symbol('x') })).toMatch(/got Symbol\(x\)$/);
  });
});

describe('validation of the heartbeat', () => {
  test.each([
    [{ message: 5 }, '`heartbeat.message`'],
    [{ message: null }, '`heartbeat.message`'],
    [{ isReply: 'pong', message: 'ping' }, '`heartbeat.isReply`'],
    [{ interval: 0 }, '`heartbeat.interval`'],
    [{ interval: '5s' }, '`heartbeat.interval`'],
    [{ timeout: 0.5 }, '`heartbeat.timeout`'],
    [{ timeout: Number.NaN }, '`heartbeat.timeout`'],
    [{ announce: 'yes' }, '`heartbeat.announce`'],
    [{ intervall: 5 }, 'unknown option `heartbeat.intervall`'],
    [{ isReply: (): boolean => true }, '`heartbeat.isReply` needs `message`'],
    [{ announce: true }, '`heartbeat.announce` needs `message` and `isReply`'],
    [{ announce: true, message: 'x' }, '`heartbeat.announce` needs `message` and `isReply`'],
    [{ announce: true, isReply: (): boolean => true }, '`heartbeat.announce` needs `message` and `isReply`'],
  ])('refuses %o by naming it', (heartbeat, name) => expect(refusal({ heartbeat })).toContain(name));

  test.each([
    [{ message: 'ping' }],
    [{ message: '', isReply: (): boolean => true }],
    [{ message: new Uint8Array(1) }],
    [{ message: () => 'ping' }],
    [{ interval: 1, timeout: 1 }],
    [{ announce: true, message: 'x', isReply: (): boolean => true }],
    [{ announce: false }],
  ])('takes %o', (heartbeat) => expect(refusal({ heartbeat })).toBe(''));
});

test('the defaults of both ends', () => {
  expect(lineConfig({})).toEqual({
    reconnect: false,
    backoffBase: 0,
    backoffCap: 0,
    minUptime: 0,
    maxAttempts: 0,
    connectTimeout: 0,
    closeTimeout: 5000,
    heartbeat: { kind: 'probe', interval: 25_000, timeout: 5000, message: undefined, isReply: undefined },
    maxBufferedBytes: 1_048_576,
    maxBufferedMessages: 16_384,
    overflow: 'throw',
    greets: false,
    freshCredentials: false,
    maxConnectionAge: Number.POSITIVE_INFINITY,
    random: systemRandom,
  });
  expect(clockOf({})).toBe(systemClock);
});

test('options reach the machine', () => {
  expect(
    lineConfig({
      closeTimeout: 1,
      heartbeat: false,
      maxBufferedBytes: 2,
      maxBufferedMessages: 3,
      overflow: 'drop-oldest',
    }),
  ).toMatchObject({
    closeTimeout: 1,
    heartbeat: { kind: 'none' },
    maxBufferedBytes: 2,
    maxBufferedMessages: 3,
    overflow: 'drop-oldest',
  });
  expect(lineConfig({ random: () => 0.25 }).random()).toBe(0.25);
});

test('a source of chance that fails, or leaves its range, costs no wait and no process', () => {
  const reported: unknown[] = [];
  const drawn = (random: () => number): number =>
    lineConfig({ random, onListenerError: (error) => reported.push(error) }).random();
  for (const value of [Number.NaN, 1, -0.1, Number.POSITIVE_INFINITY]) expect(drawn(() => value)).toBe(0.5);
  expect(
    drawn(() => {
      throw 'thrown';
    }),
  ).toBe(0.5);
  expect(reported).toEqual(['thrown']);
});
