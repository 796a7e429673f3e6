import { CUT_OFF, NO_STATUS } from '../core/close-code.js';
import { detached } from '../core/outbox.js';
import type { ConnectionEnd, ConnectionId, Data } from '../core/types.js';
import { open as openBrowser } from './browser.js';
import { msUntil } from './clock.js';
import { type Connection, type DialRequest, HIGH_WATER, type Report, type WebSocketConstructor } from './connection.js';

/**
 * Text of up to so many characters is made bytes here: ws masks bytes into one piece together with their header, and text
 * into two. Above, the copy costs more than the second write.
 */
const MERGED = 256;

/** Shared, since ws only reads it. */
const TEXT = { binary: false };

declare const process: { nextTick<Argument>(callback: (argument: Argument) => void, argument: Argument): void };
declare const Buffer: { from(text: string): Uint8Array; alloc(size: number): Uint8Array };

/** The part of a `ws` socket that is used, so that the types need no @types/ws. */
export interface WsSocket {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes that were sent and have not left yet. */
  readonly bufferedAmount: number;
  /** The subprotocol chosen; empty: none. */
  readonly protocol: string;
  /** The extensions in use. */
  readonly extensions: string;
  /** What was dialed; a server's end has none. */
  readonly url?: string | undefined;
  /** Whether it reads nothing for now. */
  readonly isPaused?: boolean;
  /** Set to `nodebuffer` or `arraybuffer`. */
  binaryType: string;
  /** Its events: `message`, `ping`, `pong`, `close`, `error`, … */
  // biome-ignore lint/suspicious/noExplicitAny: one signature for all of ws's events, and for its own types to fit
  on(event: string, listener: (...args: any[]) => void): unknown;
  /** Sends one message. */
  // biome-ignore lint/suspicious/noExplicitAny: ws and @types/ws disagree about the views they take
  send(data: any, ...rest: any[]): void;
  /** Sends a protocol ping. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  ping(data?: any): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Destroys the connection at once. */
  terminate(): void;
}

/** The `net.Socket` below: not part of ws's documented API, so each use works without it. */
interface RawSocket {
  cork(): void;
  uncork(): void;
  write(bytes: Uint8Array, written?: (error?: unknown) => void): void;
  once(event: 'data', listener: () => void): unknown;
}

function rawOf(socket: WsSocket): RawSocket | undefined {
  const raw = (socket as { _socket?: Partial<RawSocket> })._socket;
  // Bun's stand-in for ws has something of that name which is none.
  return raw?.cork && raw.once ? (raw as RawSocket) : undefined;
}

// --- one message to many ---------------------------------------------------------------------------------------------

/** The message that is being sent to many connections, and its frame, encoded once (RFC 6455 §5.2, unmasked). */
let prepared: { readonly data: Data; readonly frame: Uint8Array } | undefined;

/** While `send` runs, connections of a server write this message as one frame that is encoded once. */
export function broadcasting(data: Data, send: () => void): void {
  prepared = { data, frame: encodeFrame(data) };
  try {
    send();
  } finally {
    prepared = undefined;
  }
}

