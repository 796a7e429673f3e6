import { LongSocket } from '../client/long-socket.js';
import type { DialContext } from '../client/options.js';
import type { LongSocketError } from '../core/errors.js';
import type { Data, Ending } from '../core/types.js';
import { systemClock, systemRandom } from '../io/clock.js';
import { messageEvent, simpleEvent } from '../websocket/events.js';
import { type PlatformEvent, type PlatformMessageEvent, platform } from '../websocket/platform.js';
import { shapeInterface } from '../websocket/web-idl.js';
import { capturing } from './capture.js';
import {
  CloseEvent,
  closeEventOf,
  ErrorEvent,
  errorEventOf,
  SocketEventTarget,
  type WebSocketEventMap,
} from './events.js';
import {
  delayOf,
  extrasOf,
  type Message,
  type Options,
  type ProtocolsProvider,
  type UrlProvider,
  validateCompat,
} from './options.js';
import { MessageQueue } from './queue.js';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** How binary messages arrive. `nodebuffer`: as `Buffer`, in Node. */
export type BinaryType = 'blob' | 'arraybuffer' | 'nodebuffer';

/**
 * The class of reconnecting-websocket and partysocket, over a {@link LongSocket}: their constructor, members, events and options.
 * A `LongSocket` lives from the first dial, or `reconnect()`, to the next `close()` or `reconnect()`; it dials, retries, and notices dead
 * connections. README names what is different, and why.
 */
export class ReconnectingWebSocket extends SocketEventTarget {
  /** 0: dialing. */
  declare static readonly CONNECTING: 0;
  /** 1: there is a connection. */
  declare static readonly OPEN: 1;
  /** 2: never; what is given up is closed at once. */
  declare static readonly CLOSING: 2;
  /** 3: closed, or waiting to dial again. */
  declare static readonly CLOSED: 3;
  /** As the static one. */
  declare readonly CONNECTING: 0;
  /** As the static one. */
  declare readonly OPEN: 1;
  /** As the static one. */
  declare readonly CLOSING: 2;
  /** As the static one. */
  declare readonly CLOSED: 3;

  /** Called for `open`, before its listeners. */
  onopen: ((event: PlatformEvent) => void) | null = null;
  /** Called for `message`, before its listeners. */
  onmessage: ((event: PlatformMessageEvent) => void) | null = null;
  /** Called for `close`, before its listeners. */
  onclose: ((event: CloseEvent) => void) | null = null;
  /** Called for `error`, before its listeners. */
  onerror: ((event: ErrorEvent) => void) | null = null;

  /** What the next dial uses. */
  protected _url: UrlProvider;
  protected _protocols: ProtocolsProvider;
  protected _options: Options;

  /** The socket of the last dial with `options.WebSocket` or the global one: there, since programs reach for it. @internal */
  _ws: unknown;
  /** What `retryCount` says until the connection has held. @internal */
  _retryCount = 0;

  readonly #queue = new MessageQueue((error) => this.#tell(new ErrorEvent(error)));
  #readyState: 0 | 1 | 3 = CLOSED;
  #binaryType: BinaryType = 'blob';
  /** The one whose events count. */
  #socket: LongSocket | undefined;
  /** The one that dialed last. */
  #last: LongSocket | undefined;
  /** Until the first dial of a life. */
  #timer: unknown;
  /** The attempt under way has got as far as a connection, whose `close` is to be told. */
  #dialed = false;
  #openedAt = 0;
  #origin = '';
  #shouldReconnect = false;
  #closeCalled = false;
  #warned = false;

  /**
   * Dials soon, unless `startClosed`.
   * @throws LongSocketError `INVALID_OPTION`
   */
  constructor(url: UrlProvider, protocols?: ProtocolsProvider, options: Options = {}) {
    super();
    this._url = url;
    this._protocols = protocols;
    this._options = options;
    // The first listeners: what `on…` holds is called before all others, and starves none of them.
    for (const type of ['open', 'message', 'close', 'error'] as const) {
      this.addEventListener(type, (event: object) => this[`on${type}`]?.(event as never));
    }
    validateCompat(options);
    if (options.startClosed) return;
    const socket = this.#newSocket();
    this.#readyState = CONNECTING;
    this.#start(socket);
  }

