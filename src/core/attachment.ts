import { GONE, MOVED, PROTOCOL_ERROR, STALE } from './close-code.js';
import { Delivery } from './delivery.js';
import { type Gone, isPlain, MALFORMED, parse, type Resume, type Take } from './frames.js';
import { Link } from './link.js';
import { BaseMachine } from './machine.js';
import type { Ledger, OutboxBounds } from './outbox.js';
import type { ConnectionId, Ending, Input, PeerSnapshot } from './types.js';

/** An unconfirmed session, which its client may never have heard of, waits so long, in ms. */
const ORPHAN_TTL = 10_000;
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
export interface Held {
  readonly link: Link;
  readonly deadline: number;
}

/** Which connection it lives on, if any. */
export type PeerPhase =
  | { readonly name: 'attached'; readonly link: Link }
  | { readonly name: 'detached'; readonly expiresAt: number; readonly since: number }
  | { readonly name: 'dead' };

/** What a session begins with. */
export interface Origin {
  readonly inner: string;
  readonly clientRetains: number;
  readonly key?: string;
  readonly from?: PeerSnapshot;
}

/**
 * Which connection a session lives on, at the server's end: the one that came last and was taken into use. Connections come by HELLO
 * and RESUME, may be held beside the active one until TAKE, and go; all others of the session are closed.
 */
export abstract class Attachment extends BaseMachine {
  readonly session: string;
  readonly inner: string;
  protected readonly config: PeerConfig;
  protected readonly delivery: Delivery;
  protected phase: PeerPhase;
  protected held: Held | undefined;
  /** A frame of the client has followed its HELLO: it knows of this session. */
  protected confirmed: boolean;
  /** When a connection that was told to go away is closed. */
  protected goAwayAt = Number.POSITIVE_INFINITY;
  /** Since when the client has taken nothing of what was sent. */
  protected stalledSince: number | undefined;
  /** For how long it had taken nothing when its last connection ended, in ms. */
  #stalledFor = 0;
  protected readonly clientRetains: number;
  #resumes: number;
  /** Told to the client once, in the first WELCOME. */
  #key: string | undefined;
  /** It was on another server: what is held there cannot be held here. */
  #moved: boolean;
  #connectedOnce: boolean;

  constructor(config: PeerConfig, session: string, { inner, clientRetains, key, from }: Origin, now: number) {
    super({ status: 'connecting', attempt: 0, delay: 0 });
    this.config = config;
    this.session = session;
    this.inner = inner;
    this.clientRetains = clientRetains;
    this.#key = key;
    this.#moved = this.confirmed = this.#connectedOnce = from !== undefined;
    this.phase = { name: 'detached', since: now, expiresAt: now + (from ? config.ttl : ORPHAN_TTL) };
    const bounds: OutboxBounds = config;
    this.delivery = from ? Delivery.restore(bounds, from.delivery) : new Delivery(bounds);
    this.delivery.peerRetains = clientRetains;
    this.#resumes = from?.resumes ?? 0;
  }

  /** Hands over what waits. */
  protected abstract pump(now: number): void;
  /** The application, or the client's, has closed. */
  protected abstract get closing(): boolean;

  /** Its client has said more than HELLO, and so knows of it. */
  get isConfirmed(): boolean {
    return this.confirmed;
  }

  /** Since when it has been waiting for its client; `undefined`: it has a connection. */
  get detachedSince(): number | undefined {
    return this.phase.name === 'detached' && !this.held ? this.phase.since : undefined;
  }

  /** The highest attempt number so far: a RESUME must have a higher one. */
  get resumes(): number {
    return this.#resumes;
  }

  protected get link(): Link | undefined {
    return this.phase.name === 'attached' ? this.phase.link : undefined;
  }

  // --- a connection comes ------------------------------------------------------------------------------------------

  protected newLink(id: ConnectionId, jitter: number, now: number): Link {
    const { maxSilence, probeTimeout } = this.config;
    const interval = maxSilence * (0.9 + 0.1 * jitter);
    return new Link(
      id,
      { kind: 'probe', interval, timeout: probeTimeout * this.delivery.leniency, keepsOpen: true },
      true,
      now,
    );
  }

  protected hello(link: Link, now: number): void {
    link.expected = 1;
    this.#welcome(link.id, 1, this.#key);
    this.#key = undefined;
    this.#activate(link, 0, 1, now);
  }

