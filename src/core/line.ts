/**
 * The plain machine: one long connection, over any number of transport connections. It decides, and does nothing else: it
 * opens no socket, sets no timer, reads no clock and draws no random number of its own. What happened comes in through
 * `step`, what to do goes out as effects, and `deadline` says when to wake it. `rotating-line.ts` adds the planned change of
 * connection, and `session.ts` what makes messages survive any change.
 *
 * The contract
 * 1. `step` is the only mutator. Its effects are performed in order, all of them, before the next `step`; the array it
 *    returns is reused by the next one.
 * 2. Inputs that arise while effects are performed are queued by the driver. (Otherwise a listener that sends on `open`
 *    would put its message before the queued ones.)
 * 3. `timeout` may come early, late or twice; it is harmless. Events of a forgotten connection are ignored by their id.
 * 4. Network and clock never make `step` throw. A caller's misuse throws in the public class, before it gets here.
 * 5. No ambient time or chance; `now` never decreases (the driver clamps it).
 * 6. Progress: a due deadline moves past `now` within five steps; `closed` has no deadline and no connection.
 *
 * Phases, and what the application is shown
 *
 *     closed ──connect──▶ dialing ──open──▶ greeting ──greeted──▶ connected ──close──▶ closing ──▶ closed
 *                           ▲ │                │                     │
 *                           │ └──── fails ─────┴──── lost, dead ─────┤
 *                           └─────── due ── waiting ◀────────────────┴── given up ──▶ closed
 *
 *     closed ──adopt──▶ connected (a server's end; without `onConnect`, `open` too leads straight there)
 *     connected ──rotate──▶ rotating ──the next is open──▶ draining ──the old one is over──▶ connected
 *
 *     closed: 'closed' · waiting, dialing, greeting: 'connecting' · all others: 'connected'
 *
 * Rotating and draining are as connected, with a second connection beside: see `rotating-line.ts`.
 *
 * Phase × input (– = ignored; count = only the figures of `close` change; inputs of a connection other than the phase's
 * own are ignored everywhere)
 *
 * | input                 | closed    | waiting          | dialing        | greeting       | connected        | closing        |
 * |-----------------------|-----------|------------------|----------------|----------------|------------------|----------------|
 * | connect               | new life  | dial now         | –              | –              | –                | end, new life  |
 * | reconnect             | new life  | dial now         | dial anew      | dial anew      | end it, dial now | end, new life  |
 * | rotate                | –         | –                | –              | –              | open the next    | –              |
 * | adopt                 | connected | –                | –              | –              | –                | –              |
 * | send                  | –         | queue            | queue          | queue          | write, or queue  | count          |
 * | close                 | –         | end              | end            | end            | flush, hang up   | –              |
 * | terminate             | –         | end              | end            | end            | end              | end            |
 * | connection-open       | –         | –                | greet, or open | –              | –                | –              |
 * | greeting-send         | –         | –                | –              | write          | –                | –              |
 * | greeted               | –         | –                | –              | open, flush    | –                | –              |
 * | greeting-failed       | –         | –                | –              | lost           | –                | –              |
 * | message-received      | –         | –                | –              | to the hook    | deliver          | deliver        |
 * | ping-, pong-received  | –         | –                | –              | –              | life             | count          |
 * | connection-backed-up  | –         | –                | –              | hold the queue | hold the queue   | hold the queue |
 * | connection-writable   | –         | –                | –              | hold no more   | flush            | flush, hang up |
 * | connection-close      | –         | –                | lost           | lost           | lost             | end            |
 * | online, wake          | –         | dial, if allowed | –              | –              | probe            | –              |
 * | offline               | –         | –                | –              | –              | probe            | –              |
 * | freeze                | –         | –                | –              | –              | judge no more    | –              |
 * | flush                 | –         | –                | –              | –              | the next part    | the next part  |
 * | timeout, when due     | –         | dial             | lost           | lost           | probe, or lost   | end            |
 * | timeout, 1 s too late | –         | dial             | once more      | once more      | as wake          | end            |
 *
 * "lost" is one decision, `lost`: what the ending means (close-code.ts), whether attempts are left, and how long to
 * wait (backoff.ts); it leads to waiting or, by `finish`, to closed. Connections are told apart by id in `step`, and in
 * `onOther` of `rotating-line.ts`.
 */
