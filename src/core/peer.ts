/**
 * The machine of a server's end of one session: the counterpart of `session.ts`, under the same contract (`line.ts`). It
 * dials nothing: connections come to it (`attach`) and go; which one the session lives on is decided in `attachment.ts`.
 * Between two of them the session waits for its client, for `ttl`.
 *
 *     ── HELLO ─▶ attached ──the connection ends──▶ detached ──RESUME──▶ attached ─ … ─▶ dead
 *                                                      └── ttl ────────────────────────▶ dead
 *
 * dead: expired · evicted · lost (the server was closed) · closed (both FINs have arrived, or were waited for long enough)
 *       · moved (to another server). Then `attach` is turned away, `send` counted, and all else ignored.
 *
 * | input                | attached                                  | detached                  |
 * |----------------------|-------------------------------------------|---------------------------|
 * | attach, HELLO        | –                                         | attached (the first)      |
 * | attach, RESUME       | supersedes the connection there is        | attached                  |
 * | – that is held       | held beside it until TAKE                 | held until TAKE           |
 * | send                 | transmit, or retain                       | retain                    |
 * | close                | FIN behind all that is retained           | FIN, for when it returns  |
 * | connection-close     | the active one: detached; the held one: – | the held one: –           |
 * | go-away              | GOAWAY; after the deadline detached       | –                         |
 * | evict, terminate     | GONE, dead                                | dead                      |
 * | release              | dead (moved)                              | dead (moved)              |
 * | timeout, when due    | probe, or detached; ack                   | dead (expired)            |
 * | timeout, 1 s too late| probe                                     | once more                 |
 */

import { Attachment, type Origin, type PeerConfig, type PeerPhase } from './attachment.js';
import {
  DEAD_PEER,
  endingOf,
  GOAWAY_DEADLINE,
  GONE,
  MOVED,
  NO_GREETING,
  NORMAL,
  ownEnding,
  PROTOCOL_ERROR,
} from './close-code.js';
import { type Control, type Fin, isControl, type MALFORMED, type Refusal } from './frames.js';
import { LATE, PART } from './line.js';
import type { Link } from './link.js';
import type { Finishing } from './phase.js';
import type { ConnectionId, Data, Effect, Ending, Input, Machine, PeerSnapshot, SendVerdict } from './types.js';

/** When all sessions together retain too much, those that retain no more than this, in bytes, may go on. */
const FAIR_SHARE = 16 * 1024;
/** After sleep, a client gets so long to come back, in ms. */
const GRACE = 20_000;
/** Control frames that a client may send in a second, acks that advance not counted. */
const MOST_CONTROLS = 50;

export class Peer extends Attachment implements Machine {
  #finishing: Finishing | undefined;
  #controls = { since: 0, count: 0 };
  #refused = 0;

  /** A new session, for a client that retains so many bytes; or, with `from`, one that was elsewhere. */
  constructor(config: PeerConfig, session: string, origin: Origin, now: number) {
    super(config, session, origin, now);
    const finishing = origin.from?.finishing;
    if (finishing) this.#finishing = { ...finishing, deadline: now + config.ttl };
  }

  /** The session that a snapshot was taken of. */
  static restore(config: PeerConfig, session: string, from: PeerSnapshot, now: number): Peer {
    return new Peer(config, session, { inner: from.inner, clientRetains: from.clientRetains, from }, now);
  }

  get pending(): number {
    return this.delivery.pending;
  }

  get queuedCount(): number {
    return this.delivery.unsent;
  }

  get queuedBytes(): number {
    return this.delivery.outbox.waitingBytes;
  }

  /** Bytes retained for the client. */
  get retainedBytes(): number {
    return this.delivery.outbox.bytes;
  }

  protected override get closing(): boolean {
    return this.#finishing !== undefined;
  }

  get flushes(): boolean {
    return this.delivery.flushes(this.link);
  }

