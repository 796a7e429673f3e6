import { LongSocket } from '../client/long-socket.js';
import { LongSocketError } from '../core/errors.js';
import type { CloseDetail, Data } from '../core/types.js';
import { systemClock } from '../io/clock.js';
import { type Address, parseArguments, parseClose, parseMessage } from './arguments.js';
import { CloseEvent, errorEvent, messageEvent, simpleEvent } from './events.js';
import { HandlerAttributes } from './handler-attributes.js';
import { longSocketOptions, validateOptions, type WebSocketOptions } from './options.js';
import { Outgoing } from './outgoing.js';
import {
  type BlobLike,
  baseOf,
  domException,
  type PlatformCloseEvent,
  type PlatformEvent,
  type PlatformEventTarget,
  type PlatformMessageEvent,
  type PlatformURL,
  type PlatformWebSocket,
  platform,
} from './platform.js';
import { needArguments, shapeInterface } from './web-idl.js';

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** What a {@link WebSocket} fires, by type. */
export interface WebSocketEvents {
  /** It is open. Once, first. */
  open: PlatformEvent;
  /** A message came. */
  message: PlatformMessageEvent;
  /** A plain event, as in the standard, with what went wrong beside it. */
  error: PlatformEvent;
  /** It is closed. Once, last. */
  close: PlatformCloseEvent;
}

/** What an attribute such as `onmessage` may hold. */
// biome-ignore lint/suspicious/noExplicitAny: as in lib.dom
export type WebSocketHandler<Event> = ((this: PlatformWebSocket, event: Event) => any) | null;

/** The platform's `EventTarget`, with the types of the events. */
export type WebSocketTarget = Omit<PlatformEventTarget, 'addEventListener' | 'removeEventListener'> & {
  /** Calls `listener` for each event of a type. */
  readonly addEventListener: (<Type extends keyof WebSocketEvents>(
    type: Type,
    // biome-ignore lint/suspicious/noExplicitAny: as in lib.dom
    listener: (this: PlatformWebSocket, event: WebSocketEvents[Type]) => any,
    options?: Parameters<PlatformEventTarget['addEventListener']>[2],
  ) => void) &
    PlatformEventTarget['addEventListener'];
  /** Calls it no more. */
  readonly removeEventListener: (<Type extends keyof WebSocketEvents>(
    type: Type,
    // biome-ignore lint/suspicious/noExplicitAny: as in lib.dom
    listener: (this: PlatformWebSocket, event: WebSocketEvents[Type]) => any,
    options?: Parameters<PlatformEventTarget['removeEventListener']>[2],
  ) => void) &
    PlatformEventTarget['removeEventListener'];
};

const Target = baseOf('EventTarget') as unknown as new () => WebSocketTarget;

/**
 * A `WebSocket` as the WHATWG defines it (https://websockets.spec.whatwg.org), over a `LongSocket`: a drop-in for the platform's,
 * in one of two shapes.
 *
 * Without options it is **one connection with one `close`**, and never dials again by itself, so it can stand below whatever does;
 * what it has beside the standard's is liveness, a limit to connecting and to closing, and close codes that are true.
 *
 * With `session: true`, and a `LongSocketServer` at the other end, it **survives interruptions**: `readyState` stays `OPEN` meanwhile,
 * nothing is lost, and `close` is final. Its first connection is dialed once: when that fails, it has failed.
 *
 * It deviates from the standard in this: what a page cannot know of a connection (a refused dial's status, say) is in the `error` event,
 * as `error`, a `LongSocketError`, and `message`; a limit that is passed is a failure; a peer that a heartbeat finds dead, and a session that the
 * server has lost, are as a connection that was cut.
 */
export class WebSocket extends Target {
  /** 0: there is no connection yet. */
  declare static readonly CONNECTING: 0;
  /** 1: messages can be sent. */
  declare static readonly OPEN: 1;
  /** 2: it is being closed. */
  declare static readonly CLOSING: 2;
  /** 3: it is closed, or could not be opened. */
  declare static readonly CLOSED: 3;
  /** As the static one. */
  declare readonly CONNECTING: 0;
  /** As the static one. */
  declare readonly OPEN: 1;
  /** As the static one. */
  declare readonly CLOSING: 2;
  /** As the static one. */
  declare readonly CLOSED: 3;

  readonly #socket: LongSocket;
  readonly #outgoing: Outgoing;
  readonly #handlers = new HandlerAttributes(this);
  readonly #url: Address;
  /** Unless a provider says for each dial. */
  readonly #offered: readonly string[] | undefined;
  readonly #task: (run: () => void) => void;
  #readyState: 0 | 1 | 2 | 3 = CONNECTING;
  #binaryType: 'blob' | 'arraybuffer' = 'blob';
  #protocol = '';
  #extensions = '';
  #hasOpened = false;
  /** A method is being called: what it leads to is told in a task of its own. */
  #isCalled = false;
  /** The last thing that went wrong below, and what this end gave up for. */
  #lastError: Error | undefined;
  #failure: Error | undefined;

