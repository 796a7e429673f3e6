import type { Clock } from '../io/clock.js';

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  readonly isTimer: boolean;
}

/**
 * A clock that stands still until it is told to go on: hours of a socket's life in milliseconds, and the same each time.
 * Give it as option `clock`.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  /** Sorted by time, then by order of setting. */
  readonly #entries: Entry[] = [];

  /** What has been let pass so far, in ms. */
  now(): number {
    return this.#now;
  }

  /** Calls back when `ms` have been let pass; returns what {@link clearTimer} takes. */
  setTimer(callback: () => void, ms: number): unknown {
    return this.#insert(callback, ms, true);
  }

  /** Forgets a timer; one that has fired is none any more. */
  clearTimer(timer: unknown): void {
    const index = this.#entries.indexOf(timer as Entry);
    if (index >= 0) this.#entries.splice(index, 1);
  }

  /** Timers that are set: 0 when everything that uses the clock is closed, or something leaks. */
  get timers(): number {
    return this.#entries.filter(({ isTimer }) => isTimer).length;
  }

  /** Lets something happen in the world `ms` from now. Not a timer of anyone's: it is not counted. */
  schedule(callback: () => void, ms: number): void {
    this.#insert(callback, ms, false);
  }

  /** Lets `ms` pass: runs what falls due, in order, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#entries[0]; next && next.at <= end; next = this.#entries[0]) this.#run(next);
    this.#now = end;
  }

  /** As `advance`, but lets promises settle before, between and after what falls due. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (let next = this.#entries[0]; next && next.at <= end; next = this.#entries[0]) {
      this.#run(next);
      await settled();
    }
    this.#now = end;
  }

  /** The machine sleeps for `ms`: time passes, and no timer runs until it is over; the world goes on. */
  sleep(ms: number): void {
    const end = this.#now + ms;
    for (const entry of this.#entries.filter(({ isTimer, at }) => !isTimer && at <= end)) {
      this.#now = Math.max(this.#now, entry.at);
      this.clearTimer(entry);
      entry.callback();
    }
    this.#now = end;
    this.advance(0);
  }

  #run(entry: Entry): void {
    this.#entries.shift();
    this.#now = Math.max(this.#now, entry.at);
    entry.callback();
  }

  #insert(callback: () => void, ms: number, isTimer: boolean): Entry {
    const entry = { at: this.#now + Math.max(0, ms), order: this.#order++, callback, isTimer };
    let index = this.#entries.length;
    while (index > 0 && (this.#entries[index - 1] as Entry).at > entry.at) index--;
    this.#entries.splice(index, 0, entry);
    return entry;
  }
}

/** Enough turns for chains of promises, such as a provider's or a hook's. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
