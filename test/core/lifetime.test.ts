import { describe, expect, test } from 'vitest';
import { Lifetime } from '../../src/core/lifetime.js';

const NEVER = Number.POSITIVE_INFINITY;

/** A lifetime that has seen connections end at these ages, all the time talking unless silent for so long. */
function seen(...ends: readonly (number | readonly [age: number, silence: number])[]): Lifetime {
  const lifetime = new Lifetime(NEVER);
  for (const end of ends) {
    const [age, silence] = typeof end === 'number' ? [end, 0] : end;
    lifetime.ended(age, silence);
  }
  return lifetime;
}

describe('the limit', () => {
  test('is none as long as nothing is known', () => {
    expect(new Lifetime(NEVER).limit).toBe(NEVER);
    expect(new Lifetime(NEVER).idle).toBe(NEVER);
  });

  test('is the least of what is configured, announced and learned', () => {
    const lifetime = new Lifetime(100_000);
    expect(lifetime.limit).toBe(100_000);
    lifetime.announced(300_000);
    expect(lifetime.limit).toBe(100_000);
    lifetime.announced(60_000);
    expect(lifetime.limit).toBe(60_000);
    for (let n = 0; n < 3; n++) lifetime.ended(30_000, 0);
    expect(lifetime.limit).toBe(30_000);
  });

  test.each([undefined, 0])('that was announced is forgotten when the next server announces %s', (none) => {
    const lifetime = new Lifetime(NEVER);
    lifetime.announced(60_000);
    lifetime.announced(none);
    expect(lifetime.limit).toBe(NEVER);
  });
});

describe('a limit is learned', () => {
  test('from three ends at the same age, and is the least of them', () => {
    expect(seen(30_000, 30_100).limit).toBe(NEVER);
    expect(seen(30_100, 30_000, 30_200).limit).toBe(30_000);
  });

  test('give or take 2 %', () => {
    expect(seen(10_000, 10_400, 10_200).limit).toBe(10_000);
    expect(seen(10_000, 10_401, 10_200).limit).toBe(NEVER);
  });

  test('only from the last three', () => {
    expect(seen(20_000, 30_000, 30_000).limit).toBe(NEVER);
    expect(seen(20_000, 30_000, 30_000, 30_000).limit).toBe(30_000);
    expect(seen(30_000, 30_000, 20_000, 30_000).limit).toBe(NEVER);
  });

  test('not from lives shorter than 2 s, which do not count at all', () => {
    expect(seen(1999, 1999, 1999).limit).toBe(NEVER);
    expect(seen(2000, 2000, 2000).limit).toBe(2000);
    expect(seen(30_000, 100, 30_000, 100, 30_000).limit).toBe(30_000);
  });

  test('and never made longer', () => {
    expect(seen(30_000, 30_000, 30_000, 90_000, 90_000, 90_000).limit).toBe(30_000);
    expect(seen(30_000, 30_000, 30_000, 20_000, 20_000, 20_000).limit).toBe(20_000);
  });
});

describe('a limit of silence is learned', () => {
  test('when each of them was silent for nine tenths of its age: then the age is not limited', () => {
    const lifetime = seen([60_000, 54_000], [60_000, 60_000], [60_000, 55_000]);
    expect(lifetime.limit).toBe(NEVER);
    expect(lifetime.idle).toBe(54_000);
  });

  test('not when one of them was not', () => {
    const lifetime = seen([60_000, 54_000], [60_000, 53_999], [60_000, 60_000]);
    expect(lifetime.limit).toBe(60_000);
    expect(lifetime.idle).toBe(NEVER);
  });

  test('and never made longer', () => {
    const silent = (age: number) => [age, age] as const;
    const lifetime = seen(...[60_000, 60_000, 60_000, 90_000, 90_000, 90_000].map(silent));
    expect(lifetime.idle).toBe(60_000);
    for (let n = 0; n < 3; n++) lifetime.ended(30_000, 30_000);
    expect(lifetime.idle).toBe(30_000);
  });
});

describe('rotation', () => {
  test('never comes without a limit', () => {
    expect(new Lifetime(NEVER).rotateAfter(10_000, () => 0.5)).toBe(NEVER);
    expect(new Lifetime(NEVER).handoverLimit(10_000)).toBe(10_000);
  });

  test('comes at random between 80 and 92 % of a long limit', () => {
    const hour = new Lifetime(3_600_000);
    expect(hour.rotateAfter(10_000, () => 0)).toBe(0.8 * 3_600_000);
    expect(hour.rotateAfter(10_000, () => 0.5)).toBeCloseTo(0.86 * 3_600_000, 3);
    expect(hour.rotateAfter(10_000, () => 1 - 2 ** -53)).toBeCloseTo(0.92 * 3_600_000, 3);
  });

  test('leaves time for two dials', () => {
    // 92 % of a minute leave less than 5 s.
    expect(new Lifetime(60_000).rotateAfter(10_000, () => 0.999)).toBe(40_000);
    expect(new Lifetime(60_000).rotateAfter(3000, () => 0.999)).toBe(54_000);
    expect(new Lifetime(60_000).rotateAfter(3000, () => 0)).toBe(48_000);
  });

  test.each([5000, 30_000])('works with a limit of %i ms, too: half of it is left for dialing', (limit) => {
    const lifetime = new Lifetime(limit);
    expect(lifetime.rotateAfter(20_000, () => 0.5)).toBe(limit / 2);
    expect(lifetime.handoverLimit(20_000)).toBe(limit / 4);
  });

  test('draws once, when it is needed', () => {
    let draws = 0;
    const random = () => ++draws / 10;
    new Lifetime(NEVER).rotateAfter(10_000, random);
    expect(draws).toBe(0);
    new Lifetime(1000).rotateAfter(10_000, random);
    expect(draws).toBe(1);
  });
});

describe('what was learned is doubted', () => {
  /** Connections that are replaced in time, one after the other. */
  const rotations = (lifetime: Lifetime, count: number): void => {
    for (let n = 0; n < count; n++) lifetime.rotateAfter(1000, () => 0.5);
  };

  test('after ten rotations: twice as long may be allowed', () => {
    const lifetime = seen(30_000, 30_000, 30_000);
    rotations(lifetime, 10);
    expect(lifetime.limit).toBe(30_000);
    rotations(lifetime, 1);
    expect(lifetime.limit).toBe(60_000);
  });

  test('later, each time that it proved true', () => {
    const lifetime = seen(30_000, 30_000, 30_000);
    rotations(lifetime, 11);
    lifetime.ended(30_000, 0);
    expect(lifetime.limit).toBe(30_000);
    rotations(lifetime, 20);
    expect(lifetime.limit).toBe(30_000);
    rotations(lifetime, 1);
    expect(lifetime.limit).toBe(60_000);
  });

  test('and forgotten, where nothing confirms it', () => {
    const lifetime = seen(30_000, 30_000, 30_000);
    rotations(lifetime, 1000);
    expect(lifetime.limit).toBe(NEVER);
  });

  test('but not what the server or an option says', () => {
    const lifetime = new Lifetime(30_000);
    rotations(lifetime, 1000);
    expect(lifetime.limit).toBe(30_000);
  });
});
