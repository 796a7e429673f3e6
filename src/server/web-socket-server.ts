import { isolate, type ListenerErrorHandler, reportListenerError } from '../socket/listeners.js';
import { clockOf, invalid } from '../socket/options.js';
import type { UpgradeRequest } from './accept.js';
import { Emitter, type EmitterListener } from './emitter.js';
import { LongSocketServer, type ServerAddress, type ServerSocket } from './long-socket-server.js';
import type { LongSocketServerOptions } from './options.js';
import { pathOf } from './upgrade.js';
import { type AsWebSocketOptions, asWebSocket, checkMost, type WsWebSocket } from './web-socket.js';

/**
 * Options of a {@link WebSocketServer}: those of `LongSocketServer` but for `store` (what a library holds for a connection does not move
 * to another server), `overflow`, `binaryType` and `codec`, with `handleProtocols` as in `ws`.
 */
export interface WebSocketServerOptions
  extends Omit<LongSocketServerOptions, 'store' | 'overflow' | 'binaryType' | 'codec' | 'handleProtocols'>,
    Pick<AsWebSocketOptions, 'maxBufferedAmount'> {
  /** Chooses one of the subprotocols offered, or `false` for none. May be set later, too. @default the first */
  // biome-ignore lint/suspicious/noExplicitAny: for the types of ws to fit
  handleProtocols?: (protocols: Set<string>, request: any) => string | false;
}

/** What somebody might give, who knows `ws` or `LongSocketServer`, and what to do instead. */
const INSTEAD = {
  store: 'what a library holds for a connection does not move to another server',
  overflow: 'a session never drops a message',
  binaryType: 'set it on each socket',
  codec: 'a socket of ws has bytes and text',
  verifyClient: 'see `authenticate` and `origins`',
  clientTracking: '`clients` is always there',
};

/**
 * The server of sessions in the shape of the `ws` package's `WebSocketServer`, so that what is written for that runs unchanged over
 * sessions: `useServer` of graphql-ws, `setupWSConnection` of Yjs, brokers over `createWebSocketStream`. Emits `connection` (socket,
 * request) once for each session, and once for each connection without one, whose socket is the very one of `ws`; sessions' sockets
 * are those of {@link asWebSocket}. Also `listening`, `close`, and `error` if the port cannot be listened on; other failures (of
 * `authenticate`, say) go to `onListenerError`. There are no `headers` and `wsClientError`, and no `verifyClient`: see `authenticate` and
 * `origins`, which by default lets pages of the same host in only.
 */
export class WebSocketServer extends Emitter {
  /** As given. `handleProtocols` may be set later: graphql-ws does. */
  readonly options: Omit<WebSocketServerOptions, 'server'> & {
    /** The HTTP server that was given. */
    // biome-ignore lint/suspicious/noExplicitAny: for the types of ws to fit
    server?: any;
  };
  /** The sockets that have not closed: of sessions, and of connections without one. */
  readonly clients = new Set<WsWebSocket>();
  /** The server beneath: for `stats()`, `drain()` and what else `ws` does not have. */
  readonly sessions: LongSocketServer;
  readonly #report: ListenerErrorHandler;
  /** To be called instead of `connection`, by the upgrade request. */
  readonly #callbacks = new WeakMap<object, EmitterListener>();
  #listens = false;
  #closing = false;
  #closed = false;
  /** Gives those up that take too long to close. */
  #impatience: unknown;

