import { LongSocketError } from '../core/errors.js';
import { detached } from '../core/outbox.js';
import type { Data } from '../core/types.js';
import { type Clock, sharedTimers, systemClock } from '../io/clock.js';
import type { ServerConnection } from '../io/connection.js';
import { hashOf, newSession } from '../io/entropy.js';
import { broadcasting } from '../io/node.js';
import { checkedData, encodeWith } from '../socket/codec.js';
import { Listeners, reportListenerError } from '../socket/listeners.js';
import { clockOf, lineConfig, type SocketOptions, sharedConfig, socketChecks } from '../socket/options.js';
import { asyncDispose } from '../socket/socket.js';
import { AcceptedSocket, serve, type Transport, type UpgradeRequest } from './accept.js';
import { Admission } from './admission.js';
import {
  createHttpServer,
  createUpgrader,
  type Duplex,
  type IncomingMessage,
  refuseUpgrade,
  type Server,
  UpgradeCaller,
  type Upgrader,
} from './listen.js';
import { type HttpServer, type LongSocketServerOptions, peerConfig, validateServer } from './options.js';
import { ServedCaller } from './served-connection.js';
import { RetainedLedger, SessionHost, type Visitor } from './session-host.js';
import type { SessionSocket } from './session-socket.js';
import { offersSession, pathOf, residentsOf } from './upgrade.js';

/** A server's end, of a session or (`session` is undefined then) of a plain connection. */
export type ServerSocket<In = Data, Out = Data, Request extends UpgradeRequest = UpgradeRequest> =
  | SessionSocket<In, Out, Request>
  | AcceptedSocket<In, Out, Request>;

/** What a server tells its listeners, by event name. */
export interface ServerEvents<In = Data, Out = Data, Request extends UpgradeRequest = UpgradeRequest> {
  /** A session has begun, or come from another server; or a plain client has connected. Once for each. */
  connection: ServerSocket<In, Out, Request>;
  /** `authenticate` or the store failed, or the port cannot be listened on. Never thrown. */
  error: unknown;
}

/** What a server holds. */
export interface ServerStats {
  /** Sessions that are not over. */
  readonly sessions: number;
  /** Of these, those whose client is connected. */
  readonly attached: number;
  /** Of these, those that wait for their client. */
  readonly detached: number;
  /** Connections of clients without a session. */
  readonly plain: number;
  /** Bytes that all sessions retain for their clients. */
  readonly retainedBytes: number;
  /** Sessions that are over, and remembered for clients that ask. */
  readonly remembered: number;
  /** `drain()` was called: no new session is taken. */
  readonly draining: boolean;
}

/** Where a server listens. */
export interface ServerAddress {
  /** The IP address. */
  readonly address: string;
  /** The port: with option `port: 0`, the one that was free. */
  readonly port: number;
  /** `IPv4` or `IPv6`. */
  readonly family: string;
}

/** Options of {@link LongSocketServer.drain}. */
export interface DrainOptions {
  /** How long clients may take to go elsewhere, in ms; then they are disconnected. @default 30000 */
  readonly within?: number | undefined;
  /** How many are sent away in a second, at most. @default 100 */
  readonly rate?: number | undefined;
}

/**
 * The server of sessions, over `ws`: what a `LongSocket` with `session: true` connects to. Clients without a session are served as
 * well, each connection as by `accept`.
 */
export class LongSocketServer<In = Data, Out = Data, Request extends UpgradeRequest = UpgradeRequest> {
  readonly #options: LongSocketServerOptions<Request, In, Out>;
  readonly #socketOptions: SocketOptions<In, Out> & Pick<LongSocketServerOptions, 'maxPayload'>;
  readonly #listeners: Listeners<ServerEvents<In, Out, Request>>;
  readonly #clock: Clock;
  readonly #host: SessionHost<Request>;
  readonly #ledger: RetainedLedger;
  readonly #upgrader: Upgrader;
  readonly #admission: Admission<Request>;
  readonly #plain = new Set<AcceptedSocket<In, Out, Request>>();
  readonly #server: HttpServer | undefined;
  /** Our own, if it is. */
  readonly #http: Server | undefined;
  /** Resolves when the port is listened on; at once without one. Rejects if it cannot be. */
  readonly listening: Promise<void>;
  /** Plain sockets that are going to be sent away. */
  readonly #dismissals = new Set<unknown>();
  #draining = false;
  #closed: Promise<void> | undefined;

