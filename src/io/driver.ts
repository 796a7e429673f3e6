import { byteLength, detached } from '../core/outbox.js';
import type { Session } from '../core/session.js';
import type { Data, Effect, Input, SendVerdict, State } from '../core/types.js';
import type { Clock } from './clock.js';

/**
 * The longest the driver sleeps while it has something to wait for, in ms. Timers do not run while a machine sleeps, but
 * `Clock.now` goes on: a nap that took much longer than asked for is how a wake is noticed (waking early is harmless).
 */
const NAP = 5000;
/** How much longer, in ms. */
const LATE = 1000;

const FLUSH: Input = { type: 'flush' };

/** One step of the machine, as `inspect` sees it: enough to plot it, to report a bug, and to replay it. */
export interface Inspection {
  /** Clock time of the step, in ms. */
  readonly at: number;
  readonly input: Input;
  readonly effects: readonly Effect[];
  /** When the machine wants to be woken next, in clock time. */
  readonly deadline: number | undefined;
  readonly state: State;
  /** The random numbers that the step drew: with them, a replay draws the same. */
  readonly random: readonly number[];
}

/** What the driver performs effects with, and reports to. */
export interface DriverHost {
  readonly clock: Clock;
  perform(effect: Effect): void;
  /** All inputs are stepped and all effects performed. */
  settled(): void;
  readonly inspect?: ((inspection: Inspection) => void) | undefined;
  /** Random numbers drawn since the last call; asked for while there is an `inspect`. */
  drawn?(): readonly number[];
}

/**
 * Runs a machine in the world: performs its effects in order, queues what happens meanwhile (contract rule 2), and keeps
 * its one timer. A `perform` that throws would break rule 1; hosts catch what listeners throw.
 */
export class Driver {
  readonly session: Session;
  readonly #host: DriverHost;
  readonly #queue: Input[] = [];
  #busy = false;
  /** Sends in the queue: they count against the outbox's bounds. */
  #waitingCount = 0;
  #waitingBytes = 0;
  #now = 0;
  #timer: unknown;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(session: Session, host: DriverHost) {
    this.session = session;
    this.#host = host;
  }

  /** Messages accepted and not handed to a connection, and their bytes. */
  get queuedCount(): number {
    return this.session.queuedCount + this.#waitingCount;
  }

  get queuedBytes(): number {
    return this.session.queuedBytes + this.#waitingBytes;
  }

  /** Messages accepted in this step, and stepped behind it. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Accepts a message, or says why not. */
  send(data: Data): SendVerdict {
    const verdict = this.session.verdict(data, this.#waitingBytes, this.#waitingCount);
    if (verdict === 'sent' || verdict === 'queued') {
      if (this.#busy) {
        this.#waitingCount++;
        this.#waitingBytes += byteLength(data);
        this.dispatch({ type: 'send', data: detached(data) });
        return 'queued';
      }
      this.dispatch({ type: 'send', data });
    }
    return verdict;
  }

  dispatch(input: Input): void {
    if (this.#busy) {
      this.#queue.push(input);
      return;
    }
    this.#busy = true;
    try {
      this.#step(input);
      if (this.#queue.length > 0) this.#workOff();
      while (this.session.flushes) {
        this.#step(FLUSH);
        if (this.#queue.length > 0) this.#workOff();
      }
    } finally {
      this.#busy = false;
      this.#arm();
    }
    this.#host.settled();
  }

  #workOff(): void {
    try {
      // The queue may grow while it is worked off: `for … of` sees that.
      for (const next of this.#queue) {
        if (next.type === 'send') {
          this.#waitingCount--;
          this.#waitingBytes -= byteLength(next.data);
        }
        this.#step(next);
      }
    } finally {
      this.#queue.length = 0;
      this.#waitingCount = this.#waitingBytes = 0;
    }
  }

  #time(): number {
    this.#now = Math.max(this.#now, this.#host.clock.now());
    return this.#now;
  }

  #step(input: Input): void {
    const host = this.#host;
    const at = this.#time();
    const effects = this.session.step(input, at);
    if (host.inspect) {
      const { deadline, state } = this.session;
      host.inspect({ at, input, effects: effects.slice(), deadline, state, random: host.drawn?.() ?? [] });
    }
    for (const effect of effects) host.perform(effect);
  }

  /** Re-arms only for an earlier deadline: most deadlines move away with every message. */
  #arm(): void {
    const { clock } = this.#host;
    const { deadline } = this.session;
    if (deadline === undefined) {
      if (this.#timer !== undefined) clock.clearTimer(this.#timer);
      this.#timer = undefined;
      this.#timerAt = Number.POSITIVE_INFINITY;
      return;
    }
    const at = Math.min(deadline, this.#now + NAP);
    if (at >= this.#timerAt) return;
    if (this.#timer !== undefined) clock.clearTimer(this.#timer);
    this.#timerAt = at;
    this.#timer = clock.setTimer(() => this.#wake(at), Math.max(0, Math.ceil(at - this.#now)));
  }

  #wake(at: number): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const overslept = this.#time() > at + LATE;
    const { deadline } = this.session;
    if (overslept || (deadline !== undefined && deadline <= this.#now)) this.dispatch({ type: 'timeout', overslept });
    else this.#arm();
  }
}
