/** The listeners to messages, those who iterate among them. */
export interface Audience<In> {
  count(type: 'message'): number;
  emit(type: 'message', message: In): void;
}

/** One who iterates, and what it has not taken yet, oldest first. */
export interface InboxReader<In> {
  readonly unread: (In | typeof SKIPPED)[];
}

/**
 * Stands for a message that no reader gets: it counts as read when all before it are, since acks speak of all up to a number.
 */
export const SKIPPED: unique symbol = Symbol('skipped');

/** Most sockets are never iterated over. */
const NOBODY: readonly never[] = [];

/**
 * With a session, who has had which message: only what the application has had is acked, so that a slow reader slows the
 * sender. Messages wait for their first reader, as they would otherwise be lost to one that comes a moment later; and what
 * the last one leaves unread waits for the next.
 */
export class Inbox<In> {
  /** Messages that nobody was there to read. */
  #held: (In | typeof SKIPPED)[] = [];
  /** Number of the last message that came. */
  #last = 0;
  #listeners = 0;
  #delivering = false;
  #readers: readonly InboxReader<In>[] = NOBODY;
  /** What the machine was told last. */
  #told = { number: 0, pulls: true };
  readonly #audience: Audience<In>;
  readonly #tell: (number: number, pulls: boolean) => void;

  constructor(audience: Audience<In>, tell: (number: number, pulls: boolean) => void) {
    this.#audience = audience;
    this.#tell = tell;
  }

  get #isRead(): boolean {
    return this.#listeners > 0 || this.#readers.length > 0;
  }

  /** A message came: whether somebody is there to take it now. */
  takes(message: In, number: number): boolean {
    this.#last = number;
    if (this.#held.length === 0 && this.#isRead) return true;
    this.#held.push(message);
    return false;
  }

  /** One came that is nobody's to read. */
  skips(number: number): void {
    this.#last = number;
    if (this.#held.length > 0) this.#held.push(SKIPPED);
    this.#pass();
    this.settle();
  }

  /** What is nobody's to read counts with the messages before it. */
  #pass(): void {
    for (const { unread } of this.#readers) if (unread.length > 0) unread.push(SKIPPED);
  }

  #count(): void {
    this.#listeners = this.#audience.count('message') - this.#readers.length;
  }

  /** There may be more or fewer listeners now, or they have had a message. */
  changed(): void {
    this.#count();
    this.settle();
    if (this.#held.length === 0 || !this.#isRead || this.#delivering) return;
    // Not from inside `on()`, whose caller has not got its result yet.
    this.#delivering = true;
    Promise.resolve().then(() => {
      this.#delivering = false;
      for (this.#count(); this.#held.length > 0 && this.#isRead; this.#count()) {
        const message = this.#held.shift();
        if (message === SKIPPED) this.#pass();
        else this.#audience.emit('message', message as In);
      }
      this.#trim();
      this.settle();
    });
  }

  /** Nobody is to begin with what is nobody's. */
  #trim(): void {
    while (this.#held[0] === SKIPPED) this.#held.shift();
  }

  /** One who iterates begins with what was held, unless listeners are going to have it in a moment. */
  read(reader: InboxReader<In>): void {
    this.#trim();
    if (!this.#isRead) for (const held of this.#held.splice(0)) reader.unread.push(held);
    this.#readers = [...this.#readers, reader];
  }

  /** `unread`: what it leaves to the next, if nobody else has had it. */
  leave(reader: InboxReader<In>, unread: Readonly<InboxReader<In>['unread']>): void {
    if (!this.#readers.includes(reader)) return;
    this.#readers = this.#readers.filter((other) => other !== reader);
    if (this.#isRead) return;
    this.#held = [...unread, ...this.#held];
  }

  /** The session begins anew, and its numbers too. */
  reset(): void {
    this.#last = 0;
    this.#told = { ...this.#told, number: 0 };
  }

  /** The session is another server's now, and what was not read will be read there. */
  clear(): void {
    this.#held = [];
    for (const { unread } of this.#readers) unread.length = 0;
  }

  /** Tells the machine what has been read, if that is news. */
  settle(): void {
    const held = this.#held.length;
    const pulls = this.#readers.length > 0 || this.#listeners === 0 || held > 0;
    let behind = 0;
    for (const { unread } of this.#readers) behind = Math.max(behind, unread.length);
    const number = Math.max(this.#told.number, this.#last - held - behind);
    const { number: before, pulls: pulled } = this.#told;
    if (pulls === pulled && (number === before || !pulls)) return;
    this.#told = { number, pulls };
    this.#tell(number, pulls);
  }
}

/** Takes the first message off a list that begins with one, and what stands for none behind it. */
export function shiftMessage<In>(list: (In | typeof SKIPPED)[]): In {
  const message = list.shift() as In;
  while (list[0] === SKIPPED) list.shift();
  return message;
}
