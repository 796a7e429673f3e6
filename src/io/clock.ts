/** A source of time, replaceable. All times in ms. */
export interface Clock {
  /** Now. Only differences matter. */
  now(): number;
  setTimer(callback: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

/** The platform's timers; declared here since neither lib.dom nor Node's types are required. */
declare const setTimeout: (callback: () => void, ms: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;

let wall: number | undefined;
let elapsed = 0;

/**
 * Real time. It counts sleep, unlike `performance.now()` on several platforms, and an adjusted wall clock neither stops
 * it nor turns it back, unlike `Date.now()`: only a jump ahead shows, and is taken for sleep, which is harmless.
 */
export const systemClock: Clock = {
  now() {
    const time = Date.now();
    elapsed += Math.max(0, time - (wall ?? time));
    wall = time;
    return elapsed;
  },
  setTimer: (callback, ms) => setTimeout(callback, ms),
  clearTimer: (timer) => clearTimeout(timer),
};

/** The platform's chance. */
export const systemRandom = (): number => Math.random();

/** How long after HTTP date `from` (default: the wall clock) HTTP date `to` is, in ms; NaN if one is no date. */
export const msUntil = (to: string, from?: string): number => Date.parse(to) - (from ? Date.parse(from) : Date.now());
