import { byteLength } from '../core/outbox.js';
import type { Data } from '../core/types.js';
import type { Clock } from '../io/clock.js';
import type { Socket } from '../socket/socket.js';
import { type Message, parseMessage } from './arguments.js';
import type { PlatformBlob } from './platform.js';

const isBlob = (message: Message): message is PlatformBlob =>
  typeof message !== 'string' && !ArrayBuffer.isView(message);
const sizeOf = (message: Message): number => (isBlob(message) ? message.size : byteLength(message));

/**
 * Messages on their way to a socket, and how many bytes of them are not transmitted yet. A Blob has to be read first: what is sent
 * behind it waits for it, so that the order is kept.
 */
export class Outgoing {
  readonly #socket: Pick<Socket, 'send' | 'pending' | 'bufferedAmount'>;
  readonly #clock: Clock;
  readonly #mostBytes: number;
  /** A message cannot be sent: the buffer is full, say. */
  readonly #refused: (error: unknown) => void;
  /** A Blob, and what waits behind it. */
  readonly #queue: { readonly message: Message; readonly bytes: number }[] = [];
  #queuedBytes = 0;
  #finished: (() => void) | undefined;
  #over = false;
  /** Bytes of messages that will never be transmitted. */
  #lostBytes = 0;
  /** Sizes of the last messages that were handed over, of those at least that wait in the socket. */
  #sizes: number[] = [];
  /** Bytes handed over since the socket was last seen empty: whatever else it holds (headers of frames, say) is nobody's. */
  #sinceEmpty = 0;
  /** What counts until the end of this task, in which something was sent that the transport has taken, or counts otherwise. */
  #inTask: number | undefined;
  #timer: unknown;

  constructor(
    socket: Pick<Socket, 'send' | 'pending' | 'bufferedAmount'>,
    clock: Clock,
    mostBytes: number,
    refused: (error: unknown) => void,
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#mostBytes = mostBytes;
    this.#refused = refused;
  }

  get bufferedAmount(): number {
    return this.#lostBytes + this.#queuedBytes + this.#heldBytes;
  }

  get #heldBytes(): number {
    if (this.#inTask !== undefined) return this.#inTask;
    const held = this.#socket.bufferedAmount;
    if (held === 0) this.#sinceEmpty = 0;
    return Math.min(held, this.#sinceEmpty);
  }

  send(message: Message): void {
    if (this.#queue.length === 0 && !isBlob(message)) {
      this.#hand(message, false);
      return;
    }
    const bytes = sizeOf(message);
    this.#queue.push({ message: isBlob(message) ? message : copied(message), bytes });
    this.#queuedBytes += bytes;
    if (this.#queue.length === 1) this.#work();
    else if (this.#queuedBytes > this.#mostBytes) {
      this.#refused(new Error(`${this.#queuedBytes} bytes wait for a Blob to be read (at most ${this.#mostBytes})`));
    }
  }

  /** What is sent when it is too late only counts. */
  lose(message: Message): void {
    this.#lostBytes += sizeOf(message);
  }

  /** Calls back, once, when all that was sent so far is the socket's. */
  finish(finished: () => void): void {
    if (this.#queue.length === 0) finished();
    else this.#finished = finished;
  }

  /** The socket has ended, with so many messages that no connection ever had. */
  end(undelivered: number): void {
    this.#over = true;
    const unsent = undelivered > 0 ? this.#sizes.slice(-undelivered) : [];
    this.#lostBytes += this.#queuedBytes + unsent.reduce((sum, bytes) => sum + bytes, 0);
    this.#queuedBytes = 0;
    this.#queue.length = this.#sizes.length = 0;
    if (this.#inTask !== undefined) this.#clock.clearTimer(this.#timer);
    this.#inTask = undefined;
  }

  async #work(): Promise<void> {
    for (let first = this.#queue[0]; first; first = this.#queue[0]) {
      const { message, bytes } = first;
      let data: Data;
      try {
        data = isBlob(message) ? await bytesOf(message) : message;
      } catch (error) {
        if (!this.#over) this.#refused(error);
        return;
      }
      if (this.#over) return;
      this.#queue.shift();
      this.#queuedBytes -= bytes;
      this.#hand(data, true);
    }
    this.#finished?.();
  }

  #hand(data: Data, owned: boolean): void {
    const socket = this.#socket;
    const bytes = byteLength(data);
    const expected = this.#heldBytes + bytes;
    try {
      socket.send(data, { owned });
    } catch (error) {
      this.#lostBytes += bytes;
      this.#refused(error);
      return;
    }
    this.#sinceEmpty += bytes;
    if (socket.pending > 0) this.#remember(bytes, socket.pending);
    if (this.#inTask !== undefined || this.#heldBytes !== expected) this.#hold(expected);
  }

  #remember(bytes: number, pending: number): void {
    this.#sizes.push(bytes);
    if (this.#sizes.length > 2 * pending + 32) this.#sizes = this.#sizes.slice(-pending);
  }

  #hold(amount: number): void {
    if (this.#inTask === undefined) {
      this.#timer = this.#clock.setTimer(() => {
        this.#inTask = undefined;
      }, 0);
    }
    this.#inTask = amount;
  }
}

/** A stand-in for a Blob may give anything. */
async function bytesOf(blob: PlatformBlob): Promise<ArrayBufferView> {
  const bytes = parseMessage(await blob.arrayBuffer());
  if (ArrayBuffer.isView(bytes)) return bytes;
  throw new TypeError('what was to be sent as a Blob gave no bytes');
}

/** It may be changed as soon as `send` returns. */
function copied(data: string | ArrayBufferView): string | Uint8Array {
  if (typeof data === 'string') return data;
  const { buffer, byteOffset, byteLength } = data;
  // Of a buffer that was transferred away, no view can be made.
  return byteLength === 0 ? new Uint8Array() : new Uint8Array(buffer, byteOffset, byteLength).slice();
}
