import { LongSocketError } from '../core/errors.js';
import type { Data, DialReason, Ending, LineConfig, NextDial } from '../core/types.js';
import type { Dial, NodeOptions, RequestHeaders, WebSocketConstructor } from '../io/connection.js';
import type { Signals } from '../io/signals.js';
import type { Abort, AbortLike } from '../socket/abort.js';
import { guardWith, isBoolean } from '../socket/guard.js';
import { reportListenerError } from '../socket/listeners.js';
import {
  type Check,
  checks,
  invalid,
  oneOf,
  type SocketOptions,
  sharedConfig,
  socketChecks,
  validate,
  validateSession,
} from '../socket/options.js';

/** What a provider is told about the dial it is called for. */
export interface DialContext {
  /** Number of this dial, from 1; starts again after a connection that held for `minUptime`. */
  readonly attempt: number;
  /** `connect`: the first of a life; `reconnect`: asked for by `reconnect()`; `retry`: after an ending. */
  readonly reason: DialReason;
  /** What ended the connection or attempt before, such as a code 4401. */
  readonly cause?: Ending | undefined;
  /** Aborted when the dial is given up: by `connectTimeout`, `close()` or `reconnect()`. */
  readonly signal: Abort;
}

/** A value, or a function that gives it anew for each dial. One that throws, rejects or hangs is a failed attempt. */
export type Provider<Value> = Value | ((context: DialContext) => Value | Promise<Value>);

/** Text, or a `URL`. `http:` and `https:` stand for `ws:` and `wss:`; in a page, it may be relative. */
export type Url =
  | string
  | {
      /** The address as text. */
      readonly href: string;
    };

/** An object of headers, or pairs of them: a WHATWG `Headers`, a `Map`. */
export type UpgradeHeaders = RequestHeaders | Iterable<readonly [name: string, value: string]>;

/** A connection that is open and not yet the application's: what `onConnect` works with. The codec is at work here too. */
export interface Greeting<In = Data, Out = Data> {
  /** Sends on this connection, before all that waits. */
  send(data: Out): void;
  /** The next message. What is not received here is delivered behind `open`. Rejects when the connection ends. */
  receive(): Promise<In>;
  /** This is not the first connection of this life. */
  readonly reconnected: boolean;
  /** The subprotocol the server chose. */
  readonly protocol: string;
  /** What was dialed. */
  readonly url: string;
}

