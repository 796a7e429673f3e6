/**
 * The machine of a server's end of one session: the counterpart of `session.ts`, under the same contract (`line.ts`). It
 * dials nothing: connections come to it (`attach`), one at a time or a second one that is held until TAKE, and
 * go. Between two of them the session waits for its client, for `ttl`.
 *
 *     ── HELLO ─▶ attached ──the connection ends──▶ detached ──RESUME──▶ attached ─ … ─▶ dead
 *                                                      └── ttl ────────────────────────▶ dead
 *
 * dead: expired · evicted · closed (both FINs have arrived, or were waited for long enough) · moved (to another server)
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
 * | evict                | GONE, dead                                | dead                      |
 * | release              | dead (moved)                              | dead (moved)              |
 * | timeout, when due    | probe, or detached; ack                   | dead (expired)            |
 * | timeout, 1 s too late| probe                                     | once more                 |
 */
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
  STALE,
} from './close-code.js';
import { Delivery } from './delivery.js';
import {
  type Control,
  encode,
  type Fin,
  type Gone,
  isControl,
  isPlain,
  MALFORMED,
  parse,
  type Refusal,
  type Resume,
  type Take,
} from './frames.js';
import { LATE, PART } from './line.js';
import { Link } from './link.js';
import type { Ledger, OutboxBounds } from './outbox.js';
import type {
  Announcement,
  ConnectionId,
  Data,
  Effect,
  Ending,
  Input,
  Machine,
  PeerSnapshot,
  SendVerdict,
  State,
} from './types.js';

/** An unconfirmed session, which its client may never have heard of, waits so long, in ms. */
const ORPHAN_TTL = 10_000;
/** After sleep, a client gets so long to come back, in ms. */
const GRACE = 20_000;
/** Control frames that a client may send in a second, acks that advance not counted. */
const MOST_CONTROLS = 50;

/** What the machine is told once. Times in ms. */
export interface PeerConfig {
  readonly ttl: number;
  /** The longest silence of this end, and how long a probe may stay unanswered. */
  readonly maxSilence: number;
  readonly probeTimeout: number;
  readonly helloTimeout: number;
  readonly closeTimeout: number;
  /** What clients are told of the age of connections; Infinity: nothing. */
  readonly maxConnectionAge: number;
  readonly maxPayload: number;
  readonly maxBufferedBytes: number;
  readonly maxBufferedMessages: number;
  readonly overflow: 'throw';
  /** Of all sessions together. */
  readonly ledger: Ledger;
  readonly maxRetainedBytes: number;
  /** A client that consumes nothing for so long is evicted. */
  readonly maxStall: number;
}

/** A connection that waits for TAKE. */
interface Held {
  readonly link: Link;
  readonly deadline: number;
}

type Phase =
  | { readonly name: 'attached'; readonly link: Link }
  | { readonly name: 'detached'; readonly expiresAt: number; readonly since: number }
  | { readonly name: 'dead' };

interface Finishing {
  readonly cause: 'caller' | 'peer';
  readonly code: number;
  readonly reason: string;
  readonly deadline: number;
}

/** What a session begins with. */
interface Origin {
  readonly inner: string;
  readonly clientRetains: number;
  readonly key?: string;
  readonly from?: PeerSnapshot;
}

export class Peer implements Machine {
  readonly session: string;
  readonly inner: string;
  readonly #config: PeerConfig;
  readonly #delivery: Delivery;
  #phase: Phase;
  #held: Held | undefined;
  #state: State = { status: 'connecting', attempt: 0, delay: 0 };
  /** Told to the client once, in the first WELCOME. */
  #key: string | undefined;
  /** No frame of the client has followed its HELLO: it may not know of this session. */
  #confirmed: boolean;
  #resumes = 0;
  #clientRetains: number;
  /** It was on another server: what is held there cannot be held here. */
  #moved: boolean;
  #connectedOnce: boolean;
  #finishing: Finishing | undefined;
  /** When a connection that was told to go away is closed. */
  #goAwayAt = Number.POSITIVE_INFINITY;
  #stalledSince: number | undefined;
  #controls = { since: 0, count: 0 };
  #refused = 0;
  readonly #effects: Effect[] = [];

