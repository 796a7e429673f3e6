import { CUT_OFF, INTERNAL_ERROR, NORMAL } from '../core/close-code.js';
import { closedError, errorOf, LongSocketError } from '../core/errors.js';
import { byteLength } from '../core/outbox.js';
import { Session } from '../core/session.js';
import type {
  Announcement,
  CloseDetail,
  ConnectionId,
  Data,
  Effect,
  Ending,
  Interruption,
  Opening,
  Reconnecting,
  SessionConfig,
  State,
} from '../core/types.js';
import type { Clock } from '../io/clock.js';
import type { Connection, Report } from '../io/connection.js';
import { Driver, type DriverHost, type Inspection } from '../io/driver.js';
import { isData } from './guard.js';
import { iterate } from './iterate.js';
import { Life } from './life.js';
import { isolate, Listeners, reportListenerError } from './listeners.js';
import { clockOf, type SocketOptions } from './options.js';
import { Writers } from './writers.js';

declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** Not on every platform yet; `await using`, compiled for such a platform, looks for this symbol then. */
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** What a socket tells its listeners, by event name. */
export interface SocketEvents<In = Data> {
  /** The state changed. */
  state: State;
  /** A connection is open (and `onConnect` done). `reconnected`: it is not the first of this life. */
  open: Opening;
  message: In;
  /** An open connection was lost; another will be dialed. */
  interrupted: Interruption;
  /** The next dial is scheduled. */
  reconnecting: Reconnecting;
  /** Gave up: the ending may not be retried, or `maxAttempts` is reached. `close` follows. */
  failed: Ending;
  /** The end of this life: once, last, and final. `connect()` begins another. */
  close: CloseDetail;
  /** An attempt failed, or a connection did not end in good order; `error.ending` says how. Never thrown. */
  error: LongSocketError;
}

/**
 * The public shape that both ends share: what a socket is to an application once there is a connection. It performs the
 * machine's effects; how connections come to be is left to the two ends.
 */
export abstract class Socket<In = Data, Out = Data> implements AsyncIterable<In> {
  protected readonly driver: Driver;
  protected readonly listeners: Listeners<SocketEvents<In>>;
  protected readonly clock: Clock;
  readonly #config: SessionConfig;
  /** Made when somebody first waits: most sockets only send. */
  #writers: Writers<Out> | undefined;
  /** The connection dialed last. */
  #connection: Connection | undefined;
  /** Its id, until it is over. */
  #id: ConnectionId | undefined;
  /** `close()` was called in this life; the machine may not have stepped yet. */
  #closing = false;
  readonly #life = new Life();

  protected constructor(config: SessionConfig, options: SocketOptions) {
    const { inspect, onListenerError = reportListenerError } = options;
    this.#config = config;
    this.clock = clockOf(options);
    this.listeners = new Listeners(onListenerError);
    const host = {
      clock: this.clock,
      perform: (effect: Effect) => this.#perform(effect),
      settled: () => this.#writers?.settle(),
    };
    this.driver = inspect
      ? inspectedDriver(config, host, (inspection) => isolate(inspect, inspection, onListenerError))
      : new Driver(new Session(config), host);
  }

  // --- events ------------------------------------------------------------------------------------------------------

  /** Calls `listener` for each such event, until the function it returns is called. */
  on<Type extends keyof SocketEvents<In>>(
    type: Type,
    listener: (event: SocketEvents<In>[Type]) => unknown,
  ): () => void {
    return this.listeners.on(type, listener);
  }

  /** As `on`, for the next such event alone. */
  once<Type extends keyof SocketEvents<In>>(
    type: Type,
    listener: (event: SocketEvents<In>[Type]) => unknown,
  ): () => void {
    return this.listeners.once(type, listener);
  }

  /** Removes a listener, however often it was added. */
  off<Type extends keyof SocketEvents<In>>(type: Type, listener: (event: SocketEvents<In>[Type]) => unknown): void {
    this.listeners.off(type, listener);
  }

  // --- sending -----------------------------------------------------------------------------------------------------

