/**
 * All sessions of a server: who may begin one, who may continue which, what is remembered of those that are over, and which
 * have to make room. Under the same contract as the other machines (`line.ts`); a session's own matters are `peer.ts`'s.
 *
 *     arrived ── HELLO ──▶ admit, unless there are too many
 *             ── RESUME ─▶ attach, if version, session, key and principal are right; else GONE
 *                          claim, if the session is not here and there is a store: another server may have it
 *             ── nothing for `helloTimeout`, or anything else ─▶ close
 */

import type { PeerConfig } from './attachment.js';
import { BUSY, GONE, NO_GREETING, PROTOCOL_ERROR } from './close-code.js';
import { type Gone, type Hello, isPlain, parse, type Refusal, type Resume, VERSION } from './frames.js';
import { equal, KEY_PENALTY, KeyGuard } from './key-guard.js';
import { Peer } from './peer.js';
import type { ConnectionId, Data, PeerSnapshot, Remains } from './types.js';

/** What is remembered of a session that is over is remembered for so long, in ms, and of at most so many. */
const TOMB_LIFE = 600_000;
const MOST_TOMBS = 100_000;
/** A session's resumes are at least so far apart, in ms. */
const RESUME_GAP = 200;
/** Whoever is refused for want of room may try again after so long, in ms. */
const BUSY_RETRY = 2000;

/** What the machine is told once. Times in ms. */
export interface RegistryConfig {
  readonly peer: PeerConfig;
  /** How long a connection may take to greet. */
  readonly helloTimeout: number;
  readonly maxSessions: number;
  /** Counts for those who have a principal. */
  readonly maxSessionsPerPrincipal: number;
  /** There are other servers to ask for a session. */
  readonly hasStore: boolean;
  /** A new session's id, and its key: unpredictable. */
  readonly entropy: () => { readonly session: string; readonly key: string };
  /** One way: what is kept of a key. */
  readonly hash: (key: string) => string;
}

/** A session on its way from one server to another. */
export interface SessionSnapshot {
  /** The session's public id. */
  readonly session: string;
  /** What proves a client's key, and does not give it away. */
  readonly keyHash: string;
  /** Whose it is: what `authenticate` returned. */
  readonly principal: string | undefined;
  /** What the server's end holds. */
  readonly peer: PeerSnapshot;
}

/** Who asks for a session that may be elsewhere. Only who has its key may. */
export interface Claim {
  /** The session's public id. */
  readonly session: string;
  /** What proves that the client has the session's key. */
  readonly keyHash: string;
  /** Who asks: what `authenticate` returned. */
  readonly principal: string | undefined;
  /** The RESUME's attempt number. */
  readonly attempt: number;
}

export type RegistryInput =
  /** A connection that has chosen the protocol, and what is known of whoever dialed it. */
  | {
      readonly type: 'arrived';
      readonly id: ConnectionId;
      readonly inner: string;
      readonly principal: string | undefined;
      readonly source: string | undefined;
    }
  | { readonly type: 'greeting'; readonly id: ConnectionId; readonly data: Data }
  /** It ended before it was anybody's. */
  | { readonly type: 'left'; readonly id: ConnectionId }
  /** `failed`: the store could not be asked, and nothing is known. */
  | {
      readonly type: 'claimed';
      readonly session: string;
      readonly snapshot: SessionSnapshot | undefined;
      readonly failed?: boolean | undefined;
    }
  | { readonly type: 'ended'; readonly session: string; readonly remains: Remains }
  /** Too much is retained. */
  | { readonly type: 'pressure' }
  /** The server is going to be shut down: `within` ms, at most `rate` sessions a second. */
  | { readonly type: 'drain'; readonly within: number; readonly rate: number }
  | { readonly type: 'timeout' };

export type RegistryEffect =
  | {
      readonly type: 'admit';
      readonly id: ConnectionId;
      readonly peer: Peer;
      readonly principal: string | undefined;
    }
  /** From another server, for the connection `id` if that is still there. */
  | {
      readonly type: 'restore';
      readonly id: ConnectionId | undefined;
      readonly peer: Peer;
      readonly principal: string | undefined;
    }
  | { readonly type: 'attach'; readonly id: ConnectionId; readonly session: string; readonly resume: Resume }
  /** Say it, then close. */
  | { readonly type: 'refuse'; readonly id: ConnectionId; readonly gone: Gone; readonly code: number }
  | { readonly type: 'close'; readonly id: ConnectionId; readonly code: number }
  | { readonly type: 'claim'; readonly claim: Claim }
  | { readonly type: 'evict'; readonly session: string }
  | {
      readonly type: 'go-away';
      readonly session: string;
      readonly deadline: number;
      readonly window: number;
      readonly why: string;
    };

