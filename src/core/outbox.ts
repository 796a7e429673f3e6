import type { Data, LineConfig, SendVerdict } from './types.js';

/** Node's own counts ten times as fast, lone surrogates as well. Pure, so the core stays free of I/O. */
const counted = (globalThis as { Buffer?: { byteLength?(text: string): number } }).Buffer?.byteLength;
/** Shorter text is counted faster here. */
const SHORT = 32;

/** Length of a message in bytes on the wire, without framing (text as UTF-8; a lone surrogate becomes U+FFFD, 3 bytes). */
export function byteLength(data: Data): number {
  if (typeof data !== 'string') return data.byteLength;
  if (counted && data.length > SHORT) return counted(data);
  let bytes = data.length;
  for (let i = 0; i < data.length; i++) {
    const unit = data.charCodeAt(i);
    if (unit > 0x7f) bytes += unit > 0x7ff ? 2 : 1;
    // A surrogate pair is two units and four bytes: what its first half added is all.
    if (unit >= 0xd800 && unit < 0xdc00 && (data.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++;
  }
  return bytes;
}

/** A copy of bytes that have to wait, so that the caller may reuse the buffer after `send()`. Text needs none. */
export function detached(data: Data): Data {
  if (typeof data === 'string') return data;
  // Nothing to copy; and of a buffer that was transferred away, no view can be made.
  if (data.byteLength === 0) return new Uint8Array();
  const view = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return view.slice();
}

/** Bytes retained by all sessions of a server together. */
export interface Ledger {
  bytes: number;
}

export type OutboxBounds = Pick<LineConfig, 'maxBufferedBytes' | 'maxBufferedMessages' | 'overflow'> & {
  readonly ledger?: Ledger | undefined;
};

/**
 * Messages that were accepted and not let go of yet, in order and numbered from 1, bounded in bytes and in number. A plain
 * connection lets go of a message when it is handed over (`shift`), a session when it is acked (`at`, then `release`).
 */
export class Outbox {
  #messages: Data[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;
  /** Number of the last message let go of, and of the last one handed to a connection. */
  #released = 0;
  #handed = 0;
  /** Bytes of those never handed over. */
  #waitingBytes = 0;
  /** Messages that were accepted, and will never be sent. */
  #dropped = 0;
  readonly #bounds: OutboxBounds;

  constructor(bounds: OutboxBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#messages.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the last message let go of. */
  get released(): number {
    return this.#released;
  }

  /** Number of the last message taken in. */
  get last(): number {
    return this.#released + this.count;
  }

  /** Messages that no connection has been handed yet, and their bytes. */
  get waitingCount(): number {
    return this.last - this.#handed;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Number of the last message that some connection was handed. */
  get handed(): number {
    return this.#handed;
  }

  /** Whether `count` more messages of `bytes` in total fit. One message fits an empty outbox whatever its size. */
  fits(bytes: number, count = 1): boolean {
    const { maxBufferedBytes, maxBufferedMessages } = this.#bounds;
    const total = this.count + count;
    return total === 1 || (total <= maxBufferedMessages && this.#bytes + bytes <= maxBufferedBytes);
  }

  /** What would become of a message, behind `waitingCount` others of `waitingBytes`. */
  verdict(data: Data, waitingBytes: number, waitingCount: number): SendVerdict {
    const { overflow } = this.#bounds;
    // Three bytes for a unit are the most there can be: a long text is seldom counted twice.
    const most = typeof data === 'string' ? data.length * 3 : data.byteLength;
    const fits = (bytes: number): boolean => this.fits(waitingBytes + bytes, waitingCount + 1);
    if (overflow === 'drop-oldest' || fits(most) || fits(byteLength(data))) return 'queued';
    return overflow === 'throw' ? 'full' : 'dropped';
  }

  /** Takes a message in: what `verdict` accepted stays, unless it is the oldest and has to make room. */
  push(data: Data): void {
    const size = byteLength(data);
    while (this.#bounds.overflow === 'drop-oldest' && !this.fits(size)) {
      this.shift();
      this.#dropped++;
    }
    this.retain(detached(data), size);
  }

  /** As `push`, for data that nobody will change, and with its size as it counts here. */
  retain(data: Data, size: number): void {
    this.#messages.push(data);
    this.#sizes.push(size);
    this.#waitingBytes += size;
    this.#count(size);
  }

  /** The oldest message, handed over and let go of. Only to be called while `count` is not 0. */
  shift(): Data {
    const data = this.at(this.#released + 1);
    this.release(this.#released + 1);
    return data;
  }

  /** The message with this number, to be handed over. It must be retained. */
  at(number: number): Data {
    const index = this.#head + number - this.#released - 1;
    if (number > this.#handed) {
      this.#handed = number;
      this.#waitingBytes -= this.#sizes[index] as number;
    }
    return this.#messages[index] as Data;
  }

  /** Lets go of all up to this number. */
  release(number: number): void {
    let bytes = 0;
    for (; this.#released < number; this.#released++) {
      if (this.#released >= this.#handed) this.#waitingBytes -= this.#sizes[this.#head] as number;
      this.#messages[this.#head] = '';
      bytes += this.#sizes[this.#head++] as number;
    }
    if (this.#handed < number) this.#handed = number;
    this.#count(-bytes);
    // Cut the spent part off when it is the larger one: amortised constant time.
    if (this.#head > 32 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Counts a message that was accepted too late to be handed over. */
  drop(): void {
    this.#dropped++;
  }

  /** What is retained, oldest first. */
  retained(): Data[] {
    return this.#messages.slice(this.#head);
  }

  /** Empties the outbox and says how many accepted messages were never handed over, dropped ones included. */
  clear(): number {
    const undelivered = this.waitingCount + this.#dropped;
    this.#count(-this.#bytes);
    this.#messages = [];
    this.#sizes = [];
    this.#head = 0;
    this.#released = this.#handed = this.#waitingBytes = this.#dropped = 0;
    return undelivered;
  }

  /** Continues where another outbox was: the next message has number `released` + 1. Only while empty. */
  startAfter(released: number): void {
    this.#released = this.#handed = released;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    const { ledger } = this.#bounds;
    if (ledger) ledger.bytes += bytes;
  }
}