  get deadline(): number | undefined {
    const phase = this.phase;
    if (phase.name === 'dead') return undefined;
    let deadline = Math.min(
      this.held?.deadline ?? Number.POSITIVE_INFINITY,
      this.#finishing?.deadline ?? Number.POSITIVE_INFINITY,
    );
    if (phase.name === 'detached') return Math.min(deadline, phase.expiresAt);
    const { link } = phase;
    const { heartbeat } = link;
    const overdueAt = heartbeat.asking ? undefined : this.delivery.overdueAt(link);
    deadline = Math.min(
      deadline,
      heartbeat.deadline ?? deadline,
      (link.backedUp ? undefined : this.delivery.ackDueAt) ?? deadline,
      overdueAt ?? deadline,
    );
    return Math.min(deadline, this.goAwayAt, (this.stalledSince ?? deadline) + this.config.maxStall);
  }

  verdict(data: Data, waitingBytes: number, waitingCount: number): SendVerdict {
    if (this.phase.name === 'dead' || this.#finishing) return 'closed';
    const { ledger, maxRetainedBytes } = this.config;
    if (ledger.bytes > maxRetainedBytes && this.retainedBytes > FAIR_SHARE) return 'full';
    return this.delivery.verdict(this.link, data, waitingBytes, waitingCount);
  }

  /** The only way in; the return value, valid until the next call, is the only way out. */
  step(input: Input, now: number): readonly Effect[] {
    this.clearEffects();
    if (this.phase.name === 'dead') {
      // Whoever comes too late is shown the door.
      if (input.type === 'attach') this.terminate(input.id, GONE);
      else if (input.type === 'send') this.#refused++;
      return this.effects;
    }
    switch (input.type) {
      case 'send':
        if (this.#finishing) this.#refused++;
        else {
          this.delivery.push(input.data, input.owned ?? false);
          this.pump(now);
        }
        break;
      case 'read':
        this.delivery.read(input.number, input.pulls, now);
        break;
      case 'close':
        if (!this.#finishing) this.#finish('caller', input.code, input.reason, now + this.config.ttl, now);
        break;
      case 'attach':
        if (input.resume) this.resume(this.newLink(input.id, input.jitter, now), input.resume, now);
        else this.hello(this.newLink(input.id, input.jitter, now), now);
        break;
      case 'go-away':
        this.goAway(input.deadline, input.window, input.why, now);
        break;
      case 'evict':
        this.#evict(input.why, ownEnding('open', input.why === 'lost' ? 'session-lost' : input.why));
        break;
      case 'terminate':
        this.#evict('evicted', ownEnding('open', 'caller'));
        break;
      case 'release':
        this.#release();
        break;
      case 'timeout':
        this.#timeout(input.overslept ?? false, now);
        break;
      case 'flush':
        this.pump(now);
        break;
      case 'wake':
      case 'online':
        if (this.link) this.#beat(this.link, this.link.heartbeat.wake(now), now);
        break;
      default:
        if ('id' in input) this.#onConnection(input, now);
    }
    this.#settle(now);
    return this.effects;
  }

  // --- a connection speaks -----------------------------------------------------------------------------------------

  #onConnection(input: Extract<Input, { id: ConnectionId }>, now: number): void {
    const link = this.link;
    const held = this.held;
    if (held?.link.id === input.id) this.onHeld(held, input, now);
    else if (link?.id === input.id) this.#onActive(link, input, now);
  }

  #onActive(link: Link, input: Extract<Input, { id: ConnectionId }>, now: number): void {
    switch (input.type) {
      case 'message-received':
        link.heartbeat.heard(now);
        this.confirmed = true;
        this.#received(link, input.data, now);
        break;
      case 'ping-received':
      case 'pong-received':
        link.heartbeat.heard(now);
        break;
      case 'connection-backed-up':
      case 'connection-writable':
        link.backedUp = input.type === 'connection-backed-up';
        if (link.owed !== undefined) this.answer(link, link.owed, this.delivery);
        this.pump(now);
        break;
      case 'connection-close':
        this.detach(endingOf('open', input), now);
        break;
    }
  }

  #received(link: Link, data: Data, now: number): void {
    const delivery = this.delivery;
    const { acked } = delivery;
    const frame = delivery.receive(link, data, now);
    const advanced = delivery.acked > acked;
    if (advanced) this.advanced(now);
    if (isControl(data) && !advanced && this.#floods(now)) this.#violated(now);
    else if (typeof frame === 'object' && 'letter' in frame) this.#control(link, frame, now);
    else if (frame !== undefined) this.deliver(frame, delivery.rcvd);
  }

  #control(link: Link, frame: Control | typeof MALFORMED, now: number): void {
    if (frame.letter === 'P') this.answer(link, frame.id, this.delivery);
    else if (frame.letter === 'F') this.#peerEnded(frame, now);
    else this.#violated(now);
  }