/** Options of a {@link LongSocket}. Times in ms. Unknown names and wrong values throw `INVALID_OPTION`. */
export interface LongSocketOptions<In = Data, Out = Data> extends SocketOptions<In, Out> {
  /** Subprotocols to offer. @default none */
  protocols?: Provider<string | readonly string[]> | undefined;
  /** Headers of the upgrade request: `Authorization`, `Cookie` and so on. In Node, Bun and Deno only. @default none */
  headers?: Provider<UpgradeHeaders> | undefined;
  /** Options of the `ws` package: `origin`, `agent`, TLS, `maxPayload`, … In Node and Bun only. @default none */
  node?: NodeOptions | undefined;
  /** Dial in the constructor, rather than on `connect()`. @default true */
  autoConnect?: boolean | undefined;
  /** `false`: the first failure or lost connection is the end. @default true */
  reconnect?: boolean | undefined;
  /**
   * Ceiling of the wait after the first failed dial, in ms; it doubles with each. Waits are uniform between 0 and the
   * ceiling; after a stable connection the first ceiling is half of this. @default 500
   */
  backoffBase?: number | undefined;
  /** Highest ceiling, in ms. @default 30000 */
  backoffCap?: number | undefined;
  /**
   * Says how long to wait before a dial, in ms, instead of the two above; `undefined`, or what is no time: as they say. What the
   * server asks for (`Retry-After`) is added. Mind the crowd: without chance in it, all clients come back at one moment.
   * @default none
   */
  backoff?: ((next: NextDial) => number | undefined) | undefined;
  /** How long a connection must hold for the attempts to be counted anew, in ms. @default 5000 */
  minUptime?: number | undefined;
  /** Dials without a connection that holds before giving up. @default Infinity */
  maxAttempts?: number | undefined;
  /**
   * Decides on an ending: `true` retry, `false` give up, `undefined` as in the table of close codes. Not asked with
   * `reconnect: false`, nor for what is final with a session: `no-session`, `undeliverable`, `session-lost` with `onLost: 'close'`.
   * @default the table
   */
  shouldReconnect?: ((ending: Ending) => boolean | undefined) | undefined;
  /**
   * Limit of an attempt, in ms: providers, dial and `onConnect` together. What is not ready then is aborted.
   * @default 10000 in Node, 20000 elsewhere (browsers hold dials back after failures)
   */
  connectTimeout?: number | undefined;
  /**
   * Called for each connection before it is the application's: to authenticate, say. Only when it is done is `open`
   * emitted and what waits sent; when it throws or rejects, the attempt has failed. @default none
   */
  onConnect?: ((connection: Greeting<In, Out>) => unknown) | undefined;
  /**
   * Nothing lost, nothing twice, in order, both ways, over any number of connections. The server must be a
   * `LongSocketServer` (`longsocket/server`); another one is a final error that says so. `onConnect`, and an `overflow` that
   * drops, go without a session only. @default false
   */
  session?: boolean | undefined;
  /**
   * What follows `lost` (the server has lost the session: it restarted, say): a new session, or the end. What had not
   * arrived is handed to `lost`, and never sent again by itself. @default 'new-session'
   */
  onLost?: 'new-session' | 'close' | undefined;
  /**
   * How old connections are allowed to become here, in ms: each is replaced before that. With a session nothing is lost, and
   * nothing is late; the server's own limit, and one that shows in how connections end, are known without this option. Without a
   * session the next connection is opened first and the old one closed in good order, so most servers lose nothing; but
   * what the server sends on the old one after its goodbye is gone, and the server has two connections for a moment.
   * @default Infinity
   */
  maxConnectionAge?: number | undefined;
  /** Closes the socket when aborted. @default none */
  signal?: AbortLike | undefined;
  /** The constructor to use. @default isomorphic-ws's (`ws` in Node), else the global one, looked up at each dial */
  WebSocket?: WebSocketConstructor | undefined;
  /** Opens connections: another transport, or a simulated one. @default by WebSocket */
  dial?: Dial | undefined;
  /** Watches the surroundings: online, visible, frozen, resumed. @default the page's events */
  signals?: Signals | undefined;
}

const isWait = checks.wait[1] as (value: unknown) => value is number;
/** Options of whatever messages. */
export type AnyClientOptions = Omit<LongSocketOptions<unknown, never>, 'onConnect'> & { readonly onConnect?: unknown };

