/**
 * The core's whole vocabulary. Inputs name what happened; effects are imperatives; `State` is what the application sees.
 * Everything here is plain data, so that a log of it can be replayed.
 */

import type { DeliverySnapshot } from './delivery.js';
import type { Refusal, Resume } from './frames.js';

/** What an application sends and receives: text, or bytes. */
export type Data = string | ArrayBuffer | ArrayBufferView;

/** One attempt or connection, from its dial to its end. Events that carry a forgotten id are ignored. */
export type ConnectionId = number;

/** Why a connection is being dialed. Handed to the providers of url, protocols and headers. */
export type DialReason = 'connect' | 'reconnect' | 'retry' | 'rotate';

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
   *   or what ended the connection meanwhile. On a server's end also: `drain()` ran out of time (4902)
   *
   * With a session:
   * - `refused`: the server would not have the session now; `reason` says why
   * - `protocol`: the other end broke the session protocol
   * - `no-session`: the server does not speak it; final
   * - `session-lost`: the server does not have the session any more; final with `onLost: 'close'`. On a server's end: the
   *   server was closed without a store
   * - `undeliverable`: one message ended one connection after the other, `error.message` says which; final
   * - `expired`: a server's end whose client did not come back in time
   * - `evicted`: a server's end that had to make room, or whose client took nothing for `maxStall`
   * - `moved`: a server's end whose session is on another server now
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
    | 'caller'
    | 'refused'
    | 'protocol'
    | 'no-session'
    | 'session-lost'
    | 'undeliverable'
    | 'expired'
    | 'evicted'
    | 'moved';
  /** The true close code (RFC 6455 §7.4); 1006 when no close frame came. */
  readonly code: number;
  /** The text beside the code: at most 123 bytes, often empty. */
  readonly reason: string;
  /** Whether the closing handshake was completed. */
  readonly wasClean: boolean;
  /** HTTP status of a refused upgrade (Node only). */
  readonly status?: number | undefined;
  /** How long the server asks to wait, in ms: by `Retry-After` of a refused upgrade (Node only), or by refusing a session. */
  readonly retryAfter?: number | undefined;
  /** The underlying error, where there is one. */
  readonly error?: unknown;
}

/** What is remembered of a session that is over, for a client that asks. */
export interface Remains {
  /** What to answer: it is over, for this reason, or it is on another server now. */
  readonly why: Refusal | 'moved';
  /** Number of the last message that this end had received. */
  readonly received: number;
  /** The close code, for a client that missed it. */
  readonly code: number;
  /** The reason beside it. */
  readonly reason: string;
}

/** A server's end of a session as plain data. */
export interface PeerSnapshot {
  /** The subprotocol that the application has chosen; empty: none. */
  readonly inner: string;
  /** The highest attempt number of a RESUME. */
  readonly resumes: number;
  /** Bytes the client retains. */
  readonly clientRetains: number;
  /** Both directions: what is numbered, and what is not acked. */
  readonly delivery: DeliverySnapshot;
  /** The application, or the client's, has closed. */
  readonly finishing?:
    | {
        /** Whose close it is: this application's, or the client's. */
        readonly cause: 'caller' | 'peer';
        /** The closer's code. */
        readonly code: number;
        /** The closer's reason. */
        readonly reason: string;
      }
    | undefined;
}

/** The three states of the machine, each with its own detail. A new object for each change, never mutated. */
export type State =
  | {
      /** There is no connection; one is being dialed, or the next dial is waited for. */
      readonly status: 'connecting';
      /**
       * Number of the dial under way or waited for, from 1; starts again after `minUptime` of a connection. 0 on a
       * server's end, which waits for its client to dial.
       */
      readonly attempt: number;
      /** Wait before that dial, in ms; 0 while dialing. */
      readonly delay: number;
      /** What ended the connection or attempt before this one. */
      readonly cause?: Ending | undefined;
    }
  | {
      /** A connection is open, and the application's. */
      readonly status: 'connected';
      /** `close()` was called, or with a session the peer has closed: messages may still arrive, none is accepted. */
      readonly closing: boolean;
      /** Never there: nothing has ended. */
      readonly cause?: undefined;
    }
  | {
      /** Before the first `connect()`, or the end of a life. */
      readonly status: 'closed';
      /** What ended the life; absent before the first `connect()`. */
      readonly cause?: Ending | undefined;
    };