  /** @throws LongSocketError `INVALID_OPTION`; `UNSUPPORTED` where there is no `ws`, as in Workers */
  constructor(options: LongSocketServerOptions<Request, In, Out>) {
    validateServer(options);
    this.#options = { ...options };
    const { clock = sharedTimers(systemClock) } = options;
    this.#socketOptions = { ...socketOptionsOf(options), clock, maxPayload: options.maxPayload };
    this.#clock = clockOf(options);
    this.#listeners = new Listeners(options.onListenerError ?? reportListenerError);
    const { maxSessions = 100_000, maxSessionsPerPrincipal = 20, helloTimeout = 15_000, store } = options;
    this.#ledger = new RetainedLedger(options.maxRetainedBytes ?? 256 * 1024 * 1024);
    const config = {
      peer: peerConfig(options, this.#ledger),
      ledger: this.#ledger,
      clock: this.#clock,
      random: sharedConfig(options).random,
      entropy: newSession,
      hash: hashOf,
      helloTimeout,
      maxSessions,
      maxSessionsPerPrincipal,
      store,
    };
    this.#host = new SessionHost<Request>(config, this.#socketOptions, {
      session: (socket) => this.#emit(socket as unknown as SessionSocket<In, Out, Request>),
      error: (error) => this.#listeners.emit('error', error),
    });
    const { perMessageDeflate = false } = options;
    this.#upgrader = createUpgrader({ maxPayload: config.peer.maxPayload, perMessageDeflate });
    this.#admission = new Admission<Request>(this.#options, this.#clock, {
      turnsAway: (request) => this.#closed !== undefined || (this.#draining && !offersSession(request)),
      plain: (transport, visitor) => this.#acceptPlain(transport, visitor),
      session: (transport, visitor) => {
        const { binaryType = 'arraybuffer' } = options;
        const { maxPayload } = config.peer;
        this.#host.arrive((id, report) => serve(transport, { id, binaryType, maxPayload }, report), visitor);
      },
      error: (error) => this.#listeners.emit('error', error),
    });
    this.#http = options.port === undefined ? undefined : createHttpServer();
    this.#server = options.server ?? this.#http;
    if (this.#server) {
      this.#server.on('upgrade', this.#onUpgrade);
      residentsOf(this.#server).set(this.#onUpgrade, options.path);
    }
    this.listening = this.#listen();
  }

  #listen(): Promise<void> {
    const http = this.#http;
    if (!http) return Promise.resolve();
    const { port, host } = this.#options;
    const listening = new Promise<void>((resolve, reject) => {
      http.once('listening', resolve);
      http.on('error', (error) => {
        reject(error);
        this.#listeners.emit('error', error);
      });
      http.listen(port, host);
    });
    listening.catch(() => {}); // It is an `error` event as well.
    return listening;
  }

  // --- events ------------------------------------------------------------------------------------------------------

  /** Calls `listener` for each such event, until the function it returns is called. */
  on<Type extends keyof ServerEvents>(
    type: Type,
    listener: (event: ServerEvents<In, Out, Request>[Type]) => unknown,
  ): () => void {
    return this.#listeners.on(type, listener);
  }

  #emit(socket: ServerSocket<In, Out, Request>): void {
    this.#listeners.emit('connection', socket);
  }

  // --- upgrades ----------------------------------------------------------------------------------------------------

  /** Where it listens, with option `port`: as `net.Server.address()`. */
  address(): ServerAddress | undefined {
    const address = this.#http?.address();
    return address && typeof address === 'object' ? address : undefined;
  }

  readonly #onUpgrade = (request: IncomingMessage, duplex: Duplex, head: Uint8Array): void => {
    const server = this.#server as HttpServer;
    const residents = residentsOf(server);
    const knows = (path: string | undefined): boolean => path === undefined || path === pathOf(request);
    if (knows(this.#options.path)) this.handleUpgrade(request, duplex, head);
    // Another listener may know this path. If all are of this library, and none does, the first of them says so.
    else if (server.listenerCount('upgrade') === residents.size && ![...residents.values()].some(knows)) {
      const [first] = residents.keys();
      if (first === this.#onUpgrade) refuseUpgrade(duplex, 404);
    }
  };

  /**
   * Answers an upgrade request: for `noServer`, from the `upgrade` event of an HTTP server. Never throws for what the
   * client sent.
   */
  handleUpgrade(request: object, duplex: object, head: Uint8Array): void {
    void this.#admission.answer(new UpgradeCaller<Request>(request, duplex, head, this.#upgrader));
  }

  /**
   * Serves a connection that comes without HTTP: for `noServer` in tests, `network.serve(server.take)` with a `SimulatedNetwork` of
   * `longsocket/testing`. Options mean the same as for an upgrade, and functions are given a request that has `url`, `headers` (what the
   * client sends, `host` and the subprotocols) and a `socket` without an address. All is done within this call, unless `origins` or
   * `authenticate` returns a promise. `perMessageDeflate` makes no difference. Never throws for what the client sent.
   */
  readonly take = (connection: ServerConnection): void => {
    this.#admission.receive(new ServedCaller(connection) as ServedCaller & { readonly request: Request });
  };

  #acceptPlain(transport: Transport, { request, principal }: Visitor<Request>): void {
    const options = this.#socketOptions;
    const socket = new AcceptedSocket<In, Out, Request>(transport, request, lineConfig(options), options, principal);
    this.#plain.add(socket);
    socket.on('close', () => this.#plain.delete(socket));
    this.#emit(socket);
  }

  // --- what there is -----------------------------------------------------------------------------------------------

  /** Every session, its client connected or not, and every plain connection. */
  get sockets(): Iterable<ServerSocket<In, Out, Request>> {
    const sessions = this.#host.sockets.values() as unknown as Iterable<SessionSocket<In, Out, Request>>;
    return [...sessions, ...this.#plain];
  }

  /** Counts for your metrics, of this moment; costs nothing to ask. */
  stats(): ServerStats {
    const { sessions, attached, tombs } = this.#host.registry;
    return {
      sessions,
      attached,
      detached: sessions - attached,
      plain: this.#plain.size,
      retainedBytes: this.#ledger.bytes,
      remembered: tombs,
      draining: this.#draining,
    };
  }

  /**
   * Sends one message to many of this server's sockets, encoded once. A socket that cannot take it (closed, or its buffer is full) is left
   * out; returns how many took it. For sessions all that `send` promises holds.
   * @throws LongSocketError `INVALID_MESSAGE`
   */
  broadcast(sockets: Iterable<ServerSocket<In, Out, Request>>, data: Out): number {
    const { codec } = this.#options;
    // One copy for all, which nobody changes.
    const message = detached(codec ? encodeWith(codec, data) : checkedData(data));
    let taken = 0;
    broadcasting(message, () => {
      for (const socket of sockets) if (socket.offerEncoded(message)) taken++;
    });
    return taken;
  }

  // --- going -------------------------------------------------------------------------------------------------------

  /**
   * For a deploy: takes no new sessions, sends every client elsewhere, `rate` a second, within `within`, and closes. Clients with a session
   * rotate to another server: with a shared `store` nothing is lost; without, what is not acked is reported to them as lost. Plain
   * clients are closed with 1012, at random moments in that time.
   */
  async drain({ within = 30_000, rate = 100 }: DrainOptions = {}): Promise<void> {
    if (!(within >= 0 && within < Number.POSITIVE_INFINITY && rate > 0)) {
      throw new LongSocketError('INVALID_ARGUMENT', 'drain: `within` must be at least 0, and `rate` more than 0');
    }
    this.#draining = true;
    const { random } = sharedConfig(this.#options);
    const window = Math.min(within, (this.#plain.size / rate) * 1000);
    for (const socket of this.#plain) {
      this.#dismissals.add(this.#clock.setTimer(() => socket.close(1012, 'service restart'), random() * window));
    }
    this.#host.drain(within, rate);
    await this.#emptied(within);
    await this.close();
  }

  /** Resolves when nobody is connected any more, or after so long. */
  #emptied(within: number): Promise<void> {
    return new Promise((resolve) => {
      const deadline = this.#clock.now() + within;
      const look = (): void => {
        const left = deadline - this.#clock.now();
        if (left <= 0 || (this.#host.registry.attached === 0 && this.#plain.size === 0)) resolve();
        else this.#clock.setTimer(look, Math.min(left, 50));
      };
      look();
    });
  }

  /**
   * Ends at once: hands all sessions to the `store`, or tells their clients that they are lost; closes plain clients with 1001. An HTTP
   * server that was given stays open; one of our own is closed. Calling it again changes nothing.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#server) {
      this.#server.off('upgrade', this.#onUpgrade);
      residentsOf(this.#server).delete(this.#onUpgrade);
    }
    for (const timer of this.#dismissals) this.#clock.clearTimer(timer);
    this.#admission.clear();
    for (const socket of this.#plain) socket.close(1001, 'going away');
    await Promise.all([this.#host.close(), ...[...this.#plain].map((socket) => socket.closed)]);
    const http = this.#http;
    if (!http) return;
    // One that is just beginning to listen cannot be closed yet.
    await this.listening.catch(() => {});
    await new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeAllConnections();
    });
  }

  /** `close()`: for `await using`. */
  async [asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The part of the options that each socket has. */
function socketOptionsOf<In, Out>(options: LongSocketServerOptions<never, In, Out>): SocketOptions<In, Out> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name in socketChecks));
}