  // --- what is to be seen ------------------------------------------------------------------------------------------

  /** CONNECTING while dialing, OPEN, or CLOSED: also while waiting to dial again. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  /** Of the last dial; empty before the first. */
  get url(): string {
    return this.#last?.url ?? '';
  }

  /** The subprotocol the server chose for the current or last connection. */
  get protocol(): string {
    return this.#last?.protocol ?? '';
  }

  /** The extensions it chose. */
  get extensions(): string {
    return this.#last?.extensions ?? '';
  }

  /** How binary messages arrive, kept over connections. Anything else is ignored. @default 'blob' */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  /** See the getter. */
  set binaryType(value: BinaryType) {
    if (value === 'blob' || value === 'arraybuffer' || (value === 'nodebuffer' && bufferClass()))
      this.#binaryType = value;
  }

  /** Bytes that wait for a connection, or in it. */
  get bufferedAmount(): number {
    return this.#queue.bytes + (this.#socket?.bufferedAmount ?? 0);
  }

  /** Retries since the first dial, `reconnect()`, or a connection that held for `minUptime`. */
  get retryCount(): number {
    return this.#isStable ? 0 : this._retryCount;
  }

  /** It dials again by itself when a connection ends. */
  get shouldReconnect(): boolean {
    return this.#shouldReconnect;
  }

  /** What waits. @internal */
  get _messageQueue(): readonly Message[] {
    return this.#queue.messages;
  }

