import { afterEach, describe, expect, test, vi } from 'vitest';
import { msUntil, sharedTimers, systemClock, systemRandom } from '../../src/io/clock.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

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

describe('shared timers', () => {
  test('fire together when they are far, at most half a second late, and at their own time when they are near', () => {
    const world = new VirtualClock();
    const clock = sharedTimers(world);
    const fired: [string, number][] = [];
    for (const ms of [100, 2000, 20_010, 20_300, 20_499, 20_501]) {
      clock.setTimer(() => fired.push([String(ms), clock.now()]), ms);
    }
    expect(world.timers).toBe(4);
    world.advance(60_000);
    expect(fired).toEqual([
      ['100', 100],
      ['2000', 2000],
      ['20010', 20_500],
      ['20300', 20_500],
      ['20499', 20_500],
      ['20501', 21_000],
    ]);
    expect(world.timers).toBe(0);
  });

  test('are gone when they are cleared, and the platform’s with the last of them', () => {
    const world = new VirtualClock();
    const clock = sharedTimers(world);
    const fired: string[] = [];
    const [a, b] = ['a', 'b'].map((name) => clock.setTimer(() => fired.push(name), 10_000));
    const near = clock.setTimer(() => fired.push('near'), 5);
    clock.clearTimer(near);
    clock.clearTimer(a);
    clock.clearTimer(a);
    expect(world.timers).toBe(1);
    clock.clearTimer(b);
    expect(world.timers).toBe(0);
    world.advance(20_000);
    expect(fired).toEqual([]);
  });

  test('may be cleared and set by one another while they fire', () => {
    const world = new VirtualClock();
    const clock = sharedTimers(world);
    const fired: string[] = [];
    clock.setTimer(() => {
      fired.push('first');
      clock.clearTimer(second);
      clock.setTimer(() => fired.push('third'), 10_000);
    }, 10_000);
    const second = clock.setTimer(() => fired.push('second'), 10_000);
    world.advance(30_000);
    expect(fired).toEqual(['first', 'third']);
    expect(world.timers).toBe(0);
  });
});
