import { CUT_OFF, INTERNAL_ERROR, NO_STATUS, NORMAL } from '../core/close-code.js';
import { closedError, errorOf, LongSocketError, tooBigError } from '../core/errors.js';
import { byteLength } from '../core/outbox.js';
import type {
  Announcement,
  CloseDetail,
  ConnectionId,
  Data,
  Effect,
  Ending,
  Interruption,
  LineConfig,
  Loss,
  Machine,
  Opening,
  Reconnecting,
  Rotation,
  State,
} from '../core/types.js';
import { type Clock, systemRandom } from '../io/clock.js';
import type { Connection, Report } from '../io/connection.js';
import { Driver, type DriverHost, type Inspection } from '../io/driver.js';
import { type Aside, type Backstage, backstage, ordinaryLoss } from './backstage.js';
import { type Codec, checkedData, decodeWith, encodeWith } from './codec.js';
import { Inbox, type InboxReader } from './inbox.js';
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
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** Most sockets never have a second connection. */
const NONE: readonly never[] = [];

/** What a socket tells its listeners, by event name. */
export interface SocketEvents<In = Data> {
  /** The state changed. */
  state: State;
  /** A connection is open (and `onConnect` done). `reconnected`: it is not the first of this life. */
  open: Opening;
  /** A whole message: text, or bytes as option `binaryType` says. */
  message: In;
  /** An open connection was lost; another will be dialed. */
  interrupted: Interruption;
  /** The next dial is scheduled. */
  reconnecting: Reconnecting;
  /** Another connection is opened, to take over before this one ends. Nothing else is to be seen of it. */
  rotating: Rotation;
  /** It has taken over. */
  rotated: Rotation;
  /** With a session: the server has lost it; these messages are yours again. */
  lost: Loss;
  /** Gave up: the ending may not be retried, or `maxAttempts` is reached. `close` follows. */
  failed: Ending;
  /** The end of this life: once, last, and final. `connect()` begins another. */
  close: CloseDetail;
  /** An attempt failed, or a connection did not end in good order; `error.ending` says how. Never thrown. */
  error: LongSocketError;
}

/** Options of `send` and `write`. */
export interface SendOptions {
  /**
   * With a session: you will not change these bytes any more, so they need not be copied. Otherwise they may be changed as
   * soon as `send` returns (`write`: resolves). @default false
   */
  readonly owned?: boolean | undefined;
}

/** What of a machine's configuration matters here. */
type Bounds = Pick<LineConfig, 'maxBufferedBytes' | 'maxBufferedMessages' | 'overflow'> & {
  readonly random?: () => number;
  /** See `Driver`. */
  readonly nap?: number;
};

/**
 * The public shape that both ends share: what a socket is to an application once there is a connection. It performs the
 * machine's effects; how connections come to be is left to the two ends.
 */
export abstract class Socket<In = Data, Out = Data> implements AsyncIterable<In> {
  protected readonly driver: Driver;
  protected readonly listeners: Listeners<SocketEvents<In>>;
  protected readonly clock: Clock;
  readonly #bounds: Bounds;
  readonly #codec: Codec<In, Out> | undefined;
  /** What shares this socket with messages, if anything does. */
  #aside: Aside | undefined;
  /** Bytes of the message that is being delivered, before it was decoded. */
  #encodedBytes = 0;
  /** With a session: who has read what. */
  readonly #inbox: Inbox<In> | undefined;
  /** Made when somebody first waits: most sockets only send. */
  #writers: Writers | undefined;
  /** The connection in use, or the last one. */
  #connection: Connection | undefined;
  /** Its id, until it is over. */
  #id: ConnectionId | undefined;
  /** Connections that may take over from it, or from which it took over. */
  #others: readonly { readonly id: ConnectionId; readonly connection: Connection }[] = NONE;
  /** `close()` was called in this life; the machine may not have stepped yet. */
  #closing = false;
  readonly #life = new Life();

