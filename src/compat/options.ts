import type { LongSocketOptions } from '../client/options.js';
import { LongSocketError } from '../core/errors.js';
import type { Data } from '../core/types.js';
import type { WebSocketConstructor } from '../io/connection.js';
import { type Check, checks, invalid } from '../socket/options.js';
import type { BlobLike } from '../websocket/platform.js';
import type { CloseEvent } from './events.js';

/** The address, or a function that gives it anew for each dial. */
export type UrlProvider = string | (() => string | Promise<string>);

/** Subprotocols, or a function that gives them anew for each dial. */
export type ProtocolsProvider =
  | null
  | undefined
  | string
  | string[]
  | (() => string | string[] | null | undefined | Promise<string | string[] | null | undefined>);

/** What can be sent. */
export type Message = Data | BlobLike;

/** What of a `LongSocket` is worth having from the first day. See {@link LongSocketOptions}. */
export type LongSocketExtras = Pick<
  LongSocketOptions,
  | 'heartbeat'
  | 'headers'
  | 'node'
  | 'onConnect'
  | 'closeTimeout'
  | 'signals'
  | 'dial'
  | 'clock'
  | 'random'
  | 'inspect'
  | 'onListenerError'
>;

/** Options of a {@link ReconnectingWebSocket}: those of reconnecting-websocket and partysocket, and some of `LongSocket`'s. Times in ms. */
export interface Options extends LongSocketExtras {
  /** The constructor to use. @default the global one, else that of the `ws` package, looked up at each dial */
  WebSocket?: unknown;
  /** Highest wait before a dial. @default 10000 if another of the three is given; else see `minReconnectionDelay` */
  maxReconnectionDelay?: number | undefined;
  /**
   * Wait before the first retry. @default anew for each wait between 1000 and 5000, if another of the three is given. If none of the
   * three is: `LongSocket`'s backoff, uniform below 500 ms, 1 s, 2 s, … 30 s
   */
  minReconnectionDelay?: number | undefined;
  /** By how much the wait grows with each retry. @default 1.3 if another of the three is given */
  reconnectionDelayGrowFactor?: number | undefined;
  /** How long a connection must hold for the retries to be counted anew. @default 5000 */
  minUptime?: number | undefined;
  /** Limit of an attempt: providers and dial together. What is not open then is aborted. @default 4000 */
  connectionTimeout?: number | undefined;
  /** Retries without a connection that holds, before giving up. @default Infinity */
  maxRetries?: number | undefined;
  /** Most messages that wait for a connection; further ones are dropped. @default Infinity */
  maxEnqueuedMessages?: number | undefined;
  /** Dial on `reconnect()` only. @default false */
  startClosed?: boolean | undefined;
  /** Whether to dial again after this end of a connection or dial. @default always */
  shouldReconnectOnClose?: ((event: CloseEvent) => boolean) | undefined;
  /** Say what happens. @default false */
  debug?: boolean | undefined;
  /** Where to say it. @default console.log */
  debugLogger?: ((...args: unknown[]) => void) | undefined;
}

const EXTRAS: Readonly<Record<keyof LongSocketExtras, true>> = {
  heartbeat: true,
  headers: true,
  node: true,
  onConnect: true,
  closeTimeout: true,
  signals: true,
  dial: true,
  clock: true,
  random: true,
  inspect: true,
  onListenerError: true,
};

/** `LongSocket` validates its own. */
export function extrasOf(options: Options): LongSocketExtras {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(EXTRAS, name)));
}

const amount: Check = ['a number, at least 0, or Infinity', (value) => typeof value === 'number' && value >= 0];

const optionChecks: Partial<Record<keyof Options, Check>> = {
  maxReconnectionDelay: checks.wait,
  minReconnectionDelay: checks.wait,
  reconnectionDelayGrowFactor: amount,
  minUptime: checks.limit,
  connectionTimeout: checks.age,
  maxRetries: amount,
  maxEnqueuedMessages: amount,
  shouldReconnectOnClose: checks.function,
  debugLogger: checks.function,
};

/** Throws for what cannot work. Names that nobody knows pass: `PartySocket` hands all of its own on. */
export function validateCompat(options: Options): void {
  for (const [name, [expected, holds]] of Object.entries(optionChecks)) {
    const value = options[name as keyof Options];
    if (value !== undefined && !holds(value)) throw invalid(`option \`${name}\` must be ${expected}`, value);
  }
  webSocketOf(options);
}

/** The constructor to dial with, if there is one of the application's or the platform's. */
export function webSocketOf({ WebSocket }: Options): WebSocketConstructor | undefined {
  const found = WebSocket ?? (globalThis as { WebSocket?: unknown }).WebSocket ?? undefined;
  if (found !== undefined && typeof found !== 'function') {
    throw new LongSocketError(
      'INVALID_OPTION',
      `No valid WebSocket class provided: option \`WebSocket\`, or the global one, must be a constructor, got ${typeof found}`,
    );
  }
  return found as WebSocketConstructor | undefined;
}

/** The wait before a retry, counted from 1, by the formula of those libraries; `undefined` unless one of its parts is given. */
export function delayOf(retry: number, options: Options, random: () => number): number | undefined {
  const { minReconnectionDelay: least, maxReconnectionDelay: most, reconnectionDelayGrowFactor: growth } = options;
  if (least === undefined && most === undefined && growth === undefined) return undefined;
  const wait = (least ?? 1000 + 4000 * random()) * (growth ?? 1.3) ** (retry - 1);
  // Whole, as timers are.
  return Math.floor(Math.min(wait, most ?? 10_000));
}
