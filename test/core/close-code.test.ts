import { describe, expect, test } from 'vitest';
import { closeCodes, endingOf, ownEnding, verdictOn } from '../../src/core/close-code.js';
import type { Ending } from '../../src/core/types.js';

const CLOSED: Ending = { phase: 'open', cause: 'peer', code: 1000, reason: '', wasClean: true };

const verdicts = (ending: Partial<Ending>): [fixed: string, fresh: string] => [
  verdictOn({ ...CLOSED, ...ending }, false),
  verdictOn({ ...CLOSED, ...ending }, true),
];
const always = (verdict: string): [string, string] => [verdict, verdict];
const refused = (status: number): Partial<Ending> => ({ phase: 'dial', cause: 'status', code: 1006, status });

describe('what an ending means, row by row', () => {
  test.each([1006, 1000, 1001, 1005, 1009, 1011, 1014, 1015, 3000, 3999, 4000, 4400, 4402, 4404, 4999])(
    'code %d: retry, since servers, proxies and deploys send it at will',
    (code) => expect(verdicts({ code })).toEqual(always('retry')),
  );

  test.each([1012, 1013])('code %d: spread, the server is restarting or overloaded', (code) =>
    expect(verdicts({ code })).toEqual(always('spread')),
  );

  test.each([429, 503])('HTTP %d: spread', (status) => expect(verdicts(refused(status))).toEqual(always('spread')));

  test.each(['dial', 'timeout', 'provider', 'hook', 'lost', 'dead-peer'] as const)('cause %s: retry', (cause) =>
    expect(verdicts({ cause, code: 1006, wasClean: false })).toEqual(always('retry')),
  );

  test.each([404, 408, 425, 500, 501, 502, 504, 507, 599])(
    'HTTP %d: retry, as load balancers answer during a deploy',
    (status) => expect(verdicts(refused(status))).toEqual(always('retry')),
  );

  test.each([1008, 4401, 4403])('code %d: retry only with credentials that may be fresh', (code) =>
    expect(verdicts({ code })).toEqual(['stop', 'retry']),
  );

  test.each([401, 403, 407])('HTTP %d: retry only with credentials that may be fresh', (status) =>
    expect(verdicts(refused(status))).toEqual(['stop', 'retry']),
  );

  test.each([1002, 1003, 1007, 1010])('code %d: stop, the ends disagree about the protocol', (code) =>
    expect(verdicts({ code })).toEqual(always('stop')),
  );

  test.each([100, 200, 204, 301, 302, 308, 400, 402, 405, 406, 410, 418, 426, 428, 451, 499])(
    'HTTP %d: stop, no WebSocket server or not at this address',
    (status) => expect(verdicts(refused(status))).toEqual(always('stop')),
  );

  test('unsupported: stop, whatever the code', () => {
    expect(verdicts({ cause: 'unsupported', code: 1006 })).toEqual(always('stop'));
    expect(verdicts({ cause: 'unsupported', code: 1012 })).toEqual(always('stop'));
  });

  test('a status counts only where it was the answer to the upgrade', () => {
    expect(verdicts({ cause: 'provider', code: 1006, status: 400 })).toEqual(always('retry'));
  });
});

describe('the ending of a connection', () => {
  const end = { code: 1006, reason: '', wasClean: false };

  test.each([
    ['dial', { ...end }, 'dial'],
    ['dial', { ...end, status: 401 }, 'status'],
    ['dial', { ...end, cause: 'provider' }, 'provider'],
    ['dial', { ...end, cause: 'unsupported' }, 'unsupported'],
    ['greeting', end, 'lost'],
    ['open', end, 'lost'],
    ['greeting', { ...end, code: 4000, wasClean: true }, 'peer'],
    ['open', { ...end, code: 1001 }, 'peer'],
    ['open', { ...end, code: 1005, wasClean: true }, 'peer'],
  ] as const)('while %s, of %o, is caused by %s', (phase, given, cause) => {
    expect(endingOf(phase, given)).toMatchObject({ phase, cause });
  });

  test.each([0, Number.NaN])('reports code %d, as some runtimes give it, as 1006, which is never clean', (code) => {
    expect(endingOf('open', { code, reason: '', wasClean: true })).toEqual({
      phase: 'open',
      cause: 'lost',
      code: 1006,
      reason: '',
      wasClean: false,
    });
  });

  test('carries what is known, and nothing else', () => {
    const error = new Error('refused');
    const full = endingOf('dial', { ...end, status: 503, retryAfter: 7, error });
    expect(full).toStrictEqual({ ...end, phase: 'dial', cause: 'status', status: 503, retryAfter: 7, error });
    expect(endingOf('open', end)).toEqual({ ...end, phase: 'open', cause: 'lost' });
  });

  test.each([Number.NaN, -1, 0])('a Retry-After of %d asks for nothing: a wait must end', (retryAfter) => {
    expect(endingOf('dial', { ...end, status: 503, retryAfter }).retryAfter).toBeUndefined();
  });

  test('is clean only if the closing handshake was completed', () => {
    expect(endingOf('open', { code: 4000, reason: 'r', wasClean: true })).toMatchObject({
      wasClean: true,
      reason: 'r',
    });
    expect(endingOf('open', { code: 4000, reason: '', wasClean: false }).wasClean).toBe(false);
  });
});

test('an ending of one’s own is not clean, and 1006 unless it says otherwise', () => {
  expect(ownEnding('open', 'dead-peer')).toEqual({ ...CLOSED, cause: 'dead-peer', code: 1006, wasClean: false });
  expect(ownEnding('greeting', 'hook', 1006, '', 'why')).toMatchObject({ phase: 'greeting', error: 'why' });
  expect(ownEnding('open', 'caller', 4000, 'bye')).toMatchObject({ code: 4000, reason: 'bye' });
});

test('the codes are those of the RFC and the registry', () => {
  expect(closeCodes).toEqual({
    normal: 1000,
    goingAway: 1001,
    protocolError: 1002,
    unsupportedData: 1003,
    noStatus: 1005,
    abnormal: 1006,
    invalidPayload: 1007,
    policyViolation: 1008,
    tooBig: 1009,
    missingExtension: 1010,
    internalError: 1011,
    serviceRestart: 1012,
    tryAgainLater: 1013,
    badGateway: 1014,
    tlsHandshake: 1015,
    moved: 4900,
    deadPeer: 4901,
    goAwayDeadline: 4902,
    sessionProtocolError: 4903,
    gone: 4904,
    noGreeting: 4905,
    stale: 4907,
    busy: 4908,
  });
});
