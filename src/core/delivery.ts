import { type Control, encode, type Fin, framed, isPlain, MALFORMED, parse, unframed } from './frames.js';
import type { Link } from './link.js';
import { byteLength, detached, Outbox, type OutboxBounds } from './outbox.js';
import type { Data, SendVerdict } from './types.js';

/** An ack is due after so many consumed messages or bytes, or so long after the first one, in ms. */
const ACK_MESSAGES = 32;
const ACK_BYTES = 256 * 1024;
const ACK_DELAY = 1000;
/** Acks for duplicates are at least so far apart, in ms: after a rotation many may come in a row. */
const REPEAT_GAP = 50;
/** Own messages unacked for so long, in ms, and four round trips, are a reason to ask whether anybody is there. */
const OVERDUE = 1500;
/** How long to wait for that answer, in ms. */
const OVERDUE_LIMIT = 3000;
/** Doublings of the time for an answer. */
const MOST_LENIENT = 5;
/** The most that an end may retain. Of a peer's messages twice that is kept, for an application that does not read. */
export const MOST_RETAINED = 16 * 1024 * 1024;
export const MOST_MESSAGES = 65_536;
const MOST_UNREAD = 2 * MOST_MESSAGES;

/** Right now: before any time there is. */
const AT_ONCE = Number.NEGATIVE_INFINITY;

/** Both directions of a session, as plain data: what a server hands over to another. */
export interface DeliverySnapshot {
  /** Number of the last message that the client has acked. */
  readonly acked: number;
  /** Number of the last message that a connection was handed. */
  readonly handed: number;
  /** What is not acked, as it goes over the wire, oldest first. */
  readonly retained: readonly Data[];
  /** Number of the last message that the server's application has had. */
  readonly consumed: number;
  /** A FIN was sent: the last of `retained`, or acked. */
  readonly fin: boolean;
  /** The client's FIN, if it came. */
  readonly peerFin: Fin | undefined;
}

/**
 * Exactly once and in order, over any number of connections; the same on both ends (PROTOCOL.md §4).
 *
 * A message's number is its position in its direction. It is never written on a message: a connection counts, from a
 * number that both ends agreed on when it was taken into use (`Link.cursor`, `Link.expected`).
 */
export class Delivery {
  // Sending: `acked` ≤ every link's cursor - 1 ≤ `last`.
  readonly #outbox: Outbox;
  /** Number of our FIN, the last of its direction; 0: none yet. */
  #fin = 0;
  /** Since when messages wait for an ack, on the connection there is. */
  #waitingSince: number | undefined;
  /** Connections in a row that were given up as dead, without an ack between. */
  #deaths = 0;
  /** Smoothed round trip, in ms. */
  #roundTrip = 0;

  // Receiving: `#reported` ≤ `consumed` ≤ `rcvd`.
  /** Number of the last message that was accepted, and of the last one the application has had. */
  rcvd = 0;
  consumed = 0;
  #peerFin: Fin | undefined;
  /** The application takes messages when it wants them, and says so (`read`); else they are consumed as they come. */
  #pulls = true;
  /** What the peer was told of `consumed`. */
  #reported = 0;
  #unreportedBytes = 0;
  #unreportedSince: number | undefined;
  /** A duplicate came in: the peer does not know what we have. When to tell it, and when a further one counts. */
  #repeatDueAt: number | undefined;
  #repeatFrom = AT_ONCE;
  #ackBytes = ACK_BYTES;
  #unreadBytes: number;

  constructor(bounds: OutboxBounds) {
    this.#outbox = new Outbox(bounds);
    this.#unreadBytes = 2 * bounds.maxBufferedBytes;
  }

  // --- sending -----------------------------------------------------------------------------------------------------

  /** What is retained for the peer. */
  get outbox(): Outbox {
    return this.#outbox;
  }

  get acked(): number {
    return this.#outbox.released;
  }

  get last(): number {
    return this.#outbox.last;
  }

  /** Messages of the application that are not acked. */
  get pending(): number {
    return this.#outbox.count - (this.#fin > this.acked ? 1 : 0);
  }

  /** Of these, those that no connection was handed. */
  get unsent(): number {
    const fin = this.#fin > this.#outbox.handed ? 1 : 0;
    return this.#outbox.waitingCount - fin;
  }

  /** Whether there is something to transmit on this connection, now. */
  flushes(link: Link | undefined): boolean {
    return link !== undefined && !link.backedUp && link.cursor <= this.last;
  }

  /** What would become of a message, behind `waitingCount` others of `waitingBytes`. */
  verdict(link: Link | undefined, data: Data, waitingBytes: number, waitingCount: number): SendVerdict {
    const verdict = this.#outbox.verdict(data, waitingBytes, waitingCount);
    if (verdict !== 'queued' || waitingCount > 0) return verdict;
    return link && !link.backedUp && link.cursor > this.last ? 'sent' : verdict;
  }

