/** One who iterates: how many of the last messages it has not taken yet. */
export interface InboxReader {
  unread: number;
}

/**
 * With a session, who has had which message: only what the application has had is acked, so that a slow reader slows the
 * sender. Messages wait for their first reader, as they would otherwise be lost to one that comes a moment later.
 */
export class Inbox<In> {
  /** Messages that nobody was there to read. */
  #held: In[] = [];
  /** Number of the last message that came. */
  #last = 0;
  #listeners = 0;
  #delivering = false;
  readonly #readers = new Set<InboxReader>();
  /** What the machine was told last. */
  #told = { number: 0, pulls: true };
  readonly #tell: (number: number, pulls: boolean) => void;

  constructor(tell: (number: number, pulls: boolean) => void) {
    this.#tell = tell;
  }

  /** A message came: whether somebody is there to take it now. */
  takes(message: In, number: number): boolean {
    this.#last = number;
    if (this.#held.length === 0 && (this.#listeners > 0 || this.#readers.size > 0)) return true;
    this.#held.push(message);
    return false;
  }

  /** How many listeners there are now; `deliver` gives one message to all of them. */
  listen(listeners: number, deliver: (message: In) => void): void {
    this.#listeners = listeners - this.#readers.size;
    if (this.#held.length === 0 || this.#listeners === 0 || this.#delivering) {
      this.settle();
      return;
    }
    // Not from inside `on()`, whose caller has not got its result yet.
    this.#delivering = true;
    Promise.resolve().then(() => {
      this.#delivering = false;
      while (this.#held.length > 0 && this.#listeners > 0) deliver(this.#held.shift() as In);
      this.settle();
    });
  }

  /** One who iterates begins with what was held. */
  read(reader: InboxReader): In[] {
    this.#readers.add(reader);
    const held = this.#held;
    this.#held = [];
    return held;
  }

  leave(reader: InboxReader): void {
    this.#readers.delete(reader);
  }

  /** The session begins anew, and its numbers too. */
  reset(): void {
    this.#last = 0;
    this.#told = { ...this.#told, number: 0 };
  }

  /** Tells the machine what has been read, if that is news. */
  settle(): void {
    const pulls = this.#readers.size > 0 || this.#listeners === 0;
    let unread = this.#held.length;
    for (const reader of this.#readers) unread = Math.max(unread, reader.unread);
    const number = Math.max(this.#told.number, this.#last - unread);
    const { number: before, pulls: pulled } = this.#told;
    if (pulls === pulled && (number === before || !pulls)) return;
    this.#told = { number, pulls };
    this.#tell(number, pulls);
  }
}
