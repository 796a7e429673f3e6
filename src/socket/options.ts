import { MOST_MESSAGES, MOST_RETAINED } from '../core/delivery.js';
import { LongSocketError } from '../core/errors.js';
import type { Data, LineConfig } from '../core/types.js';
import { type Clock, systemClock, systemRandom } from '../io/clock.js';
import type { BinaryType } from '../io/connection.js';
import type { Inspection } from '../io/driver.js';
import type { Codec } from './codec.js';
import { type Guard, guardWith, isBoolean, isData } from './guard.js';
import { type HeartbeatOptions, heartbeatConfig } from './heartbeat.js';
import { type ListenerErrorHandler, reportListenerError } from './listeners.js';

/** Options of both ends. `In`: what arrives, `Out`: what is sent. */
export interface SocketOptions<In = Data, Out = Data> {
  /**
   * What messages are: `json()` of `longsocket/messages`, or any other. It decides the types of `send`, `write`, `message`
   * events, iteration and `onConnect`. A message that it cannot decode is an `error` event, `INVALID_MESSAGE` with the data,
   * and is skipped. A heartbeat's messages are not the codec's. @default none: text and bytes as they are
   */
  codec?: Codec<In, Out> | undefined;
  /**
   * How a dead link is found; `false`: not at all. A session brings its own heartbeat, everywhere: there only `interval`
   * and `timeout` may be set.
   * @default protocol pings after 25 s of silence, 5 s to answer, where the platform has them (Node)
   */
  heartbeat?: HeartbeatOptions | false | undefined;
  /**
   * How long `close()` may take before the connection is dropped, in ms: the closing handshake; with a session, getting all
   * through as well. On a session's server end `close()` waits for `sessionTtl`, and this is the limit once the client has
   * closed. @default 5000
   */
  closeTimeout?: number | undefined;
  /**
   * Most bytes that wait for a connection, or for the transport to take more; with a session, that are not acked. One
   * message fits an empty buffer whatever its size. With a session at most 16777216. @default 1048576
   */
  maxBufferedBytes?: number | undefined;
  /** Most messages that wait; with a session, that are not acked, and at most 65536. @default 16384 */
  maxBufferedMessages?: number | undefined;
  /**
   * What `send()` does when the buffer is full: throw `QUOTA_EXCEEDED`, drop the oldest message that waits, or drop this
   * one (and return `'dropped'`). Dropped oldest ones are counted in `close { undelivered }`. With a session, and for a
   * `LongSocketServer`, only `'throw'`. @default 'throw'
   */
  overflow?: 'throw' | 'drop-oldest' | 'drop-newest' | undefined;
  /** How binary messages arrive, the same on every platform. @default 'arraybuffer' */
  binaryType?: BinaryType | undefined;
  /** Told of what a listener or hook throws. @default `process.emitWarning` in Node, `reportError` in browsers */
  onListenerError?: ListenerErrorHandler | undefined;
  /** Told of every step of the machine: to plot it, to report a bug, to replay it. @default none */
  inspect?: ((inspection: Inspection) => void) | undefined;
  /** The source of time. @default the platform's */
  clock?: Clock | undefined;
  /** The source of chance, uniform in [0, 1). @default `Math.random` */
  random?: (() => number) | undefined;
}

// --- validation ------------------------------------------------------------------------------------------------------

/** What a value must be, in the words of the message, and whether it is. */
export type Check = readonly [expected: string, holds: (value: unknown) => boolean];

const isNumber =
  (least: number, holds: (value: number) => boolean = () => true): Check[1] =>
  (value) =>
    typeof value === 'number' && value >= least && holds(value);

export const checks = {
  limit: ['a number of milliseconds, at least 0, or Infinity', isNumber(0)],
  wait: ['a number of milliseconds, at least 0', isNumber(0, Number.isFinite)],
  interval: ['a number of milliseconds, at least 1', isNumber(1, Number.isFinite)],
  age: ['a number of milliseconds, at least 1, or Infinity', isNumber(1)],
  count: ['a whole number, at least 1, or Infinity', isNumber(1, (value) => value % 1 === 0 || value > 2 ** 53)],
  boolean: ['a boolean', isBoolean],
  function: ['a function', (value) => typeof value === 'function'],
  object: ['an object', (value) => typeof value === 'object' && value !== null],
} as const satisfies Record<string, Check>;