  get #isStable(): boolean {
    const { clock = systemClock, minUptime = 5000 } = this._options;
    return this.#readyState === OPEN && clock.now() - this.#openedAt >= minUptime;
  }

  // --- what can be done --------------------------------------------------------------------------------------------

  /**
   * Sends, or keeps the message for the next connection. `true`: a connection is open, and has it; `false`: it waits, or was dropped by
   * `maxEnqueuedMessages`.
   * @throws LongSocketError `INVALID_MESSAGE`: it is no message; nothing is kept
   */
  send(data: Message): boolean {
    if (this.#readyState === OPEN) {
      this.#debug('send', data);
      this.#queue.push(data);
      this.#flush();
      return true;
    }
    if (this.#closeCalled && !this.#warned) {
      this.#warned = true;
      console.warn(
        'ReconnectingWebSocket: send() was called after close(). The message waits for a reconnect() of this socket; without one it is lost.',
      );
    }
    const { maxEnqueuedMessages = Number.POSITIVE_INFINITY } = this._options;
    if (this.#queue.messages.length < maxEnqueuedMessages) {
      this.#debug('enqueue', data);
      this.#queue.push(data);
    }
    return false;
  }

  /** Takes out, and returns, the messages that wait for a connection. */
  drainQueuedMessages(): Message[] {
    return this.#queue.drain();
  }

  /**
   * Ends the connection or attempt there is, and does not dial again. Its `close` event comes within this call, the closing handshake goes
   * on behind it.
   * @throws LongSocketError `INVALID_ARGUMENT`; nothing is closed then
   */
  close(code = 1000, reason = ''): void {
    const event = this.#leave(code, reason);
    this.#closeCalled = true;
    this.#shouldReconnect = false;
    if (event) this.#tell(event);
  }

  /**
   * Ends the connection or attempt there is (its `close` event comes within this call), and dials anew, soon, counting retries from 0.
   * @throws LongSocketError `INVALID_ARGUMENT`; nothing is closed then
   */
  reconnect(code = 1000, reason = ''): void {
    const socket = this.#newSocket();
    const event = this.#leave(code, reason);
    this.#closeCalled = false;
    this.#warned = false;
    this.#start(socket);
    if (event) this.#tell(event);
  }

  // --- a life ------------------------------------------------------------------------------------------------------

  /** Dials from the next turn on: whoever made or revived this socket may change its mind, and listen. */
  #start(socket: LongSocket): void {
    const { clock = systemClock } = this._options;
    this.#socket = socket;
    this.#shouldReconnect = true;
    this._retryCount = 0;
    this.#debug('connect', 0);
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined;
      socket.connect();
    }, 0);
  }

  /** Gives up what there is, and returns the `close` event to tell, if there was a connection. */
  #leave(code: number, reason: string): CloseEvent | undefined {
    const { clock = systemClock } = this._options;
    const socket = this.#socket;
    const event = this.#dialed ? new CloseEvent(code, reason, { wasClean: this.#readyState === OPEN }) : undefined;
    // First, so that its events count no more.
    this.#socket = undefined;
    try {
      socket?.close(code, reason);
    } catch (error) {
      this.#socket = socket;
      throw error;
    }
    if (this.#timer !== undefined) clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#dialed = false;
    this.#readyState = CLOSED;
    return event;
  }

  /** It does nothing yet. Throws for options that cannot work. */
  #newSocket(): LongSocket {
    validateCompat(this._options);
    const { connectionTimeout = 4000, minUptime = 5000 } = this._options;
    let target: Promise<readonly [url: string, protocols: string | string[] | null]>;
    const socket: LongSocket = new LongSocket(
      (context) => {
        target = this.#attempt(socket, context);
        return target.then(([url]) => url);
      },
      {
        ...extrasOf(this._options),
        protocols: () => target.then(([, protocols]) => protocols ?? []),
        WebSocket: capturing(this._options, (made) => {
          this._ws = made;
        }),
        connectTimeout: connectionTimeout,
        minUptime,
        maxBufferedBytes: Number.POSITIVE_INFINITY,
        maxBufferedMessages: Number.POSITIVE_INFINITY,
        shouldReconnect: (ending) => this.#retries(ending),
        backoff: () => this._getNextDelay(),
        autoConnect: false,
      },
    );
    this.#listen(socket);
    return socket;
  }

  #listen(socket: LongSocket): void {
    let failure: LongSocketError | undefined;
    const ended = (ending: Ending): void => {
      const error = failure;
      failure = undefined;
      if (this.#socket === socket) this.#ended(ending, error);
    };
    socket.on('open', () => this.#socket === socket && this.#opened(socket));
    socket.on('message', (data) => this.#socket === socket && this.#received(data));
    socket.on('error', (error) => {
      failure = error;
    });
    // Every end of a connection or an attempt leads to one of these.
    socket.on('reconnecting', ({ cause }) => ended(cause));
    socket.on('close', (ending) => {
      if (this.#socket === socket) this.#shouldReconnect = false;
      ended(ending);
    });
  }

  /** A dial begins with the questions where to, and with which subprotocols. */
  async #attempt(socket: LongSocket, { signal }: DialContext): Promise<readonly [string, string | string[] | null]> {
    if (this.#socket === socket) this.#readyState = CONNECTING;
    // Both within promises, so that what one throws leaves none of the other's behind that nobody catches.
    const target = await Promise.all([
      (async () => this._getNextUrl(this._url))(),
      (async () => this._getNextProtocols(this._protocols))(),
    ]);
    this.#debug('connect', { url: target[0], protocols: target[1] });
    // Else another attempt is under way, or none.
    if (this.#socket === socket && !signal.aborted) {
      this.#dialed = true;
      this.#last = socket;
    }
    return target;
  }

  /** @throws Error if the provider is none, or gives neither text nor a promise. @internal */
  _getNextUrl(provider: UrlProvider): Promise<string> {
    const url = typeof provider === 'function' ? provider() : provider;
    if (typeof url === 'string') return Promise.resolve(url);
    if (typeof url?.then === 'function') return url;
    throw new Error('Invalid URL: it must be text, or a function that returns text or a promise of it');
  }

  /** As `_getNextUrl`; null for none. @internal */
  _getNextProtocols(provider: ProtocolsProvider): Promise<string | string[] | null> {
    const protocols = typeof provider === 'function' ? provider() : provider;
    if (!protocols || typeof protocols === 'string' || Array.isArray(protocols))
      return Promise.resolve(protocols || null);
    if (typeof protocols.then === 'function') return protocols.then((given) => given || null);
    throw new Error(
      'Invalid protocols: they must be text, an array, or a function that returns either or a promise of it',
    );
  }

  /** The wait before the retry that `_retryCount` counts, if an option names one; 0 for the first dial. @internal */
  _getNextDelay(): number | undefined {
    const { random = systemRandom } = this._options;
    return this._retryCount > 0 ? delayOf(this._retryCount, this._options, random) : 0;
  }

  #opened(socket: LongSocket): void {
    const { clock = systemClock } = this._options;
    this.#debug('open event');
    this.#readyState = OPEN;
    this.#openedAt = clock.now();
    this.#origin = originOf(socket.url);
    // Before what listeners of this event send.
    this.#flush();
    this.#tell(simpleEvent('open'));
  }

  #flush(): void {
    this.#queue.flush(() => {
      const socket = this.#socket;
      const takes = this.#readyState === OPEN && socket?.state.status === 'connected' && !socket.state.closing;
      return takes ? (data) => socket.send(data) : undefined;
    });
  }

  #received(data: Data): void {
    this.#debug('message event');
    this.#tell(messageEvent(typeof data === 'string' ? data : this.#binary(data), this.#origin));
  }

  #binary(data: Exclude<Data, string>): unknown {
    const type = this.#binaryType;
    if (type === 'nodebuffer') return bufferClass()?.from(data);
    return type === 'blob' && platform.Blob ? new platform.Blob([data]) : data;
  }

  /** Whether to dial again: asked once for each end, before it is told. */
  #retries(ending: Ending): boolean {
    const { shouldReconnectOnClose, maxRetries = Number.POSITIVE_INFINITY } = this._options;
    if (this.#isStable) this._retryCount = 0;
    if (ending.cause === 'unsupported' || this._retryCount >= maxRetries) return false;
    const ends = this.#dialed && ending.cause !== 'provider';
    if (ends && shouldReconnectOnClose && !shouldReconnectOnClose(closeEventOf(ending))) return false;
    this._retryCount++;
    this.#debug('connect', this._retryCount);
    return true;
  }

  /** An attempt or a connection has ended, whether it is to be followed by another or not. */
  #ended(ending: Ending, error: LongSocketError | undefined): void {
    // What the providers gave may have been no url.
    const dialed = this.#dialed && ending.cause !== 'provider';
    this.#dialed = false;
    this.#readyState = CLOSED;
    // An open connection that broke for no reason known is a close alone, as it is with a native WebSocket.
    if (error && (ending.phase !== 'open' || ending.cause === 'dead-peer' || ending.error !== undefined)) {
      this.#debug('error event', error.message);
      this.#tell(errorEventOf(ending, error));
    }
    if (!dialed) return;
    this.#debug('close event', ending.code);
    this.#tell(closeEventOf(ending));
  }

  // --- plumbing ----------------------------------------------------------------------------------------------------

  #tell(event: WebSocketEventMap[keyof WebSocketEventMap]): void {
    this.dispatchEvent(event);
  }

  #debug(...args: unknown[]): void {
    const { debug, debugLogger } = this._options;
    if (debug) (debugLogger ?? console.log)('RWS>', ...args);
  }
}

shapeInterface(ReconnectingWebSocket, 'ReconnectingWebSocket', { CONNECTING, OPEN, CLOSING: 2, CLOSED });

/** Of the messages of a connection. */
function originOf(url: string): string {
  try {
    return new URL(url).origin;
  } catch {
    // Of an application's own `dial`.
    return '';
  }
}

interface BufferClass {
  from(data: ArrayBuffer | ArrayBufferView): unknown;
}

const bufferClass = (): BufferClass | undefined => (globalThis as { Buffer?: BufferClass }).Buffer;
