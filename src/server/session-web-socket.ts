import { closeCodes } from '../core/close-code.js';
import { LongSocketError } from '../core/errors.js';
import { byteLength } from '../core/outbox.js';
import type { CloseDetail, Data } from '../core/types.js';
import { isolate, type ListenerErrorHandler } from '../socket/listeners.js';
import { Emitter, type EmitterListener } from './emitter.js';
import { EmittingTarget } from './event-target.js';
import type { SessionSocket } from './session-socket.js';
import type { Sendable, Sent, WsSendOptions, WsWebSocket } from './web-socket.js';

declare const Buffer: {
  from(
    data: string | ArrayBufferLike | ArrayBufferView | readonly number[],
    offset?: number,
    length?: number,
  ): NodeBuffer;
  concat(parts: readonly Uint8Array[]): NodeBuffer;
};
/** Node's `Buffer`, as a type that needs no @types/node. */
type NodeBuffer = Uint8Array<ArrayBuffer>;

const isText = (data: Sendable, binary: boolean | undefined): boolean =>
  binary === undefined ? typeof data === 'string' : !binary;

function bytesOf(data: Sendable): NodeBuffer {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data);
}

/** `ws` sends nothing for what is empty, and numbers as text. */
function messageOf(given: Sendable, binary: boolean | undefined): Data {
  const data = typeof given === 'number' ? String(given) : given;
  const text = isText(data, binary);
  const some = data || '';
  if (text) return typeof some === 'string' ? some : bytesOf(some).toString();
  return bytesOf(some);
}

/** What `createWebSocketStream` of `ws` looks at: whether all was written. Others want the address. */
class ConnectionBelow extends Emitter {
  readonly remoteAddress: string | undefined;
  readonly _writableState = { finished: false };

  constructor(remoteAddress: string | undefined) {
    super();
    this.remoteAddress = remoteAddress;
  }

  finish(): void {
    this._writableState.finished = true;
    this.emit('finish');
  }
}

/** A session in the shape of a `WebSocket` of `ws`: see `asWebSocket`. */
export class SessionWebSocket extends EmittingTarget implements WsWebSocket {
  binaryType: WsWebSocket['binaryType'] = 'nodebuffer';
  readonly #session: SessionSocket<Data, Data, object>;
  readonly #most: number;
  readonly #report: ListenerErrorHandler;
  /** `close` or `terminate` was called, or the client has closed. */
  #closing = false;
  #terminated = false;
  #paused = false;
  /** How the session ended: told when what came before has been. */
  #end: CloseDetail | undefined;
  #over = false;
  /** Stops listening to the session's messages. */
  #stop: (() => void) | undefined;
  /** Bytes of messages that the session has not accepted yet. */
  #waitingBytes = 0;
  #waitingCount = 0;
  /** What was sent of a message that is not complete. */
  #fragments: NodeBuffer[] = [];
  #isTextual = false;
  #transport: ConnectionBelow | undefined;

  constructor(session: SessionSocket<Data, Data, object>, most: number, report: ListenerErrorHandler) {
    super();
    this.#session = session;
    this.#most = most;
    this.#report = report;
    this.#closing = session.state.status === 'closed';
    session.on('state', (state) => {
      if (state.status === 'connected' && state.closing) this.#closing = true;
    });
    session.on('close', (end) => this.#ended(end));
  }

  get CONNECTING(): 0 {
    return 0;
  }
  get OPEN(): 1 {
    return 1;
  }
  get CLOSING(): 2 {
    return 2;
  }
  get CLOSED(): 3 {
    return 3;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#over) return 3;
    return this.#closing || this.#end ? 2 : 1;
  }

  get bufferedAmount(): number {
    return this.#session.bufferedAmount + this.#waitingBytes;
  }

  get protocol(): string {
    return this.#session.protocol;
  }

  get extensions(): string {
    return this.#session.extensions;
  }

  get url(): string {
    return this.#session.url;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  get _socket(): ConnectionBelow {
    const { socket } = this.#session.request as { socket?: { remoteAddress?: string } };
    this.#transport ??= new ConnectionBelow(socket?.remoteAddress);
    return this.#transport;
  }

  protected get wasClean(): boolean {
    return this.#end?.wasClean ?? false;
  }

  // --- listening ---------------------------------------------------------------------------------------------------

  override on(event: string | symbol, listener: EmitterListener): this {
    super.on(event, listener);
    return this.#attend();
  }
  override addListener(event: string | symbol, listener: EmitterListener): this {
    super.addListener(event, listener);
    return this.#attend();
  }
  override prependListener(event: string | symbol, listener: EmitterListener): this {
    super.prependListener(event, listener);
    return this.#attend();
  }
  override off(event: string | symbol, listener: EmitterListener): this {
    super.off(event, listener);
    return this.#attend();
  }
  override removeListener(event: string | symbol, listener: EmitterListener): this {
    super.removeListener(event, listener);
    return this.#attend();
  }
  override removeAllListeners(...event: [(string | symbol)?]): this {
    super.removeAllListeners(...event);
    return this.#attend();
  }

  /** The session's messages are read while somebody listens here: what is not read is not acked. */
  #attend(): this {
    const reads = !this.#paused && !this.#terminated && this.listenerCount('message') > 0;
    if (reads) this.#stop ??= this.#session.on('message', (data: Data) => this.#hear(data));
    else {
      this.#stop?.();
      this.#stop = undefined;
    }
    return this;
  }

