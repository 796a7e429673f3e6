import { backoffDelay } from './backoff.js';
import { INTERNAL_ERROR, NORMAL, ownEnding } from './close-code.js';
import { Lifetime } from './lifetime.js';
import { Line, type OnConnection } from './line.js';
import type { Link } from './link.js';
import { type Attempt, type Greeting, idOf, isGreeting, otherIdOf, type Phase } from './phase.js';
import type { ConnectionId, Data, Ending, LineConfig, RotationCause } from './types.js';

/** How long the old connection may take to end after a rotation, in ms. */
const DRAIN_LIMIT = 5000;

type Rotating = Extract<Phase, { name: 'rotating' }>;
type Draining = Extract<Phase, { name: 'draining' }>;

/**
 * A line that changes to a fresh connection before the old one has to end: the next is opened beside it (rotating), takes
 * over, and the old one is read until it is over (draining). Nothing is to be seen of it but `rotating` and `rotated`.
 *
 * | what goes wrong                        | what happens                                                     |
 * |----------------------------------------|------------------------------------------------------------------|
 * | the next connection fails              | the old one was never touched: again, after a wait               |
 * | the old one is lost before the change  | an interruption; the next one steps in where it is               |
 * | the next one is lost after the change  | both are given up, as for any lost connection                    |
 * | the old one does not end               | it is given up after a while                                     |
 */
export class RotatingLine extends Line {
  /** How long connections may live, where that is of interest. */
  protected readonly lifetime: Lifetime | undefined;
  /** Failed rotations since the last good one. */
  #handovers = 0;

  constructor(config: LineConfig, lifetime = config.maxConnectionAge < Number.POSITIVE_INFINITY) {
    super(config);
    this.lifetime = lifetime ? new Lifetime(config.maxConnectionAge) : undefined;
  }

  protected override begin(now: number): void {
    this.#handovers = 0;
    super.begin(now);
  }

  protected override newLink(id: ConnectionId, canPing: boolean, now: number): Link {
    const link = super.newLink(id, canPing, now);
    this.limitAge(link, now);
    return link;
  }

  protected limitAge(link: Link, now: number): void {
    const { connectTimeout, random } = this.config;
    if (this.lifetime) link.rotateAt = now + this.lifetime.rotateAfter(connectTimeout, random);
  }

  protected override rotate(cause: RotationCause, now: number): void {
    const phase = this.phase;
    if (phase.name !== 'connected') return;
    const { link } = phase;
    const { connectTimeout } = this.config;
    link.rotateAt = Number.POSITIVE_INFINITY;
    const id = this.nextId();
    const deadline = now + (this.lifetime?.handoverLimit(connectTimeout) ?? connectTimeout);
    const next = { id, since: now, deadline, extended: false, takesOver: true };
    this.phase = { name: 'rotating', link, next, cause };
    this.emit({ event: 'rotating', detail: { cause } });
    this.effects.push({ type: 'dial', id, attempt: this.#handovers + 1, reason: 'rotate' });
  }

  protected override onOther(input: OnConnection, now: number): void {
    const phase = this.phase;
    if (input.id !== otherIdOf(phase)) return;
    if (phase.name === 'rotating') this.#onNext(phase, input, now);
    else if (phase.name === 'draining') this.#onOld(phase, input, now);
  }

  #onNext(phase: Rotating, input: OnConnection, now: number): void {
    const { next } = phase;
    switch (input.type) {
      case 'connection-open':
        if (!isGreeting(next)) this.opened(next, input, now);
        break;
      case 'message-received':
        if (isGreeting(next)) this.greeted(next, input.data, now);
        break;
      case 'connection-backed-up':
      case 'connection-writable':
        if (isGreeting(next)) {
          this.phase = { ...phase, next: { ...next, backedUp: input.type === 'connection-backed-up' } };
        }
        break;
      case 'greeting-send':
        this.effects.push({ type: 'write', id: input.id, data: input.data });
        break;
      case 'greeted':
        if (isGreeting(next)) this.ready(next, now);
        break;
      case 'greeting-failed':
      case 'connection-close':
        if (input.type === 'greeting-failed') this.terminate(next.id, INTERNAL_ERROR, '');
        this.handoverFailed(now, 'retryAfter' in input ? input.retryAfter : undefined);
        break;
    }
  }

  /** Nothing is lost but the attempt; there will be another. */
  protected handoverFailed(now: number, retryAfter = 0): void {
    const { link, cause } = this.phase as Rotating;
    const ending = { ...ownEnding('dial', 'dial'), retryAfter };
    link.rotateFor = cause;
    link.rotateAt = now + backoffDelay(++this.#handovers, ending, false, this.config);
    this.phase = { name: 'connected', link };
  }

  /** The next connection is the application's now; the old one may finish what it is at. */
  #takeOver(link: Link, now: number): void {
    const { link: old, cause } = this.phase as Rotating;
    this.#handovers = 0;
    link.inherit(old.unconfirmed());
    if (old.moved) this.phase = { name: 'connected', link };
    else {
      this.phase = { name: 'draining', link, old, until: now + DRAIN_LIMIT };
      this.leave(old);
    }
    this.emit({ event: 'rotated', detail: { cause } });
    this.pump(now);
  }

  /** Says goodbye to the old connection; it is read until it ends. */
  protected leave(old: Link): void {
    this.effects.push({ type: 'hang-up', id: old.id, code: NORMAL, reason: '' });
  }

  #onOld(phase: Draining, input: OnConnection, now: number): void {
    const { link, old } = phase;
    if (input.type === 'message-received') this.receivedOld(phase, input.data, now);
    else if (input.type === 'connection-close') {
      // The answer to our goodbye proves that all had arrived.
      if (input.wasClean) link.inherit(0);
      this.phase = { name: 'connected', link };
    } else if (input.type === 'pong-received') old.pong(input.payload, now);
  }

