/** A source of time, replaceable. All times in ms. */
export interface Clock {
  /** Now. Only differences matter. */
  now(): number;
  /** Calls back once, after `ms`; returns what {@link clearTimer} takes. */
  setTimer(callback: () => void, ms: number): unknown;
  /** Forgets a timer; one that has fired is none any more. */
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

/** Timers that are due in more than `FAR` ms are far: they fire together with others, at most `GRID` ms late. */
const FAR = 2000;
const GRID = 500;

interface Slot {
  readonly at: number;
  readonly timer: unknown;
  readonly due: Set<SharedTimer>;
}

/** A timer of {@link sharedTimers}: a place in a slot, or one of its own. */
interface SharedTimer {
  readonly callback: () => void;
  readonly slot?: Slot;
  readonly own?: unknown;
}

/**
 * A clock for thousands of sockets: far timers share one of the platform's, so that idle connections neither wake the
 * process one by one nor hold a timer each.
 */
export function sharedTimers(clock: Clock): Clock {
  const slots = new Map<number, Slot>();
  const open = (at: number): Slot => {
    const due = new Set<SharedTimer>();
    const fire = (): void => {
      slots.delete(at);
      for (const timer of due) {
        due.delete(timer);
        try {
          timer.callback();
        } catch (error) {
          // It ends the process, or not, as if the timer had been alone; the others have theirs all the same.
          clock.setTimer(() => {
            throw error;
          }, 0);
        }
      }
    };
    const slot = { at, due, timer: clock.setTimer(fire, at - clock.now()) };
    slots.set(at, slot);
    return slot;
  };
  return {
    now: () => clock.now(),
    setTimer(callback, ms) {
      if (ms <= FAR) return { callback, own: clock.setTimer(callback, ms) };
      const at = Math.ceil((clock.now() + ms) / GRID) * GRID;
      const slot = slots.get(at) ?? open(at);
      const timer: SharedTimer = { callback, slot };
      slot.due.add(timer);
      return timer;
    },
    clearTimer(timer) {
      const { own, slot } = timer as SharedTimer;
      if (!slot) clock.clearTimer(own);
      else if (slot.due.delete(timer as SharedTimer) && slot.due.size === 0 && slots.delete(slot.at)) {
        clock.clearTimer(slot.timer);
      }
    },
  };
}
