/** One end of a conversation in numbers: talks at a steady rate and keeps the ledger of what it hears. Runs in Node and in a page. */
import { type Account, Ledger, message, type Wire } from './ledger.js';

/** What a talker needs of a socket: either end's, with a session or without. */
export interface Conversation {
  send(data: Wire): unknown;
  on(event: never, listener: (detail: unknown) => void): unknown;
  readonly session?: string | undefined;
  readonly pending?: number;
  delivered?(): Promise<void>;
  drain(): Promise<void>;
}

/** Plain data, since it crosses processes. */
export interface TalkerReport {
  readonly sent: number;
  /** How often `send()` refused for want of room; the message was sent later. */
  readonly refused: number;
  readonly account: Account;
  /** What happened to the sockets, messages and states left out, with the time in ms since the epoch. */
  readonly events: readonly TalkerEvent[];
  readonly sessions: readonly (string | undefined)[];
  readonly mostPending: number;
}

export interface TalkerEvent {
  readonly name: string;
  readonly at: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

const names = ['open', 'interrupted', 'reconnecting', 'rotating', 'rotated', 'lost', 'failed', 'close', 'error'];

/** One timer for all: thousands of talkers share a process. */
const period = 10;
const talking = new Set<Talker>();
let timer: ReturnType<typeof setInterval> | undefined;

function sayAll(): void {
  const now = performance.now();
  for (const talker of talking) talker.sayDue(now);
}

export class Talker {
  readonly #ledger = new Ledger();
  readonly #events: TalkerEvent[] = [];
  readonly #sessions: (string | undefined)[] = [];
  #socket: Conversation | undefined;
  #rate = 0;
  #since = 0;
  #base = 0;
  #sent = 0;
  #refused = 0;
  #mostPending = 0;

  /** Goes on with this socket: the numbers and the ledger are those of the conversation. */
  attach(socket: Conversation): void {
    this.#socket = socket;
    for (const name of names) {
      socket.on(name as never, (detail) => {
        if (name === 'open') this.#sessions.push(socket.session);
        this.#events.push({ name, at: Date.now(), detail: plain(detail) });
      });
    }
    socket.on('message' as never, (data) => this.#ledger.receive(data));
  }

  /** Sends `rate` messages per second from now on, the first of them after `phase` of the time between two. */
  talk(rate: number, phase = 0): void {
    this.#rate = rate;
    this.#since = performance.now() - ((1 - phase) * 1000) / rate;
    this.#base = this.#sent;
    talking.add(this);
    timer ??= setInterval(sayAll, period);
  }

  /** Sends what is due; most of what was due while the process stood still, or had no room, is left out for good. */
  sayDue(now: number): void {
    const due = this.#base + Math.floor(((now - this.#since) * this.#rate) / 1000);
    const most = this.#sent + Math.max(1, Math.floor(this.#rate / 4));
    if (due > most) {
      this.#since = now;
      this.#base = most;
    }
    while (this.#sent < Math.min(due, most)) if (!this.#say(message(this.#sent + 1))) break;
    this.#mostPending = Math.max(this.#mostPending, this.#socket?.pending ?? 0);
  }

  #say(data: Wire): boolean {
    try {
      this.#socket?.send(data);
      this.#sent += 1;
      return true;
    } catch (error) {
      if (Object(error).code !== 'QUOTA_EXCEEDED' && Object(error).code !== 'CLOSED') throw error;
      this.#refused += 1;
      return false;
    }
  }

  hush(): void {
    talking.delete(this);
    if (talking.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  /** The peer is about to fall silent on purpose: that is no gap. */
  rest(): void {
    this.#ledger.rest();
  }

  /** Resolves when the peer has everything; as far as a plain socket can know. */
  async delivered(): Promise<void> {
    await (this.#socket?.delivered?.() ?? this.#socket?.drain());
  }

  get report(): TalkerReport {
    return {
      sent: this.#sent,
      refused: this.#refused,
      account: this.#ledger.account,
      events: this.#events,
      sessions: this.#sessions,
      mostPending: this.#mostPending,
    };
  }
}

/** The parts of an event's detail that can leave a process. */
function plain(detail: unknown): Record<string, unknown> {
  const { code, cause, messages, ...rest } = Object(detail) as Record<string, unknown>;
  const values = Object.entries(rest).filter(([, value]) => Object(value) !== value);
  return {
    ...Object.fromEntries(values),
    ...(detail instanceof Error && { message: detail.message }),
    ...(code !== undefined && { code }),
    ...(cause !== undefined && { cause: Object(cause).cause ?? String(cause) }),
    ...(Array.isArray(messages) && { messages: messages.length }),
  };
}