  protected receivedOld({ old }: Draining, data: Data, now: number): void {
    this.received(old, data, now);
  }

  /** Gives up the second connection, if there is one. */
  protected override leaveOther(): void {
    const other = otherIdOf(this.phase);
    if (other !== undefined) this.terminate(other, NORMAL, '');
  }

  // --- the ways of a line, with two connections --------------------------------------------------------------------

  protected override greet(attempt: Attempt, canPing: boolean): void {
    const phase = this.phase;
    if (attempt.id === idOf(phase)) super.greet(attempt, canPing);
    else this.phase = { ...(phase as Rotating), next: { ...attempt, canPing, backedUp: false } };
  }

  protected override ready(greeting: Greeting, now: number): void {
    if (greeting.id === idOf(this.phase)) {
      super.ready(greeting, now);
      return;
    }
    const link = this.newLink(greeting.id, greeting.canPing, now);
    link.backedUp = greeting.backedUp;
    this.#takeOver(link, now);
  }

  protected override timeout(overslept: boolean, now: number): void {
    const phase = this.phase;
    if (phase.name === 'connected' && now >= phase.link.rotateAt) this.rotate(phase.link.rotateFor, now);
    else if (phase.name === 'rotating' && now >= phase.next.deadline) {
      this.leaveOther();
      this.handoverFailed(now);
    } else if (phase.name === 'draining' && now >= phase.until) {
      this.leaveOther();
      this.phase = { name: 'connected', link: phase.link };
    }
    super.timeout(overslept, now);
  }

  protected override lost(ending: Ending, now: number): void {
    const { phase, link } = this;
    // Cut off by others, that is: neither by us, nor with a word of this library's.
    if (link && ['lost', 'peer'].includes(ending.cause) && ending.code < 3000) {
      this.lifetime?.ended(now - link.since, now - link.heartbeat.heardAt);
    }
    if (link && now - link.since >= this.config.minUptime) this.attempts = 0;
    const goesOn = phase.name === 'rotating' && this.nextDelay(ending, false) !== undefined;
    if (goesOn) this.#stepIn(phase, ending, now);
    else super.lost(ending, now);
  }

  /** The connection that was to be replaced is gone before its time: the next one is on its way already. */
  #stepIn({ link, next }: Rotating, ending: Ending, now: number): void {
    const attempt = ++this.attempts;
    this.phase = isGreeting(next) ? { name: 'greeting', ...next } : { name: 'dialing', ...next };
    this.showInterruption(attempt, 0, link, ending, now);
  }
}
