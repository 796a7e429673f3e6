import { afterEach, describe, expect, test, vi } from 'vitest';
import { msUntil, systemClock, systemRandom } from '../../src/io/clock.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('the system clock', () => {
  test('goes on with the wall clock, and neither stops nor turns back with it', () => {
    const wall = vi.spyOn(Date, 'now');
    const at = (time: number): number => {
      wall.mockReturnValue(time);
      return systemClock.now();
    };
    const start = at(1e12);
    expect(at(1e12 + 500) - start).toBe(500);
    expect(at(1e12 - 3_600_000) - start).toBe(500);
    expect(at(1e12 - 3_600_000 + 20) - start).toBe(520);
    // Eight hours of sleep are time that passed.
    expect(at(1e12 - 3_600_000 + 20 + 8 * 3_600_000) - start).toBe(520 + 8 * 3_600_000);
  });

  test('sets and clears the platform’s timers, looked up when they are needed', () => {
    const set = vi.fn(() => 'timer');
    const clear = vi.fn();
    vi.stubGlobal('setTimeout', set);
    vi.stubGlobal('clearTimeout', clear);
    const callback = (): void => {};
    expect(systemClock.setTimer(callback, 30)).toBe('timer');
    systemClock.clearTimer('timer');
    expect(set).toHaveBeenCalledWith(callback, 30);
    expect(clear).toHaveBeenCalledWith('timer');
  });
});

test('the system’s chance is Math.random, looked up at each use', () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.25);
  expect(systemRandom()).toBe(0.25);
});

describe('msUntil', () => {
  test('is from one HTTP date to another, or from now', () => {
    const noon = 'Sun, 06 Nov 1994 12:00:00 GMT';
    expect(msUntil('Sun, 06 Nov 1994 12:00:30 GMT', noon)).toBe(30_000);
    vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(1994, 10, 6, 11, 59, 0));
    expect(msUntil(noon)).toBe(60_000);
  });

  test('is NaN for what is no date', () => {
    expect(msUntil('soon')).toBeNaN();
    expect(msUntil('Sun, 06 Nov 1994 12:00:30 GMT', 'sometime')).toBeNaN();
  });
});
