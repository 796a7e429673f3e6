import { REDACTED, withoutKey } from '../core/frames.js';
import { LATE } from '../core/line.js';
import { byteLength, detached } from '../core/outbox.js';
import type { Data, Effect, Input, Machine, SendVerdict, State } from '../core/types.js';
import type { Clock } from './clock.js';

/**
 * The longest the driver sleeps while it has something to wait for, in ms. Timers do not run while a machine sleeps, but
 * `Clock.now` goes on: a nap that took much longer than asked for is how a wake is noticed (waking early is harmless).
 */
const NAP = 5000;

const FLUSH: Input = { type: 'flush' };

/**
 * What goes into a log: without a session's key, with which anybody could continue it. The key is replaced by the same
 * mark wherever it stands, so that a replay still leads to the same effects.
 */
function redacted<Item extends Input | Effect>(item: Item): Item {
  if (item.type === 'attach' && item.resume) return { ...item, resume: { ...item.resume, k: REDACTED } };
  if ((item.type === 'write' || item.type === 'message-received') && typeof item.data === 'string') {
    const data = withoutKey(item.data);
    return data === item.data ? item : { ...item, data };
  }
  return item;
}

/** One step of the machine, as `inspect` sees it: enough to plot it, to report a bug, and to replay it. */
export interface Inspection {
  /** Clock time of the step, in ms. */
  readonly at: number;
  /** What happened. */
  readonly input: Input;
  /** What was done about it, in order. */
  readonly effects: readonly Effect[];
  /** When the machine wants to be woken next, in clock time. */
  readonly deadline: number | undefined;
  /** The state after the step. */
  readonly state: State;
  /** The random numbers that the step drew: with them, a replay draws the same. */
  readonly random: readonly number[];
}

/** What the driver performs effects with, and reports to. */
export interface DriverHost {
  readonly clock: Clock;
  perform(effect: Effect): void;
  /** The longest sleep of the timer, in ms. @default 5000 */
  readonly nap?: number | undefined;
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
  readonly machine: Machine;
  readonly #host: DriverHost;
  readonly #queue: Input[] = [];
  #busy = false;
  /** Messages accepted so far. */
  accepted = 0;
  /** Sends in the queue: they count against the outbox's bounds. */
  #waitingCount = 0;
  #waitingBytes = 0;
  #now = 0;
  #timer: unknown;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(machine: Machine, host: DriverHost) {
    this.machine = machine;
    this.#host = host;
  }

  /** Messages accepted and not handed to a connection, and their bytes. */
  get queuedCount(): number {
    return this.machine.queuedCount + this.#waitingCount;
  }

  get queuedBytes(): number {
    return this.machine.queuedBytes + this.#waitingBytes;
  }

  /** Messages accepted and not acked (without a session: not handed over). */
  get pending(): number {
    return this.machine.pending + this.#waitingCount;
  }

  /** Messages accepted in this step, and stepped behind it. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Accepts a message, or says why not. `owned`: nobody will change its bytes. */
  send(data: Data, owned = false): SendVerdict {
    const verdict = this.machine.verdict(data, this.#waitingBytes, this.#waitingCount);
    if (verdict === 'sent' || verdict === 'queued') {
      this.accepted++;
      if (this.#busy) {
        this.#waitingCount++;
        this.#waitingBytes += byteLength(data);
        this.dispatch({ type: 'send', data: owned ? data : detached(data), owned: true });
        return 'queued';
      }
      this.dispatch(owned ? { type: 'send', data, owned } : { type: 'send', data });
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
      while (this.machine.flushes) {
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
    const effects = this.machine.step(input, at);
    if (host.inspect) {
      const { deadline, state } = this.machine;
      const random = host.drawn?.() ?? [];
      host.inspect({ at, input: redacted(input), effects: effects.map(redacted), deadline, state, random });
    }
    for (const effect of effects) host.perform(effect);
    this.machine.performed?.();
  }

  /** Re-arms only for an earlier deadline: most deadlines move away with every message. */
  #arm(): void {
    const { clock } = this.#host;
    const { deadline } = this.machine;
    if (deadline === undefined) {
      if (this.#timer !== undefined) clock.clearTimer(this.#timer);
      this.#timer = undefined;
      this.#timerAt = Number.POSITIVE_INFINITY;
      return;
    }
    const at = Math.min(deadline, this.#now + (this.#host.nap ?? NAP));
    if (at >= this.#timerAt) return;
    if (this.#timer !== undefined) clock.clearTimer(this.#timer);
    this.#timerAt = at;
    this.#timer = clock.setTimer(() => this.#wake(at), Math.max(0, Math.ceil(at - this.#now)));
  }

  #wake(at: number): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const overslept = this.#time() > at + LATE;
    const { deadline } = this.machine;
    if (overslept || (deadline !== undefined && deadline <= this.#now)) this.dispatch({ type: 'timeout', overslept });
    else this.#arm();
  }
}