  /**
   * Accepts a message. `'sent'`: handed to an open connection; `'queued'`: waits for one, or for the transport;
   * `'dropped'`: refused by `overflow: 'drop-newest'`. Neither of the first two says that it has arrived.
   * @throws LongSocketError `QUOTA_EXCEEDED` (full), `CLOSED`, or `INVALID_MESSAGE`; nothing is queued then.
   */
  send(data: Out): 'sent' | 'queued' | 'dropped' {
    this.#check(data);
    const { maxBufferedBytes, maxBufferedMessages, overflow } = this.#config;
    const refusal = overflow === 'throw' ? 'full' : 'dropped';
    const verdict = this.#writers && this.#writers.count > 0 ? refusal : this.driver.send(data as Data);
    if (verdict === 'closed') throw closedError();
    if (verdict !== 'full') return verdict;
    throw new LongSocketError(
      'QUOTA_EXCEEDED',
      `${this.driver.queuedCount} messages of ${this.driver.queuedBytes} bytes wait for a connection ` +
        `(at most ${maxBufferedMessages}, ${maxBufferedBytes}): use \`await write()\`, or see option \`overflow\``,
    );
  }

  /**
   * As `send`, but waits while the buffer is full; resolves when the message is accepted. Do not change bytes before.
   * @throws LongSocketError (as a rejection) `CLOSED` or `INVALID_MESSAGE`.
   */
  async write(data: Out): Promise<void> {
    this.#check(data);
    await this.#waiting.write(data);
  }

  /** Resolves when every message accepted so far was handed to a connection; rejects when the socket closes before. */
  drain(): Promise<void> {
    return this.#waiting.drained();
  }

  /** Bytes accepted that wait here or in the transport. (WHATWG: `bufferedAmount`) */
  get bufferedAmount(): number {
    return this.driver.queuedBytes + (this.#current?.bufferedAmount ?? 0);
  }

  get #waiting(): Writers<Out> {
    this.#writers ??= new Writers(this.driver);
    return this.#writers;
  }

  #check(data: Out): void {
    if (this.#closing || this.#life.end) throw closedError();
    // A connection that its peer is closing takes nothing more: what comes waits for the next.
    if (this.#id !== undefined && this.#connection?.closing) {
      this.report({ type: 'connection-backed-up', id: this.#id });
    }
    if (!isData(data)) {
      const kind = Object.prototype.toString.call(data).slice(8, -1);
      throw new LongSocketError(
        'INVALID_MESSAGE',
        `a message is text, an ArrayBuffer or a view of one, got ${kind}: use JSON.stringify, or await blob.arrayBuffer()`,
      );
    }
  }

  // --- state -------------------------------------------------------------------------------------------------------

  /** `connecting`, `connected` or `closed`, with detail. The same object until the next `state` event. */
  get state(): State {
    return this.driver.session.state;
  }

  /** Resolves when this life's first connection is open; rejects when the life ends before. */
  get opened(): Promise<void> {
    return this.#life.opened;
  }

  /** Resolves with the `close` event of this life. Never rejects. */
  get closed(): Promise<CloseDetail> {
    return this.#life.closed;
  }

  /** Takes a new connection in. */
  protected adopt(id: ConnectionId, connection: Connection): void {
    this.#id = id;
    this.#connection = connection;
  }

  /** The connection with this id, unless it is over. */
  protected connection(id: ConnectionId): Connection | undefined {
    return id === this.#id ? this.#connection : undefined;
  }

  #forget(id: ConnectionId): void {
    if (id === this.#id) this.#id = undefined;
  }

  get #current(): Connection | undefined {
    return this.state.status === 'connected' ? this.#connection : undefined;
  }

  /** The subprotocol the server chose for the current or last connection; empty for none. */
  get protocol(): string {
    return this.#connection?.protocol ?? '';
  }

  /** The extensions of the current or last connection. */
  get extensions(): string {
    return this.#connection?.extensions ?? '';
  }

  /** The URL of the current or last connection; empty before the first. */
  get url(): string {
    return this.#connection?.url ?? '';
  }

  // --- ending ------------------------------------------------------------------------------------------------------

  /**
   * Ends this life: hands over what waits if there is a connection, completes the closing handshake for at most
   * `closeTimeout`, then `close`. Without a connection, at once. Calling it again changes nothing.
   * @param code 1000, another code of RFC 6455 §7.4.1 that may be sent, or 3000–4999. Browsers send 1000 for all below 3000.
   * @param reason at most 123 bytes.
   * @throws LongSocketError `INVALID_ARGUMENT`; nothing is closed then.
   */
  close(code: number = NORMAL, reason = ''): void {
    const sendable =
      (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code < 5000);
    if (!Number.isInteger(code) || !sendable) {
      throw new LongSocketError('INVALID_ARGUMENT', `close code must be 1000 or 3000 to 4999, got ${code}`);
    }
    if (typeof reason !== 'string' || byteLength(reason) > 123) {
      throw new LongSocketError('INVALID_ARGUMENT', 'close reason must be text of at most 123 bytes');
    }
    if (this.state.status !== 'closed') this.#closing = true;
    this.driver.dispatch({ type: 'close', code, reason });
  }

  /** `close()`, and waits for its end: for `await using`. */
  async [asyncDispose](): Promise<void> {
    if (this.state.status === 'closed') return;
    this.close();
    await this.closed;
  }

  /**
   * The messages from now on, with the bounds of `maxBufferedBytes` and `maxBufferedMessages`. Ends with the life; throws
   * `READER_TOO_SLOW` behind what was buffered when the bounds are passed, and what ended the life if it failed.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<In> {
    const { maxBufferedBytes, maxBufferedMessages } = this.#config;
    return iterate<In>(
      (message, end) => {
        if (this.#life.end) end();
        let failure: LongSocketError | undefined;
        const stops = [
          this.on('message', message),
          this.on('failed', (ending) => {
            failure = errorOf(ending);
          }),
          this.on('close', () => end(failure)),
        ];
        return () => {
          for (const stop of stops) stop();
        };
      },
      maxBufferedBytes,
      maxBufferedMessages,
    );
  }

  // --- effects -----------------------------------------------------------------------------------------------------

  /** A connection that throws (another transport's, say) is lost, rather than the effects behind this one. */
  #perform(effect: Effect): void {
    try {
      this.perform(effect);
    } catch (error) {
      if (!('id' in effect)) throw error;
      const { id } = effect;
      const connection = this.connection(id);
      this.report({ type: 'connection-close', id, ...CUT_OFF, error });
      isolate(() => connection?.terminate(INTERNAL_ERROR, ''), undefined, reportListenerError);
    }
  }