  /** Takes a message in. `owned`: nobody will change its bytes. */
  push(data: Data, owned: boolean): void {
    const wire = framed(data);
    this.#outbox.retain(owned ? wire : detached(wire), byteLength(wire));
  }

  /** The last of its direction; numbered like the others, and free. */
  end(code: number, reason: string): void {
    if (this.#fin > 0) return;
    this.#outbox.retain(encode({ letter: 'F', c: code, m: reason }), 0);
    this.#fin = this.last;
  }

  /** The next frame for the sending connection. No other code transmits data. */
  transmit(link: Link, now: number): Data | undefined {
    if (link.cursor > this.last) return undefined;
    this.#waitingSince ??= now;
    const number = link.cursor++;
    // Acked meanwhile, since it came over the connection before. It still has to be counted: anything will do, to be dropped.
    return number > this.acked ? this.#outbox.at(number) : '';
  }

  /** The peer has consumed all up to `number`; false if it cannot have. */
  acknowledge(number: number, most: number, now: number): boolean {
    if (number > most) return false;
    if (number > this.acked) {
      this.#deaths = 0;
      this.#outbox.release(number);
      this.#waitingSince = this.#outbox.count > this.#outbox.waitingCount ? now : undefined;
    }
    return true;
  }

  /** Another connection is the sending one now, from `number` on. */
  sendOn(link: Link, number: number, now: number): void {
    link.cursor = number;
    this.#waitingSince = number > this.acked + 1 ? now : undefined;
    this.#repeatDueAt = undefined;
  }

  /** When to ask whether the peer is there, since it should have acked by then. */
  overdueAt(link: Link): number | undefined {
    if (this.#waitingSince === undefined) return undefined;
    return Math.max(this.#waitingSince, link.heartbeat.heardAt) + OVERDUE + 4 * this.#roundTrip;
  }

  /** How long that answer may take. */
  get patience(): number {
    return Math.max(OVERDUE_LIMIT, 4 * this.#roundTrip) * this.leniency;
  }

  /** A connection was given up as dead. */
  foundDead(): void {
    this.#deaths++;
  }

  /**
   * By how much more time the next connection gets to answer. A message that takes long to arrive hides every answer behind it: without this,
   * it would be sent again for ever.
   */
  get leniency(): number {
    return 2 ** Math.min(this.#deaths, MOST_LENIENT);
  }

  /** A question was answered after so many ms. */
  measured(roundTrip: number): void {
    this.#roundTrip = this.#roundTrip === 0 ? roundTrip : this.#roundTrip + (roundTrip - this.#roundTrip) / 8;
  }

  /** What would be lost if the peer has received all up to `received`, for the application. */
  undelivered(received = this.acked): Data[] {
    const skipped = Math.max(0, received - this.acked);
    return this.#outbox
      .retained()
      .slice(skipped)
      .map(unframed)
      .filter((data) => data !== undefined);
  }

  // --- receiving ---------------------------------------------------------------------------------------------------

  /** The peer retains so many bytes: acks come while it still has room. */
  set peerRetains(bytes: number) {
    this.#ackBytes = Math.min(ACK_BYTES, bytes / 4);
    this.#unreadBytes = Math.max(this.#unreadBytes, 2 * Math.min(bytes, MOST_RETAINED));
  }

  /**
   * A frame came in on a connection whose numbers are known. Returns a message for the application, a control frame for
   * the machine (a FIN in its turn among them), `MALFORMED` for what no peer in its right mind sends, or nothing.
   */
  receive(link: Link, data: Data, now: number): Data | Control | typeof MALFORMED | undefined {
    if (typeof data !== 'string' || isPlain(data)) return this.#accept(link, data, data, now);
    const frame = parse(data);
    if (typeof frame === 'string') return this.#accept(link, frame, frame, now);
    switch (frame?.letter) {
      case 'F':
        return this.#accept(link, frame, '', now);
      case 'A':
        return this.#isAcked(frame.c, now) ? undefined : MALFORMED;
      case 'O': {
        const roundTrip = link.answered(frame.id, now);
        if (roundTrip !== undefined) this.measured(roundTrip);
        return this.#isAcked(frame.c, now) ? undefined : MALFORMED;
      }
      case 'P':
        return this.#isAcked(frame.c, now) ? frame : MALFORMED;
      default:
        return frame;
    }
  }

  /** An ack may speak of messages that came over the connection before, and were not sent on this one yet. */
  #isAcked(number: number, now: number): boolean {
    return this.acknowledge(number, this.#outbox.handed, now);
  }

  /** Data and FIN: counts it, and lets it pass if it is the next. */
  #accept<Frame extends Data | Fin>(
    link: Link,
    frame: Frame,
    data: Data,
    now: number,
  ): Frame | typeof MALFORMED | undefined {
    const number = link.expected++;
    if (number <= this.rcvd) {
      if (this.#repeatDueAt === undefined) {
        this.#repeatDueAt = now < this.#repeatFrom ? this.#repeatFrom : AT_ONCE;
        this.#repeatFrom = Math.max(now, this.#repeatFrom) + REPEAT_GAP;
      }
      return undefined;
    }
    if (number > this.rcvd + 1 || this.#peerFin || this.#overrun) return MALFORMED;
    this.rcvd = number;
    if (typeof frame === 'object' && 'letter' in frame) this.#peerFin = frame;
    this.#unreportedBytes += typeof data === 'string' ? data.length : data.byteLength;
    if (!this.#pulls) this.consumed = number;
    else if (this.#peerFin && this.consumed === number - 1) this.consumed = number;
    if (this.consumed === number) this.#unreportedSince ??= now;
    return frame;
  }

  /** The peer sends more than it can have retained, to an application that does not read. */
  get #overrun(): boolean {
    const unread = this.rcvd - this.consumed;
    return unread > 1 && (unread > MOST_UNREAD || this.#unreportedBytes - this.#consumedBytes() > this.#unreadBytes);
  }

  /** The application has had all up to `number`, and from now on pulls what it wants, or not. */
  read(number: number, pulls: boolean, now: number): void {
    this.#pulls = pulls;
    const had = this.#peerFin && number === this.rcvd - 1 ? this.rcvd : Math.min(number, this.rcvd);
    this.consumed = Math.max(this.consumed, pulls ? had : this.rcvd);
    if (this.consumed > this.#reported) this.#unreportedSince ??= now;
  }

  /** When to tell the peer what is consumed; in the past: at once. */
  get ackDueAt(): number | undefined {
    const consumed = this.consumed - this.#reported;
    if (consumed === 0) return this.#repeatDueAt;
    const finished = this.#peerFin !== undefined && this.consumed === this.rcvd;
    if (finished || consumed >= ACK_MESSAGES || this.#consumedBytes() >= this.#ackBytes) return AT_ONCE;
    const dueAt = (this.#unreportedSince ?? 0) + ACK_DELAY;
    return Math.min(dueAt, this.#repeatDueAt ?? dueAt);
  }

  /** The ack to send now: it goes with every frame that carries one. */
  report(): number {
    this.#unreportedBytes -= this.#consumedBytes();
    this.#reported = this.consumed;
    this.#unreportedSince = undefined;
    this.#repeatDueAt = undefined;
    return this.consumed;
  }

  /** Sizes of single messages are not kept: the share of the bytes that came since the last report. */
  #consumedBytes(): number {
    const { rcvd, consumed } = this;
    if (consumed === rcvd) return this.#unreportedBytes;
    return (this.#unreportedBytes * (consumed - this.#reported)) / (rcvd - this.#reported);
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** The peer's FIN, once it has come in its turn. */
  get peerFin(): Fin | undefined {
    return this.#peerFin;
  }

  /** Our FIN has arrived, and all before it. */
  get endAcked(): boolean {
    return this.#fin > 0 && this.acked >= this.#fin;
  }

  // --- handing over ------------------------------------------------------------------------------------------------

  /** What the application has not consumed is not taken along: the peer still retains it. */
  snapshot(): DeliverySnapshot {
    const { acked, consumed, rcvd } = this;
    return {
      acked,
      handed: this.#outbox.handed,
      retained: this.#outbox.retained(),
      consumed,
      fin: this.#fin > 0,
      peerFin: consumed === rcvd ? this.#peerFin : undefined,
    };
  }

  static restore(
    bounds: OutboxBounds,
    { acked, handed, retained, consumed, fin, peerFin }: DeliverySnapshot,
  ): Delivery {
    const delivery = new Delivery(bounds);
    const outbox = delivery.#outbox;
    outbox.startAfter(acked);
    for (const data of retained) outbox.retain(data, unframed(data) === undefined ? 0 : byteLength(data));
    for (let number = acked + 1; number <= handed; number++) outbox.at(number);
    if (fin) delivery.#fin = outbox.last;
    delivery.rcvd = delivery.consumed = delivery.#reported = consumed;
    delivery.#peerFin = peerFin;
    return delivery;
  }

  /** Lets go of everything. */
  clear(): void {
    this.#outbox.clear();
    this.#fin = 0;
    this.#waitingSince = undefined;
  }
}