  /** A new session, for a client that retains so many bytes; or, with `from`, one that was elsewhere. */
  constructor(config: PeerConfig, session: string, { inner, clientRetains, key, from }: Origin, now: number) {
    this.#config = config;
    this.session = session;
    this.inner = inner;
    this.#key = key;
    this.#clientRetains = clientRetains;
    this.#moved = this.#confirmed = this.#connectedOnce = from !== undefined;
    this.#phase = { name: 'detached', since: now, expiresAt: now + (from ? config.ttl : ORPHAN_TTL) };
    const bounds: OutboxBounds = config;
    this.#delivery = from ? Delivery.restore(bounds, from.delivery) : new Delivery(bounds);
    this.#delivery.peerRetains = clientRetains;
    this.#resumes = from?.resumes ?? 0;
    if (from?.finishing) this.#finishing = { ...from.finishing, deadline: now + config.ttl };
  }

  /** The session that a snapshot was taken of. */
  static restore(config: PeerConfig, session: string, from: PeerSnapshot, now: number): Peer {
    return new Peer(config, session, { inner: from.inner, clientRetains: from.clientRetains, from }, now);
  }

  get state(): State {
    return this.#state;
  }

  get pending(): number {
    return this.#delivery.pending;
  }

  get queuedCount(): number {
    return this.#delivery.unsent;
  }

  get queuedBytes(): number {
    return this.#delivery.outbox.waitingBytes;
  }

  /** Bytes retained for the client. */
  get retainedBytes(): number {
    return this.#delivery.outbox.bytes;
  }

  /** Since when it has been waiting for its client; `undefined`: it has a connection. */
  get detachedSince(): number | undefined {
    return this.#phase.name === 'detached' && !this.#held ? this.#phase.since : undefined;
  }

  /** The highest attempt number so far: a RESUME must have a higher one. */
  get resumes(): number {
    return this.#resumes;
  }

  get flushes(): boolean {
    const link = this.#link;
    return link !== undefined && !link.backedUp && link.cursor <= this.#delivery.last;
  }

