import { describe, expect, test } from 'vitest';
import { seededRandom, VirtualClock } from '../../src/testing.js';

describe('a virtual clock', () => {
  test('stands still until it is told to go on', () => {
    const clock = new VirtualClock();
    const calls: number[] = [];
    clock.setTimer(() => calls.push(clock.now()), 100);
    expect(calls).toEqual([]);
    clock.advance(99);
    expect(calls).toEqual([]);
    clock.advance(1);
    expect(calls).toEqual([100]);
    expect(clock.now()).toBe(100);
  });

  test('runs timers in the order of their times, and of their setting where these are equal', () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.setTimer(() => order.push('late'), 20);
    clock.setTimer(() => order.push('first'), 10);
    clock.setTimer(() => order.push('second'), 10);
    clock.advance(20);
    expect(order).toEqual(['first', 'second', 'late']);
  });

  test('runs timers that timers set, each at its own time', () => {
    const clock = new VirtualClock();
    const at: number[] = [];
    const tick = (): void => {
      at.push(clock.now());
      if (at.length < 4) clock.setTimer(tick, 10);
    };
    clock.setTimer(tick, 10);
    clock.advance(100);
    expect(at).toEqual([10, 20, 30, 40]);
  });

  test('forgets a cleared timer, and counts the others', () => {
    const clock = new VirtualClock();
    const timer = clock.setTimer(() => expect.unreachable(), 10);
    clock.setTimer(() => {}, 10);
    clock.schedule(() => {}, 10);
    expect(clock.timers).toBe(2);
    clock.clearTimer(timer);
    expect(clock.timers).toBe(1);
    clock.advance(10);
    expect(clock.timers).toBe(0);
  });

  test('sleeps: the world goes on, and timers run late, when it is over', () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.setTimer(() => log.push(`timer at ${clock.now()}`), 10);
    clock.schedule(() => log.push(`world at ${clock.now()}`), 20);
    clock.sleep(1000);
    expect(log).toEqual(['world at 20', 'timer at 1000']);
  });

  test('lets promises settle between timers when asked to', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.setTimer(() => Promise.resolve().then(() => log.push(`then at ${clock.now()}`)), 10);
    clock.setTimer(() => log.push(`timer at ${clock.now()}`), 20);
    await clock.advanceAsync(30);
    expect(log).toEqual(['then at 10', 'timer at 20']);
  });
});

describe('seeded random numbers', () => {
  test('repeat themselves for a seed, differ between seeds, and lie in [0, 1)', () => {
    const draw = (seed: number): number[] => Array.from({ length: 1000 }, seededRandom(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    for (const number of draw(3)) expect(number >= 0 && number < 1).toBe(true);
    const mean = draw(4).reduce((sum, number) => sum + number) / 1000;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
  });
});
