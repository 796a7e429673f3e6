import { LongSocketError } from '../core/errors.js';
import { byteLength } from '../core/outbox.js';
import type { Data } from '../core/types.js';
import { dataOf } from '../socket/guard.js';
import { isBlob } from '../websocket/arguments.js';
import type { BlobLike } from '../websocket/platform.js';
import type { Message } from './options.js';

/** Messages that wait for a connection, or behind a Blob whose bytes are being read. The order is kept. */
export class MessageQueue {
  /** What waits, oldest first. */
  messages: Message[] = [];
  #reading: Message | undefined;
  readonly #failed: (error: Error) => void;

  /** `failed`: a Blob cannot be read, and is left out. */
  constructor(failed: (error: Error) => void) {
    this.#failed = failed;
  }

  /** @throws LongSocketError `INVALID_MESSAGE` */
  push(message: unknown): void {
    const data = isBlob(message) ? message : dataOf(typeof message === 'number' ? String(message) : message);
    if (data === undefined) {
      const kind = Object.prototype.toString.call(message).slice(8, -1);
      throw new LongSocketError(
        'INVALID_MESSAGE',
        `a message is text, an ArrayBuffer, a view of one or a Blob, got ${kind}: use JSON.stringify`,
      );
    }
    this.messages.push(data);
  }

  /** Takes everything out. */
  drain(): Message[] {
    return this.messages.splice(0);
  }

  /** In bytes, as UTF-8. */
  get bytes(): number {
    return this.messages.reduce(
      (sum, message) => sum + (isBlob(message) ? message.size : byteLength(message as Data)),
      0,
    );
  }

  /** Hands over what waits, for as long as there is `target()` to take it. */
  flush(target: () => ((data: Data) => void) | undefined): void {
    for (let send = target(); send && this.messages.length > 0; send = target()) {
      const message = this.messages[0] as Message;
      if (isBlob(message)) {
        this.#read(message, target);
        return;
      }
      this.messages.shift();
      send(message as Data);
    }
  }

  /** Puts a Blob's bytes in its place, and goes on. */
  #read(
    blob: BlobLike & { arrayBuffer(): Promise<ArrayBuffer> },
    target: () => ((data: Data) => void) | undefined,
  ): void {
    if (this.#reading === blob) return;
    this.#reading = blob;
    const replace = (...bytes: Data[]): void => {
      this.#reading = undefined;
      // It may have been drained meanwhile.
      if (this.messages[0] === blob) this.messages.splice(0, 1, ...bytes);
      this.flush(target);
    };
    read(blob).then(replace, (error) => {
      this.#failed(error);
      replace();
    });
  }
}

/** A stand-in for a Blob may throw, and give anything. */
async function read(blob: { arrayBuffer(): Promise<ArrayBuffer> }): Promise<Data> {
  const data = dataOf(await blob.arrayBuffer());
  if (data === undefined) throw new TypeError('what was to be sent as a Blob gave no bytes');
  return data;
}
