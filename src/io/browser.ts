import { CUT_OFF, NO_STATUS, NORMAL } from '../core/close-code.js';
import { LongSocketError } from '../core/errors.js';
import type { ConnectionEnd, ConnectionId, Data } from '../core/types.js';
import type { Clock } from './clock.js';
import {
  type Connection,
  type DialRequest,
  HIGH_WATER,
  type Report,
  type RequestHeaders,
  type WebSocketConstructor,
} from './connection.js';

/** A WHATWG WebSocket does not say when it is writable again: look this often, in ms. */
const POLL = 10;

// --- dial ------------------------------------------------------------------------------------------------------------

/** Opens a connection with a WHATWG `WebSocket`: of browsers, workers, Deno, Node 22 and later. */
export function open(WebSocket: WebSocketConstructor, request: DialRequest, report: Report): Connection {
  const { url, protocols, headers } = request;
  // Deno's own takes headers, beside the protocols.
  const takesHeaders = 'Deno' in globalThis && WebSocket === (globalThis as { WebSocket?: unknown }).WebSocket;
  for (const option of ['headers', 'node'] as const) {
    if (request[option] && !(takesHeaders && option === 'headers')) {
      throw new LongSocketError(
        'UNSUPPORTED',
        `option \`${option}\` needs the ws package, as in Node and Bun: this WebSocket cannot do it; use the url, protocols or cookies`,
      );
    }
  }
  const socket = headers ? new WebSocket(url, { headers: pairs(headers), protocols }) : new WebSocket(url, protocols);
  return new BrowserConnection(socket, request, report);
}

const pairs = (headers: RequestHeaders): [name: string, value: string][] =>
  Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value]));

// --- connection ------------------------------------------------------------------------------------------------------

type Socket = InstanceType<WebSocketConstructor>;

class BrowserConnection implements Connection {
  readonly #socket: Socket;
  readonly #id: ConnectionId;
  readonly #report: Report;
  readonly #clock: Clock;
  #timer: unknown;
  #error: unknown;
  #over = false;
  #backedUp = false;

  constructor(socket: Socket, { id, binaryType, clock }: DialRequest, report: Report) {
    this.#socket = socket;
    this.#id = id;
    this.#report = report;
    this.#clock = clock;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => report({ type: 'connection-open', id, canPing: false, protocol: socket.protocol });
    socket.onmessage = ({ data }: { data: Data }) => {
      const bytes = binaryType === 'uint8array' && data instanceof ArrayBuffer;
      report({ type: 'message-received', id, data: bytes ? new Uint8Array(data) : data });
    };
    socket.onclose = (event: ConnectionEnd) => this.#end(event);
    // Several runtimes report some failures by `error` alone. Where a `close` follows, it does so within this tick.
    socket.onerror = (event: { error?: unknown; message?: string }) => {
      this.#error = event.error ?? event.message ?? new Error('the platform does not say why');
      this.#clock.clearTimer(this.#timer);
      this.#timer = clock.setTimer(() => this.#end(CUT_OFF), 0);
    };
  }

  // --- writing

  send(data: Data): void {
    // Of a buffer that was transferred away, Node's own cannot make a view.
    this.#socket.send(typeof data !== 'string' && data.byteLength === 0 ? new Uint8Array() : data);
    if (!this.#backedUp && this.#socket.bufferedAmount > HIGH_WATER) {
      this.#backedUp = true;
      this.#report({ type: 'connection-backed-up', id: this.#id });
      this.#poll();
    }
  }

  get closing(): boolean {
    return this.#socket.readyState > 1;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  #poll(): void {
    this.#timer = this.#clock.setTimer(() => {
      if (this.#socket.bufferedAmount > HIGH_WATER / 2) return this.#poll();
      this.#backedUp = false;
      this.#report({ type: 'connection-writable', id: this.#id });
    }, POLL);
  }

  // --- ending

  close(code: number, reason: string): void {
    closeWith(this.#socket, code, reason);
  }

  terminate(code: number, reason: string): void {
    this.#release();
    // A socket that is still connecting must be closed as well: in Chromium it blocks every dial to its host and port.
    try {
      closeWith(this.#socket, code, reason);
    } catch {
      // It is given up either way.
    }
  }

  #end({ code, reason, wasClean }: ConnectionEnd): void {
    if (this.#over) return;
    this.#release();
    this.#report({ type: 'connection-close', id: this.#id, code, reason, wasClean, error: this.#error });
  }

  #release(): void {
    const socket = this.#socket;
    this.#over = true;
    this.#clock.clearTimer(this.#timer);
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Not null: some implementations throw an error that nobody listens to.
    socket.onerror = () => {};
  }

  // --- what the server chose

  get protocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  get url(): string {
    return this.#socket.url;
  }
}

/** A browser's `close()` throws on all codes but 1000 and 3000–4999, and without one sends none (WHATWG). */
function closeWith(socket: Socket, code: number, reason: string): void {
  if (code === NO_STATUS) socket.close();
  else socket.close(code >= 3000 ? code : NORMAL, reason);
}
