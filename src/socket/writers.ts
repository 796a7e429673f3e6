import { closedError, type LongSocketError } from '../core/errors.js';
import type { Data } from '../core/types.js';
import type { Driver } from '../io/driver.js';

interface Waiting<Out> {
  readonly data: Out;
  resolve(): void;
  reject(error: LongSocketError): void;
}

/** Those who wait: writes for room in the buffer, in their order, and drains for its emptiness. */
export class Writers<Out> {
  readonly #driver: Driver;
  #writes: Waiting<Out>[] = [];
  #drains: Omit<Waiting<Out>, 'data'>[] = [];
  #settling = false;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** Writes that wait. Whoever sends now would overtake them. */
  get count(): number {
    return this.#writes.length;
  }

  write(data: Out): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writes.push({ data, resolve, reject });
      this.settle();
    });
  }

  drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#drains.push({ resolve, reject });
      this.settle();
    });
  }

  /** After every step: is there room now? */
  settle(): void {
    if (this.#settling || (this.#writes.length === 0 && this.#drains.length === 0)) return;
    this.#settling = true;
    // Out of the list before it is sent: what that leads to may end the life, and with it everybody's wait.
    for (let first = this.#writes.shift(); first; first = this.#writes.shift()) {
      const verdict = this.#driver.send(first.data as Data);
      // Whoever waits is not dropped for being the newest.
      if (verdict === 'full' || verdict === 'dropped') {
        this.#writes.unshift(first);
        break;
      }
      if (verdict === 'closed') first.reject(closedError());
      else first.resolve();
    }
    this.#settling = false;
    if (this.#writes.length === 0 && this.#driver.queuedCount === 0) {
      for (const { resolve } of this.#drains.splice(0)) resolve();
    }
  }

  /** The end of the life: nobody waits any longer. */
  fail(error: LongSocketError): void {
    for (const { reject } of this.#writes.splice(0)) reject(error);
    for (const { reject } of this.#drains.splice(0)) reject(error);
  }
}
