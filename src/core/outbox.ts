import type { Data, SendVerdict, SessionConfig } from './types.js';

/** Length of a message in bytes on the wire, without framing (text as UTF-8; a lone surrogate becomes U+FFFD, 3 bytes). */
export function byteLength(data: Data): number {
  if (typeof data !== 'string') return data.byteLength;
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

type OutboxBounds = Pick<SessionConfig, 'maxBufferedBytes' | 'maxBufferedMessages' | 'overflow'>;

/** Messages that were accepted and not handed to a connection yet, in order, bounded in bytes and in number. */
export class Outbox {
  #messages: Data[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;
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
    this.#messages.push(detached(data));
    this.#sizes.push(size);
    this.#bytes += size;
  }

  /** The oldest message. Only to be called while `count` is not 0. */
  shift(): Data {
    const head = this.#head++;
    const data = this.#messages[head] as Data;
    this.#messages[head] = '';
    this.#bytes -= this.#sizes[head] as number;
    // Cut the spent part off when it is the larger one: amortised constant time.
    if (this.#head > 32 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
    return data;
  }

  /** Counts a message that was accepted too late to be handed over. */
  drop(): void {
    this.#dropped++;
  }

  /** Empties the outbox and says how many accepted messages were never handed over, dropped ones included. */
  clear(): number {
    const undelivered = this.count + this.#dropped;
    this.#messages = [];
    this.#sizes = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#dropped = 0;
    return undelivered;
  }
}
