import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffDelay, nextDelay } from '../../src/core/backoff.js';
import { config } from './helpers/config.js';
import { CUT } from './helpers/machine.js';

const LOST = { ...CUT, phase: 'open', cause: 'lost' } as const;
const HIGHEST = 1 - 2 ** -53;

describe('the wait before a dial', () => {
  test.each([
    [0, 250],
    [1, 500],
    [2, 1000],
    [3, 2000],
    [4, 4000],
    [5, 8000],
    [6, 16_000],
    [7, 30_000],
    [30, 30_000],
    [1e9, 30_000],
  ])('after %d attempts is uniform below %d ms', (attempts, ceiling) => {
    for (const chance of [0, 0.25, 0.5, HIGHEST]) {
      expect(backoffDelay(attempts, LOST, false, config({ random: () => chance }))).toBe(chance * ceiling);
    }
  });

  test('spreads over 5 s at least, and never beyond the cap', () => {
    expect(backoffDelay(0, LOST, true, config())).toBe(2500);
    expect(backoffDelay(5, LOST, true, config())).toBe(4000);
    expect(backoffDelay(0, LOST, true, config({ backoffCap: 1000 }))).toBe(500);
  });

  test('comes on top of Retry-After', () => {
    const ending = { ...LOST, retryAfter: 60_000 };
    expect(backoffDelay(1, ending, false, config())).toBe(60_250);
    expect(backoffDelay(1, ending, true, config({ random: () => 0 }))).toBe(60_000);
  });

  test('is what backoff says, with Retry-After on top, and full jitter where it says nothing', () => {
    const settings = config({ backoff: ({ attempt, cause }) => (cause.code === 1006 ? attempt * 10 : undefined) });
    expect([0, 1, 5].map((attempts) => backoffDelay(attempts, LOST, false, settings))).toEqual([10, 20, 60]);
    expect(backoffDelay(1, { ...LOST, retryAfter: 1000 }, true, settings)).toBe(1020);
    expect(backoffDelay(1, { ...LOST, code: 4000 }, false, settings)).toBe(250);
  });

  test('draws once for each wait', () => {
    let draws = 0;
    const random = (): number => ++draws / 10;
    expect([1, 1, 1].map((attempts) => backoffDelay(attempts, LOST, false, config({ random })))).toEqual([
      50, 100, 150,
    ]);
  });

  test('is finite and within its bounds for any attempts, base and cap', () => {
    const amount = fc.double({ min: 0, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(
        fc.nat(),
        amount,
        amount,
        fc.boolean(),
        fc.double({ min: 0, max: HIGHEST, noNaN: true }),
        (...args) => {
          const [attempts, backoffBase, backoffCap, spread, chance] = args;
          const settings = config({ backoffBase, backoffCap, random: () => chance });
          const delay = backoffDelay(attempts, LOST, spread, settings);
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(backoffCap);
        },
      ),
    );
  });
});

describe('what an ending leads to', () => {
  const refused = { ...LOST, phase: 'dial', cause: 'status', status: 401 } as const;

  test('is a wait where the table says retry, spread over 5 s where it says so', () => {
    expect(nextDelay(LOST, 1, false, config())).toBe(250);
    expect(nextDelay({ ...LOST, code: 1013 }, 1, false, config())).toBe(2500);
  });

  test('is giving up where the table says stop, unless the credentials may be fresh', () => {
    expect(nextDelay(refused, 1, false, config())).toBeUndefined();
    expect(nextDelay(refused, 1, false, config({ freshCredentials: true }))).toBe(250);
  });

  test('is what shouldReconnect says, and the table where it says nothing', () => {
    const decide = (answer: boolean | undefined) => config({ shouldReconnect: () => answer });
    expect(nextDelay(refused, 1, false, decide(true))).toBe(250);
    expect(nextDelay(LOST, 1, false, decide(false))).toBeUndefined();
    expect(nextDelay(LOST, 1, false, decide(undefined))).toBe(250);
    expect(nextDelay(refused, 1, false, decide(undefined))).toBeUndefined();
  });

  test('is giving up at maxAttempts, and with reconnect: false, whatever shouldReconnect says', () => {
    const eager = { shouldReconnect: () => true };
    expect(nextDelay(LOST, 2, false, config({ ...eager, maxAttempts: 3 }))).toBe(500);
    expect(nextDelay(LOST, 3, false, config({ ...eager, maxAttempts: 3 }))).toBeUndefined();
    expect(nextDelay(LOST, 3, true, config({ maxAttempts: 3 }))).toBeUndefined();
    expect(nextDelay(LOST, 0, false, config({ ...eager, reconnect: false }))).toBeUndefined();
  });

  test('is no wait when hurried, and no chance is drawn for it', () => {
    const random = (): number => {
      throw new Error('drawn');
    };
    expect(nextDelay(LOST, 5, true, config({ random }))).toBe(0);
    expect(nextDelay(refused, 5, true, config())).toBeUndefined();
  });
});