/** `open`: a connection is the application's. */
export interface Opening {
  /** It is not the first of this life. */
  readonly reconnected: boolean;
  /** With a session: it continues the one there was. */
  readonly resumed?: boolean | undefined;
  /** With a session: how many messages this end sends again, since the peer did not have them. */
  readonly replayed?: number | undefined;
  /** With a session: how long there was no connection, in ms. */
  readonly gapMs?: number | undefined;
}

/** `lost`: the server does not have the session any more. What it never got is the application's again. */
export interface Loss {
  /** Why, in the server's words: `expired`, `unknown` (it restarted, say), `evicted`, … */
  readonly reason: string;
  /** Messages that did not arrive: exactly so many. */
  readonly undelivered: number;
  /** Messages of which nobody knows: at most so many did not arrive. Either this or `undelivered` is 0. */
  readonly unknown: number;
  /** These messages, oldest first, as they were sent: with a codec, encoded. Nothing is sent again without your asking. */
  readonly messages: readonly Data[];
}

/** Why another connection is opened before this one ends. */
export type RotationCause = 'age' | 'goaway' | 'caller';

/** `rotating`, and `rotated` when it is done: another connection takes over, and nothing is lost. */
export interface Rotation {
  /** On a server's end, which is not told why, always `caller`; there is no `rotating` there. */
  readonly cause: RotationCause;
}

/** `interrupted`: an open connection was lost and another will be dialed. */
export interface Interruption extends Ending {
  /**
   * Messages handed to the lost connection that nothing proves to have arrived: an upper bound of what was lost.
   * Answered probes are such a proof, and so is the peer's answer to `close()`; its own close is none. With a session,
   * which sends them again: 0.
   */
  readonly unconfirmed: number;
}

/** `close`: once per life, and final. */
export interface CloseDetail extends Ending {
  /** Messages that were accepted and did not arrive: never handed to a connection, or known not to have been received. */
  readonly undelivered: number;
  /** Messages that may or may not have arrived: as in {@link Interruption}, of the last connection; with a session, not acked. */
  readonly unconfirmed: number;
}

/** A dial that is to come: the argument of `backoff`. */
export interface NextDial {
  /** Number of the coming dial, as in {@link State}. */
  readonly attempt: number;
  /** What ended the connection or attempt before. */
  readonly cause: Ending;
}

/** `reconnecting`: the next dial is scheduled. */
export interface Reconnecting extends NextDial {
  /** Wait before it, in ms. */
  readonly delay: number;
}

/** What happens to an application's message. `full`, `closed` and `too-big` are refusals. */
export type SendVerdict = 'sent' | 'queued' | 'dropped' | 'full' | 'closed' | 'too-big';