import { nextDelay } from './backoff.js';
import { ABNORMAL, DEAD_PEER, endingOf, GOING_AWAY, INTERNAL_ERROR, NORMAL, ownEnding } from './close-code.js';
import { WAKE_LIMIT } from './heartbeat.js';
import { Link } from './link.js';
import { BaseMachine } from './machine.js';
import { Outbox } from './outbox.js';
import { type Attempt, deadlineOf, type Greeting, idOf, linkOf, type Phase, stageOf } from './phase.js';
import type {
  ConnectionId,
  Data,
  DialReason,
  Effect,
  Ending,
  Input,
  LineConfig,
  Machine,
  Opening,
  RotationCause,
  SendVerdict,
} from './types.js';

/** A timer that fires later than this after its deadline, in ms, means that the machine or the process slept. */
export const LATE = 1000;

/** Bytes handed over in one step. */
export const PART = 256 * 1024;

const CLOSED: Phase = { name: 'closed' };

/** What a step on a connection is about. */
export type OnConnection = Exclude<Extract<Input, { id: ConnectionId }>, { type: 'attach' }>;

export class Line extends BaseMachine implements Machine {
  protected readonly config: LineConfig;
  protected phase: Phase = CLOSED;
  #lastId: ConnectionId = 0;

  // One life: from `connect` to the final `close`.
  readonly #outbox: Outbox;
  /** Dials since the beginning of the life or the last connection that proved good. */
  protected attempts = 0;
  #reconnected = false;
  /** The last wake, or return of the network. */
  #wokeAt = Number.NEGATIVE_INFINITY;

  constructor(config: LineConfig) {
    super({ status: 'closed' });
    this.config = config;
    this.#outbox = new Outbox(config);
  }

  get queuedCount(): number {
    return this.#outbox.count;
  }

  get queuedBytes(): number {
    return this.#outbox.bytes;
  }

  get pending(): number {
    return this.queuedCount;
  }

  get session(): string | undefined {
    return undefined;
  }

  get inner(): string {
    return '';
  }

  get flushes(): boolean {
    return this.#outbox.count > 0 && this.link?.backedUp === false;
  }

  get deadline(): number | undefined {
    return deadlineOf(this.phase);
  }

