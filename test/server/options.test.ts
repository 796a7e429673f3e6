import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { LongSocketServer } from '../../src/server/long-socket-server.js';
import { type LongSocketServerOptions, peerConfig, validateServer } from '../../src/server/options.js';
import { memoryStore } from '../../src/server/store.js';

/** What a valid set of options becomes with one of them changed. */
const refusal = (options: object): unknown => {
  try {
    validateServer({ noServer: true, ...options } as LongSocketServerOptions);
    return undefined;
  } catch (error) {
    return error;
  }
};

const named = (name: string) =>
  expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(`\`${name}`) });

describe('each option is validated, and named when it is wrong', () => {
  test.each<[name: string, wrong: readonly unknown[], right: readonly unknown[]]>([
    ['path', ['', 'chat', 5], ['/', '/chat']],
    [
      'origins',
      ['https://a.example', ['a.example'], ['https://a.example/'], ['https://a.example/path'], [5], 5, {}],
      ['*', [], ['https://a.example', 'http://127.0.0.1:8080'], () => true],
    ],
    ['authenticate', [true, 'ann', {}], [() => 'ann', async () => undefined]],
    ['handleProtocols', [[], 'chat'], [([first]: string[]) => first]],
    ['sourceOf', ['127.0.0.1'], [() => undefined]],
    ['sessionTtl', [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1'], [1, 120_000]],
    ['maxConnectionAge', [0, -1, Number.NaN, '1'], [1, Number.POSITIVE_INFINITY]],
    ['helloTimeout', [0, Number.POSITIVE_INFINITY, '1'], [1, 15_000]],
    ['maxSessions', [0, 1.5, -1, '1'], [1, Number.POSITIVE_INFINITY]],
    ['maxSessionsPerPrincipal', [0, 1.5, '1'], [1, Number.POSITIVE_INFINITY]],
    ['maxRetainedBytes', [0, 1.5, '1'], [1, Number.POSITIVE_INFINITY]],
    ['maxStall', [0, -1, '1'], [1, Number.POSITIVE_INFINITY]],
    ['maxPayload', [0, 1.5, '1'], [1, Number.POSITIVE_INFINITY]],
    ['perMessageDeflate', ['yes', 1, null], [true, false, { threshold: 100 }]],
    ['store', [{}, { join() {}, claim() {} }, 'memory', null], [memoryStore()]],
    ['closeTimeout', [-1, '1'], [0, Number.POSITIVE_INFINITY]],
    ['maxBufferedBytes', [0, '1', 2 ** 24 + 1, Number.POSITIVE_INFINITY], [1, 2 ** 24]],
    ['maxBufferedMessages', [0, '1', 65_537, Number.POSITIVE_INFINITY], [1, 65_536]],
    ['overflow', ['drop-oldest', 'drop-newest', 'x'], ['throw']],
    ['binaryType', ['blob'], ['arraybuffer', 'uint8array']],
    ['onListenerError', ['x'], [() => {}]],
    ['inspect', [true], [() => {}]],
    ['clock', [{ now: () => 0 }], [{ now: () => 0, setTimer: () => 0, clearTimer: () => {} }]],
    ['random', [0.5], [() => 0.5]],
    [
      'heartbeat',
      [false, { message: 'ping' }, { announce: true }, { interval: 0 }, 5],
      [{}, { interval: 1, timeout: 1 }],
    ],
  ])('%s', (name, wrong, right) => {
    for (const value of wrong) expect([value, refusal({ [name]: value })]).toEqual([value, named(name)]);
    for (const value of right) expect([value, refusal({ [name]: value })]).toEqual([value, undefined]);
    expect(refusal({ [name]: undefined })).toBeUndefined();
  });

  test('port', () => {
    for (const port of [-1, 65_536, 1.5, '80', Number.NaN]) {
      expect(refusal({ noServer: undefined, port })).toEqual(named('port'));
    }
    for (const port of [0, 80, 65_535]) expect(refusal({ noServer: undefined, port })).toBeUndefined();
  });

  test('host, which needs a port', () => {
    for (const host of ['', 5]) expect(refusal({ noServer: undefined, port: 0, host })).toEqual(named('host'));
    expect(refusal({ noServer: undefined, port: 0, host: '127.0.0.1' })).toBeUndefined();
    expect(refusal({ host: '127.0.0.1' })).toEqual(named('host'));
  });

  test('server', () => {
    for (const server of [{}, 5, { on() {} }])
      expect(refusal({ noServer: undefined, server })).toEqual(named('server'));
    expect(refusal({ noServer: undefined, server: createServer() })).toBeUndefined();
  });

  test('noServer', () => {
    expect(refusal({ noServer: 'yes' })).toEqual(named('noServer'));
  });

  test('one that is unknown, with those that there are', () => {
    expect(refusal({ sessionTTL: 5 })).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/`sessionTTL`.*sessionTtl/s),
    });
  });
});

test.each([
  ['none', {}, 0],
  ['none', { noServer: false }, 0],
  ['two', { port: 0, noServer: true }, 2],
  ['three', { port: 0, server: createServer(), noServer: true }, 3],
])('of port, server and noServer there must be one: %s', (_, options, got) => {
  expect(() => new LongSocketServer(options)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(`got ${got}`) }),
  );
});

test('options that are no object are refused', () => {
  for (const options of [undefined, null, 5]) {
    expect(() => new LongSocketServer(options as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  }
});

test('wrong options begin nothing', () => {
  const http = createServer();
  expect(() => new LongSocketServer({ server: http, path: 'x' })).toThrow();
  expect(http.listenerCount('upgrade')).toBe(0);
});

test('what is not given has the documented default', () => {
  const ledger = { bytes: 0 };
  expect(peerConfig({ noServer: true }, ledger)).toEqual({
    ttl: 120_000,
    maxSilence: 25_000,
    probeTimeout: 5000,
    helloTimeout: 15_000,
    closeTimeout: 5000,
    maxConnectionAge: Number.POSITIVE_INFINITY,
    maxPayload: 104_857_600,
    maxBufferedBytes: 1_048_576,
    maxBufferedMessages: 16_384,
    overflow: 'throw',
    ledger,
    maxRetainedBytes: 268_435_456,
    maxStall: Number.POSITIVE_INFINITY,
  });
});