/** What happened: one step of the machine each. */
export type Input =
  // the application
  /** `connect()` was called. */
  | { readonly type: 'connect' }
  /** `reconnect()` was called. */
  | { readonly type: 'reconnect' }
  /** A message was accepted. `owned`: nobody will change the bytes. */
  | { readonly type: 'send'; readonly data: Data; readonly owned?: boolean | undefined }
  /** `rotate()` was called. */
  | { readonly type: 'rotate' }
  /** In a session: the application has had all up to this message, and pulls the rest, or takes it as it comes. */
  | { readonly type: 'read'; readonly number: number; readonly pulls: boolean }
  /** `close()` was called. */
  | { readonly type: 'close'; readonly code: number; readonly reason: string }
  /** Ends at once, and in no good order. */
  | { readonly type: 'terminate' }
  /** The driver's: the last part of what waits is written, and the connection takes more. */
  | { readonly type: 'flush' }
  /** `accept()` has given an open connection. `canPing`: it has protocol pings. */
  | { readonly type: 'adopt'; readonly canPing: boolean }
  // a server's end of a session
  /** The client has come with a connection: new, or to `resume`. `jitter`: drawn from [0, 1), so that connections do not speak up in step. */
  | {
      readonly type: 'attach';
      readonly id: ConnectionId;
      readonly jitter: number;
      readonly resume?: Resume | undefined;
    }
  /** The client is to change to another connection within `window` ms; after `deadline` ms this one is closed. */
  | { readonly type: 'go-away'; readonly deadline: number; readonly window: number; readonly why: string }
  /** The session ends here: to make room, or `lost`: the server is shut down, and nobody takes it over. */
  | { readonly type: 'evict'; readonly why: 'evicted' | 'lost' }
  /** Another server goes on with it. */
  | { readonly type: 'release' }
  // `onConnect`, on a connection that is open and not the application's yet
  /** It sends. */
  | { readonly type: 'greeting-send'; readonly id: ConnectionId; readonly data: Data }
  /** It is done: the connection is the application's. */
  | { readonly type: 'greeted'; readonly id: ConnectionId }
  /** It threw or rejected. */
  | { readonly type: 'greeting-failed'; readonly id: ConnectionId; readonly error: unknown }
  /** A connection says something. */
  | ConnectionReport
  // the world
  /** The network is back, or another. */
  | { readonly type: 'online' }
  /** The network is gone. */
  | { readonly type: 'offline' }
  /** Back to the page, or from sleep. */
  | { readonly type: 'wake' }
  /** The page is about to be frozen. */
  | { readonly type: 'freeze' }
  /** The timer. `overslept`: it fired over a second later than it was set for, as after sleep. */
  | { readonly type: 'timeout'; readonly overslept?: boolean };

/** What a connection reports. `connection-close` is its last, comes once, and also stands for a dial that failed. */
export type ConnectionReport =
  /** Open. `canPing`: it has protocol pings. `protocol`: the subprotocol chosen. */
  | {
      readonly type: 'connection-open';
      readonly id: ConnectionId;
      readonly canPing: boolean;
      readonly protocol?: string | undefined;
    }
  /** A whole message. */
  | { readonly type: 'message-received'; readonly id: ConnectionId; readonly data: Data }
  /** A protocol ping, which the transport answers by itself. */
  | { readonly type: 'ping-received'; readonly id: ConnectionId }
  /** A protocol pong, with what the ping carried. */
  | { readonly type: 'pong-received'; readonly id: ConnectionId; readonly payload: string }
  /** The transport holds more than it should, until `connection-writable`. */
  | { readonly type: 'connection-backed-up'; readonly id: ConnectionId }
  /** It takes more again. */
  | { readonly type: 'connection-writable'; readonly id: ConnectionId }
  /** Its end, or that of the dial. */
  | ({ readonly type: 'connection-close'; readonly id: ConnectionId } & ConnectionEnd);

/** How a connection says that it is over, or that it never came to be. */
export interface ConnectionEnd {
  /** The peer's close code (RFC 6455 §7.4); 1006 when no close frame came. */
  readonly code: number;
  /** The peer's text beside it. */
  readonly reason: string;
  /** Whether the closing handshake was completed. */
  readonly wasClean: boolean;
  /** As in {@link Ending}, where it does not follow from the rest. */
  readonly cause?: 'provider' | 'unsupported' | 'no-session' | undefined;
  /** HTTP status of a refused upgrade. */
  readonly status?: number | undefined;
  /** Its `Retry-After`, in ms. */
  readonly retryAfter?: number | undefined;
  /** The underlying error, where there is one. */
  readonly error?: unknown;
}

