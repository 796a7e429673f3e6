import { describe, expect, test } from 'vitest';
import { errorOf, LongSocketError } from '../../src/core/errors.js';
import type { Ending } from '../../src/core/types.js';

const LOST: Ending = { phase: 'open', cause: 'lost', code: 1006, reason: '', wasClean: false };

describe('LongSocketError', () => {
  test('is an Error with a code', () => {
    const error = new LongSocketError('CLOSED', 'gone');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'LongSocketError', code: 'CLOSED', message: 'gone' });
    expect(Object.hasOwn(error, 'cause')).toBe(false);
    expect(error.ending).toBeUndefined();
    expect(Object.keys(error)).not.toContain('longsocket.error');
  });

  test('is recognised by instanceof across copies of the library, and nothing else is', () => {
    const ofAnotherCopy = Object.defineProperty(new Error('x'), Symbol.for('longsocket.error'), { value: true });
    expect(ofAnotherCopy instanceof LongSocketError).toBe(true);
    for (const value of [new Error('x'), null, undefined, 'CLOSED', 3, {}, { code: 'CLOSED' }]) {
      expect(value instanceof LongSocketError).toBe(false);
    }
  });
});

describe('the error of an ending', () => {
  test.each([
    ['provider', 'PROVIDER_FAILED'],
    ['dial', 'DIAL_FAILED'],
    ['status', 'UPGRADE_REFUSED'],
    ['unsupported', 'UNSUPPORTED'],
    ['timeout', 'CONNECT_TIMEOUT'],
    ['hook', 'HOOK_FAILED'],
    ['lost', 'CONNECTION_LOST'],
    ['peer', 'PEER_CLOSED'],
    ['dead-peer', 'DEAD_PEER'],
    ['caller', 'CLOSED'],
  ] as const)('by %s has code %s and the ending itself', (cause, code) => {
    const ending = { ...LOST, cause };
    const error = errorOf(ending);
    expect(error.code).toBe(code);
    expect(error.ending).toBe(ending);
  });

  test('says the status or the code, and what the inner error said', () => {
    expect(errorOf({ ...LOST, cause: 'status', status: 403 }).message).toMatch(/HTTP status 403$/);
    expect(errorOf({ ...LOST, cause: 'peer', code: 4007 }).message).toMatch(/code 4007$/);
    const inner = new Error('ECONNREFUSED');
    const error = errorOf({ ...LOST, cause: 'dial', error: inner });
    expect(error.message).toMatch(/: ECONNREFUSED$/);
    expect(error.cause).toBe(inner);
    expect(errorOf({ ...LOST, error: 'text' }).message).not.toContain('text');
    expect(errorOf({ ...LOST, error: new Error('') }).message).toMatch(/frame$/);
  });
});
