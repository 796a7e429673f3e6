import { closedError, type LongSocketError, tooBigError } from '../core/errors.js';
import type { Data } from '../core/types.js';
import type { Driver } from '../io/driver.js';

/** Told when what it waits for has come, or will not, in that very step. */
export interface Waiter {
  resolve(): void;
  reject(error: LongSocketError): void;
}

interface Waiting extends Waiter {
  readonly data: Data;
  readonly owned: boolean;
}

/** Waits for all messages up to this one, counted from the first that was ever accepted. */
interface Milestone extends Waiter {
  last: number;
}

/** Those who wait: writes for room in the buffer, in their order, and others until all is handed over, or has arrived. */
export class Writers {
  readonly #driver: Driver;
  #writes: Waiting[] = [];
  readonly #drains: Milestone[] = [];
  readonly #deliveries: Milestone[] = [];
  /** Writes that were refused behind all: they count, as those that wait do. */
  #refused = 0;
  #settling = false;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** Writes that wait. Whoever sends now would overtake them. */
  get count(): number {
    return this.#writes.length;
  }

  write(data: Data, owned: boolean): Promise<void> {
    return new Promise((resolve, reject) => this.accept(data, owned, { resolve, reject }));
  }

  /** @returns takes it back, if it still waits; then nobody is told */
  accept(data: Data, owned: boolean, { resolve, reject }: Waiter): () => void {
    const waiting = { data, owned, resolve, reject };
    this.#writes.push(waiting);
    this.settle();
    return () => this.#takeBack(waiting);
  }

  #takeBack(waiting: Waiting): void {
    const place = this.#writes.indexOf(waiting);
    if (place < 0) return;
    this.#writes.splice(place, 1);
    // Those who waited for this one, too, wait for one less.
    for (const milestone of [...this.#drains, ...this.#deliveries]) {
      if (milestone.last > this.#taken + place) milestone.last--;
    }
    this.settle();
  }

  drained(): Promise<void> {
    return this.#wait(this.#drains);
  }

  delivered(): Promise<void> {
    return this.#wait(this.#deliveries);
  }

  #wait(waiters: Milestone[]): Promise<void> {
    return new Promise((resolve, reject) => {
      waiters.push({ resolve, reject, last: this.#taken + this.#writes.length });
      this.settle();
    });
  }

  get #taken(): number {
    return this.#driver.accepted + this.#refused;
  }

  /** After every step: is there room now? */
  settle(): void {
    if (this.#settling || this.#writes.length + this.#drains.length + this.#deliveries.length === 0) return;
    this.#settling = true;
    // Out of the list before it is sent: what that leads to may end the life, and with it everybody's wait.
    for (let first = this.#writes.shift(); first; first = this.#writes.shift()) {
      const verdict = this.#driver.send(first.data, first.owned);
      // Whoever waits is not dropped for being the newest.
      if (verdict === 'full' || verdict === 'dropped') {
        this.#writes.unshift(first);
        break;
      }
      if (verdict === 'sent' || verdict === 'queued') first.resolve();
      else {
        this.#refused++;
        first.reject(verdict === 'closed' ? closedError() : tooBigError());
      }
    }
    this.#settling = false;
    reach(this.#drains, this.#taken - this.#driver.queuedCount);
    reach(this.#deliveries, this.#taken - this.#driver.pending);
  }

  /** The session's end: what it retained does not arrive any more. */
  lost(error: LongSocketError): void {
    for (const { reject } of this.#deliveries.splice(0)) reject(error);
  }

  /** The end of the life: nobody waits any longer. */
  fail(error: LongSocketError): void {
    for (const waiters of [this.#writes, this.#drains, this.#deliveries]) {
      for (const { reject } of waiters.splice(0)) reject(error);
    }
  }
}

/** All messages up to this one are where they were waited for. */
function reach(waiters: Milestone[], last: number): void {
  while (waiters[0] && waiters[0].last <= last) waiters.shift()?.resolve();
}
