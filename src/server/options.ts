import type { PeerConfig } from '../core/attachment.js';
import type { Ledger } from '../core/outbox.js';
import type { Data } from '../core/types.js';
import {
  type Check,
  checks,
  invalid,
  type SocketOptions,
  sharedConfig,
  socketChecks,
  validate,
  validateSession,
} from '../socket/options.js';
import type { UpgradeRequest } from './accept.js';
import type { SessionStore } from './store.js';

/** What is used of an HTTP server. */
export interface HttpServer {
  /** Listens for upgrades. */
  // biome-ignore lint/suspicious/noExplicitAny: for the types of node:http, and of whatever resembles it
  on(event: 'upgrade', listener: (...args: any[]) => void): unknown;
  /** Stops that. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  off(event: 'upgrade', listener: (...args: any[]) => void): unknown;
  /** How many listen: to an upgrade that nobody takes, somebody has to say so. */
  listenerCount(event: 'upgrade'): number;
}

/** Options of a {@link LongSocketServer}. Times in ms. Unknown names and wrong values throw `INVALID_OPTION`. */
export interface LongSocketServerOptions<Request extends UpgradeRequest = UpgradeRequest, In = Data, Out = Data>
  extends SocketOptions<In, Out> {
  /** Listens on this port with a server of its own; 0 for any free one. One of `port`, `server` and `noServer` is needed. @default none */
  port?: number | undefined;
  /** With `port`: the address to listen on. @default all */
  host?: string | undefined;
  /** Takes the upgrades of this HTTP or HTTPS server: of `node:http`, Express, Fastify and so on. @default none */
  server?: HttpServer | undefined;
  /** Takes those that are given to `handleUpgrade`. @default false */
  noServer?: boolean | undefined;
  /** The only path that is answered, without query. @default every path */
  path?: string | undefined;
  /**
   * The origins whose pages may connect (`https://example.com`), `'*'`, or a function that decides. Against pages of other sites that use a
   * visitor's cookies; clients that are no browsers send no origin, and may always connect.
   * @default pages of the same host as the server
   */
  origins?: readonly string[] | '*' | ((origin: string, request: Request) => boolean | Promise<boolean>) | undefined;
  /**
   * Who this is: a name, or nothing for refusing (401). Called for every connection, so that a session is continued by the same
   * principal only. One that throws or rejects is answered with 500, and the client tries again. @default everybody is welcome
   */
  authenticate?: ((request: Request) => string | undefined | null | Promise<string | undefined | null>) | undefined;
  /** Chooses one of the application's own subprotocols. @default the first that is offered */
  handleProtocols?: ((offered: readonly string[], request: Request) => string | undefined) | undefined;
  /** Where a client comes from: its address, say, if no proxy hides it. After 5 wrong keys for a session, a source is put off (`busy`) from that session for a minute. @default none: nothing is counted */
  sourceOf?: ((request: Request) => string | undefined) | undefined;
  /** How long a session waits for its client. @default 120000 */
  sessionTtl?: number | undefined;
  /** How old connections are allowed to become, by whatever stands before this server: clients change to another in time. @default Infinity */
  maxConnectionAge?: number | undefined;
  /** How long `origins` and `authenticate` may take together; then a client from the upgrade to its greeting, and from WELCOME to TAKE. @default 15000 */
  helloTimeout?: number | undefined;
  /** Most sessions at once; then a new one has to wait, unless one makes room whose client has never come back from its greeting. @default 100000 */
  maxSessions?: number | undefined;
  /** With `authenticate`: most sessions of one principal. @default 20 */
  maxSessionsPerPrincipal?: number | undefined;
  /** Most bytes that all sessions together retain for their clients. @default 268435456 */
  maxRetainedBytes?: number | undefined;
  /** A client that takes nothing of what is sent for so long is evicted. @default Infinity */
  maxStall?: number | undefined;
  /** Longest message accepted, in bytes. @default 104857600 */
  maxPayload?: number | undefined;
  /** Compression (RFC 7692), as for `ws`: costs memory for each connection, and may reveal secrets beside it. @default false */
  perMessageDeflate?: boolean | object | undefined;
  /** Where other servers' sessions are found, and where they find those of this one. @default none: sessions live and die here */
  store?: SessionStore | undefined;
}

/** Options of whatever requests and messages. */
export type AnyServerOptions = LongSocketServerOptions<never, unknown, never>;

const serverChecks: Record<keyof LongSocketServerOptions, Check> = {
  ...socketChecks,
  port: ['a port number', (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536],
  host: ['a host name or address', (value) => typeof value === 'string' && value !== ''],
  server: [
    'an HTTP server',
    (value) => typeof Object(value).on === 'function' && typeof Object(value).listenerCount === 'function',
  ],
  noServer: checks.boolean,
  path: ['a path that begins with /', (value) => typeof value === 'string' && value.startsWith('/')],
  origins: [
    "an array of origins, '*', or a function",
    (value) =>
      value === '*' ||
      typeof value === 'function' ||
      (Array.isArray(value) && value.every((origin) => /^[a-z][a-z0-9+.-]*:\/\/[^/]+$/i.test(origin))),
  ],
  authenticate: checks.function,
  handleProtocols: checks.function,
  sourceOf: checks.function,
  sessionTtl: checks.interval,
  maxConnectionAge: checks.age,
  helloTimeout: checks.interval,
  maxSessions: checks.count,
  maxSessionsPerPrincipal: checks.count,
  maxRetainedBytes: checks.count,
  maxStall: checks.age,
  maxPayload: checks.count,
  perMessageDeflate: ['a boolean or an object', (value) => typeof value === 'boolean' || checks.object[1](value)],
  store: [
    'an object with join, claim and deposit',
    (value) => ['join', 'claim', 'deposit'].every((name) => typeof Object(value)[name] === 'function'),
  ],
};

/** Throws for what cannot work, before anything is begun. */
export function validateServer(options: AnyServerOptions): void {
  validate(options, serverChecks);
  validateSession(options);
  const { port, server, noServer, host } = options;
  const given = [port !== undefined, server !== undefined, noServer === true].filter(Boolean).length;
  if (given !== 1)
    throw invalid(`one of the options \`port\`, \`server\` and \`noServer\` must be given, got ${given}`);
  if (host !== undefined && port === undefined) throw invalid('option `host` needs `port`');
}

/** The machine's view of the options, with every default. */
export function peerConfig(options: AnyServerOptions, ledger: Ledger): PeerConfig {
  const { closeTimeout, maxBufferedBytes, maxBufferedMessages } = sharedConfig(options);
  const heartbeat = options.heartbeat || {};
  return {
    ttl: options.sessionTtl ?? 120_000,
    maxSilence: heartbeat.interval ?? 25_000,
    probeTimeout: heartbeat.timeout ?? 5000,
    helloTimeout: options.helloTimeout ?? 15_000,
    closeTimeout,
    maxConnectionAge: options.maxConnectionAge ?? Number.POSITIVE_INFINITY,
    maxPayload: options.maxPayload ?? 100 * 1024 * 1024,
    maxBufferedBytes,
    maxBufferedMessages,
    overflow: 'throw',
    ledger,
    maxRetainedBytes: options.maxRetainedBytes ?? 256 * 1024 * 1024,
    maxStall: options.maxStall ?? Number.POSITIVE_INFINITY,
  };
}