/** What the machine wants done: the driver performs each, in order. */
export type Effect =
  // to a connection
  /** Open one: ask the providers, dial. */
  | {
      readonly type: 'dial';
      readonly id: ConnectionId;
      readonly attempt: number;
      readonly reason: DialReason;
    }
  /** Run `onConnect` on it. */
  | { readonly type: 'greet'; readonly id: ConnectionId; readonly reconnected: boolean }
  /** Send a message on it. `heartbeat`, `control`: not the application's. */
  | {
      readonly type: 'write';
      readonly id: ConnectionId;
      readonly data: Data;
      readonly heartbeat?: true;
      readonly control?: true;
    }
  /** Send a protocol ping. */
  | { readonly type: 'ping'; readonly id: ConnectionId; readonly payload: string }
  /** Begin the closing handshake. */
  | { readonly type: 'hang-up'; readonly id: ConnectionId; readonly code: number; readonly reason: string }
  /** Give it up, and wait for nothing. */
  | { readonly type: 'terminate'; readonly id: ConnectionId; readonly code: number; readonly reason: string }
  // to the server, which keeps the sessions
  /** The session is over. */
  | { readonly type: 'ended'; readonly remains: Remains }
  /** The session is another server's now. */
  | { readonly type: 'released'; readonly snapshot: PeerSnapshot }
  // to the application
  /** A life begins. */
  | { readonly type: 'begin' }
  /** A message for it. `number`: its position in the session. */
  | { readonly type: 'message'; readonly data: Data; readonly number?: number | undefined }
  /** A message for `onConnect`. */
  | { readonly type: 'greeting-message'; readonly data: Data }
  /** An event. */
  | ({ readonly type: 'emit' } & Announcement);

/** What the application is told, by event name. */
export type Announcement =
  /** The state changed. */
  | { readonly event: 'state'; readonly detail: State }
  /** A connection is open. */
  | { readonly event: 'open'; readonly detail: Opening }
  /** An open connection was lost. */
  | { readonly event: 'interrupted'; readonly detail: Interruption }
  /** The next dial is scheduled. */
  | { readonly event: 'reconnecting'; readonly detail: Reconnecting }
  /** A planned change of connection has begun, or is done. */
  | { readonly event: 'rotating' | 'rotated'; readonly detail: Rotation }
  /** The server has lost the session. */
  | { readonly event: 'lost'; readonly detail: Loss }
  /** Gave up; or an attempt or a connection did not end in good order. */
  | { readonly event: 'failed' | 'error'; readonly detail: Ending }
  /** The end of a life. */
  | { readonly event: 'close'; readonly detail: CloseDetail };

/** What the driver runs: a client's long connection or session, or a server's end of one. */
export interface Machine {
  readonly state: State;
  /** When to step with `timeout`; `undefined`: never. */
  readonly deadline: number | undefined;
  /** There is more to hand over, now: step with `flush`. */
  readonly flushes: boolean;
  /** Messages that were accepted and not handed to a connection yet, and their bytes. */
  readonly queuedCount: number;
  readonly queuedBytes: number;
  /** Messages that were accepted and that the peer has not acked (without a session: that wait). */
  readonly pending: number;
  /** The public id of the session, and the subprotocol chosen in it. */
  readonly session: string | undefined;
  readonly inner: string;
  verdict(data: Data, waitingBytes: number, waitingCount: number): SendVerdict;
  step(input: Input, now: number): readonly Effect[];
  /** The effects of the last step are performed: it need not hold them any longer. */
  performed?(): void;
}

/** How life on the other end is proven. See `heartbeat.ts`. */
export type HeartbeatConfig =
  | { readonly kind: 'none' }
  | {
      /** Ask after `interval` of silence; dead when nothing at all comes within `timeout` of the question. */
      readonly kind: 'probe';
      readonly interval: number;
      readonly timeout: number;
      /** Ask after so much silence of one's own, too. */
      readonly keepsOpen?: boolean | undefined;
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
export interface LineConfig {
  readonly reconnect: boolean;
  readonly backoffBase: number;
  readonly backoffCap: number;
  /** The wait before a dial, in ms, where the two above shall not say; finite, at least 0. */
  readonly backoff?: ((next: NextDial) => number | undefined) | undefined;
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
  /** What to do when the server has lost the session. */
  readonly onLost?: 'new-session' | 'close' | undefined;
  /** How old a connection may become, in ms: before that, another takes over. */
  readonly maxConnectionAge: number;
  /** `undefined` leaves the decision to the table in `close-code.ts`. */
  readonly shouldReconnect?: ((ending: Ending) => boolean | undefined) | undefined;
}