  protected perform(effect: Effect): void {
    switch (effect.type) {
      case 'message':
        this.listeners.emit('message', effect.data as In);
        break;
      case 'write':
        this.connection(effect.id)?.send(effect.data);
        break;
      case 'ping':
        this.connection(effect.id)?.ping?.(effect.payload);
        break;
      case 'hang-up':
        this.connection(effect.id)?.close(effect.code, effect.reason);
        break;
      case 'terminate':
        this.terminate(effect.id, effect.code, effect.reason);
        break;
      case 'begin':
        this.begin();
        break;
      case 'emit':
        this.emit(effect);
        break;
    }
  }

  protected emit({ event, detail }: Announcement): void {
    if (event === 'open') this.#life.open();
    if (event === 'close') {
      // What was accepted in this very step will not be handed over either.
      const undelivered = detail.undelivered + this.driver.waitingCount;
      this.#finish({ ...detail, undelivered });
    } else if (event === 'error') this.listeners.emit(event, errorOf(detail));
    else this.listeners.emit(event, detail as SocketEvents<In>[typeof event]);
  }

  #finish(detail: CloseDetail): void {
    this.#life.finish(detail);
    this.#writers?.fail(closedError());
    this.listeners.emit('close', detail);
  }

  protected begin(): void {
    this.#life.begin();
    this.#closing = false;
  }

  protected terminate(id: ConnectionId, code: number, reason: string): void {
    const connection = this.connection(id);
    this.#forget(id);
    connection?.terminate(code, reason);
  }

  /** What connections report goes to the machine, which knows whether it still matters. */
  protected readonly report: Report = (report) => {
    if (report.type === 'connection-close') this.#forget(report.id);
    this.driver.dispatch(report);
  };
}

/** A driver that reports every step, and the random numbers it drew. */
function inspectedDriver(
  config: SessionConfig,
  host: Pick<DriverHost, 'clock' | 'perform' | 'settled'>,
  inspect: (inspection: Inspection) => void,
): Driver {
  const drawn: number[] = [];
  const random = (): number => {
    const number = config.random();
    drawn.push(number);
    return number;
  };
  return new Driver(new Session({ ...config, random }), { ...host, inspect, drawn: () => drawn.splice(0) });
}
