import { LongSocketError } from '../core/errors.js';
import type { Data } from '../core/types.js';
import { type ListenerErrorHandler, reportListenerError } from '../socket/listeners.js';
import { checks, invalid } from '../socket/options.js';
import { AcceptedSocket } from './accept.js';
import type { NodeEmitter } from './emitter.js';
import type { WsEvents } from './event-target.js';
import type { ServerSocket } from './long-socket-server.js';
import { SessionSocket } from './session-socket.js';
import { SessionWebSocket } from './session-web-socket.js';

// biome-ignore lint/suspicious/noExplicitAny: ws and @types/ws disagree about what it may be
export type Sendable = any;
export type Sent = (error?: Error) => void;

/** How one message is sent. */
export interface WsSendOptions {
  /** Whether it goes out as binary or as text. @default as text if it is a string */
  readonly binary?: boolean | undefined;
  /** `false`: more of this message follows with the next `send`. @default true */
  readonly fin?: boolean | undefined;
  /** Makes no difference: see `perMessageDeflate` of the server. @default whatever that says */
  readonly compress?: boolean | undefined;
  /** Makes no difference: a server never masks (RFC 6455 §5.1). @default false */
  readonly mask?: boolean | undefined;
}

/** The `WebSocket` of the `ws` package at a server, as a type that needs no @types/ws and fits it. */
export interface WsWebSocket extends NodeEmitter {
  /** A `readyState`: never at a server. */
  readonly CONNECTING: 0;
  /** A `readyState`: it sends and receives. */
  readonly OPEN: 1;
  /** A `readyState`: either end has begun to close. */
  readonly CLOSING: 2;
  /** A `readyState`: it is over. */
  readonly CLOSED: 3;
  /** One of the constants. */
  readonly readyState: 0 | 1 | 2 | 3;
  /** How binary messages arrive. @default 'nodebuffer' */
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments';
  /** Bytes that were sent and have not left. */
  readonly bufferedAmount: number;
  /** The subprotocol chosen; empty: none. */
  readonly protocol: string;
  /** The extensions of the connection. */
  readonly extensions: string;
  /** Of a session: the path and query its client asked for. */
  readonly url: string;
  /** `pause()` was called, and `resume()` not since. */
  readonly isPaused: boolean;
  /** A listener to `open`, which never comes. */
  onopen: ((event: WsEvents['open']) => void) | null;
  /** A listener to messages. */
  onmessage: ((event: WsEvents['message']) => void) | null;
  /** A listener to errors. */
  onerror: ((event: WsEvents['error']) => void) | null;
  /** A listener to the end. */
  onclose: ((event: WsEvents['close']) => void) | null;
  /** Calls `listener` for each such event, with an object instead of the emitter's arguments. */
  addEventListener<Type extends keyof WsEvents>(
    type: Type,
    listener: ((event: WsEvents[Type]) => void) | { handleEvent(event: WsEvents[Type]): void },
    options?: { once?: boolean | undefined },
  ): void;
  /** Removes such a listener. */
  removeEventListener<Type extends keyof WsEvents>(
    type: Type,
    listener: ((event: WsEvents[Type]) => void) | { handleEvent(event: WsEvents[Type]): void },
  ): void;
  /** Sends text, bytes, a number as text, or nothing. @param sent called when it is written; of a session, when it is accepted; or with an error */
  // biome-ignore lint/suspicious/noExplicitAny: ws and @types/ws disagree about what it may be
  send(data: any, sent?: (error?: Error) => void): void;
  /** As above, with options. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  send(data: any, options: WsSendOptions, sent?: (error?: Error) => void): void;
  /** Asks for a `pong` event. */
  // biome-ignore lint/suspicious/noExplicitAny: @types/ws says that there always is an error
  ping(data?: any, mask?: boolean, sent?: (error?: any) => void): void;
  /** Answers what nobody asked; of a session, nothing. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  pong(data?: any, mask?: boolean, sent?: (error?: any) => void): void;
  /** Reads no more for now, so that the client's sending is held back. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /**
   * Closes in good order; of a session, behind all that was sent, for at most `sessionTtl`.
   * @param reason text, or a Buffer of text.
   */
  // biome-ignore lint/suspicious/noExplicitAny: ws and @types/ws disagree about what it may be
  close(code?: number, reason?: any): void;
  /** Ends it at once: `close` comes with 1006. A session's client is told that the session is lost. */
  terminate(): void;
}

/** Options of {@link asWebSocket}. */
export interface AsWebSocketOptions {
  /**
   * With a session: one of which more bytes wait to be sent (its `bufferedAmount`) is terminated, since code written for `ws` may
   * send without ever looking, and a session's client may be away for long. @default 16777216
   */
  readonly maxBufferedAmount?: number | undefined;
  /** With a session: told of what a listener throws. @default a warning, never a crash */
  readonly onListenerError?: ListenerErrorHandler | undefined;
}

const shaped = new WeakMap<object, WsWebSocket>();

/**
 * A server's socket in the shape of the `ws` package's `WebSocket`, for what is written for that: graphql-ws, `setupWSConnection` of
 * Yjs, `createWebSocketStream`, and so on. The same object whenever it is asked for.
 *
 * Of a plain connection it is the very socket of `ws`. Of a session it is one that outlives the session's connections, and closes
 * when the session ends. Where it deviates from `ws`, it is to keep the session's promise: messages wait for their first listener,
 * and while it is paused or has no listener for them the client's own sending is held back; `send` calls back when the session has
 * accepted the message, which then arrives; `ping` is answered by the session for as long as it lives, whether its client is
 * connected or not, since `heartbeat` and `sessionTtl` look after that; what a listener throws is reported, and never ends the process.
 * @throws LongSocketError `INVALID_ARGUMENT` for what is no server's socket, or has a `codec`; `INVALID_OPTION`
 */
export function asWebSocket<In, Out, Request extends object>(
  socket: ServerSocket<In, Out, Request>,
  options: AsWebSocketOptions = {},
): WsWebSocket {
  const { maxBufferedAmount = MOST_BUFFERED, onListenerError = reportListenerError } = options;
  checkMost(maxBufferedAmount);
  const known = shaped.get(socket);
  if (known) return known;
  if (Object(socket).hasCodec) {
    throw new LongSocketError(
      'INVALID_ARGUMENT',
      'asWebSocket takes a socket without option `codec`: one of ws has bytes and text',
    );
  }
  const made = shape(socket, maxBufferedAmount, onListenerError);
  shaped.set(socket, made);
  return made;
}

function shape(socket: unknown, most: number, report: ListenerErrorHandler): WsWebSocket {
  if (socket instanceof SessionSocket) {
    return new SessionWebSocket(socket as SessionSocket<Data, Data, object>, most, report);
  }
  if (!(socket instanceof AcceptedSocket)) {
    throw new LongSocketError('INVALID_ARGUMENT', 'asWebSocket takes a socket of `LongSocketServer` or `accept`');
  }
  const ws = socket.ws as WsWebSocket;
  ws.binaryType = 'nodebuffer';
  return ws;
}

const MOST_BUFFERED = 16 * 1024 * 1024;

export function checkMost(value: unknown): void {
  const [expected, holds] = checks.count;
  if (!holds(value)) throw invalid(`option \`maxBufferedAmount\` must be ${expected}`, value);
}