  protected resume(link: Link, { n, r, c, h }: Resume, now: number): void {
    const { id } = link;
    const delivery = this.delivery;
    if (n <= this.#resumes) {
      this.refuse(id, { letter: 'X', why: 'stale' }, STALE);
      return;
    }
    if (r > delivery.outbox.handed || c > r || (h === undefined && r < delivery.acked)) {
      this.refuse(id, { letter: 'X', why: 'range' }, GONE);
      return;
    }
    this.#resumes = n;
    this.confirmed = true;
    link.expected = delivery.rcvd + 1;
    const first = Math.max(r, delivery.acked) + 1;
    const holds = h === 1 && !this.#moved;
    this.#welcome(id, first, undefined, h === 1 && this.#moved);
    this.#moved = false;
    this.closeHeld(STALE);
    if (holds) this.held = { link, deadline: now + this.config.helloTimeout };
    else this.#activate(link, c, first, now);
  }

  #welcome(id: ConnectionId, first: number, key: string | undefined, moved = false): void {
    const { ttl, maxSilence, maxConnectionAge, maxBufferedBytes, maxPayload } = this.config;
    const { rcvd, consumed } = this.delivery;
    const age = maxConnectionAge === Number.POSITIVE_INFINITY ? undefined : { m: maxConnectionAge };
    this.control(id, {
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
    const phase = this.phase;
    const delivery = this.delivery;
    delivery.acknowledge(consumed, delivery.outbox.handed, now);
    const replayed = Math.max(0, delivery.outbox.handed - first + 1);
    delivery.sendOn(link, first, now);
    if (phase.name === 'attached') this.terminate(phase.link.id, MOVED);
    if (this.held?.link !== link) this.closeHeld(MOVED);
    this.held = undefined;
    this.phase = { name: 'attached', link };
    this.goAwayAt = Number.POSITIVE_INFINITY;
    this.stalledSince = this.delivery.pending > 0 ? now - this.#stalledFor : undefined;
    if (phase.name === 'detached') {
      this.setState({ status: 'connected', closing: this.closing });
      if (this.#connectedOnce) {
        const detail = { reconnected: true, resumed: true, replayed, gapMs: now - phase.since };
        this.emit({ event: 'open', detail });
      }
      this.#connectedOnce = true;
    } else {
      this.emit({ event: 'rotated', detail: { cause: 'caller' } });
    }
    this.pump(now);
  }

  protected refuse(id: ConnectionId, gone: Gone, code: number): void {
    this.control(id, gone);
    this.effects.push({ type: 'hang-up', id, code, reason: gone.why });
  }

  protected closeHeld(code: number): void {
    if (this.held) this.terminate(this.held.link.id, code);
    this.held = undefined;
  }

  /** Nothing but TAKE may come on a connection that is held. */
  protected onHeld({ link }: Held, input: Extract<Input, { id: ConnectionId }>, now: number): void {
    if (input.type === 'connection-close') this.held = undefined;
    else if (input.type === 'message-received') {
      const frame = typeof input.data === 'string' && !isPlain(input.data) ? parse(input.data) : MALFORMED;
      if (typeof frame === 'object' && frame.letter === 'T') this.#take(link, frame, now);
      else if (frame !== undefined) this.closeHeld(PROTOCOL_ERROR);
    } else if (input.type === 'connection-backed-up' || input.type === 'connection-writable') {
      link.backedUp = input.type === 'connection-backed-up';
    }
  }

  #take(link: Link, { r, c, s }: Take, now: number): void {
    const { rcvd, acked, outbox } = this.delivery;
    if (r > outbox.handed || r < acked || c > r || s < 1 || s - 1 > rcvd) {
      this.held = undefined;
      this.refuse(link.id, { letter: 'X', why: 'range' }, GONE);
      return;
    }
    link.expected = s;
    link.heartbeat.heard(now);
    this.#activate(link, c, r + 1, now);
  }

  // --- a connection goes -------------------------------------------------------------------------------------------

  protected detach(ending: Ending, now: number): void {
    this.goAwayAt = Number.POSITIVE_INFINITY;
    this.#stalledFor = this.stalledSince === undefined ? 0 : now - this.stalledSince;
    this.stalledSince = undefined;
    this.phase = { name: 'detached', since: now, expiresAt: now + (this.confirmed ? this.config.ttl : ORPHAN_TTL) };
    this.setState({ status: 'connecting', attempt: 0, delay: 0, cause: ending });
    this.emit({ event: 'interrupted', detail: { ...ending, unconfirmed: 0 } });
    if (!ending.wasClean) this.emit({ event: 'error', detail: ending });
  }

  protected goAway(deadline: number, window: number, why: string, now: number): void {
    const link = this.link;
    if (!link) return;
    this.goAwayAt = now + deadline;
    this.control(link.id, { letter: 'G', d: deadline, w: window, why });
  }

  /** The client has taken something. */
  protected advanced(now: number): void {
    this.#stalledFor = 0;
    this.stalledSince = this.delivery.pending > 0 ? now : undefined;
  }

  protected leaveAll(code: number): void {
    if (this.link) this.terminate(this.link.id, code);
    this.closeHeld(code);
  }
}
