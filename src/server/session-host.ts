import type { PeerConfig } from '../core/attachment.js';
import { closeCodes, INTERNAL_ERROR } from '../core/close-code.js';
import { encode, type Resume } from '../core/frames.js';
import type { Ledger } from '../core/outbox.js';
import {
  type Claim,
  Registry,
  type RegistryConfig,
  type RegistryEffect,
  type RegistryInput,
  type SessionSnapshot,
} from '../core/registry.js';
import type { ConnectionId, ConnectionReport, Remains } from '../core/types.js';
import type { Clock } from '../io/clock.js';
import type { Connection, Report } from '../io/connection.js';
import type { AnySocketOptions, SocketOptions } from '../socket/options.js';
import type { UpgradeRequest } from './accept.js';
import { SessionSocket } from './session-socket.js';
import type { SessionStore } from './store.js';

/** What is known of a connection when it comes. */
export interface Visitor<Request> {
  readonly request: Request;
  /** The application's own subprotocol. */
  readonly inner: string;
  readonly principal: string | undefined;
  readonly source: string | undefined;
}

/** How long a connection that was said goodbye to may take to end, in ms, at most. */
const GOODBYE_LIMIT = 5000;

/** A connection, from when it comes until it is a session's, whose events then go there. */
interface Reception<Request> {
  readonly connection: Connection;
  readonly request: Request;
  owner: Report | undefined;
}

export interface HostConfig
  extends Pick<RegistryConfig, 'entropy' | 'hash' | 'helloTimeout' | 'maxSessions' | 'maxSessionsPerPrincipal'> {
  readonly peer: PeerConfig;
  readonly ledger: RetainedLedger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly store: SessionStore | undefined;
}

/** A session that was given to another server is remembered for so long, in ms. */
const GIVEN_MEMORY = 10_000;