  /** `make`: the machine, which draws its random numbers from this source. `session`: it has one. */
  protected constructor(
    bounds: Bounds,
    options: SocketOptions<In, Out>,
    make: (random: () => number) => Machine,
    session: boolean,
  ) {
    const { inspect, onListenerError = reportListenerError } = options;
    this.#bounds = bounds;
    this.#codec = options.codec;
    this.clock = clockOf(options);
    this.listeners = new Listeners(onListenerError);
    if (session) {
      this.#inbox = new Inbox<In>(this.listeners, (number, pulls) =>
        this.driver.dispatch({ type: 'read', number, pulls }),
      );
    }
    const host = {
      clock: this.clock,
      perform: (effect: Effect) => this.#perform(effect),
      settled: () => this.#writers?.settle(),
      nap: bounds.nap,
    };
    const { random = systemRandom } = bounds;
    this.driver = inspect
      ? inspectedDriver(random, make, host, (inspection) => isolate(inspect, inspection, onListenerError))
      : new Driver(make(random), host);
  }

  // --- events ------------------------------------------------------------------------------------------------------

  /** Calls `listener` for each such event, until the function it returns is called. */
  on<Type extends keyof SocketEvents<In>>(
    type: Type,
    listener: (event: SocketEvents<In>[Type]) => unknown,
  ): () => void {
    const off = this.listeners.on(type, listener);
    return this.#watched(type, off);
  }

  /** As `on`, for the next such event alone. */
  once<Type extends keyof SocketEvents<In>>(
    type: Type,
    listener: (event: SocketEvents<In>[Type]) => unknown,
  ): () => void {
    const off = this.listeners.once(type, listener);
    return this.#watched(type, off);
  }

  /** Removes a listener, however often it was added. */
  off<Type extends keyof SocketEvents<In>>(type: Type, listener: (event: SocketEvents<In>[Type]) => unknown): void {
    this.listeners.off(type, listener);
    this.#watched(type);
  }

  /** With a session, whether there are listeners decides who has read a message. */
  #watched(type: keyof SocketEvents, off = (): void => {}): () => void {
    if (!this.#inbox || type !== 'message') return off;
    const inbox = this.#inbox;
    inbox.changed();
    return () => {
      off();
      inbox.changed();
    };
  }

  // --- sending -----------------------------------------------------------------------------------------------------

  /**
   * Accepts a message. `'sent'`: handed to an open connection; `'queued'`: waits for one, or for the transport;
   * `'dropped'`: refused by `overflow: 'drop-newest'`. Neither of the first two says that it has arrived; with a session,
   * it will (`delivered()`), or be counted in `lost` or `close`.
   * @throws LongSocketError `QUOTA_EXCEEDED` (full), `MESSAGE_TOO_BIG`, `CLOSED`, or `INVALID_MESSAGE` (also: the codec
   * cannot encode it); nothing is queued then.
   */
  send(data: Out, options?: SendOptions): 'sent' | 'queued' | 'dropped' {
    const encoded = this.#encode(data);
    const { overflow } = this.#bounds;
    const refusal = overflow === 'throw' ? 'full' : 'dropped';
    const waits = this.#writers !== undefined && this.#writers.count > 0;
    const verdict = waits ? refusal : this.driver.send(encoded, options?.owned);
    if (verdict === 'sent' || verdict === 'queued' || verdict === 'dropped') return verdict;
    throw verdict === 'closed' ? closedError() : verdict === 'too-big' ? tooBigError() : this.#quotaError();
  }

  /** As `send` with `owned: true` (do not change these bytes any more), but says whether it was accepted, and never throws. */
  offer(data: Out): boolean {
    try {
      return this.#offer(this.#encode(data));
    } catch {
      return false;
    }
  }

  #offer(data: Data): boolean {
    if (this.#closing || this.#life.end || (this.#writers && this.#writers.count > 0)) return false;
    this.#holdBack();
    const verdict = this.driver.send(data, true);
    return verdict === 'sent' || verdict === 'queued';
  }

  /**
   * For a server that sends to many what it has encoded once.
   * @internal
   */
  offerEncoded(data: Data): boolean {
    return this.#offer(this.#aside ? this.#aside.escape(data) : data);
  }

  /**
   * Lets something else share this socket with its messages. Once: `undefined` if something does already.
   * @internal
   */
  [backstage](aside: Aside): Backstage | undefined {
    if (this.#aside) return undefined;
    this.#aside = aside;
    return {
      clock: this.clock,
      random: this.#bounds.random ?? systemRandom,
      write: (data, waiter) => {
        if (!this.#closing && !this.#life.end) return this.#waiting.accept(data, true, waiter);
        waiter.reject(closedError());
        return () => {};
      },
      offer: (data) => this.#offer(data),
    };
  }

  #quotaError(): LongSocketError {
    const { maxBufferedBytes, maxBufferedMessages } = this.#bounds;
    const { pending, queuedCount, queuedBytes } = this.driver;
    const waiting = this.#inbox
      ? `${pending} messages are not acked by the peer`
      : `${queuedCount} messages of ${queuedBytes} bytes wait for a connection`;
    return new LongSocketError(
      'QUOTA_EXCEEDED',
      `${waiting} (at most ${maxBufferedMessages}, ${maxBufferedBytes} bytes): use \`await write()\`, or see \`maxBufferedBytes\``,
    );
  }

  /**
   * As `send`, but waits while the buffer is full; resolves when the message is accepted. Do not change bytes before.
   * @throws LongSocketError (as a rejection) `CLOSED`, `MESSAGE_TOO_BIG` or `INVALID_MESSAGE`.
   */
  async write(data: Out, options?: SendOptions): Promise<void> {
    const encoded = this.#encode(data);
    await this.#waiting.write(encoded, options?.owned ?? false);
  }

  /** Resolves when every message accepted so far was handed to a connection; rejects when the socket closes before. */
  drain(): Promise<void> {
    return this.#waiting.drained();
  }

  /** With a session: messages accepted that the peer's application has not had yet, as far as is known. Without: that wait. */
  get pending(): number {
    return this.driver.pending;
  }

  /**
   * With a session: resolves when the peer's application has had every message accepted so far; rejects when the session
   * is lost or the socket closes before. (Without a session nobody knows: as `drain`.)
   */
  delivered(): Promise<void> {
    const { undelivered = 0, unconfirmed = 0 } = this.#life.end ?? {};
    return undelivered + unconfirmed > 0 ? Promise.reject(closedError()) : this.#waiting.delivered();
  }

  /** Bytes accepted that wait here or in the transport; in `closed`, those that the last one still held. (WHATWG: `bufferedAmount`) */
  get bufferedAmount(): number {
    const transport = this.state.status === 'connecting' ? undefined : this.#connection;
    return this.driver.queuedBytes + (transport?.bufferedAmount ?? 0);
  }

  /** There may be room for those who wait. */
  protected resumeWrites(): void {
    this.#writers?.settle();
  }

  get #waiting(): Writers {
    this.#writers ??= new Writers(this.driver);
    return this.#writers;
  }

  /** A connection that its peer is closing takes nothing more: what comes waits for the next. */
  #holdBack(): void {
    if (this.#id !== undefined && this.#connection?.closing) {
      this.report({ type: 'connection-backed-up', id: this.#id });
    }
  }

  /** What is sent of a message, if one may be sent now. */
  #encode(message: Out): Data {
    if (this.#closing || this.#life.end) throw closedError();
    this.#holdBack();
    const data = this.#codec ? encodeWith(this.#codec, message) : checkedData(message);
    return this.#aside ? this.#aside.escape(data) : data;
  }

  // --- state -------------------------------------------------------------------------------------------------------

  /** `connecting`, `connected` or `closed`, with detail. The same object until the next `state` event. */
  get state(): State {
    return this.driver.machine.state;
  }

  /** The public id of the session; `undefined` without one, and before there is a connection. */
  get session(): string | undefined {
    return this.driver.machine.session;
  }

  /** Resolves when this life's first connection is open; rejects when the life ends before. */
  get opened(): Promise<void> {
    return this.#life.opened;
  }

  /** Resolves with the `close` event of this life. Never rejects. */
  get closed(): Promise<CloseDetail> {
    return this.#life.closed;
  }

  /** Takes a new connection in, beside the one in use if there is one. */
  protected adopt(id: ConnectionId, connection: Connection): void {
    if (this.#id !== undefined) this.#others = [...this.#others, { id, connection }];
    else {
      this.#id = id;
      this.#connection = connection;
    }
  }

  /** The connection with this id, unless it is over. */
  protected connection(id: ConnectionId): Connection | undefined {
    if (id === this.#id) return this.#connection;
    return this.#others.find((other) => other.id === id)?.connection;
  }

  protected forget(id: ConnectionId): void {
    if (id !== this.#id) {
      if (this.#others.length > 0) this.#others = this.#others.filter((other) => other.id !== id);
      return;
    }
    this.#id = undefined;
    this.#changeOver();
  }

  /** The connection that is on its way takes the place of the one in use. */
  #changeOver(): void {
    const [next, ...others] = this.#others;
    if (!next) return;
    const old = this.#id !== undefined && this.#connection ? [{ id: this.#id, connection: this.#connection }] : NONE;
    this.#others = [...others, ...old];
    this.#id = next.id;
    this.#connection = next.connection;
  }

  /** The subprotocol the server chose for the current or last connection; empty for none. */
  get protocol(): string {
    return (this.#inbox ? this.driver.machine.inner : this.#connection?.protocol) ?? '';
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
   * Ends this life, then `close`. Without a session: hands over what waits if there is a connection, and completes the
   * closing handshake, for at most `closeTimeout`; without a connection, at once. With a session: gets all through first,
   * over as many connections as that takes, for at most `closeTimeout` (a server's end: `sessionTtl`, since its client may
   * be away). Calling it again changes nothing.
   * @param code 1000, another code of RFC 6455 §7.4.1 that may be sent, 3000–4999, or 1005 for a close frame with neither code nor
   *   reason. Browsers send 1000 for all others below 3000.
   * @param reason at most 123 bytes.
   * @throws LongSocketError `INVALID_ARGUMENT`; nothing is closed then.
   */
  close(code: number = NORMAL, reason = ''): void {
    const sendable = (code >= 1000 && code <= 1014 && ![1004, 1006].includes(code)) || (code >= 3000 && code < 5000);
    if (!Number.isInteger(code) || !sendable) {
      throw new LongSocketError(
        'INVALID_ARGUMENT',
        `close code must be 1000 to 1003, 1005, 1007 to 1014 or 3000 to 4999, got ${code}`,
      );
    }
    if (typeof reason !== 'string' || byteLength(reason) > 123) {
      throw new LongSocketError('INVALID_ARGUMENT', 'close reason must be text of at most 123 bytes');
    }
    if (code === NO_STATUS && reason !== '') {
      throw new LongSocketError('INVALID_ARGUMENT', 'a close reason needs a code, which 1005 says there is none of');
    }
    if (this.state.status !== 'closed') this.#closing = true;
    this.driver.dispatch({ type: 'close', code, reason });
  }

  /**
   * Ends this life at once, then `close` with code 1006: nothing more is handed over, no handshake is waited for, and what may not
   * have arrived is counted. With a session, a server's end tells its client that the session is lost; a client says nothing, and
   * the server's end waits for it until `sessionTtl`. In `closed`, nothing happens.
   */
  terminate(): void {
    if (this.state.status !== 'closed') this.#closing = true;
    this.driver.dispatch({ type: 'terminate' });
  }

  /** `close()`, and waits for its end: for `await using`. */
  async [asyncDispose](): Promise<void> {
    if (this.state.status === 'closed') return;
    this.close();
    await this.closed;
  }

  /**
   * The messages from now on. Ends with the life; throws what ended the life if it failed. Without a session it buffers
   * within `maxBufferedBytes` and `maxBufferedMessages`, and when they are passed throws `READER_TOO_SLOW` behind what was
   * buffered. With one it begins with what nobody has read yet, and a slow reader slows the peer instead.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<In> {
    const { maxBufferedBytes, maxBufferedMessages } = this.#bounds;
    const inbox = this.#inbox;
    const reader: InboxReader<In> = { unread: [] };
    const source = (
      message: (data: In, bytes?: number) => void,
      end: (error?: LongSocketError) => void,
    ): (() => void) => {
      inbox?.read(reader);
      if (this.#life.end) end();
      let failure: LongSocketError | undefined;
      const stops = [
        this.listeners.on('message', (data) => message(data, inbox ? 0 : this.#sizeOf(data))),
        this.on('failed', (ending) => {
          failure = errorOf(ending);
        }),
        this.on('close', () => end(failure)),
      ];
      return () => {
        for (const stop of stops) stop();
        // At the end of the life, it goes on reading what it has.
        inbox?.leave(reader, this.#life.end ? NONE : reader.unread);
        inbox?.changed();
      };
    };
    // The peer sends no more than it retains until this is read: there a gap cannot arise.
    const [bytes, messages] = inbox ? [Infinity, Infinity] : [maxBufferedBytes, maxBufferedMessages];
    const iterator = iterate<In>(source, bytes, messages, reader.unread, () => inbox?.settle());
    inbox?.settle();
    return iterator;
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
        this.receive(effect.data, effect.number);
        break;
      case 'write':
        // What a session writes is retained: its bytes are its own.
        this.connection(effect.id)?.send(effect.data, this.#inbox !== undefined);
        break;
      case 'ping':
        this.connection(effect.id)?.ping?.(effect.payload);
        break;
      case 'hang-up':
        this.connection(effect.id)?.close(effect.code, effect.reason);
        break;
      case 'terminate':
        this.discard(effect.id, effect.code, effect.reason);
        break;
      case 'begin':
        this.begin();
        break;
      case 'emit':
        this.emit(effect);
        break;
    }
  }

  /** What came, as it came: a message, if it is one. */
  protected receive(data: Data, number = 0): void {
    if (this.#codec || this.#aside) this.#translate(data, number);
    else this.#deliver(data as In, number);
  }

  #translate(data: Data, number: number): void {
    try {
      const ordinary = this.#aside ? this.#aside.ordinary(data) : data;
      if (ordinary !== undefined) {
        const message = this.#codec ? decodeWith(this.#codec, ordinary) : (ordinary as In);
        this.#encodedBytes = byteLength(ordinary);
        this.#deliver(message, number);
        return;
      }
      this.#aside?.take(data);
    } catch (error) {
      this.listeners.emit('error', error as LongSocketError);
    }
    this.#inbox?.skips(number);
  }

  #sizeOf(message: In): number {
    return this.#codec ? this.#encodedBytes : byteLength(message as Data);
  }

  #deliver(data: In, number: number): void {
    const inbox = this.#inbox;
    if (inbox && !inbox.takes(data, number)) return;
    this.listeners.emit('message', data);
    inbox?.changed();
  }

  protected emit({ event, detail }: Announcement): void {
    if (event === 'open') this.#life.open();
    if (event === 'lost') {
      this.#inbox?.reset();
      this.#writers?.lost(new LongSocketError('SESSION_LOST', `the server has lost the session: ${detail.reason}`));
    }
    if (event === 'rotated') this.#changeOver();
    if (event === 'close') {
      // What was accepted in this very step will not be handed over either.
      const undelivered = detail.undelivered + this.driver.waitingCount;
      this.#finish({ ...detail, undelivered });
    } else if (event === 'error') this.listeners.emit(event, errorOf(detail));
    else if (event === 'lost' && this.#aside) this.listeners.emit(event, ordinaryLoss(detail, this.#aside));
    else this.listeners.emit(event, detail as SocketEvents<In>[typeof event]);
  }

  #finish(detail: CloseDetail): void {
    this.#life.finish(detail);
    if (detail.cause === 'moved') this.#inbox?.clear();
    this.#writers?.fail(closedError());
    this.listeners.emit('close', detail);
  }

  protected begin(): void {
    this.#life.begin();
    this.#closing = false;
    this.#inbox?.reset();
  }

  protected discard(id: ConnectionId, code: number, reason: string): void {
    const connection = this.connection(id);
    this.forget(id);
    connection?.terminate(code, reason);
  }

  /** What connections report goes to the machine, which knows whether it still matters. */
  protected readonly report: Report = (report) => {
    if (report.type === 'connection-close') this.forget(report.id);
    this.driver.dispatch(report);
  };
}

/** A driver that reports every step, and the random numbers it drew. */
function inspectedDriver(
  random: () => number,
  make: (random: () => number) => Machine,
  host: Omit<DriverHost, 'inspect' | 'drawn'>,
  inspect: (inspection: Inspection) => void,
): Driver {
  const drawn: number[] = [];
  const machine = make(() => {
    const number = random();
    drawn.push(number);
    return number;
  });
  return new Driver(machine, { ...host, inspect, drawn: () => drawn.splice(0) });
}