export const oneOf = (...values: readonly unknown[]): Check => [
  `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
  (value) => values.includes(value),
];

const heartbeatChecks: Record<keyof HeartbeatOptions, Check> = {
  message: ['text, bytes, or a function that returns them', (value) => isData(value) || typeof value === 'function'],
  isReply: checks.function,
  interval: checks.interval,
  timeout: checks.interval,
  announce: checks.boolean,
};

export const socketChecks: Record<keyof SocketOptions, Check> = {
  codec: [
    'an object with encode and decode',
    (value) => ['encode', 'decode'].every((name) => typeof Object(value)[name] === 'function'),
  ],
  heartbeat: ['an object, or false', (value) => value === false || checks.object[1](value)],
  closeTimeout: checks.limit,
  maxBufferedBytes: checks.count,
  maxBufferedMessages: checks.count,
  overflow: oneOf('throw', 'drop-oldest', 'drop-newest'),
  binaryType: oneOf('arraybuffer', 'uint8array'),
  onListenerError: checks.function,
  inspect: checks.function,
  clock: [
    'an object with now, setTimer and clearTimer',
    (value) => ['now', 'setTimer', 'clearTimer'].every((name) => typeof Object(value)[name] === 'function'),
  ],
  random: checks.function,
};

/** The one place where options are validated. Throws `INVALID_OPTION`, which names the option. */
export function validate(options: unknown, known: Readonly<Record<string, Check>>, prefix = ''): void {
  if (!checks.object[1](options)) throw invalid(`${prefix || 'options'} must be an object`);
  for (const [name, value] of Object.entries(options as object)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!check) throw invalid(`unknown option \`${prefix}${name}\`; there are: ${Object.keys(known).join(', ')}`);
    const [expected, holds] = check;
    if (value !== undefined && !holds(value)) throw invalid(`option \`${prefix}${name}\` must be ${expected}`, value);
  }
  const { heartbeat } = options as AnySocketOptions;
  if (heartbeat && !prefix) {
    validate(heartbeat, heartbeatChecks, 'heartbeat.');
    const { announce, message, isReply } = heartbeat;
    if ((announce || isReply) && (message === undefined || (announce && !isReply))) {
      throw invalid(
        `option \`heartbeat.${announce ? 'announce` needs `message` and `isReply' : 'isReply` needs `message'}\``,
      );
    }
  }
}

/** Options of whatever messages. */
export type AnySocketOptions = SocketOptions<unknown, never>;

/** What a session cannot do with. Throws `INVALID_OPTION`. */
export function validateSession({
  heartbeat,
  overflow,
  maxBufferedBytes = 0,
  maxBufferedMessages = 0,
}: AnySocketOptions): void {
  if (maxBufferedBytes > MOST_RETAINED) {
    throw invalid(`option \`maxBufferedBytes\` must be at most ${MOST_RETAINED} with a session`, maxBufferedBytes);
  }
  if (maxBufferedMessages > MOST_MESSAGES) {
    throw invalid(
      `option \`maxBufferedMessages\` must be at most ${MOST_MESSAGES} with a session`,
      maxBufferedMessages,
    );
  }
  if (overflow && overflow !== 'throw') {
    throw invalid(`option \`overflow\` must be 'throw' with a session, which never drops a message`, overflow);
  }
  if (heartbeat === false || (heartbeat && Object.keys(heartbeat).some((name) => !/^(interval|timeout)$/.test(name)))) {
    throw invalid('option `heartbeat` may only hold interval and timeout with a session, which has its own');
  }
}

export function invalid(problem: string, value?: unknown): LongSocketError {
  const got = value === undefined ? '' : `, got ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`;
  return new LongSocketError('INVALID_OPTION', problem + got);
}

// --- defaults --------------------------------------------------------------------------------------------------------

/** What of the machine's configuration both ends have options for. */
type SharedConfig = Pick<
  LineConfig,
  'closeTimeout' | 'heartbeat' | 'maxBufferedBytes' | 'maxBufferedMessages' | 'overflow' | 'random'
>;

/**
 * The machine's view of the options of both ends. Whoever spreads it into a configuration does so last: an object that gets
 * properties behind a spread has a hidden class of its own in V8, half a KiB for each socket.
 */
export function sharedConfig(options: AnySocketOptions): SharedConfig {
  const guard = guardWith(options.onListenerError ?? reportListenerError);
  return {
    closeTimeout: options.closeTimeout ?? 5000,
    heartbeat: heartbeatConfig(options.heartbeat, guard),
    maxBufferedBytes: options.maxBufferedBytes ?? 1024 * 1024,
    maxBufferedMessages: options.maxBufferedMessages ?? 16_384,
    overflow: options.overflow ?? 'throw',
    random: options.random ? chance(options.random, guard) : systemRandom,
  };
}

/** A source of chance that fails must not cost the wait. */
function chance(random: () => number, guard: Guard): () => number {
  const isUnit = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 1;
  const draw = guard(random, isUnit, 0.5);
  return () => draw(undefined);
}

/** The machine's view of the options of an end that does not dial. */
export function lineConfig(options: AnySocketOptions): LineConfig {
  return {
    reconnect: false,
    backoffBase: 0,
    backoffCap: 0,
    minUptime: 0,
    maxAttempts: 0,
    connectTimeout: 0,
    greets: false,
    freshCredentials: false,
    maxConnectionAge: Number.POSITIVE_INFINITY,
    ...sharedConfig(options),
  };
}

export const clockOf = (options: AnySocketOptions): Clock => options.clock ?? systemClock;