/** What all sessions retain together; says when that is too much, once for each tick, and when it is no more. */
export class RetainedLedger implements Ledger {
  exceeded = (): void => {};
  relieved = (): void => {};
  readonly #most: number;
  #bytes = 0;
  #told = false;

  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  set bytes(bytes: number) {
    const before = this.#bytes;
    this.#bytes = bytes;
    if (before > this.#most && bytes <= this.#most) Promise.resolve().then(() => this.relieved());
    if (bytes <= this.#most || this.#told) return;
    this.#told = true;
    Promise.resolve().then(() => {
      this.#told = false;
      this.exceeded();
    });
  }
}

/** What the host tells the server around it. */
export interface HostListener<Request extends UpgradeRequest> {
  /** A session has begun, or has come from another server. */
  session(socket: SessionSocket<never, never, Request>): void;
  /** The store failed. */
  error(error: unknown): void;
}

/**
 * Runs the registry in the world: takes connections in, whatever brought them, gives each session its socket, and asks the
 * store for those it does not know. It knows nothing of HTTP.
 */
export class SessionHost<Request extends UpgradeRequest> {
  readonly #config: HostConfig;
  readonly #socketOptions: SocketOptions<never, never>;
  readonly #listener: HostListener<Request>;
  readonly #registry: Registry;
  /** Timers of questions to the store. */
  readonly #asked = new Set<unknown>();
  /** Sessions that were given to other servers lately, and until when that is remembered. */
  readonly #given = new Map<string, number>();
  readonly #sockets = new Map<string, SessionSocket<never, never, Request>>();
  readonly #receptions = new Map<ConnectionId, Reception<Request>>();
  #lastId: ConnectionId = 0;
  readonly #queue: RegistryInput[] = [];
  #busy = false;
  #timer: unknown;
  #timerAt = Number.POSITIVE_INFINITY;
  #now = 0;
  #leaveStore: (() => void) | undefined;
  /** Connections that were said goodbye to and have not ended, and when they are not waited for any longer. */
  readonly #leaving = new Map<Connection, unknown>();
  #allLeft = (): void => {};
  #closed = false;

  constructor(config: HostConfig, socketOptions: AnySocketOptions, listener: HostListener<Request>) {
    this.#config = config;
    this.#socketOptions = socketOptions as SocketOptions<never, never>;
    this.#listener = listener;
    this.#registry = new Registry({ ...config, hasStore: config.store !== undefined });
    config.ledger.relieved = () => {
      for (const socket of this.#sockets.values()) socket.resumeWrites();
    };
    config.ledger.exceeded = () => this.#dispatch({ type: 'pressure' });
    this.#leaveStore = config.store?.join({ release: (claim) => this.#release(claim) });
  }

  get registry(): Registry {
    return this.#registry;
  }

  get sockets(): ReadonlyMap<string, SessionSocket<never, never, Request>> {
    return this.#sockets;
  }

  /** A connection that has chosen the session protocol. `open` makes it, and is told where it reports to. */
  arrive(open: (id: ConnectionId, report: Report) => Connection, { request, ...visitor }: Visitor<Request>): void {
    const id = ++this.#lastId;
    const connection = open(id, (report) => {
      if (report.type === 'connection-close') this.#left(connection);
      if (reception.owner) reception.owner(report);
      else this.#heard(id, report);
    });
    const reception: Reception<Request> = { connection, request, owner: undefined };
    if (this.#closed) {
      connection.terminate(closeCodes.goingAway, '');
      return;
    }
    this.#receptions.set(id, reception);
    this.#dispatch({ type: 'arrived', id, ...visitor });
  }

  #heard(id: ConnectionId, report: ConnectionReport): void {
    if (report.type === 'message-received') this.#dispatch({ type: 'greeting', id, data: report.data });
    else if (report.type === 'connection-close') {
      this.#receptions.delete(id);
      this.#dispatch({ type: 'left', id });
    }
  }

  /** Sends every client elsewhere within so many ms, at most `rate` a second, and takes no new ones. */
  drain(within: number, rate: number): void {
    this.#dispatch({ type: 'drain', within, rate });
  }

  /** Ends every session: hands it to the store, or says that it is lost. Resolves when all connections have ended. */
  async close(): Promise<void> {
    const { store, clock } = this.#config;
    this.#closed = true;
    for (const timer of this.#asked) clock.clearTimer(timer);
    if (this.#timer !== undefined) clock.clearTimer(this.#timer);
    for (const { connection } of this.#receptions.values()) connection.terminate(closeCodes.goingAway, '');
    this.#receptions.clear();
    const deposits = [...this.#sockets].map(async ([session, socket]) => {
      if (store) await this.#deposit(session, socket, store);
      else socket.instruct({ type: 'evict', why: 'lost' });
    });
    await Promise.all(deposits);
    // Not before: until it is deposited, a session is found here.
    this.#leaveStore?.();
    if (this.#leaving.size > 0) {
      await new Promise<void>((resolve) => {
        this.#allLeft = resolve;
      });
    }
  }

  async #deposit(session: string, socket: SessionSocket<never, never, Request>, store: SessionStore): Promise<void> {
    const belongings = this.#registry.belongings(session);
    if (!belongings) return;
    const { keyHash, principal } = belongings;
    try {
      const peer = await socket.release();
      if (peer) await store.deposit({ session, keyHash, principal, peer });
    } catch (cause) {
      this.#listener.error(new Error(`session ${session} is lost: the store would not keep it`, { cause }));
    }
  }

  async #release(claim: Claim): Promise<SessionSnapshot | undefined> {
    const { session } = claim;
    const socket = this.#sockets.get(session);
    const belongings = this.#registry.belongings(session);
    // Whoever has claimed it may not have it yet: that is no reason to call it unknown.
    if (this.#wasGiven(session)) throw new Error(`session ${session} is on its way to another server`);
    if (!socket || !belongings || !this.#registry.mayRelease(claim)) return undefined;
    const { keyHash, principal } = belongings;
    const peer = await socket.release();
    if (peer) this.#given.set(session, this.#config.clock.now() + GIVEN_MEMORY);
    return peer && { session, keyHash, principal, peer };
  }

  // --- goodbyes ----------------------------------------------------------------------------------------------------

  /** A peer that does not answer must not keep its connection, nor this server. */
  #leave(connection: Connection, code: number, reason: string): void {
    const { clock, peer } = this.#config;
    const giveUp = (): void => {
      this.#left(connection);
      connection.terminate(code, reason);
    };
    this.#leaving.set(connection, clock.setTimer(giveUp, Math.min(peer.closeTimeout, GOODBYE_LIMIT)));
    connection.close(code, reason);
  }

  #left(connection: Connection): void {
    const timer = this.#leaving.get(connection);
    if (timer === undefined) return;
    this.#config.clock.clearTimer(timer);
    this.#leaving.delete(connection);
    if (this.#leaving.size === 0) this.#allLeft();
  }

  // --- the registry ------------------------------------------------------------------------------------------------

  #dispatch(input: RegistryInput): void {
    this.#queue.push(input);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        this.#now = Math.max(this.#now, this.#config.clock.now());
        for (const effect of this.#registry.step(next, this.#now)) this.#perform(effect);
      }
    } finally {
      this.#busy = false;
      this.#arm();
    }
  }

  #perform(effect: RegistryEffect): void {
    switch (effect.type) {
      case 'admit': {
        const reception = this.#receptions.get(effect.id);
        const socket = this.#seat(effect, reception);
        if (reception) this.#attach(socket, effect.id, reception);
        this.#listener.session(socket);
        break;
      }
      case 'restore': {
        const reception = effect.id === undefined ? undefined : this.#receptions.get(effect.id);
        this.#listener.session(this.#seat(effect, reception));
        break;
      }
      case 'attach': {
        const reception = this.#receptions.get(effect.id);
        const socket = this.#sockets.get(effect.session);
        if (reception && socket) this.#attach(socket, effect.id, reception, effect.resume);
        break;
      }
      case 'refuse':
      case 'close':
        this.#dismiss(effect);
        break;
      case 'claim':
        this.#claim(effect.claim);
        break;
      case 'evict':
        this.#sockets.get(effect.session)?.instruct({ type: 'evict', why: 'evicted' });
        break;
      case 'go-away': {
        const { session, ...instruction } = effect;
        this.#sockets.get(session)?.instruct(instruction);
        break;
      }
    }
  }