  /**
   * Opens a connection.
   * @param url absolute, or relative to the document; `http:` and `https:` stand for `ws:` and `wss:`.
   * @param protocols subprotocols to offer; the connection fails if the server chooses none of them. @default none
   * @throws DOMException `SyntaxError`, as the standard says; LongSocketError `INVALID_OPTION`.
   */
  constructor(url: string | PlatformURL, protocols: string | Iterable<string> = [], options: WebSocketOptions = {}) {
    // biome-ignore lint/complexity/noArguments: an argument that is missing is another thing than undefined
    needArguments(arguments.length, 1, 'WebSocket');
    const [parsed, offered] = parseArguments(url, protocols);
    validateOptions(options);
    super();
    this.#url = parsed;
    this.#offered = options.protocols ? undefined : offered;
    const { clock = systemClock } = options;
    this.#task = (run) => clock.setTimer(run, 0);
    const inner = longSocketOptions(options, offered, () => this.#hasOpened);
    const socket = new LongSocket(options.url ?? parsed.href, inner);
    this.#socket = socket;
    this.#outgoing = new Outgoing(socket, clock, inner.maxBufferedBytes as number, (error) => this.#refused(error));
    socket.on('open', () => this.#opened());
    socket.on('message', (data) => this.#received(data));
    socket.on('state', (state) => {
      if (state.status === 'connected' && state.closing && this.#readyState === OPEN) this.#readyState = CLOSING;
    });
    socket.on('error', (error) => {
      this.#lastError = error;
    });
    socket.on('close', (detail) => this.#ended(detail));
  }

  // --- attributes --------------------------------------------------------------------------------------------------

  /** The constructor's first argument, resolved. */
  get url(): string {
    return this.#url.href;
  }

  /** `CONNECTING`, `OPEN`, `CLOSING` or `CLOSED`. With a session, `OPEN` also while it is being resumed. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  /** Bytes of messages that are not transmitted. What is left at the end, and what is sent afterwards, stays in it. */
  get bufferedAmount(): number {
    return this.#outgoing.bufferedAmount;
  }

  /** The extensions that the server chose; empty before it is open. */
  get extensions(): string {
    return this.#extensions;
  }

  /** The subprotocol that the server chose; empty before it is open. */
  get protocol(): string {
    return this.#protocol;
  }

  /** What binary messages arrive as. Anything but these two is ignored. @default 'blob' */
  get binaryType(): 'blob' | 'arraybuffer' {
    return this.#binaryType;
  }

  /** See the getter. */
  set binaryType(value: 'blob' | 'arraybuffer') {
    const text = `${value}`;
    this.#binaryType = text === 'blob' || text === 'arraybuffer' ? text : this.#binaryType;
  }

  /** Called for `open`. */
  get onopen(): WebSocketHandler<WebSocketEvents['open']> {
    return this.#handlers.get('open');
  }

  /** See the getter. */
  set onopen(handler: WebSocketHandler<WebSocketEvents['open']>) {
    this.#handlers.set('open', handler);
  }

  /** Called for `error`. */
  get onerror(): WebSocketHandler<WebSocketEvents['error']> {
    return this.#handlers.get('error');
  }

  /** See the getter. */
  set onerror(handler: WebSocketHandler<WebSocketEvents['error']>) {
    this.#handlers.set('error', handler);
  }

  /** Called for `close`. */
  get onclose(): WebSocketHandler<WebSocketEvents['close']> {
    return this.#handlers.get('close');
  }

  /** See the getter. */
  set onclose(handler: WebSocketHandler<WebSocketEvents['close']>) {
    this.#handlers.set('close', handler);
  }

  /** Called for `message`. */
  get onmessage(): WebSocketHandler<WebSocketEvents['message']> {
    return this.#handlers.get('message');
  }

  /** See the getter. */
  set onmessage(handler: WebSocketHandler<WebSocketEvents['message']>) {
    this.#handlers.set('message', handler);
  }

  // --- operations --------------------------------------------------------------------------------------------------

  /**
   * Sends a message; whatever is neither bytes nor a Blob, as text. When it is too late, it only counts in `bufferedAmount`.
   * @throws DOMException `InvalidStateError` while connecting; TypeError for bytes in shared or resizable memory.
   */
  send(data: string | ArrayBuffer | ArrayBufferView | BlobLike): void {
    // biome-ignore lint/complexity/noArguments: as above
    needArguments(arguments.length, 1, 'send');
    // A method of a receiver that is none is a TypeError before anything is converted.
    const outgoing = this.#outgoing;
    const message = parseMessage(data);
    if (this.#readyState === CONNECTING) throw domException('InvalidStateError', 'The connection is not open yet.');
    this.#call(() => {
      if (this.#readyState === OPEN) outgoing.send(message);
      else outgoing.lose(message);
    });
  }

  /**
   * Closes the connection, or gives up opening it. `close` follows, behind what was sent.
   * @param code 1000, or 3000 to 4999. @default none is sent
   * @param reason at most 123 bytes.
   * @throws DOMException `InvalidAccessError` for another code, `SyntaxError` for a longer reason.
   */
  // Defaults that change nothing: required parameters alone count for `length`.
  close(code: number | undefined = undefined, reason: string | undefined = undefined): void {
    const socket = this.#socket;
    const closing = parseClose(code, reason);
    this.#call(() => {
      if (this.#readyState === CONNECTING) {
        this.#fail(new LongSocketError('CLOSED', 'closed before the connection was established'));
      } else if (this.#readyState === OPEN) {
        this.#readyState = CLOSING;
        this.#outgoing.finish(() => socket.close(closing.code, closing.reason));
      }
    });
  }

  #call(operation: () => void): void {
    const before = this.#isCalled;
    this.#isCalled = true;
    try {
      operation();
    } finally {
      this.#isCalled = before;
    }
  }

  // --- feedback from the protocol ----------------------------------------------------------------------------------

  #opened(): void {
    if (this.#hasOpened || this.#readyState !== CONNECTING) return;
    const { protocol, extensions } = this.#socket;
    if (this.#offered && !isChoice(protocol, this.#offered)) {
      const problem = `the server chose the subprotocol ${JSON.stringify(protocol)}, which is none of those offered`;
      this.#call(() => this.#fail(new LongSocketError('DIAL_FAILED', problem)));
      return;
    }
    this.#hasOpened = true;
    this.#readyState = OPEN;
    this.#protocol = protocol;
    this.#extensions = extensions;
    this.#fire(simpleEvent('open'));
  }

  #received(data: Data): void {
    if (this.#readyState !== OPEN) return;
    this.#fire(messageEvent(this.#shaped(data), this.#url.origin));
  }

  #shaped(data: Data): unknown {
    if (typeof data === 'string') return data;
    const { Blob } = platform;
    if (this.#binaryType === 'blob' && Blob) return new Blob([data]);
    if (!ArrayBuffer.isView(data)) return data;
    const { buffer, byteOffset, byteLength } = data;
    return buffer.slice(byteOffset, byteOffset + byteLength);
  }

  #refused(error: unknown): void {
    // The peer was faster: its close is on its way here.
    if ((error as { code?: unknown }).code === 'CLOSED') return;
    this.#call(() => this.#fail(error instanceof Error ? error : new Error(String(error))));
  }

  /** "Fail the WebSocket connection", and what a full buffer leads to: at once, in no good order. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#readyState = CLOSING;
    this.#socket.terminate();
  }

  #ended(detail: CloseDetail): void {
    this.#outgoing.end(detail.undelivered);
    // It may come of a call in this very task, or of the constructor's: events are tasks of their own.
    if (this.#isCalled || this.#failure || !this.#hasOpened) this.#task(() => this.#closed(detail));
    else this.#closed(detail);
  }

  #closed(detail: CloseDetail): void {
    const failure = this.#failure ?? (isFailure(detail, this.#hasOpened) ? this.#reported(detail) : undefined);
    this.#readyState = CLOSED;
    if (failure) this.#fire(errorEvent(failure));
    const { cause, code, reason, wasClean } = detail;
    // Without a close frame of the peer's there is no code but this.
    const isTrue = !failure && (wasClean || cause === 'peer');
    this.#fire(
      new CloseEvent('close', isTrue ? { code, reason, wasClean } : { code: 1006, reason: '', wasClean: false }),
    );
  }

  #reported({ cause }: CloseDetail): Error {
    return this.#lastError ?? new LongSocketError('CONNECTION_LOST', `the connection has failed: ${cause}`);
  }

  #fire(event: unknown): void {
    this.dispatchEvent(event as never);
  }
}

shapeInterface(WebSocket, 'WebSocket', { CONNECTING, OPEN, CLOSING, CLOSED });

/** Whoever offers subprotocols gets one of them, and nobody else any. (RFC 6455 §4.1; WHATWG WebSockets, "Opening handshake") */
const isChoice = (protocol: string, offered: readonly string[]): boolean =>
  offered.length === 0 ? protocol === '' : offered.includes(protocol);

/**
 * Whether the connection has failed, in the words of the standard, rather than been closed or cut. A dead peer and a lost session are a
 * cut: libraries such as graphql-ws dial again after a `close` alone, and take an `error` for fatal.
 */
function isFailure({ cause, error }: CloseDetail, hasOpened: boolean): boolean {
  if (!hasOpened) return true;
  return cause === 'lost' ? error !== undefined : !['peer', 'caller', 'dead-peer', 'session-lost'].includes(cause);
}