  /**
   * @param listening called when the port is listened on.
   * @throws LongSocketError `INVALID_OPTION`
   */
  constructor(options: WebSocketServerOptions, listening?: () => void) {
    super();
    const { maxBufferedAmount, handleProtocols: _, ...rest } = options;
    for (const [name, instead] of Object.entries(INSTEAD)) {
      if (name in rest) throw invalid(`option \`${name}\` is not one of WebSocketServer's: ${instead}`);
    }
    if (maxBufferedAmount !== undefined) checkMost(maxBufferedAmount);
    this.options = { ...options };
    this.#report = options.onListenerError ?? reportListenerError;
    this.sessions = new LongSocketServer({
      ...rest,
      handleProtocols: (offered, request) => {
        const { handleProtocols = () => offered[0] as string } = this.options;
        return handleProtocols(new Set(offered), request) || undefined;
      },
    });
    this.sessions.on('connection', (socket) => this.#connected(socket));
    this.sessions.on('error', (error) => this.#failed(error));
    if (listening) this.once('listening', listening);
    this.#awaitListening();
  }

  #awaitListening(): void {
    const { port, server } = this.options;
    const listens = (): void => {
      this.#listens = true;
      this.emit('listening');
    };
    if (port !== undefined)
      this.sessions.listening.then(
        () => isolate(listens, undefined, this.#report),
        () => {},
      );
    else server?.on('listening', listens);
  }

  /** `ws` would end the process where nobody listens to `error`. */
  #failed(error: unknown): void {
    const isOfPort = this.options.port !== undefined && !this.#listens;
    if (isOfPort && this.listenerCount('error') > 0) this.emit('error', error);
    else isolate(this.#report, error, reportListenerError);
  }

  // --- connections -------------------------------------------------------------------------------------------------

  /** The only path that is answered; empty: every path. */
  get path(): string {
    return this.options.path ?? '';
  }

  #connected(socket: ServerSocket): void {
    const { request } = socket;
    const { maxBufferedAmount, onListenerError } = this.options;
    const ws = asWebSocket(socket, { maxBufferedAmount, onListenerError });
    if (this.#closing) {
      ws.close(1001, 'going away');
      return;
    }
    this.clients.add(ws);
    ws.on('close', () => {
      this.clients.delete(ws);
      this.#settle();
    });
    const callback = this.#callbacks.get(request);
    if (callback) callback(ws, request);
    else this.emit('connection', ws, request);
  }

  /** Whether the request is for the path of this server. */
  shouldHandle(request: UpgradeRequest): boolean {
    return this.options.path === undefined || this.options.path === pathOf(request);
  }

  /**
   * Answers an upgrade request. `callback` is called instead of `connection` being emitted, as in `ws`; not at all for a
   * connection on which a session goes on.
   */
  // biome-ignore lint/suspicious/noExplicitAny: for the types of node:http and ws to fit
  handleUpgrade(request: any, duplex: object, head: Uint8Array, callback?: (socket: any, request: any) => void): void {
    if (callback) this.#callbacks.set(request, callback);
    this.sessions.handleUpgrade(request, duplex, head);
  }

  /** Where it listens; `null` if nowhere. */
  address(): ServerAddress | string | null {
    const { server } = this.options;
    if (server) return server.address?.() ?? null;
    return this.sessions.address() ?? null;
  }

  // --- ending ------------------------------------------------------------------------------------------------------

  /**
   * As in `ws`: takes no new clients, waits until those there are have gone (close them!), then emits `close`. A session's client that is away
   * when its socket is closed may come back for the rest until `closeTimeout` has passed since this call. A server that was given stays open.
   * @param closed called then; with an error if it had closed before.
   */
  close(closed?: (error?: Error) => void): void {
    if (this.#closed) {
      if (closed) Promise.resolve().then(() => isolate(closed, new Error('The server is not running'), this.#report));
      return;
    }
    if (closed) this.once('close', closed);
    if (this.#closing) return;
    this.#closing = true;
    this.#urge();
    this.#settle();
  }

  /** A socket that is closing is given up after `closeTimeout`. */
  #urge(): void {
    const { closeTimeout = 5000 } = this.options;
    if (closeTimeout === Number.POSITIVE_INFINITY) return;
    const closing = [...this.clients].filter(({ readyState, CLOSING }) => readyState === CLOSING);
    this.#impatience = clockOf(this.options).setTimer(() => {
      for (const ws of closing) ws.terminate();
      this.#urge();
    }, closeTimeout);
  }

  #settle(): void {
    if (!this.#closing || this.#closed || this.clients.size > 0) return;
    this.#closed = true;
    clockOf(this.options).clearTimer(this.#impatience);
    this.sessions.close().then(() => isolate(() => this.emit('close'), undefined, this.#report));
  }
}
