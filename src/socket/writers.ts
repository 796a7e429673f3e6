import { closedError, type LongSocketError, tooBigError } from '../core/errors.js';
import type { Data } from '../core/types.js';
import type { Driver } from '../io/driver.js';

interface Waiter {
  resolve(): void;
  reject(error: LongSocketError): void;
}

interface Waiting<Out> extends Waiter {
  readonly data: Out;
  readonly owned: boolean;
}

/** Those who wait: writes for room in the buffer, in their order, and others until all is handed over, or has arrived. */
export class Writers<Out> {
  readonly #driver: Driver;
  #writes: Waiting<Out>[] = [];
  readonly #drains: Waiter[] = [];
  readonly #deliveries: Waiter[] = [];
  #settling = false;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** Writes that wait. Whoever sends now would overtake them. */
  get count(): number {
    return this.#writes.length;
  }

  write(data: Out, owned: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writes.push({ data, owned, resolve, reject });
      this.settle();
    });
  }

  drained(): Promise<void> {
    return this.#wait(this.#drains);
  }

  delivered(): Promise<void> {
    return this.#wait(this.#deliveries);
  }

  #wait(waiters: Waiter[]): Promise<void> {
    return new Promise((resolve, reject) => {
      waiters.push({ resolve, reject });
      this.settle();
    });
  }

  /** After every step: is there room now? */
  settle(): void {
    if (this.#settling || this.#writes.length + this.#drains.length + this.#deliveries.length === 0) return;
    this.#settling = true;
    // Out of the list before it is sent: what that leads to may end the life, and with it everybody's wait.
    for (let first = this.#writes.shift(); first; first = this.#writes.shift()) {
      const verdict = this.#driver.send(first.data as Data, first.owned);
      // Whoever waits is not dropped for being the newest.
      if (verdict === 'full' || verdict === 'dropped') {
        this.#writes.unshift(first);
        break;
      }
      if (verdict === 'closed') first.reject(closedError());
      else if (verdict === 'too-big') first.reject(tooBigError());
      else first.resolve();
    }
    this.#settling = false;
    if (this.#writes.length > 0) return;
    if (this.#driver.queuedCount === 0) for (const { resolve } of this.#drains.splice(0)) resolve();
    if (this.#driver.pending === 0) for (const { resolve } of this.#deliveries.splice(0)) resolve();
  }

  /** The end of the life: nobody waits any longer. */
  fail(error: LongSocketError): void {
    for (const waiters of [this.#writes, this.#drains, this.#deliveries]) {
      for (const { reject } of waiters.splice(0)) reject(error);
    }
  }
}