interface Arrival {
  readonly inner: string;
  readonly principal: string | undefined;
  readonly source: string | undefined;
  readonly deadline: number;
}

interface Entry {
  readonly peer: Peer;
  readonly keyHash: string;
  readonly principal: string | undefined;
  resumedAt: number;
}

interface Tomb {
  readonly keyHash: string;
  readonly principal: string | undefined;
  readonly remains: Remains;
  readonly until: number;
}

interface Waiting extends Arrival {
  readonly id: ConnectionId;
  readonly resume: Resume;
}

/** A question to other servers: for whom it was put, and who waits for the answer by now, if anybody does. */
interface Question {
  readonly keyHash: string;
  readonly principal: string | undefined;
  readonly waiting: Waiting | undefined;
}

export class Registry {
  readonly #config: RegistryConfig;
  readonly #arrivals = new Map<ConnectionId, Arrival>();
  readonly #entries = new Map<string, Entry>();
  /** Oldest first. */
  readonly #tombs = new Map<string, Tomb>();
  /** One at a time for each session, since the answers may come in any order. */
  readonly #questions = new Map<string, Question>();
  readonly #keys: KeyGuard;
  readonly #perPrincipal = new Map<string, number>();
  #draining = false;
  #effects: RegistryEffect[] = [];

  constructor(config: RegistryConfig) {
    this.#config = config;
    this.#keys = new KeyGuard(config.hash);
  }

  get sessions(): number {
    return this.#entries.size;
  }

  get attached(): number {
    let attached = 0;
    for (const { peer } of this.#entries.values()) if (peer.detachedSince === undefined) attached++;
    return attached;
  }

  get tombs(): number {
    return this.#tombs.size;
  }

  get deadline(): number | undefined {
    const [arrival] = this.#arrivals.values();
    const [tomb] = this.#tombs.values();
    const deadline = Math.min(arrival?.deadline ?? Number.POSITIVE_INFINITY, tomb?.until ?? Number.POSITIVE_INFINITY);
    return deadline === Number.POSITIVE_INFINITY ? undefined : deadline;
  }

  /** May this claim have its session? Only with its key, and for a RESUME that is not of the past. */
  mayRelease({ session, keyHash, principal, attempt }: Claim): boolean {
    const entry = this.#entries.get(session);
    return (
      entry !== undefined &&
      equal(entry.keyHash, keyHash) &&
      entry.principal === principal &&
      attempt > entry.peer.resumes
    );
  }

  /** What goes with a session's own snapshot. */
  belongings(session: string): Pick<SessionSnapshot, 'keyHash' | 'principal'> | undefined {
    return this.#entries.get(session);
  }

  step(input: RegistryInput, now: number): readonly RegistryEffect[] {
    this.#effects = [];
    switch (input.type) {
      case 'arrived': {
        const { inner, principal, source } = input;
        const deadline = now + this.#config.helloTimeout;
        this.#arrivals.set(input.id, { inner, principal, source, deadline });
        break;
      }
      case 'greeting':
        this.#greeted(input.id, input.data, now);
        break;
      case 'left':
        this.#arrivals.delete(input.id);
        for (const [session, question] of this.#questions) {
          if (question.waiting?.id === input.id) this.#questions.set(session, { ...question, waiting: undefined });
        }
        break;
      case 'claimed':
        this.#claimed(input, now);
        break;
      case 'ended':
        this.#ended(input.session, input.remains, now);
        break;
      case 'pressure':
        this.#relieve();
        break;
      case 'drain':
        this.#drain(input.within, input.rate);
        break;
      case 'timeout':
        this.#timeout(now);
        break;
    }
    return this.#effects;
  }

  // --- greetings ---------------------------------------------------------------------------------------------------

  #greeted(id: ConnectionId, data: Data, now: number): void {
    const arrival = this.#arrivals.get(id);
    if (!arrival) return;
    this.#arrivals.delete(id);
    const frame = typeof data === 'string' && !isPlain(data) ? parse(data) : undefined;
    const letter = typeof frame === 'object' ? frame.letter : '';
    if (letter === 'H') this.#hello(id, arrival, frame as Hello, now);
    else if (letter === 'R') this.#resume({ ...arrival, id, resume: frame as Resume }, now);
    else this.#effects.push({ type: 'close', id, code: typeof frame === 'object' ? PROTOCOL_ERROR : NO_GREETING });
  }

