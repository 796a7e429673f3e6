/**
 * The core's whole vocabulary. Inputs name what happened; effects are imperatives; `State` is what the application sees.
 * Everything here is plain data, so that a log of it can be replayed.
 */

/** What an application sends and receives: text, or bytes. */
export type Data = string | ArrayBuffer | ArrayBufferView;

/** One attempt or connection, from its dial to its end. Events that carry a forgotten id are ignored. */
export type ConnectionId = number;

/** Why a connection is being dialed. Handed to the providers of url, protocols and headers. */
export type DialReason = 'connect' | 'reconnect' | 'retry';

/**
 * Why and how an attempt or a connection ended: the argument of `shouldReconnect`, and the `cause` of events and states.
 */
export interface Ending {
  /** How far it had come: not open yet, open but `onConnect` not finished, or open for the application. */
  readonly phase: 'dial' | 'greeting' | 'open';
  /**
   * - `provider`: a url, protocols or headers provider threw, rejected, or gave something unusable
   * - `dial`: the connection could not be opened; a browser is never told why
   * - `status`: the server answered the upgrade with an HTTP status instead (Node only, see `status`)
   * - `unsupported`: this platform's WebSocket cannot do what an option asks for
   * - `timeout`: `connectTimeout` passed before the connection was ready
   * - `hook`: `onConnect` threw or rejected
   * - `lost`: an open connection ended without a close frame
   * - `peer`: the peer sent a close frame; `code` and `reason` are its own
   * - `dead-peer`: a heartbeat probe stayed unanswered, or a peer that promised to speak fell silent
   * - `caller`: `close()`, `reconnect()` or the abort signal; `code` and `reason` are the caller's,
   *   or what ended the connection meanwhile
   */
  readonly cause:
    | 'provider'
    | 'dial'
    | 'status'
    | 'unsupported'
    | 'timeout'
    | 'hook'
    | 'lost'
    | 'peer'
    | 'dead-peer'
    | 'caller';
  /** The true close code (RFC 6455 §7.4); 1006 when no close frame came. */
  readonly code: number;
  readonly reason: string;
  /** Whether the closing handshake was completed. */
  readonly wasClean: boolean;
  /** HTTP status of a refused upgrade (Node only). */
  readonly status?: number | undefined;
  /** What the refused upgrade's `Retry-After` header asks for, in ms (Node only). */
  readonly retryAfter?: number | undefined;
  /** The underlying error, where there is one. */
  readonly error?: unknown;
}

/** The three states of the machine, each with its own detail. A new object for each change, never mutated. */
export type State =
  | {
      readonly status: 'connecting';
      /** Number of the dial under way or waited for, from 1; starts again after `minUptime` of a connection. */
      readonly attempt: number;
      /** Wait before that dial, in ms; 0 while dialing. */
      readonly delay: number;
      /** What ended the connection or attempt before this one. */
      readonly cause?: Ending | undefined;
    }
  | {
      readonly status: 'connected';
      /** `close()` was called: messages still arrive, none is accepted. */
      readonly closing: boolean;
      readonly cause?: undefined;
    }
  | {
      readonly status: 'closed';
      /** What ended the life; absent before the first `connect()`. */
      readonly cause?: Ending | undefined;
    };

/** `open`: a connection is the application's. */
export interface Opening {
  /** It is not the first of this life. */
  readonly reconnected: boolean;
}

/** `interrupted`: an open connection was lost and another will be dialed. */
export interface Interruption extends Ending {
  /**
   * Messages handed to the lost connection that nothing proves to have arrived: an upper bound of what was lost.
   * Answered probes are such a proof, and so is the peer's answer to `close()`; its own close is none.
   */
  readonly unconfirmed: number;
}

/** `close`: once per life, and final. */
export interface CloseDetail extends Ending {
  /** Messages that were accepted and never handed to a connection. */
  readonly undelivered: number;
  /** As in {@link Interruption}, of the last connection. */
  readonly unconfirmed: number;
}

/** `reconnecting`: the next dial is scheduled. */
export interface Reconnecting {
  /** Number of the coming dial, as in {@link State}. */
  readonly attempt: number;
  /** Wait before it, in ms. */
  readonly delay: number;
  readonly cause: Ending;
}

/** What happens to an application's message. `full` and `closed` are refusals. */
export type SendVerdict = 'sent' | 'queued' | 'dropped' | 'full' | 'closed';

export type Input =
  // the application
  | { readonly type: 'connect' }
  | { readonly type: 'reconnect' }
  | { readonly type: 'send'; readonly data: Data }
  | { readonly type: 'close'; readonly code: number; readonly reason: string }
  /** The driver's: the last part of what waits is written, and the connection takes more. */
  | { readonly type: 'flush' }
  | { readonly type: 'adopt'; readonly canPing: boolean }
  | { readonly type: 'greeting-send'; readonly id: ConnectionId; readonly data: Data }
  | { readonly type: 'greeted'; readonly id: ConnectionId }
  | { readonly type: 'greeting-failed'; readonly id: ConnectionId; readonly error: unknown }
  // a connection
  | ConnectionReport
  // the world
  | { readonly type: 'online' }
  | { readonly type: 'offline' }
  | { readonly type: 'wake' }
  | { readonly type: 'freeze' }
  /** The timer. `overslept`: it fired over a second later than it was set for, as after sleep. */
  | { readonly type: 'timeout'; readonly overslept?: boolean };

