import { errorOf } from '../core/errors.js';
import type { CloseDetail } from '../core/types.js';

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(error: unknown): void;
}

/**
 * What is known of a socket's life as promises, from `connect` to the final `close`. They are made when somebody asks:
 * most sockets are asked for none.
 */
export class Life {
  #hasOpened = false;
  #end: CloseDetail | undefined;
  #opened: Deferred<void> | undefined;
  #closed: Deferred<CloseDetail> | undefined;

  /** How it ended, if it has. */
  get end(): CloseDetail | undefined {
    return this.#end;
  }

  get opened(): Promise<void> {
    this.#opened ??= deferred();
    this.#settle();
    return this.#opened.promise;
  }

  get closed(): Promise<CloseDetail> {
    this.#closed ??= deferred();
    this.#settle();
    return this.#closed.promise;
  }

  /** A new life gets new promises, unless nothing has become of those there are. */
  begin(): void {
    if (this.#end) this.#opened = this.#closed = undefined;
    this.#end = undefined;
    this.#hasOpened = false;
  }

  open(): void {
    this.#hasOpened = true;
    this.#settle();
  }

  finish(end: CloseDetail): void {
    this.#end = end;
    this.#settle();
  }

  #settle(): void {
    if (this.#hasOpened) this.#opened?.resolve();
    if (!this.#end) return;
    this.#opened?.reject(errorOf(this.#end));
    this.#closed?.resolve(this.#end);
  }
}

function deferred<Value>(): Deferred<Value> {
  let resolve!: Deferred<Value>['resolve'];
  let reject!: Deferred<Value>['reject'];
  const promise = new Promise<Value>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  promise.catch(() => {}); // Nobody has to listen.
  return { promise, resolve, reject };
}