  #hello(id: ConnectionId, { principal, inner }: Arrival, { v, b }: Hello, now: number): void {
    if (v !== VERSION) this.#refuse(id, 'version');
    else if (this.#draining || !this.#hasRoom(principal)) this.#busy(id, BUSY_RETRY);
    else {
      const { session, key } = this.#config.entropy();
      const peer = new Peer(this.#config.peer, session, { inner, clientRetains: b, key }, now);
      this.#enter(session, { peer, keyHash: this.#config.hash(key), principal, resumedAt: Number.NEGATIVE_INFINITY });
      this.#effects.push({ type: 'admit', id, peer, principal });
    }
  }

  #resume(waiting: Waiting, now: number): void {
    const { id, resume, source } = waiting;
    const entry = this.#entries.get(resume.s);
    if (resume.v !== VERSION) this.#refuse(id, 'version');
    else if (this.#keys.punishes(resume.s, source, now)) this.#busy(id, KEY_PENALTY);
    else if (entry) this.#resumeHere(waiting, entry, now);
    else this.#resumeElsewhere(waiting, now);
  }

  #resumeHere({ id, resume, principal, source }: Waiting, entry: Entry, now: number): void {
    if (!this.#keys.fits(resume, entry.keyHash, source, now)) this.#refuse(id, 'key');
    else if (entry.principal !== principal) this.#refuse(id, 'principal');
    else if (this.#draining) this.#busy(id, BUSY_RETRY);
    else if (now - entry.resumedAt < RESUME_GAP) this.#busy(id, RESUME_GAP);
    else {
      entry.resumedAt = now;
      this.#effects.push({ type: 'attach', id, session: resume.s, resume });
    }
  }

  /** It is over, or another server has it, or nobody has. */
  #resumeElsewhere(waiting: Waiting, now: number): void {
    const { id, resume, source, principal } = waiting;
    const { s: session } = resume;
    const tomb = this.#tombs.get(session);
    if (tomb) {
      if (!this.#keys.fits(resume, tomb.keyHash, source, now)) this.#refuse(id, 'key');
      else if (tomb.principal !== principal) this.#refuse(id, 'principal');
      else this.#tell(id, tomb.remains);
    } else if (!this.#config.hasStore) this.#refuse(id, 'unknown');
    else if (this.#draining) this.#busy(id, BUSY_RETRY);
    else {
      const question = this.#questions.get(session);
      if (question?.waiting) this.#busy(question.waiting.id, RESUME_GAP);
      if (question) this.#questions.set(session, { ...question, waiting });
      else this.#ask(waiting);
    }
  }

  #ask(waiting: Waiting): void {
    const { principal, resume } = waiting;
    const { s: session, k: key, n: attempt } = resume;
    const keyHash = this.#config.hash(key);
    this.#questions.set(session, { keyHash, principal, waiting });
    this.#effects.push({ type: 'claim', claim: { session, keyHash, principal, attempt } });
  }

  #claimed({ session, snapshot, failed }: Extract<RegistryInput, { type: 'claimed' }>, now: number): void {
    const question = this.#questions.get(session);
    const waiting = question?.waiting;
    this.#questions.delete(session);
    if (!snapshot) {
      if (!waiting) return;
      if (failed) this.#busy(waiting.id, BUSY_RETRY);
      // A stranger's question has a stranger's answer.
      else if (!this.#isOf(waiting, question)) this.#ask(waiting);
      else this.#refuse(waiting.id, 'unknown');
      return;
    }
    // Whoever asked may be gone; the session is here all the same, and waits for its client.
    const { keyHash, principal } = snapshot;
    const peer = Peer.restore(this.#config.peer, session, snapshot.peer, now);
    this.#enter(session, { peer, keyHash, principal, resumedAt: now });
    const isTheirs = waiting !== undefined && this.#isOf(waiting, snapshot);
    this.#effects.push({ type: 'restore', id: isTheirs ? waiting.id : undefined, peer, principal });
    if (isTheirs) this.#effects.push({ type: 'attach', id: waiting.id, session, resume: waiting.resume });
    else if (waiting) this.#refuse(waiting.id, 'key');
  }

  #isOf(waiting: Waiting, { keyHash, principal }: Pick<Question, 'keyHash' | 'principal'>): boolean {
    return equal(this.#config.hash(waiting.resume.k), keyHash) && waiting.principal === principal;
  }

  // --- refusing ----------------------------------------------------------------------------------------------------

  #refuse(id: ConnectionId, why: Refusal): void {
    this.#effects.push({ type: 'refuse', id, gone: { letter: 'X', why }, code: GONE });
  }

  #busy(id: ConnectionId, retry: number): void {
    this.#effects.push({ type: 'refuse', id, gone: { letter: 'X', why: 'busy', retry }, code: BUSY });
  }

  #tell(id: ConnectionId, { why, received: r, code: c, reason: m }: Remains): void {
    const gone = { letter: 'X', why: why === 'moved' ? 'unknown' : why, r } as const;
    this.#effects.push({ type: 'refuse', id, gone: why === 'closed' ? { ...gone, c, m } : gone, code: GONE });
  }

  // --- room --------------------------------------------------------------------------------------------------------

  #enter(session: string, entry: Entry): void {
    const { principal } = entry;
    this.#entries.set(session, entry);
    this.#tombs.delete(session);
    if (principal !== undefined) this.#perPrincipal.set(principal, (this.#perPrincipal.get(principal) ?? 0) + 1);
  }

