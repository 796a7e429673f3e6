import { LongSocketError } from '../core/errors.js';
import type { State } from '../core/types.js';

/** What of a socket matters here, whatever its messages are; so that one of another build or version will do as well. */
export interface AnySocket {
  /** Where it is. The same object until the next `state` event. */
  readonly state: State;
  /** Calls `listener` for each change of `state`, until the function it returns is called. */
  on(type: 'state', listener: (state: State) => unknown): () => void;
  /** Ends it. */
  close(): void;
}

/** The socket of a component: made when that is on the page, and never by a render, which may come to nothing. */
export class Lease<Own extends AnySocket> {
  readonly #create: () => Own;
  #socket: Own | undefined;
  #tenants = 0;

  constructor(create: () => Own) {
    this.#create = create;
  }

  /** The socket, while there is one. */
  readonly socket = (): Own | undefined => this.#socket;

  /** As `useSyncExternalStore` wants it; the first to come opens the socket, and the last to go closes it. */
  readonly subscribe = (changed: () => void): (() => void) => {
    if (!this.#socket) {
      this.#socket = open(this.#create);
      changed();
    }
    this.#tenants += 1;
    return () => {
      this.#tenants -= 1;
      // StrictMode and hot reloads leave and come back in one go.
      Promise.resolve().then(() => this.#end());
    };
  };

  #end(): void {
    if (this.#tenants > 0) return;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}

function open<Own extends AnySocket>(create: () => Own): Own {
  const socket = create();
  if (isSocket(socket)) return socket;
  throw new LongSocketError(
    'INVALID_ARGUMENT',
    `useLongSocket: \`create\` must return a LongSocket, and at once; it returned ${kindOf(socket)}`,
  );
}

/** By its shape: it may come from another copy of this library. */
export function isSocket(value: unknown): value is AnySocket {
  const { on, close } = Object(value) as Partial<AnySocket>;
  return typeof on === 'function' && typeof close === 'function';
}

export function kindOf(value: unknown): string {
  return value === null || typeof value !== 'object' ? String(value) : Object.prototype.toString.call(value);
}
