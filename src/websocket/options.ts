import type { DialContext, LongSocketOptions } from '../client/options.js';
import { LongSocketError } from '../core/errors.js';

/** What a {@link LongSocket} is asked that a standard `WebSocket` has a use for, with a session and without. */
type Kept =
  | 'session'
  | 'heartbeat'
  | 'connectTimeout'
  | 'closeTimeout'
  | 'onConnect'
  | 'headers'
  | 'node'
  | 'WebSocket'
  | 'dial'
  | 'signals'
  | 'clock'
  | 'random'
  | 'inspect'
  | 'onListenerError';

/** What needs a session, since without one nothing is ever dialed a second time. */
type Redialing =
  | 'backoff'
  | 'backoffBase'
  | 'backoffCap'
  | 'minUptime'
  | 'maxAttempts'
  | 'shouldReconnect'
  | 'maxConnectionAge';

/** Options of a {@link WebSocket}: those of a `LongSocket` that leave it one. Unknown names and wrong values throw `INVALID_OPTION`. */
export interface WebSocketOptions extends Pick<LongSocketOptions, Kept | Redialing> {
  /**
   * Most bytes that wait for the transport to take more; with a session, that are not acked. One message fits an empty buffer whatever
   * its size. When the buffer is full the connection fails (`error`, then `close` with code 1006): `send()` never throws for size.
   * With a session at most 16777216. @default 16777216
   */
  maxBufferedBytes?: number | undefined;
  /** Most messages that wait likewise. @default Infinity; with a session 65536, which is also the most */
  maxBufferedMessages?: number | undefined;
  /**
   * The address of each dial, in place of the argument: with a token that is fresh, say. The attribute `url` goes on saying what the
   * argument was. @default the argument
   */
  url?: ((context: DialContext) => string | Promise<string>) | undefined;
  /** The subprotocols of each dial, in place of the argument. @default the argument */
  protocols?: ((context: DialContext) => string | readonly string[] | Promise<string | readonly string[]>) | undefined;
}

/** Of each option, whether it needs a session. */
const OPTIONS: Readonly<Record<keyof WebSocketOptions, boolean>> = {
  session: false,
  heartbeat: false,
  connectTimeout: false,
  closeTimeout: false,
  maxBufferedBytes: false,
  maxBufferedMessages: false,
  onConnect: false,
  url: false,
  protocols: false,
  headers: false,
  node: false,
  WebSocket: false,
  dial: false,
  signals: false,
  clock: false,
  random: false,
  inspect: false,
  onListenerError: false,
  backoff: true,
  backoffBase: true,
  backoffCap: true,
  minUptime: true,
  maxAttempts: true,
  shouldReconnect: true,
  maxConnectionAge: true,
};

/** Throws `INVALID_OPTION` for what a {@link LongSocket} would take, and a `WebSocket` does not. The values are its to check. */
export function validateOptions(options: unknown): asserts options is WebSocketOptions {
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object');
  const { session } = options as WebSocketOptions;
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      throw invalid(`unknown option \`${name}\`; there are: ${Object.keys(OPTIONS).join(', ')}`);
    }
    if (value === undefined) continue;
    if (OPTIONS[name as keyof WebSocketOptions] && session !== true) {
      throw invalid(
        `option \`${name}\` needs \`session: true\`: without a session there is one connection, and no other`,
      );
    }
    if ((name === 'url' || name === 'protocols') && typeof value !== 'function') {
      throw invalid(`option \`${name}\` must be a function: what is fixed is an argument`);
    }
  }
}

const invalid = (problem: string): LongSocketError => new LongSocketError('INVALID_OPTION', problem);

const MOST_BYTES = 16 * 1024 * 1024;
const MOST_MESSAGES = 65_536;

/** The options of the {@link LongSocket} below: one connection; or a session, whose first connection is dialed once, and whose end is final. */
export function longSocketOptions(
  { url: _, protocols, ...options }: WebSocketOptions,
  fixedProtocols: readonly string[],
  hasOpened: () => boolean,
): LongSocketOptions {
  const { session = false, shouldReconnect } = options;
  return {
    maxBufferedBytes: MOST_BYTES,
    maxBufferedMessages: session ? MOST_MESSAGES : Number.POSITIVE_INFINITY,
    ...options,
    protocols: protocols ?? fixedProtocols,
    ...(session
      ? { onLost: 'close', shouldReconnect: (ending) => (hasOpened() ? shouldReconnect?.(ending) : false) }
      : { reconnect: false }),
  };
}