  /** Room for another session; the oldest that waits for its client may have to make it. */
  #hasRoom(principal: string | undefined): boolean {
    const { maxSessions, maxSessionsPerPrincipal } = this.#config;
    if (principal !== undefined && (this.#perPrincipal.get(principal) ?? 0) >= maxSessionsPerPrincipal) {
      return this.#evictOldest((entry) => entry.principal === principal);
    }
    // Not one that is on its way back: whoever may say HELLO could end others' sessions. One whose client has never said more
    // than that, though.
    return this.#entries.size < maxSessions || this.#evictOldest(({ peer }) => !peer.isConfirmed);
  }

  #evictOldest(which: (entry: Entry) => boolean): boolean {
    let oldest: { session: string; since: number } | undefined;
    for (const [session, entry] of this.#entries) {
      const since = entry.peer.detachedSince;
      if (since !== undefined && since < (oldest?.since ?? Number.POSITIVE_INFINITY) && which(entry)) {
        oldest = { session, since };
      }
    }
    if (!oldest) return false;
    this.#effects.push({ type: 'evict', session: oldest.session });
    return true;
  }

  #relieve(): void {
    const { ledger, maxRetainedBytes } = this.#config.peer;
    const detached = [...this.#entries.values()]
      .map(({ peer }) => peer)
      .filter((peer) => peer.detachedSince !== undefined && peer.retainedBytes > 0)
      .sort((a, b) => (a.detachedSince ?? 0) - (b.detachedSince ?? 0));
    let excess = ledger.bytes - maxRetainedBytes;
    for (const peer of detached) {
      if (excess <= 0) return;
      excess -= peer.retainedBytes;
      this.#effects.push({ type: 'evict', session: peer.session });
    }
  }

  #ended(session: string, remains: Remains, now: number): void {
    const entry = this.#entries.get(session);
    if (!entry) return;
    this.#entries.delete(session);
    const { keyHash, principal } = entry;
    if (principal !== undefined) {
      const others = (this.#perPrincipal.get(principal) ?? 1) - 1;
      if (others > 0) this.#perPrincipal.set(principal, others);
      else this.#perPrincipal.delete(principal);
    }
    // Of a session that moved there is nothing to tell: it may even come back.
    if (remains.why === 'moved') return;
    this.#tombs.set(session, { keyHash, principal, remains, until: now + TOMB_LIFE });
    const [oldest] = this.#tombs.keys();
    if (this.#tombs.size > MOST_TOMBS) this.#tombs.delete(oldest as string);
  }

  // --- going -------------------------------------------------------------------------------------------------------

  #drain(within: number, rate: number): void {
    this.#draining = true;
    const window = Math.min(within, Math.ceil((this.attached / rate) * 1000));
    for (const [session, { peer }] of this.#entries) {
      if (peer.detachedSince !== undefined) continue;
      this.#effects.push({ type: 'go-away', session, deadline: within, window, why: 'drain' });
    }
  }

  #timeout(now: number): void {
    for (const [id, { deadline }] of this.#arrivals) {
      if (deadline > now) break;
      this.#arrivals.delete(id);
      this.#effects.push({ type: 'close', id, code: NO_GREETING });
    }
    for (const [session, { until }] of this.#tombs) {
      if (until > now) break;
      this.#tombs.delete(session);
    }
  }
}