/** A subprotocol is a token (RFC 6455 §4.1, RFC 9110 §5.6.2), and offered once. */
const isProtocols = (value: unknown): boolean => {
  const list = [value].flat();
  return (
    new Set(list).size === list.length &&
    list.every((item) => typeof item === 'string' && /^[!#$%&'*+.^`|~\w-]+$/.test(item))
  );
};

const protocolsCheck: Check = [
  'a subprotocol, an array of different ones, or a function that returns them',
  (value) => typeof value === 'function' || isProtocols(value),
];
const isHeaders = (value: unknown): boolean => checks.object[1](value) && !Array.isArray(value);

const headersCheck: Check = [
  'an object of headers, or a function that returns one',
  (value) => typeof value === 'function' || isHeaders(value),
];

const clientChecks: Record<keyof LongSocketOptions, Check> = {
  ...socketChecks,
  protocols: protocolsCheck,
  headers: headersCheck,
  node: checks.object,
  autoConnect: checks.boolean,
  reconnect: checks.boolean,
  backoffBase: checks.wait,
  backoffCap: checks.wait,
  backoff: checks.function,
  minUptime: checks.limit,
  maxAttempts: checks.count,
  shouldReconnect: checks.function,
  connectTimeout: checks.age,
  onConnect: checks.function,
  signal: [
    'an AbortSignal',
    (value) => ['addEventListener', 'removeEventListener'].every((name) => typeof Object(value)[name] === 'function'),
  ],
  WebSocket: checks.function,
  dial: checks.function,
  signals: checks.function,
  session: checks.boolean,
  onLost: oneOf('new-session', 'close'),
  maxConnectionAge: checks.age,
};

/** Throws for what cannot work, before anything is begun. */
export function validateClient(url: unknown, options: AnyClientOptions): void {
  validate(options, clientChecks);
  if (options.session) {
    validateSession(options);
    if (options.onConnect)
      throw invalid('option `onConnect` cannot be used with `session`, whose greeting comes first');
  } else if (options.onLost) throw invalid('option `onLost` needs `session: true`');
  if (typeof url !== 'function') resolveUrl(url);
}

/**
 * The address to dial, as a WebSocket constructor takes it (WHATWG: absolute, `ws:` or `wss:`, no fragment).
 * @throws LongSocketError `INVALID_URL`
 */
export function resolveUrl(value: unknown): string {
  const { URL, location } = globalThis as unknown as {
    URL: new (url: string, base?: string) => { protocol: string; hash: string; href: string };
    location?: { href: string };
  };
  const text = typeof value === 'string' ? value : (value as { href?: unknown } | null | undefined)?.href;
  if (typeof text !== 'string') throw new LongSocketError('INVALID_URL', `a URL is text or a URL object, got ${text}`);
  let url: InstanceType<typeof URL>;
  try {
    url = new URL(text, location?.href);
  } catch (cause) {
    throw new LongSocketError('INVALID_URL', `not a URL: ${JSON.stringify(text)}`, { cause });
  }
  url.protocol = url.protocol.replace(/^http/, 'ws');
  if (!/^wss?:$/.test(url.protocol)) {
    throw new LongSocketError(
      'INVALID_URL',
      `the URL's scheme must be ws, wss, http or https: ${JSON.stringify(text)}`,
    );
  }
  if (url.href.includes('#')) {
    throw new LongSocketError('INVALID_URL', `a WebSocket URL has no fragment: ${JSON.stringify(text)}`);
  }
  return url.href;
}

/** Subprotocols as a list. A provider may return anything. */
export function resolveProtocols(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (!isProtocols(value)) throw new LongSocketError('INVALID_OPTION', `protocols must be ${protocolsCheck[0]}`);
  return [value].flat() as string[];
}

/** Headers as an object. A provider may return anything. */
export function resolveHeaders(value: unknown): RequestHeaders | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isHeaders(value)) throw new LongSocketError('INVALID_OPTION', `headers must be ${headersCheck[0]}`);
  return Symbol.iterator in (value as object)
    ? Object.fromEntries(value as Iterable<[string, string]>)
    : (value as RequestHeaders);
}

/** The machine's view of the client's options, with every default. */
export function clientConfig(url: unknown, options: AnyClientOptions): LineConfig {
  const { protocols, headers, backoff, shouldReconnect, onListenerError = reportListenerError } = options;
  const guard = guardWith(onListenerError);
  const inNode = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;
  // A session's server says how long it may be silent: only a shorter interval than that is asked for here.
  const own = options.heartbeat || {};
  const heartbeat = { ...own, interval: own.interval ?? Number.POSITIVE_INFINITY };
  return {
    reconnect: options.reconnect ?? true,
    backoffBase: options.backoffBase ?? 500,
    backoffCap: options.backoffCap ?? 30_000,
    minUptime: options.minUptime ?? 5000,
    maxAttempts: options.maxAttempts ?? Number.POSITIVE_INFINITY,
    connectTimeout: options.connectTimeout ?? (inNode ? 10_000 : 20_000),
    greets: options.onConnect !== undefined,
    freshCredentials: [url, protocols, headers].some((value) => typeof value === 'function'),
    backoff: backoff && guard(backoff, isWait, undefined),
    shouldReconnect: shouldReconnect && guard(shouldReconnect, isBoolean, undefined),
    onLost: options.onLost ?? 'new-session',
    maxConnectionAge: options.maxConnectionAge ?? Number.POSITIVE_INFINITY,
    ...sharedConfig(options.session ? { ...options, heartbeat } : options),
  };
}