  /**
   * What would become of a message now, behind `waitingCount` sends of `waitingBytes` that the driver still holds back
   * (rule 2). A query: it changes nothing.
   */
  verdict(data: Data, waitingBytes: number, waitingCount: number): SendVerdict {
    const phase = this.phase;
    if (phase.name === 'closed' || phase.name === 'closing') return 'closed';
    if (waitingCount === 0 && this.#writable()) return 'sent';
    return this.#outbox.verdict(data, waitingBytes, waitingCount);
  }

  /** The only way in; the return value, valid until the next call, is the only way out. */
  step(input: Input, now: number): readonly Effect[] {
    this.clearEffects();
    switch (input.type) {
      case 'send':
        this.send(input.data, input.owned ?? false, now);
        break;
      case 'connect':
      case 'reconnect':
        this.connect(input.type, now);
        break;
      case 'rotate':
        this.rotate('caller', now);
        break;
      case 'close':
        this.close(input.code, input.reason, now);
        break;
      case 'terminate':
        this.cutOff();
        break;
      case 'adopt':
        if (this.phase.name === 'closed') {
          this.begin(now);
          this.open(this.nextId(), input.canPing, now);
        }
        break;
      case 'online':
      case 'offline':
      case 'wake':
        this.#wake(input.type, now);
        break;
      case 'freeze':
        this.link?.heartbeat.freeze();
        break;
      case 'timeout':
        this.timeout(input.overslept ?? false, now);
        break;
      case 'flush':
        this.pump(now);
        break;
      case 'read':
        this.read(input.number, input.pulls, now);
        break;
      case 'attach':
      case 'go-away':
      case 'evict':
      case 'release':
        break; // For a server's end of a session: `peer.ts`.
      default:
        if (input.id === idOf(this.phase)) this.onConnection(input, now);
        else this.onOther(input, now);
    }
    return this.effects;
  }

  protected nextId(): ConnectionId {
    return ++this.#lastId;
  }

  protected get link(): Link | undefined {
    return linkOf(this.phase);
  }

  // --- the application ---------------------------------------------------------------------------------------------

  protected connect(reason: 'connect' | 'reconnect', now: number): void {
    const phase = this.phase;
    const { name } = phase;
    if (name === 'closing') {
      this.abandon(phase.code, phase.reason);
      this.#endClosing();
    }
    if (name === 'closed' || name === 'closing') {
      this.begin(now);
      this.dial(reason, now);
    } else if (name === 'waiting') {
      if (reason === 'reconnect') this.attempts = 0;
      this.dial(reason, now);
    } else if (reason === 'reconnect') {
      const link = this.link;
      this.attempts = 0;
      this.abandon(NORMAL, '');
      this.dial(reason, now);
      if (link) this.interrupted(link, ownEnding('open', 'caller', NORMAL), now);
    }
  }

  protected send(data: Data, _owned: boolean, now: number): void {
    const { name } = this.phase;
    if (this.#writable()) this.write(this.link as Link, data, now);
    else if (name === 'closing') this.#outbox.drop();
    else if (name !== 'closed') this.#outbox.push(data);
  }

  /** See `rotating-line.ts`: the second connection, while one takes over from another. */
  protected rotate(_cause: RotationCause, _now: number): void {}
  protected onOther(_input: OnConnection, _now: number): void {}
  protected leaveOther(): void {}

  /** See `session.ts`. */
  protected read(_number: number, _pulls: boolean, _now: number): void {}

  protected close(code: number, reason: string, now: number): void {
    const phase = this.phase;
    if (phase.name === 'closed' || phase.name === 'closing') return;
    const { link } = this;
    if (!link) {
      this.abandon(code, reason);
      this.finish(ownEnding(stageOf(phase), 'caller', code, reason));
      return;
    }
    this.leaveOther();
    this.phase = { name: 'closing', link, deadline: now + this.config.closeTimeout, code, reason, hungUp: false };
    this.setState({ status: 'connected', closing: true });
    this.pump(now);
  }

  protected cutOff(code = GOING_AWAY): void {
    if (this.phase.name === 'closed') return;
    this.abandon(code, '');
    this.finish(ownEnding(stageOf(this.phase), 'caller'));
  }

  // --- a connection ------------------------------------------------------------------------------------------------

  protected onConnection(input: OnConnection, now: number): void {
    const phase = this.phase;
    const link = this.link;
    switch (input.type) {
      case 'message-received':
        if (phase.name === 'greeting') this.greeted(phase, input.data, now);
        else if (link) this.received(link, input.data, now);
        break;
      case 'ping-received':
        link?.heartbeat.heard(now);
        break;
      case 'pong-received':
        link?.pong(input.payload, now);
        break;
      case 'connection-backed-up':
      case 'connection-writable': {
        const backedUp = input.type === 'connection-backed-up';
        if (phase.name === 'greeting') this.phase = { ...phase, backedUp };
        if (link) link.backedUp = backedUp;
        this.pump(now);
        break;
      }
      case 'connection-open':
        if (phase.name === 'dialing') this.opened(phase, input, now);
        break;
      case 'greeting-send':
        if (phase.name === 'greeting') this.effects.push({ type: 'write', id: input.id, data: input.data });
        break;
      case 'greeted':
        if (phase.name === 'greeting') this.ready(phase, now);
        break;
      case 'greeting-failed':
        if (phase.name === 'greeting') {
          this.abandon(INTERNAL_ERROR, '');
          this.lost(ownEnding('greeting', 'hook', ABNORMAL, '', input.error), now);
        }
        break;
      case 'connection-close':
        if (phase.name === 'closing') this.#endClosing(endingOf('open', input));
        else this.lost(endingOf(stageOf(phase), input), now);
        break;
    }
  }

  /** A message before `open`: the hook's; but the peer's heartbeats are nobody's. */
  protected greeted(_attempt: Greeting, data: Data, _now: number): void {
    const { heartbeat } = this.config;
    if (heartbeat.kind !== 'none' && heartbeat.isReply?.(data)) return;
    this.effects.push({ type: 'greeting-message', data });
  }

  /** A dial has succeeded. */
  protected opened(
    attempt: Attempt,
    { canPing }: { canPing: boolean; protocol?: string | undefined },
    now: number,
  ): void {
    if (this.config.greets) {
      this.greet(attempt, canPing);
      this.effects.push({ type: 'greet', id: attempt.id, reconnected: this.#reconnected });
    } else {
      this.ready({ ...attempt, canPing, backedUp: false }, now);
    }
  }

  /** It may be the application's now. */
  protected ready({ id, canPing, backedUp }: Greeting, now: number): void {
    this.open(id, canPing, now, backedUp);
  }

  /** From dialing to greeting. */
  protected greet(attempt: Attempt, canPing: boolean): void {
    this.phase = { ...attempt, name: 'greeting', canPing, backedUp: false };
  }

  protected newLink(id: ConnectionId, canPing: boolean, now: number): Link {
    return new Link(id, this.config.heartbeat, canPing, now);
  }

  protected open(id: ConnectionId, canPing: boolean, now: number, backedUp = false): void {
    const link = this.newLink(id, canPing, now);
    link.backedUp = backedUp;
    this.phase = { name: 'connected', link };
    this.setState({ status: 'connected', closing: false });
    this.emit({ event: 'open', detail: this.opening(now) });
    this.#reconnected = true;
    this.pump(now);
  }

  protected opening(_now: number): Opening {
    return { reconnected: this.#reconnected };
  }

  #writable(): boolean {
    const { name } = this.phase;
    return name !== 'closing' && this.link?.backedUp === false && this.#outbox.count === 0;
  }

  /** Hands a message of the outbox, or of `send`, to a connection: no other code of a line does. */
  protected write(link: Link, data: Data, now: number): void {
    link.wrote(now);
    this.effects.push({ type: 'write', id: link.id, data });
  }

  protected received(link: Link, data: Data, now: number): void {
    if (link.received(data, now) === 'message') this.deliver(data);
  }

  /**
   * Hands over what waits, a part at a time: whether the transport takes more is known when the part has been written
   * (`flush` goes on). When closing and nothing is left, says goodbye.
   */
  protected pump(now: number): void {
    const phase = this.phase;
    const link = this.link;
    if (!link || link.backedUp) return;
    const outbox = this.#outbox;
    const rest = outbox.bytes - PART;
    while (outbox.count > 0 && outbox.bytes > rest) this.write(link, outbox.shift(), now);
    if (phase.name === 'closing' && !phase.hungUp && outbox.count === 0) this.hangUp(phase);
  }

  protected hangUp(phase: Extract<Phase, { name: 'closing' }>): void {
    this.phase = { ...phase, hungUp: true };
    this.effects.push({ type: 'hang-up', id: phase.link.id, code: phase.code, reason: phase.reason });
  }

  // --- time and the world ------------------------------------------------------------------------------------------

  protected timeout(overslept: boolean, now: number): void {
    const phase = this.phase;
    const deadline = deadlineOf(phase);
    if (deadline === undefined || now < deadline) {
      if (overslept) this.#wake('wake', now);
      return;
    }
    const late = overslept || now > deadline + LATE;
    switch (phase.name) {
      case 'waiting':
        this.dial('retry', now);
        break;
      case 'dialing':
      case 'greeting':
        if (late && !phase.extended) {
          this.#wokeAt = now;
          this.phase = { ...phase, deadline: now + WAKE_LIMIT, extended: true };
        } else {
          this.abandon(NORMAL, '');
          this.lost(ownEnding(stageOf(phase), 'timeout'), now);
        }
        break;
      case 'connected':
      case 'rotating':
      case 'draining':
        if (late) this.#wake('wake', now);
        else this.beat(phase.link, phase.link.heartbeat.check(now), now);
        break;
      case 'closing':
        this.abandon(phase.code, phase.reason);
        this.#endClosing();
        break;
    }
  }

  #wake(type: 'online' | 'offline' | 'wake', now: number): void {
    const phase = this.phase;
    if (type !== 'offline') {
      this.#wokeAt = now;
      if (phase.name === 'waiting' && now >= phase.notBefore) this.dial('retry', now);
    }
    if (phase.name !== 'closing' && this.link) this.beat(this.link, this.link.heartbeat.wake(now), now);
  }

  protected beat(link: Link, verdict: 'ok' | 'ping' | 'half-open', now: number): void {
    if (verdict === 'half-open') {
      this.abandon(DEAD_PEER, 'dead peer', link.id);
      this.lost(ownEnding('open', 'dead-peer'), now);
    } else if (verdict === 'ping') {
      this.ask(link, now);
    }
  }

  protected ask(link: Link, now: number): void {
    const { id } = link;
    const probe = link.probe(now);
    if ('message' in probe) this.effects.push({ type: 'write', id, data: probe.message, heartbeat: true });
    else this.effects.push({ type: 'ping', id, payload: probe.payload });
  }

  // --- from one phase to another -----------------------------------------------------------------------------------

  protected begin(_now: number): void {
    this.attempts = 0;
    this.#reconnected = false;
    this.effects.push({ type: 'begin' });
  }

  protected dial(reason: DialReason, now: number): void {
    const id = this.nextId();
    const attempt = ++this.attempts;
    const { cause } = this.state.status === 'connecting' ? this.state : {};
    const deadline = now + this.config.connectTimeout;
    this.phase = { name: 'dialing', id, since: now, deadline, extended: false, takesOver: false };
    this.setState({ status: 'connecting', attempt, delay: 0, ...(cause && { cause }) });
    this.effects.push({ type: 'dial', id, attempt, reason });
  }

  /** Gives the connections there are up at once, whatever they are doing (or `only` one). They are never waited for. */
  protected abandon(code: number, reason: string, only?: ConnectionId): void {
    const id = idOf(this.phase);
    if (id !== undefined) this.terminate(id, code, reason);
    if (only === undefined) this.leaveOther();
  }

  /** The attempt or connection of this phase is gone: the one place that decides what comes next. */
  protected lost(ending: Ending, now: number): void {
    const { config, link } = this;
    if (link && now - link.since >= config.minUptime) this.attempts = 0;
    this.leaveOther();
    const delay = this.nextDelay(ending, this.#isHurried(now));
    if (delay === undefined) {
      this.#failed(ending);
      if (config.reconnect) this.emit({ event: 'failed', detail: ending });
      this.finish(ending);
      return;
    }
    const attempt = this.attempts + 1;
    this.phase = { name: 'waiting', until: now + delay, notBefore: now + (ending.retryAfter ?? 0) };
    this.showInterruption(attempt, delay, link, ending, now);
    this.emit({ event: 'reconnecting', detail: { attempt, delay, cause: ending } });
  }

  protected showInterruption(
    attempt: number,
    delay: number,
    link: Link | undefined,
    ending: Ending,
    now: number,
  ): void {
    this.setState({ status: 'connecting', attempt, delay, cause: ending });
    if (link) this.interrupted(link, ending, now);
    this.#failed(ending);
  }

  protected nextDelay(ending: Ending, hurried: boolean): number | undefined {
    return nextDelay(ending, this.attempts, hurried, this.config);
  }

  /** A connection lost right behind a wake, or a dial begun before it, says nothing of the surroundings there are now. */
  #isHurried(now: number): boolean {
    const phase = this.phase;
    if ('since' in phase) return phase.since < this.#wokeAt;
    return now <= this.#wokeAt + WAKE_LIMIT && (this.link?.since ?? now) <= this.#wokeAt;
  }

  /** An open connection that was closed in good order is no error. */
  #failed(ending: Ending): void {
    if (ending.phase !== 'open' || !ending.wasClean) this.emit({ event: 'error', detail: ending });
  }

  protected interrupted(link: Link, ending: Ending, _now: number): void {
    this.emit({ event: 'interrupted', detail: { ...ending, unconfirmed: link.unconfirmed() } });
  }

  /** The closing handshake is over, or was not waited for any longer. */
  #endClosing(ending?: Ending): void {
    const { code, reason } = this.phase as Extract<Phase, { name: 'closing' }>;
    this.finish({ ...(ending ?? ownEnding('open', 'caller', code, reason)), cause: 'caller' });
  }

  /** The end of a life. */
  protected finish(ending: Ending): void {
    const answered = this.phase.name === 'closing' && this.phase.hungUp && ending.wasClean;
    const unconfirmed = this.link?.unconfirmed(answered) ?? 0;
    this.end(ending, this.#outbox.clear(), unconfirmed);
  }

  protected end(ending: Ending, undelivered: number, unconfirmed: number): void {
    this.phase = CLOSED;
    this.setState({ status: 'closed', cause: ending });
    this.emit({ event: 'close', detail: { ...ending, undelivered, unconfirmed } });
  }
}