  #hear(data: Data): void {
    if (typeof data === 'string') this.emit('message', Buffer.from(data), false);
    else this.emit('message', this.#shaped(bytesOf(data)), true);
  }

  #shaped(bytes: NodeBuffer): unknown {
    if (this.binaryType === 'fragments') return [bytes];
    if (this.binaryType === 'nodebuffer') return bytes;
    const { buffer, byteOffset, byteLength: length } = bytes;
    return length === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + length);
  }

  pause(): void {
    if (this.#over) return;
    this.#paused = true;
    this.#attend();
  }

  resume(): void {
    if (this.#over) return;
    this.#paused = false;
    this.#attend();
    this.#finish();
  }

  // --- sending -----------------------------------------------------------------------------------------------------

  send(data: Sendable, options?: WsSendOptions | Sent, sent?: Sent): void {
    if (typeof options === 'function') this.#send(data, {}, options);
    else this.#send(data, options ?? {}, sent);
  }

  #send(data: Sendable, { binary, fin = true }: WsSendOptions, sent: Sent | undefined): void {
    if (this.#refuses(sent)) return;
    const message = messageOf(data, this.#fragments.length > 0 ? true : binary);
    if (fin && this.#fragments.length === 0) {
      this.#pass(message, sent);
      return;
    }
    // The first says what the whole message is.
    if (this.#fragments.length === 0) this.#isTextual = isText(data, binary);
    this.#fragments.push(bytesOf(message));
    if (!fin) {
      this.#later(() => sent?.());
      return;
    }
    const whole = Buffer.concat(this.#fragments.splice(0));
    this.#pass(this.#isTextual ? whole.toString() : whole, sent);
  }

  #refuses(sent: Sent | undefined): boolean {
    if (this.readyState === 1) return false;
    const state = this.readyState === 2 ? '2 (CLOSING)' : '3 (CLOSED)';
    if (sent) this.#later(() => sent(new LongSocketError('CLOSED', `WebSocket is not open: readyState ${state}`)));
    return true;
  }

  /** To the session at once if it has room, which spares a promise; behind those that wait if not. */
  #pass(message: Data, sent: Sent | undefined): void {
    try {
      if (this.#waitingCount === 0) {
        this.#session.send(message);
        if (sent) this.#later(sent);
        return;
      }
    } catch (error) {
      if ((error as LongSocketError).code !== 'QUOTA_EXCEEDED') {
        this.#later(() => this.#failed(error as Error, sent));
        return;
      }
    }
    this.#wait(message, sent);
  }

  #wait(message: Data, sent: Sent | undefined): void {
    const bytes = byteLength(message);
    this.#waitingBytes += bytes;
    this.#waitingCount++;
    const settled = (): void => {
      this.#waitingBytes -= bytes;
      this.#waitingCount--;
    };
    this.#session
      .write(message)
      .finally(settled)
      .then(
        () => isolate(() => sent?.(), undefined, this.#report),
        (error) => isolate(() => this.#failed(error, sent), undefined, this.#report),
      );
    if (this.bufferedAmount > this.#most) this.terminate();
  }

  /** `ws` says nothing of a message that nobody asks after and that is lost with its connection. */
  #failed(error: Error, sent: Sent | undefined): void {
    if (sent) sent(error);
    else if ((error as LongSocketError).code !== 'CLOSED') this.emit('error', error);
  }

  ping(data?: Sendable, mask?: boolean | Sent, sent?: Sent): void {
    const [payload, done] = typeof data === 'function' ? ['', data] : [data, typeof mask === 'function' ? mask : sent];
    if (this.#refuses(done)) return;
    const pong = bytesOf(messageOf(payload, true));
    this.#later(() => {
      done?.();
      if (this.readyState === 1) this.emit('pong', pong);
    });
  }

  /** Nobody asks: a session's connections answer pings by themselves. */
  pong(data?: Sendable, mask?: boolean | Sent, sent?: Sent): void {
    const done = [data, mask, sent].find((value) => typeof value === 'function');
    if (!this.#refuses(done) && done) this.#later(done);
  }

  /** As what is asynchronous in `ws`; and what is thrown is reported. */
  #later(call: () => unknown): void {
    Promise.resolve().then(() => isolate(() => call(), undefined, this.#report));
  }

  // --- ending ------------------------------------------------------------------------------------------------------

  close(code?: number, reason: Sendable = ''): void {
    if (this.readyState > 1) return;
    if (code === undefined) this.#session.close(closeCodes.noStatus);
    else this.#session.close(code, typeof reason === 'string' ? reason : bytesOf(reason).toString());
    this.#closing = true;
  }

  terminate(): void {
    if (this.#over || this.#terminated) return;
    this.#closing = this.#terminated = true;
    this.#attend();
    this.#session.terminate();
    this.#finish();
  }

  #ended(end: CloseDetail): void {
    this.#end = end;
    this.#finish();
  }

  /** Behind the messages that were held back while it was paused. */
  #finish(): void {
    this.#later(() => {
      const end = this.#end;
      if (!end || this.#over || (this.#paused && !this.#terminated)) return;
      this.#over = true;
      this.#transport?.finish();
      this.emit('close', end.code, Buffer.from(end.reason));
    });
  }
}
