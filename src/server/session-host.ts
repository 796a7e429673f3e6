import { GONE, INTERNAL_ERROR } from '../core/close-code.js';
import { encode, type Resume } from '../core/frames.js';
import type { Ledger } from '../core/outbox.js';
import type { PeerConfig } from '../core/peer.js';
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
import type { SocketOptions } from '../socket/options.js';
import type { UpgradeRequest } from './accept.js';
import { SessionSocket } from './server-socket.js';
import type { SessionStore } from './store.js';

/** What is known of a connection when it comes. */
export interface Visitor<Request> {
  readonly request: Request;
  /** The application's own subprotocol. */
  readonly inner: string;
  readonly principal: string | undefined;
  readonly source: string | undefined;
}

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

/** What all sessions retain together; says when that is too much, once for each tick. */
export class RetainedLedger implements Ledger {
  exceeded = (): void => {};
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
    this.#bytes = bytes;
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
  readonly #socketOptions: SocketOptions;
  readonly #listener: HostListener<Request>;
  readonly #registry: Registry;
  readonly #sockets = new Map<string, SessionSocket<never, never, Request>>();
  readonly #receptions = new Map<ConnectionId, Reception<Request>>();
  #lastId: ConnectionId = 0;
  readonly #queue: RegistryInput[] = [];
  #busy = false;
  #timer: unknown;
  #timerAt = Number.POSITIVE_INFINITY;
  #now = 0;
  #leaveStore: (() => void) | undefined;

  constructor(config: HostConfig, socketOptions: SocketOptions, listener: HostListener<Request>) {
    this.#config = config;
    this.#socketOptions = socketOptions;
    this.#listener = listener;
    this.#registry = new Registry({ ...config, hasStore: config.store !== undefined });
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
      const owner = reception.owner;
      if (owner) owner(report);
      else this.#heard(id, report);
      if (report.type === 'connection-close') this.#receptions.delete(id);
    });
    const reception: Reception<Request> = { connection, request, owner: undefined };
    this.#receptions.set(id, reception);
    this.#dispatch({ type: 'arrived', id, ...visitor });
  }

  #heard(id: ConnectionId, report: ConnectionReport): void {
    if (report.type === 'message-received') this.#dispatch({ type: 'greeting', id, data: report.data });
    else if (report.type === 'connection-close') this.#dispatch({ type: 'left', id });
  }

  /** Sends every client elsewhere within so many ms, at most `rate` a second, and takes no new ones. */
  drain(within: number, rate: number): void {
    this.#dispatch({ type: 'drain', within, rate });
  }

  /** Ends every session: hands it to the store, or says that it is lost. */
  async close(): Promise<void> {
    const { store } = this.#config;
    for (const [id, { owner, connection }] of this.#receptions) {
      if (!owner) connection.terminate(GONE, '');
      if (!owner) this.#receptions.delete(id);
    }
    this.#leaveStore?.();
    const deposits: Promise<void>[] = [];
    for (const [session, socket] of [...this.#sockets]) {
      const belongings = this.#registry.belongings(session);
      if (store && belongings) {
        const { keyHash, principal } = belongings;
        const snapshot = socket.release();
        deposits.push(snapshot.then((peer) => store.deposit({ session, keyHash, principal, peer })));
      } else socket.instruct({ type: 'evict', why: 'lost' });
    }
    const failed = (await Promise.allSettled(deposits)).filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of failed) this.#listener.error(reason);
    if (this.#timer !== undefined) this.#config.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  async #release(claim: Claim): Promise<SessionSnapshot | undefined> {
    const { session } = claim;
    const socket = this.#sockets.get(session);
    const belongings = this.#registry.belongings(session);
    if (!socket || !belongings || !this.#registry.mayRelease(claim)) return undefined;
    const { keyHash, principal } = belongings;
    return { session, keyHash, principal, peer: await socket.release() };
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
        if (!reception) break;
        const socket = this.#seat(effect, reception.request);
        this.#attach(socket, effect.id, reception);
        this.#listener.session(socket);
        break;
      }
      case 'restore': {
        const reception = effect.id === undefined ? undefined : this.#receptions.get(effect.id);
        this.#listener.session(this.#seat(effect, reception?.request ?? (NO_REQUEST as Request)));
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
    request: Request,
  ): SessionSocket<never, never, Request> {
    const { maxBufferedBytes, maxBufferedMessages } = this.#config.peer;
    const seat = { peer, principal, request, maxBufferedBytes, maxBufferedMessages };
    const socket = new SessionSocket<never, never, Request>(seat, this.#socketOptions, this.#keeper);
    this.#sockets.set(peer.session, socket);
    return socket;
  }

  readonly #keeper = {
    ended: (session: string, remains: Remains): void => {
      this.#sockets.delete(session);
      this.#dispatch({ type: 'ended', session, remains });
    },
  };

  #attach(
    socket: SessionSocket<never, never, Request>,
    id: ConnectionId,
    reception: Reception<Request>,
    resume?: Resume,
  ): void {
    reception.owner = socket.reports;
    socket.attach(id, reception.connection, reception.request, this.#config.random(), resume);
  }

  #dismiss(effect: Extract<RegistryEffect, { type: 'refuse' | 'close' }>): void {
    const reception = this.#receptions.get(effect.id);
    if (!reception) return;
    const { connection } = reception;
    // Nobody listens to it any more.
    reception.owner = () => {};
    try {
      if (effect.type === 'refuse') {
        connection.send(encode(effect.gone));
        connection.close(effect.code, effect.gone.why);
      } else connection.terminate(effect.code, '');
    } catch {
      connection.terminate(INTERNAL_ERROR, '');
    }
    this.#receptions.delete(effect.id);
  }

  #claim(claim: Claim): void {
    const { session } = claim;
    const { store } = this.#config;
    if (!store) return;
    Promise.resolve()
      .then(() => store.claim(claim))
      .catch((error: unknown) => {
        this.#listener.error(error);
        return undefined;
      })
      .then((snapshot) => this.#dispatch({ type: 'claimed', session, snapshot }));
  }

  #arm(): void {
    const { clock } = this.#config;
    const deadline = this.#registry.deadline ?? Number.POSITIVE_INFINITY;
    if (deadline >= this.#timerAt) return;
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
