import { LongSocketError } from '../core/errors.js';
import { byteLength, detached } from '../core/outbox.js';
import type { ConnectionId, Data } from '../core/types.js';
import type { Connection } from '../io/connection.js';
import type { Driver } from '../io/driver.js';
import { type Codec, checkedData, decodeWith, encodeWith } from '../socket/codec.js';
import type { Greeting } from './options.js';

/** What may pile up unread while `onConnect` works; more is a failed attempt. */
const MOST_BYTES = 1024 * 1024;

interface Reader {
  resolve(data: Data): void;
  reject(error: unknown): void;
}

/** One call of `onConnect`, from the open connection to the application's, or to its end. */
export class PendingGreeting<In, Out> {
  readonly id: ConnectionId;
  readonly #driver: Driver;
  readonly #codec: Codec<In, Out> | undefined;
  readonly #readers: Reader[] = [];
  readonly #unread: Data[] = [];
  #bytes = 0;
  #over = false;

  constructor(id: ConnectionId, driver: Driver, codec: Codec<In, Out> | undefined) {
    this.id = id;
    this.#driver = driver;
    this.#codec = codec;
  }

  async run(
    hook: (connection: Greeting<In, Out>) => unknown,
    connection: Connection,
    reconnected: boolean,
  ): Promise<void> {
    const id = this.id;
    const { protocol, url } = connection;
    try {
      await hook({
        send: (message) => {
          if (this.#over) throw ended();
          const data = this.#codec ? encodeWith(this.#codec, message) : checkedData(message);
          this.#driver.dispatch({ type: 'greeting-send', id, data: detached(data) });
        },
        receive: () => this.#next(),
        reconnected,
        protocol,
        url,
      });
      this.#driver.dispatch({ type: 'greeted', id });
    } catch (error) {
      this.#driver.dispatch({ type: 'greeting-failed', id, error });
    }
  }

  message(data: Data): void {
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve(data);
      return;
    }
    this.#unread.push(data);
    this.#bytes += byteLength(data);
    if (this.#bytes > MOST_BYTES) {
      const error = new LongSocketError('READER_TOO_SLOW', 'over 1 MiB of messages came in before onConnect was done');
      this.#driver.dispatch({ type: 'greeting-failed', id: this.id, error });
    }
  }

  /** The connection is the application's now, or gone. */
  end(): void {
    this.#over = true;
    for (const { reject } of this.#readers.splice(0)) reject(ended());
  }

  /** What the hook did not receive: it belongs to the application. */
  get unread(): readonly Data[] {
    return this.#unread;
  }

  /** A promise that need not be waited for. */
  #next(): Promise<In> {
    const codec = this.#codec;
    const data = this.#receive();
    if (!codec) return data as Promise<In>;
    const message = data.then((data) => decodeWith(codec, data));
    message.catch(() => {});
    return message;
  }

  #receive(): Promise<Data> {
    if (this.#over) {
      const refused = Promise.reject(ended());
      refused.catch(() => {});
      return refused;
    }
    const data = this.#unread.shift();
    if (data === undefined) {
      const next = new Promise<Data>((resolve, reject) => this.#readers.push({ resolve, reject }));
      next.catch(() => {}); // The hook may have stopped waiting for it.
      return next;
    }
    this.#bytes -= byteLength(data);
    return Promise.resolve(data);
  }
}

function ended(): LongSocketError {
  return new LongSocketError('CLOSED', 'onConnect is over: its connection is gone, or the application uses it now');
}
