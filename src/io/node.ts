import { detached } from '../core/outbox.js';
import type { ConnectionEnd, ConnectionId, Data } from '../core/types.js';
import { open as openBrowser } from './browser.js';
import { msUntil } from './clock.js';
import type { Connection, DialRequest, Report, WebSocketConstructor } from './connection.js';

/** Above this many bytes in the transport, further messages wait in the outbox. */
const HIGH_WATER = 512 * 1024;

declare const process: { nextTick(callback: () => void): void };

/** The part of a `ws` socket that is used, so that the types need no @types/ws. */
export interface WsSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly extensions: string;
  readonly url?: string | undefined;
  binaryType: string;
  // biome-ignore lint/suspicious/noExplicitAny: one signature for all of ws's events, and for its own types to fit
  on(event: string, listener: (...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: ws and @types/ws disagree about the views they take
  send(data: any): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  ping(data?: any): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

/** The `net.Socket` below: not part of ws's documented API, so each use works without it. */
interface RawSocket {
  cork(): void;
  uncork(): void;
  once(event: 'drain', listener: () => void): unknown;
}

// --- dial ------------------------------------------------------------------------------------------------------------

/** Opens a connection with `ws`, or with a WHATWG `WebSocket` if that is what it was given. */
export function open(WebSocket: WebSocketConstructor, request: DialRequest, report: Report): Connection {
  if (!('ping' in WebSocket.prototype)) return openBrowser(WebSocket, request, report);
  const { url, protocols, headers, node } = request;
  const options = { perMessageDeflate: false, ...node, ...(headers && { headers }) };
  const socket = new WebSocket(url, protocols, options) as unknown as WsSocket;
  return new NodeConnection(socket, request, report, false);
}

/** What a connection that is open already is given. */
type Adoption = Pick<DialRequest, 'id' | 'binaryType'>;

/** Takes over a socket that a `ws` server has accepted. */
export function adopt(socket: WsSocket, request: Adoption, report: Report): Connection {
  return new NodeConnection(socket, request, report, true);
}

// --- connection ------------------------------------------------------------------------------------------------------

class NodeConnection implements Connection {
  readonly #socket: WsSocket;
  readonly #id: ConnectionId;
  readonly #report: Report;
  /** A client's frames are masked into a copy; a server's are written as they are, at the end of the tick. */
  readonly #copies: boolean;
  #corked: RawSocket | undefined;
  #error: unknown;
  #over = false;
  #backedUp = false;

  constructor(socket: WsSocket, { id, binaryType }: Adoption, report: Report, server: boolean) {
    this.#socket = socket;
    this.#id = id;
    this.#report = report;
    this.#copies = server;
    socket.binaryType = binaryType === 'arraybuffer' ? 'arraybuffer' : 'nodebuffer';
    socket.on('message', (data: Uint8Array | ArrayBuffer, isBinary: boolean) => {
      if (!this.#over) report({ type: 'message-received', id, data: isBinary ? bytes(data) : data.toString() });
    });
    socket.on('open', () => this.#over || report({ type: 'connection-open', id, canPing: true }));
    socket.on('ping', () => this.#over || report({ type: 'ping-received', id }));
    socket.on('pong', (payload: Uint8Array) => {
      if (!this.#over) report({ type: 'pong-received', id, payload: payload.toString() });
    });
    socket.on('unexpected-response', (_request: unknown, response: Response) => {
      socket.terminate();
      this.#end({ ...FAILED, status: response.statusCode, retryAfter: retryAfter(response.headers) });
    });
    // Listened to for life: ws also reports errors of a socket that was given up.
    socket.on('error', (error: unknown) => {
      this.#error = error;
    });
    socket.on('close', (code: number, reason: Uint8Array) =>
      this.#end({ code, reason: reason.toString(), wasClean: code !== 1006 }),
    );
  }

  // --- writing

  /** Gathers the writes of one tick into one system call. */
  send(data: Data): void {
    const socket = this.#socket;
    if (this.#corked === undefined) this.#cork();
    socket.send(this.#copies ? detached(data) : data);
    if (!this.#backedUp && socket.bufferedAmount > HIGH_WATER) this.#wait();
  }

  #cork(): void {
    const raw = (this.#socket as { _socket?: RawSocket })._socket;
    if (!raw) return;
    raw.cork();
    this.#corked = raw;
    process.nextTick(this.#uncork);
  }

  readonly #uncork = (): void => {
    this.#corked?.uncork();
    this.#corked = undefined;
  };

  ping(payload: string): void {
    this.#socket.ping(payload);
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  #wait(): void {
    const raw = (this.#socket as { _socket?: RawSocket })._socket;
    if (!raw) return;
    this.#backedUp = true;
    this.#report({ type: 'connection-backed-up', id: this.#id });
    raw.once('drain', () => {
      this.#backedUp = false;
      if (!this.#over) this.#report({ type: 'connection-writable', id: this.#id });
    });
  }

  // --- ending

  close(code: number, reason: string): void {
    this.#uncork();
    this.#socket.close(code, reason);
  }

  terminate(code: number, reason: string): void {
    this.#over = true;
    this.#uncork();
    const socket = this.#socket;
    // On a live path the peer gets the close frame: it is written before the socket is destroyed.
    if (socket.readyState === 1) socket.close(code, reason);
    socket.terminate();
  }

  #end(end: ConnectionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#report({ type: 'connection-close', id: this.#id, ...end, error: this.#error });
  }

  // --- what the server chose

  get protocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  get url(): string {
    return this.#socket.url ?? '';
  }
}

/** The same class as in browsers: a `Buffer` shows its contents in another way. */
function bytes(data: Uint8Array | ArrayBuffer): Data {
  return data instanceof ArrayBuffer ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

// --- a refused upgrade -----------------------------------------------------------------------------------------------

const FAILED = { code: 1006, reason: '', wasClean: false };

interface Response {
  readonly statusCode?: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** `Retry-After` in ms: seconds, or a date, which is read against the server's own clock (RFC 9110 §10.2.3). */
function retryAfter({ 'retry-after': value, date }: Response['headers']): number | undefined {
  if (!value) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : msUntil(value, date);
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
