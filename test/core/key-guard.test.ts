import { describe, expect, test } from 'vitest';
import type { Resume } from '../../src/core/frames.js';
import { equal, KEY_PENALTY, KeyGuard } from '../../src/core/key-guard.js';

const resume = (k: string, s = 'sid'): Resume => ({ letter: 'R', v: 1, s, k, n: 1, r: 0, c: 0 });

function guard(): KeyGuard {
  return new KeyGuard((key) => `#${key}`);
}

/** A source tries this many wrong keys. */
function tries(subject: KeyGuard, count: number, source: string | undefined, now = 0): void {
  for (let n = 0; n < count; n++) expect(subject.fits(resume('wrong'), '#key', source, now)).toBe(false);
}

test('a key fits what is kept of it, and no other does', () => {
  expect(guard().fits(resume('key'), '#key', undefined, 0)).toBe(true);
  for (const key of ['', 'ke', 'keyy', 'kez', '#key', 'KEY']) {
    expect(guard().fits(resume(key), '#key', undefined, 0)).toBe(false);
  }
});

test.each([
  ['', '', true],
  ['a', 'a', true],
  ['a', 'b', false],
  ['a', 'aa', false],
  ['aa', 'a', false],
  ['', 'a', false],
  ['a', '', false],
  ['ab', 'ba', false],
  ['\u0000', '', false],
])('%o and %o are equal: %o', (a, b, equals) => expect(equal(a, b)).toBe(equals));

describe('a source of wrong keys', () => {
  test('is punished after five, for that session, until 60 s after the last', () => {
    const subject = guard();
    tries(subject, 4, 'office', 0);
    expect(subject.punishes('sid', 'office', 0)).toBe(false);
    tries(subject, 1, 'office', 1000);
    expect(subject.punishes('sid', 'office', 1000 + KEY_PENALTY - 1)).toBe(true);
    expect(subject.punishes('other', 'office', 1000)).toBe(false);
    expect(subject.punishes('sid', 'home', 1000)).toBe(false);
    expect(subject.punishes('sid', undefined, 1000)).toBe(false);
    expect(subject.punishes('sid', 'office', 1000 + KEY_PENALTY)).toBe(false);
  });

  test('is forgiven all then', () => {
    const subject = guard();
    tries(subject, 5, 'office', 0);
    expect(subject.punishes('sid', 'office', KEY_PENALTY)).toBe(false);
    tries(subject, 4, 'office', KEY_PENALTY);
    expect(subject.punishes('sid', 'office', KEY_PENALTY)).toBe(false);
  });

  test('is nobody if nobody says who it is', () => {
    const subject = guard();
    tries(subject, 20, undefined);
    expect(subject.punishes('sid', undefined, 0)).toBe(false);
  });

  test('is not a right key', () => {
    const subject = guard();
    for (let n = 0; n < 20; n++) subject.fits(resume('key'), '#key', 'office', 0);
    expect(subject.punishes('sid', 'office', 0)).toBe(false);
  });

  test('is one of 10000 that are remembered: the oldest is forgotten', () => {
    const subject = guard();
    tries(subject, 5, 'first');
    tries(subject, 5, 'second');
    for (let n = 0; n < 9999; n++) subject.fits(resume('wrong'), '#key', `source ${n}`, 0);
    expect(subject.punishes('sid', 'first', 0)).toBe(false);
    expect(subject.punishes('sid', 'second', 0)).toBe(true);
  });
});