/** What a connection reports. `connection-close` is its last, comes once, and also stands for a dial that failed. */
export type ConnectionReport =
  /** Open. `canPing`: it has protocol pings. */
  | { readonly type: 'connection-open'; readonly id: ConnectionId; readonly canPing: boolean }
  | { readonly type: 'message-received'; readonly id: ConnectionId; readonly data: Data }
  | { readonly type: 'ping-received'; readonly id: ConnectionId }
  | { readonly type: 'pong-received'; readonly id: ConnectionId; readonly payload: string }
  /** The transport holds more than it should, until `connection-writable`. */
  | { readonly type: 'connection-backed-up'; readonly id: ConnectionId }
  | { readonly type: 'connection-writable'; readonly id: ConnectionId }
  | ({ readonly type: 'connection-close'; readonly id: ConnectionId } & ConnectionEnd);

/** How a connection says that it is over, or that it never came to be. */
export interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  readonly cause?: 'provider' | 'unsupported' | undefined;
  readonly status?: number | undefined;
  readonly retryAfter?: number | undefined;
  readonly error?: unknown;
}

export type Effect =
  // to a connection
  | {
      readonly type: 'dial';
      readonly id: ConnectionId;
      readonly attempt: number;
      readonly reason: DialReason;
    }
  | { readonly type: 'greet'; readonly id: ConnectionId; readonly reconnected: boolean }
  | { readonly type: 'write'; readonly id: ConnectionId; readonly data: Data; readonly heartbeat?: true }
  | { readonly type: 'ping'; readonly id: ConnectionId; readonly payload: string }
  | { readonly type: 'hang-up'; readonly id: ConnectionId; readonly code: number; readonly reason: string }
  | { readonly type: 'terminate'; readonly id: ConnectionId; readonly code: number; readonly reason: string }
  // to the application
  | { readonly type: 'begin' }
  | { readonly type: 'message'; readonly data: Data }
  | { readonly type: 'greeting-message'; readonly data: Data }
  | ({ readonly type: 'emit' } & Announcement);

/** What the application is told, by event name. */
export type Announcement =
  | { readonly event: 'state'; readonly detail: State }
  | { readonly event: 'open'; readonly detail: Opening }
  | { readonly event: 'interrupted'; readonly detail: Interruption }
  | { readonly event: 'reconnecting'; readonly detail: Reconnecting }
  | { readonly event: 'failed' | 'error'; readonly detail: Ending }
  | { readonly event: 'close'; readonly detail: CloseDetail };

/** How life on the other end is proven. See `heartbeat.ts`. */
export type HeartbeatConfig =
  | { readonly kind: 'none' }
  | {
      /** Ask after `interval` of silence; dead when nothing at all comes within `timeout` of the question. */
      readonly kind: 'probe';
      readonly interval: number;
      readonly timeout: number;
      /** The question, where the connection has no protocol ping or the user chose one. */
      readonly message?: (() => Data) | undefined;
      /** Recognises the answer, which is kept from the application. */
      readonly isReply?: ((data: Data) => boolean) | undefined;
    }
  | {
      /** Speak after `interval` without a write of one's own; `timeout` of the peer's silence is death. */
      readonly kind: 'announce';
      readonly interval: number;
      readonly timeout: number;
      readonly message: () => Data;
      readonly isReply: (data: Data) => boolean;
    };

/**
 * What the machine is told once. All times in ms. The functions belong to the caller and must not throw: the public
 * classes wrap the user's.
 */
export interface SessionConfig {
  readonly reconnect: boolean;
  readonly backoffBase: number;
  readonly backoffCap: number;
  readonly minUptime: number;
  readonly maxAttempts: number;
  readonly connectTimeout: number;
  readonly closeTimeout: number;
  readonly heartbeat: HeartbeatConfig;
  readonly maxBufferedBytes: number;
  readonly maxBufferedMessages: number;
  readonly overflow: 'throw' | 'drop-oldest' | 'drop-newest';
  /** Whether an `onConnect` hook stands between the open connection and the application. */
  readonly greets: boolean;
  /** Whether the next dial may carry other credentials than the last: some provider is a function. */
  readonly freshCredentials: boolean;
  /** Uniform in [0, 1). Called once for each delay, at the time it is needed. */
  readonly random: () => number;
  /** `undefined` leaves the decision to the table in `close-code.ts`. */
  readonly shouldReconnect?: ((ending: Ending) => boolean | undefined) | undefined;
}