  #floods(now: number): boolean {
    if (now - this.#controls.since >= 1000) this.#controls = { since: now, count: 0 };
    return ++this.#controls.count > MOST_CONTROLS;
  }

  /** The client will send nothing more. Ours follows behind all that is retained. */
  #peerEnded({ c, m }: Fin, now: number): void {
    const deadline = now + this.config.closeTimeout;
    if (this.#finishing)
      this.#finishing = { ...this.#finishing, deadline: Math.min(this.#finishing.deadline, deadline) };
    else this.#finish('peer', c, m, deadline, now);
  }

  #finish(cause: Finishing['cause'], code: number, reason: string, deadline: number, now: number): void {
    this.#finishing = { cause, code, reason, deadline };
    this.delivery.end(code, reason);
    if (this.link) this.setState({ status: 'connected', closing: true });
    this.pump(now);
  }

  protected override pump(now: number): void {
    const link = this.link;
    if (!link || link.backedUp) return;
    for (let room = PART; room > 0; ) {
      const data = this.delivery.transmit(link, now);
      if (data === undefined) break;
      room -= typeof data === 'string' ? data.length : data.byteLength;
      link.wrote(now);
      this.stalledSince ??= now;
      this.effects.push({ type: 'write', id: link.id, data });
    }
  }

  // --- a connection goes -------------------------------------------------------------------------------------------

  #violated(now: number): void {
    const link = this.link;
    if (!link) return;
    this.terminate(link.id, PROTOCOL_ERROR);
    this.detach(ownEnding('open', 'protocol', PROTOCOL_ERROR), now);
  }

  // --- time --------------------------------------------------------------------------------------------------------

  #timeout(overslept: boolean, now: number): void {
    const { deadline } = this;
    if (deadline === undefined || now < deadline) {
      if (overslept && this.link) this.#beat(this.link, this.link.heartbeat.wake(now), now);
      return;
    }
    const late = overslept || now > deadline + LATE;
    if (this.held && now >= this.held.deadline) this.closeHeld(NO_GREETING);
    const finishing = this.#finishing;
    if (finishing && now >= finishing.deadline) {
      if (late) this.#finishing = { ...finishing, deadline: now + Math.max(1, this.config.closeTimeout) };
      else this.#die('closed', { ...ownEnding('open', finishing.cause, finishing.code, finishing.reason) });
    } else if (this.phase.name === 'detached') this.#waitedFor(this.phase, late, now);
    else if (this.phase.name === 'attached') this.#watch(this.phase.link, late, now);
  }

  #waitedFor(phase: Extract<PeerPhase, { name: 'detached' }>, late: boolean, now: number): void {
    if (now < phase.expiresAt) return;
    // Its client may have slept as well, or not been able to reach us.
    const finishing = this.#finishing;
    if (late) this.phase = { ...phase, expiresAt: now + Math.min(GRACE, this.config.ttl) };
    else if (finishing) this.#die('closed', ownEnding('open', finishing.cause, finishing.code, finishing.reason));
    else this.#die('expired', ownEnding('open', 'expired'));
  }

  #watch(link: Link, late: boolean, now: number): void {
    const overdueAt = this.delivery.overdueAt(link);
    if (now >= this.goAwayAt) {
      this.terminate(link.id, GOAWAY_DEADLINE);
      this.detach(ownEnding('open', 'caller', GOAWAY_DEADLINE), now);
    } else if (this.stalledSince !== undefined && now >= this.stalledSince + this.config.maxStall) {
      if (late) this.stalledSince = now;
      else this.#evict('evicted', ownEnding('open', 'evicted'));
    } else if (late) this.#beat(link, link.heartbeat.wake(now), now);
    else if (!link.heartbeat.asking && overdueAt !== undefined && now >= overdueAt) {
      link.heartbeat.ask(now, this.delivery.patience);
      this.#ask(link, now);
    } else this.#beat(link, link.heartbeat.check(now), now);
  }

  #beat(link: Link, verdict: 'ok' | 'ping' | 'half-open', now: number): void {
    if (verdict === 'ping') this.#ask(link, now);
    else if (verdict === 'half-open') {
      this.delivery.foundDead();
      this.terminate(link.id, DEAD_PEER);
      this.detach(ownEnding('open', 'dead-peer'), now);
    }
  }

  #ask(link: Link, now: number): void {
    this.control(link.id, { letter: 'P', id: link.ask(now), c: this.delivery.report() });
    link.heartbeat.wrote(now);
  }

  /** After every step: acks that are due, behind the messages they speak of, and the end that is reached. */
  #settle(now: number): void {
    const link = this.link;
    if (!link) return;
    const due = this.delivery.ackDueAt;
    if (due !== undefined && due <= now && !link.backedUp) {
      this.control(link.id, { letter: 'A', c: this.delivery.report() });
      link.heartbeat.wrote(now);
    }
    const finishing = this.#finishing;
    const { endAcked, peerFin, consumed, rcvd } = this.delivery;
    if (!finishing || !endAcked || !peerFin || consumed < rcvd) return;
    this.effects.push({ type: 'hang-up', id: link.id, code: NORMAL, reason: '' });
    this.closeHeld(NORMAL);
    const ending = ownEnding('open', finishing.cause, finishing.code, finishing.reason);
    this.#die('closed', { ...ending, wasClean: true }, false);
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  #evict(why: 'evicted' | 'lost', ending: Ending): void {
    const link = this.link;
    if (link) this.refuse(link.id, { letter: 'X', why, r: this.delivery.rcvd }, GONE);
    this.#die(why, ending, false);
  }

  /** Another server goes on with it. What it is given is not lost, so nothing is reported as such. */
  #release(): void {
    const snapshot = this.snapshot();
    this.leaveAll(MOVED);
    this.delivery.clear();
    this.effects.push({ type: 'released', snapshot });
    this.#die('moved', ownEnding('open', 'moved', MOVED), false);
  }

  #die(why: Refusal | 'moved', ending: Ending, leave = true): void {
    const { rcvd, pending, unsent } = this.delivery;
    if (leave) this.leaveAll(why === 'closed' ? NORMAL : GONE);
    this.closeHeld(GONE);
    this.delivery.clear();
    this.#finishing = undefined;
    this.phase = { name: 'dead' };
    this.setState({ status: 'closed', cause: ending });
    const { code, reason } = ending;
    this.effects.push({ type: 'ended', remains: { why, received: rcvd, code, reason } });
    const detail = { ...ending, undelivered: unsent + this.#refused, unconfirmed: pending - unsent };
    this.emit({ event: 'close', detail });
  }

  snapshot(): PeerSnapshot {
    const finishing = this.#finishing && { ...this.#finishing };
    return {
      inner: this.inner,
      resumes: this.resumes,
      clientRetains: this.clientRetains,
      delivery: this.delivery.snapshot(),
      ...(finishing && { finishing: { cause: finishing.cause, code: finishing.code, reason: finishing.reason } }),
    };
  }
}