function encodeFrame(data: Data): Uint8Array {
  const payload = typeof data === 'string' ? Buffer.from(data) : ArrayBuffer.isView(data) ? data : new Uint8Array(data);
  const length = payload.byteLength;
  const offset = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.alloc(offset + length);
  const view = new DataView(frame.buffer, frame.byteOffset, offset);
  frame[0] = typeof data === 'string' ? 0x81 : 0x82;
  frame[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (offset === 4) view.setUint16(2, length);
  else if (offset === 10) view.setBigUint64(2, BigInt(length));
  frame.set(new Uint8Array(payload.buffer, payload.byteOffset, length), offset);
  return frame;
}

// --- dial ------------------------------------------------------------------------------------------------------------

/** Opens a connection with `ws`, or with a WHATWG `WebSocket` if that is what it was given. */
export function open(WebSocket: WebSocketConstructor, request: DialRequest, report: Report): Connection {
  // Bun's own WebSocket has `ping` too, but is no event emitter.
  if (!('on' in WebSocket.prototype)) return openBrowser(WebSocket, request, report);
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

/** How a `ws` socket leads to its connection: one function per event serves all, whereas closures took 0.5 KiB for each. */
const OWNER = Symbol('longsocket.connection');

interface OwnedSocket extends WsSocket {
  [OWNER]: NodeConnection;
}

/** Of `ws`'s events; `this` is the socket. */
const listeners = {
  open(this: OwnedSocket): void {
    this[OWNER].opened();
  },
  message(this: OwnedSocket, data: Uint8Array | ArrayBuffer, isBinary: boolean): void {
    const connection = this[OWNER];
    connection.hear({
      type: 'message-received',
      id: connection.id,
      data: isBinary ? bytes(data) : data.toString(),
    });
  },
  ping(this: OwnedSocket): void {
    this[OWNER].hear({ type: 'ping-received', id: this[OWNER].id });
  },
  pong(this: OwnedSocket, payload: Uint8Array): void {
    this[OWNER].hear({ type: 'pong-received', id: this[OWNER].id, payload: payload.toString() });
  },
  'unexpected-response'(this: OwnedSocket, _request: unknown, response: Response): void {
    this.terminate();
    this[OWNER].end({ ...CUT_OFF, status: response.statusCode, retryAfter: retryAfter(response.headers) });
  },
  // Listened to for life: ws also reports errors of a socket that was given up.
  error(this: OwnedSocket, error: unknown): void {
    this[OWNER].failed(error);
  },
  close(this: OwnedSocket, code: number, reason: Uint8Array): void {
    this[OWNER].end({ code, reason: reason.toString(), wasClean: code !== 1006 });
  },
};

class NodeConnection implements Connection {
  readonly id: ConnectionId;
  error: unknown;
  readonly #socket: WsSocket;
  readonly #report: Report;
  /** Masking copies a client's bytes at once; a server's are written as they are, and deflated ones are read, later. */
  #copies: boolean;
  readonly #server: boolean;
  #corked: RawSocket | undefined;
  /** Messages of this tick, and whether the last tick with any had more than one. */
  #sends = 0;
  #bursts = false;
  #open: boolean;
  #over = false;
  #backedUp = false;

  constructor(socket: WsSocket, { id, binaryType }: Adoption, report: Report, server: boolean) {
    this.id = id;
    this.#socket = socket;
    this.#report = report;
    this.#copies = this.#server = server;
    this.#open = server;
    socket.binaryType = binaryType === 'arraybuffer' ? 'arraybuffer' : 'nodebuffer';
    (socket as OwnedSocket)[OWNER] = this;
    for (const event of server ? LATER : events) socket.on(event, listeners[event]);
    // Accepted too late: its `close` has been.
    if (socket.readyState === 3) process.nextTick((connection) => connection.end(CUT_OFF), this);
  }

  opened(): void {
    this.#open = true;
    this.#copies = this.extensions !== '';
    this.hear({ type: 'connection-open', id: this.id, canPing: true, protocol: this.protocol });
  }

  /** A dial's failure is told by `close`; an open connection's at once: ws would wait for the peer to end TCP. */
  failed(error: unknown): void {
    this.error = error;
    if (!this.#open) return;
    this.end(CUT_OFF);
    this.#socket.terminate();
  }

  hear(report: Parameters<Report>[0]): void {
    if (!this.#over) this.#report(report);
  }

  // --- writing

  /**
   * Gathers the writes of one tick into one system call. Not the first one, unless a burst is likely: a lone message
   * shall not wait for the end of the tick.
   */
  send(data: Data, stable = false): void {
    if (this.#corked === undefined && (this.#bursts || this.#sends > 0)) this.#cork();
    this.#write(data, stable);
    if (this.#sends++ === 0) process.nextTick(endTick, this);
  }

  #write(data: Data, stable: boolean): void {
    const socket = this.#socket;
    const length = typeof data === 'string' ? data.length : data.byteLength;
    const written = this.#backedUp || socket.bufferedAmount + length <= HIGH_WATER ? undefined : this.#backUp();
    if (prepared?.data === data && this.#writePrepared(prepared.frame, written)) return;
    if (typeof data === 'string') {
      if (length <= MERGED) socket.send(Buffer.from(data), TEXT, written);
      else socket.send(data, undefined, written);
    } else {
      // Of a buffer that was transferred away, `ws` cannot make a view.
      socket.send(length === 0 || (this.#copies && !stable) ? detached(data) : data, undefined, written);
    }
  }

  /** Only where ws would do nothing else either: unmasked, not compressed, and open. */
  #writePrepared(frame: Uint8Array, written: ((error?: unknown) => void) | undefined): boolean {
    const raw = rawOf(this.#socket);
    if (!this.#server || this.extensions !== '' || !raw || this.#socket.readyState !== 1) return false;
    raw.write(frame, written);
    return true;
  }

  #cork(): void {
    const raw = rawOf(this.#socket);
    raw?.cork();
    this.#corked = raw;
  }

  /** Harmless on a socket that was ended or destroyed meanwhile. */
  uncork(): void {
    this.#corked?.uncork();
    this.#corked = undefined;
  }

  endTick(): void {
    this.uncork();
    this.#bursts = this.#sends > 1;
    this.#sends = 0;
  }

  /** The transport holds enough until the message being sent is written; returns what to call then. */
  #backUp(): (error?: unknown) => void {
    this.#backedUp = true;
    this.hear({ type: 'connection-backed-up', id: this.id });
    return (error) => {
      this.#backedUp = false;
      // After an error `close` follows, and what waits is still undelivered.
      if (!error) this.hear({ type: 'connection-writable', id: this.id });
    };
  }

  ping(payload: string): void {
    // Somebody has paused it (`asWebSocket`): no answer can be heard, which says nothing of the peer.
    if (this.#socket.isPaused) {
      process.nextTick((connection) => connection.hear({ type: 'ping-received', id: connection.id }), this);
      return;
    }
    this.#socket.ping(payload);
    // No pong overtakes a long frame that is coming in: the bytes of one are life as well.
    rawOf(this.#socket)?.once('data', () => this.hear({ type: 'ping-received', id: this.id }));
  }

  get closing(): boolean {
    return this.#socket.readyState > 1;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  // --- ending

  close(code: number, reason: string): void {
    this.uncork();
    closeWith(this.#socket, code, reason);
  }

  terminate(code: number, reason: string): void {
    this.#over = true;
    this.uncork();
    const socket = this.#socket;
    // On a live path the peer gets the close frame: it is written before the socket is destroyed.
    try {
      if (socket.readyState === 1) closeWith(socket, code, reason);
    } finally {
      socket.terminate();
    }
  }

  end(end: ConnectionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#report({ type: 'connection-close', id: this.id, ...end, error: this.error });
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

const events = Object.keys(listeners) as (keyof typeof listeners)[];
/** Of a connection that is open already. */
const LATER = events.filter((event) => event !== 'open' && event !== 'unexpected-response');

/** Without a code, `ws` sends none. */
function closeWith(socket: WsSocket, code: number, reason: string): void {
  if (code === NO_STATUS) socket.close();
  else socket.close(code, reason);
}

function endTick(connection: NodeConnection): void {
  connection.endTick();
}

/** The same class as in browsers: a `Buffer` shows its contents in another way. */
function bytes(data: Uint8Array | ArrayBuffer): Data {
  return data instanceof ArrayBuffer ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

// --- a refused upgrade -----------------------------------------------------------------------------------------------

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