  get deadline(): number | undefined {
    const phase = this.#phase;
    if (phase.name === 'dead') return undefined;
    let deadline = Math.min(
      this.#held?.deadline ?? Number.POSITIVE_INFINITY,
      this.#finishing?.deadline ?? Number.POSITIVE_INFINITY,
    );
    if (phase.name === 'detached') return Math.min(deadline, phase.expiresAt);
    const { link } = phase;
    const { heartbeat } = link;
    const overdueAt = heartbeat.asking ? undefined : this.#delivery.overdueAt(link);
    deadline = Math.min(
      deadline,
      heartbeat.deadline ?? deadline,
      this.#delivery.ackDueAt ?? deadline,
      overdueAt ?? deadline,
    );
    return Math.min(deadline, this.#goAwayAt, (this.#stalledSince ?? deadline) + this.#config.maxStall);
  }

  verdict(data: Data, waitingBytes: number, waitingCount: number): SendVerdict {
    if (this.#phase.name === 'dead' || this.#finishing) return 'closed';
    const { ledger, maxRetainedBytes } = this.#config;
    if (ledger.bytes > maxRetainedBytes) return 'full';
    const verdict = this.#delivery.outbox.verdict(data, waitingBytes, waitingCount);
    if (verdict !== 'queued' || waitingCount > 0) return verdict;
    const link = this.#link;
    return link && !link.backedUp && link.cursor > this.#delivery.last ? 'sent' : verdict;
  }

  /** The only way in; the return value, valid until the next call, is the only way out. */
  step(input: Input, now: number): readonly Effect[] {
    while (this.#effects.length > 0) this.#effects.pop();
    if (this.#phase.name === 'dead') {
      // Whoever comes too late is shown the door.
      if (input.type === 'attach') this.#terminate(input.id, GONE);
      else if (input.type === 'send') this.#refused++;
      return this.#effects;
    }
    switch (input.type) {
      case 'send':
        if (this.#finishing) this.#refused++;
        else {
          this.#delivery.push(input.data, input.owned ?? false);
          this.#pump(now);
        }
        break;
      case 'read':
        this.#delivery.read(input.number, input.pulls, now);
        break;
      case 'close':
        if (!this.#finishing) this.#finish('caller', input.code, input.reason, now + this.#config.ttl, now);
        break;
      case 'attach':
        if (input.resume) this.#resume(this.#newLink(input.id, input.jitter, now), input.resume, now);
        else this.#hello(this.#newLink(input.id, input.jitter, now), now);
        break;
      case 'go-away':
        this.#goAway(input.deadline, input.window, input.why, now);
        break;
      case 'evict':
        this.#evict(input.why);
        break;
      case 'release':
        this.#release();
        break;
      case 'timeout':
        this.#timeout(input.overslept ?? false, now);
        break;
      case 'flush':
        this.#pump(now);
        break;
      case 'wake':
      case 'online':
        if (this.#link) this.#beat(this.#link, this.#link.heartbeat.wake(now), now);
        break;
      default:
        if ('id' in input) this.#onConnection(input, now);
    }
    this.#settle(now);
    return this.#effects;
  }

  get #link(): Link | undefined {
    return this.#phase.name === 'attached' ? this.#phase.link : undefined;
  }

  // --- a connection comes ------------------------------------------------------------------------------------------

  #newLink(id: ConnectionId, jitter: number, now: number): Link {
    const { maxSilence, probeTimeout } = this.#config;
    const interval = maxSilence * (0.9 + 0.1 * jitter);
    return new Link(id, { kind: 'probe', interval, timeout: probeTimeout, keepsOpen: true }, true, now);
  }

  #hello(link: Link, now: number): void {
    link.expected = 1;
    this.#welcome(link.id, 1, this.#key);
    this.#key = undefined;
    this.#activate(link, 0, 1, now);
  }

  #resume(link: Link, { n, r, c, h }: Resume, now: number): void {
    const { id } = link;
    const delivery = this.#delivery;
    if (n <= this.#resumes) {
      this.#refuse(id, { letter: 'X', why: 'stale' }, STALE);
      return;
    }
    if (r > delivery.outbox.handed || c > r || (h === undefined && r < delivery.acked)) {
      this.#refuse(id, { letter: 'X', why: 'range' }, GONE);
      return;
    }
    this.#resumes = n;
    this.#confirmed = true;
    link.expected = delivery.rcvd + 1;
    const first = Math.max(r, delivery.acked) + 1;
    const holds = h === 1 && !this.#moved;
    this.#welcome(id, first, undefined, h === 1 && this.#moved);
    this.#moved = false;
    this.#closeHeld(STALE);
    if (holds) this.#held = { link, deadline: now + this.#config.helloTimeout };
    else this.#activate(link, c, first, now);
  }

  #welcome(id: ConnectionId, first: number, key: string | undefined, moved = false): void {
    const { ttl, maxSilence, maxConnectionAge, maxBufferedBytes, maxPayload } = this.#config;
    const { rcvd, consumed } = this.#delivery;
    const age = maxConnectionAge === Number.POSITIVE_INFINITY ? undefined : { m: maxConnectionAge };
    this.#write(id, {
      letter: 'W',
      s: this.session,
      ...(key !== undefined && { k: key }),
      r: rcvd,
      c: consumed,
      f: first,
      t: ttl,
      h: maxSilence,
      ...age,
      b: maxBufferedBytes,
      z: maxPayload,
      ...(this.inner && { p: this.inner }),
      ...(moved && { x: 1 as const }),
    });
  }

  /** From now on this is the connection that sends; every other one of the session is closed. */
  #activate(link: Link, consumed: number, first: number, now: number): void {
    const phase = this.#phase;
    const delivery = this.#delivery;
    delivery.acknowledge(consumed, delivery.outbox.handed, now);
    const replayed = Math.max(0, delivery.outbox.handed - first + 1);
    delivery.sendOn(link, first, now);
    if (phase.name === 'attached') this.#terminate(phase.link.id, MOVED);
    if (this.#held?.link !== link) this.#closeHeld(MOVED);
    this.#held = undefined;
    this.#phase = { name: 'attached', link };
    this.#goAwayAt = Number.POSITIVE_INFINITY;
    this.#stalledSince = this.pending > 0 ? now : undefined;
    if (phase.name === 'detached') {
      this.#setState({ status: 'connected', closing: this.#finishing !== undefined });
      if (this.#connectedOnce) {
        const detail = { reconnected: true, resumed: true, replayed, gapMs: now - phase.since };
        this.#emit({ event: 'open', detail });
      }
      this.#connectedOnce = true;
    } else {
      this.#emit({ event: 'rotated', detail: { cause: 'caller' } });
    }
    this.#pump(now);
  }

  #refuse(id: ConnectionId, gone: Gone, code: number): void {
    this.#write(id, gone);
    this.#effects.push({ type: 'hang-up', id, code, reason: gone.why });
  }

  #closeHeld(code: number): void {
    if (this.#held) this.#terminate(this.#held.link.id, code);
    this.#held = undefined;
  }

  // --- a connection speaks -----------------------------------------------------------------------------------------

  #onConnection(input: Extract<Input, { id: ConnectionId }>, now: number): void {
    const link = this.#link;
    const held = this.#held;
    if (held?.link.id === input.id) this.#onHeld(held, input, now);
    else if (link?.id === input.id) this.#onActive(link, input, now);
  }

  #onActive(link: Link, input: Extract<Input, { id: ConnectionId }>, now: number): void {
    switch (input.type) {
      case 'message-received':
        link.heartbeat.heard(now);
        this.#confirmed = true;
        this.#received(link, input.data, now);
        break;
      case 'ping-received':
      case 'pong-received':
        link.heartbeat.heard(now);
        break;
      case 'connection-backed-up':
      case 'connection-writable':
        link.backedUp = input.type === 'connection-backed-up';
        this.#pump(now);
        break;
      case 'connection-close':
        this.#detach(endingOf('open', input), now);
        break;
    }
  }

  #received(link: Link, data: Data, now: number): void {
    const delivery = this.#delivery;
    const { acked } = delivery;
    const frame = delivery.receive(link, data, now);
    const advanced = delivery.acked > acked;
    if (advanced) this.#stalledSince = this.pending > 0 ? now : undefined;
    if (isControl(data) && !advanced && this.#floods(now)) this.#violated(now);
    else if (typeof frame === 'object' && 'letter' in frame) this.#control(link, frame, now);
    else if (frame !== undefined) this.#effects.push({ type: 'message', data: frame, number: delivery.rcvd });
  }

  #control(link: Link, frame: Control | typeof MALFORMED, now: number): void {
    if (frame.letter === 'P') this.#write(link.id, { letter: 'O', id: frame.id, c: this.#delivery.report() });
    else if (frame.letter === 'F') this.#peerEnded(frame, now);
    else this.#violated(now);
  }

  #floods(now: number): boolean {
    if (now - this.#controls.since >= 1000) this.#controls = { since: now, count: 0 };
    return ++this.#controls.count > MOST_CONTROLS;
  }

  /** Nothing but TAKE may come on a connection that is held. */
  #onHeld({ link }: Held, input: Extract<Input, { id: ConnectionId }>, now: number): void {
    if (input.type === 'connection-close') this.#held = undefined;
    else if (input.type === 'message-received') {
      const frame = typeof input.data === 'string' && !isPlain(input.data) ? parse(input.data) : MALFORMED;
      if (typeof frame === 'object' && frame.letter === 'T') this.#take(link, frame, now);
      else if (frame !== undefined) this.#closeHeld(PROTOCOL_ERROR);
    } else if (input.type === 'connection-backed-up' || input.type === 'connection-writable') {
      link.backedUp = input.type === 'connection-backed-up';
    }
  }

  #take(link: Link, { r, c, s }: Take, now: number): void {
    const { rcvd, acked, outbox } = this.#delivery;
    if (r > outbox.handed || r < acked || c > r || s < 1 || s - 1 > rcvd) {
      this.#held = undefined;
      this.#refuse(link.id, { letter: 'X', why: 'range' }, GONE);
      return;
    }
    link.expected = s;
    link.heartbeat.heard(now);
    this.#activate(link, c, r + 1, now);
  }

  /** The client will send nothing more. Ours follows behind all that is retained. */
  #peerEnded({ c, m }: Fin, now: number): void {
    const deadline = now + this.#config.closeTimeout;
    if (this.#finishing)
      this.#finishing = { ...this.#finishing, deadline: Math.min(this.#finishing.deadline, deadline) };
    else this.#finish('peer', c, m, deadline, now);
  }

  #finish(cause: Finishing['cause'], code: number, reason: string, deadline: number, now: number): void {
    this.#finishing = { cause, code, reason, deadline };
    this.#delivery.end(code, reason);
    if (this.#link) this.#setState({ status: 'connected', closing: true });
    this.#pump(now);
  }

  #pump(now: number): void {
    const link = this.#link;
    if (!link || link.backedUp) return;
    for (let room = PART; room > 0; ) {
      const data = this.#delivery.transmit(link, now);
      if (data === undefined) break;
      room -= typeof data === 'string' ? data.length : data.byteLength;
      link.wrote(now);
      this.#stalledSince ??= now;
      this.#effects.push({ type: 'write', id: link.id, data });
    }
  }

  #write(id: ConnectionId, frame: Control): void {
    this.#effects.push({ type: 'write', id, data: encode(frame), control: true });
  }

  // --- a connection goes -------------------------------------------------------------------------------------------

  #violated(now: number): void {
    const link = this.#link;
    if (!link) return;
    this.#terminate(link.id, PROTOCOL_ERROR);
    this.#detach(ownEnding('open', 'protocol', PROTOCOL_ERROR), now);
  }

  #detach(ending: Ending, now: number): void {
    this.#goAwayAt = Number.POSITIVE_INFINITY;
    this.#stalledSince = undefined;
    this.#phase = { name: 'detached', since: now, expiresAt: now + (this.#confirmed ? this.#config.ttl : ORPHAN_TTL) };
    this.#setState({ status: 'connecting', attempt: 0, delay: 0, cause: ending });
    this.#emit({ event: 'interrupted', detail: { ...ending, unconfirmed: 0 } });
    if (!ending.wasClean) this.#emit({ event: 'error', detail: ending });
  }

  #terminate(id: ConnectionId, code: number): void {
    this.#effects.push({ type: 'terminate', id, code, reason: '' });
  }

  #goAway(deadline: number, window: number, why: string, now: number): void {
    const link = this.#link;
    if (!link) return;
    this.#goAwayAt = now + deadline;
    this.#write(link.id, { letter: 'G', d: deadline, w: window, why });
  }

  // --- time --------------------------------------------------------------------------------------------------------

  #timeout(overslept: boolean, now: number): void {
    const { deadline } = this;
    if (deadline === undefined || now < deadline) {
      if (overslept && this.#link) this.#beat(this.#link, this.#link.heartbeat.wake(now), now);
      return;
    }
    const late = overslept || now > deadline + LATE;
    if (this.#held && now >= this.#held.deadline) this.#closeHeld(NO_GREETING);
    const finishing = this.#finishing;
    if (finishing && now >= finishing.deadline) {
      if (late) this.#finishing = { ...finishing, deadline: now + this.#config.closeTimeout };
      else this.#die('closed', { ...ownEnding('open', finishing.cause, finishing.code, finishing.reason) });
    } else if (this.#phase.name === 'detached') this.#waitedFor(this.#phase, late, now);
    else if (this.#phase.name === 'attached') this.#watch(this.#phase.link, late, now);
  }

  #waitedFor(phase: Extract<Phase, { name: 'detached' }>, late: boolean, now: number): void {
    if (now < phase.expiresAt) return;
    // Its client may have slept as well, or not been able to reach us.
    const finishing = this.#finishing;
    if (late) this.#phase = { ...phase, expiresAt: now + Math.min(GRACE, this.#config.ttl) };
    else if (finishing) this.#die('closed', ownEnding('open', finishing.cause, finishing.code, finishing.reason));
    else this.#die('expired', ownEnding('open', 'expired'));
  }

  #watch(link: Link, late: boolean, now: number): void {
    const overdueAt = this.#delivery.overdueAt(link);
    if (now >= this.#goAwayAt) {
      this.#terminate(link.id, GOAWAY_DEADLINE);
      this.#detach(ownEnding('open', 'caller', GOAWAY_DEADLINE), now);
    } else if (this.#stalledSince !== undefined && now >= this.#stalledSince + this.#config.maxStall) {
      if (late) this.#stalledSince = now;
      else this.#evict('evicted');
    } else if (late) this.#beat(link, link.heartbeat.wake(now), now);
    else if (!link.heartbeat.asking && overdueAt !== undefined && now >= overdueAt) {
      link.heartbeat.ask(now, this.#delivery.patience);
      this.#ask(link, now);
    } else this.#beat(link, link.heartbeat.check(now), now);
  }

  #beat(link: Link, verdict: 'ok' | 'ping' | 'half-open', now: number): void {
    if (verdict === 'ping') this.#ask(link, now);
    else if (verdict === 'half-open') {
      this.#terminate(link.id, DEAD_PEER);
      this.#detach(ownEnding('open', 'dead-peer'), now);
    }
  }

  #ask(link: Link, now: number): void {
    this.#write(link.id, { letter: 'P', id: link.ask(now), c: this.#delivery.report() });
    link.heartbeat.wrote(now);
  }

  /** After every step: acks that are due, behind the messages they speak of, and the end that is reached. */
  #settle(now: number): void {
    const link = this.#link;
    if (!link) return;
    const due = this.#delivery.ackDueAt;
    if (due !== undefined && due <= now) {
      this.#write(link.id, { letter: 'A', c: this.#delivery.report() });
      link.heartbeat.wrote(now);
    }
    const finishing = this.#finishing;
    const { endAcked, peerFin, consumed, rcvd } = this.#delivery;
    if (!finishing || !endAcked || !peerFin || consumed < rcvd) return;
    this.#effects.push({ type: 'hang-up', id: link.id, code: NORMAL, reason: '' });
    this.#closeHeld(NORMAL);
    const ending = ownEnding('open', finishing.cause, finishing.code, finishing.reason);
    this.#die('closed', { ...ending, wasClean: true }, false);
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  #evict(why: 'evicted' | 'lost'): void {
    const link = this.#link;
    if (link) this.#refuse(link.id, { letter: 'X', why, r: this.#delivery.rcvd }, GONE);
    this.#die(why, ownEnding('open', why === 'lost' ? 'session-lost' : why), false);
  }

  /** Another server goes on with it. What it is given is not lost, so nothing is reported as such. */
  #release(): void {
    const snapshot = this.snapshot();
    this.#leaveAll(MOVED);
    this.#delivery.clear();
    this.#effects.push({ type: 'released', snapshot });
    this.#die('moved', ownEnding('open', 'moved', MOVED), false);
  }

  #die(why: Refusal | 'moved', ending: Ending, leave = true): void {
    const { rcvd, pending, unsent } = this.#delivery;
    if (leave) this.#leaveAll(why === 'closed' ? NORMAL : GONE);
    this.#closeHeld(GONE);
    this.#delivery.clear();
    this.#finishing = undefined;
    this.#phase = { name: 'dead' };
    this.#setState({ status: 'closed', cause: ending });
    const { code, reason } = ending;
    this.#effects.push({ type: 'ended', remains: { why, received: rcvd, code, reason } });
    const detail = { ...ending, undelivered: unsent + this.#refused, unconfirmed: pending - unsent };
    this.#emit({ event: 'close', detail });
  }

  #leaveAll(code: number): void {
    if (this.#link) this.#terminate(this.#link.id, code);
    this.#closeHeld(code);
  }

  snapshot(): PeerSnapshot {
    const finishing = this.#finishing && { ...this.#finishing };
    return {
      inner: this.inner,
      resumes: this.#resumes,
      clientRetains: this.#clientRetains,
      delivery: this.#delivery.snapshot(),
      ...(finishing && { finishing: { cause: finishing.cause, code: finishing.code, reason: finishing.reason } }),
    };
  }

  #setState(state: State): void {
    this.#state = state;
    this.#emit({ event: 'state', detail: state });
  }

  #emit({ event, detail }: Announcement): void {
    this.#effects.push({ type: 'emit', event, detail } as Effect);
  }
}