  #seat(
    { peer, principal }: Pick<Extract<RegistryEffect, { type: 'admit' }>, 'peer' | 'principal'>,
    reception: Reception<Request> | undefined,
  ): SessionSocket<never, never, Request> {
    const { maxBufferedBytes, maxBufferedMessages } = this.#config.peer;
    const request = reception?.request ?? (NO_REQUEST as Request);
    const seat = { peer, principal, request, maxBufferedBytes, maxBufferedMessages };
    const socket = new SessionSocket<never, never, Request>(seat, this.#socketOptions, this.#keeper);
    this.#sockets.set(peer.session, socket);
    // Its client may be gone already: from now on it waits, and not for ever.
    if (!reception) socket.instruct({ type: 'timeout' });
    return socket;
  }

  readonly #keeper = {
    ended: (session: string, remains: Remains): void => {
      this.#sockets.delete(session);
      this.#dispatch({ type: 'ended', session, remains });
    },
    leave: (connection: Connection, code: number, reason: string): void => this.#leave(connection, code, reason),
  };

  #attach(
    socket: SessionSocket<never, never, Request>,
    id: ConnectionId,
    reception: Reception<Request>,
    resume?: Resume,
  ): void {
    this.#receptions.delete(id);
    reception.owner = socket.reports;
    socket.attach(id, reception.connection, reception.request, this.#config.random(), resume);
  }

  #dismiss(effect: Extract<RegistryEffect, { type: 'refuse' | 'close' }>): void {
    const reception = this.#receptions.get(effect.id);
    if (!reception) return;
    const { connection } = reception;
    this.#receptions.delete(effect.id);
    // Nobody listens to it any more.
    reception.owner = () => {};
    try {
      if (effect.type === 'refuse') {
        connection.send(encode(effect.gone));
        this.#leave(connection, effect.code, effect.gone.why);
      } else connection.terminate(effect.code, '');
    } catch {
      this.#left(connection);
      connection.terminate(INTERNAL_ERROR, '');
    }
  }

  #wasGiven(session: string): boolean {
    const now = this.#config.clock.now();
    for (const [oldest, until] of this.#given) {
      if (until > now) break;
      this.#given.delete(oldest);
    }
    return this.#given.has(session) && !this.#sockets.has(session);
  }

  #claim(claim: Claim): void {
    const { session } = claim;
    const { store } = this.#config;
    if (!store) return;
    const { clock, helloTimeout } = this.#config;
    const asked = async (): Promise<SessionSnapshot | undefined> => store.claim(claim);
    // A store that does not answer is one that failed; what it may say later is heard all the same.
    let waits = true;
    const answered = (): void => {
      waits = false;
      clock.clearTimer(late);
      this.#asked.delete(late);
    };
    const fail = (error: unknown): void => {
      if (!waits) return;
      answered();
      this.#listener.error(error);
      if (!this.#closed) this.#dispatch({ type: 'claimed', session, snapshot: undefined, failed: true });
    };
    const late = clock.setTimer(() => fail(new Error('the store did not answer within `helloTimeout`')), helloTimeout);
    this.#asked.add(late);
    asked()
      .then((snapshot) => {
        if (!waits && !snapshot) return undefined;
        answered();
        if (!this.#closed) this.#dispatch({ type: 'claimed', session, snapshot });
        // It was let go elsewhere for this server, which is none any more.
        else if (snapshot) return store.deposit(snapshot);
        return undefined;
      })
      .catch(fail);
  }

  #arm(): void {
    const { clock } = this.#config;
    const deadline = this.#registry.deadline ?? Number.POSITIVE_INFINITY;
    if (this.#closed || deadline >= this.#timerAt) return;
    if (this.#timer !== undefined) clock.clearTimer(this.#timer);
    this.#timerAt = deadline;
    this.#timer = clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.#dispatch({ type: 'timeout' });
      },
      Math.max(0, Math.ceil(deadline - this.#now)),
    );
  }
}

/** A session came from another server, and its client has gone again meanwhile. */
const NO_REQUEST: UpgradeRequest = { url: '' };
