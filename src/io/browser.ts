import { LongSocketError } from '../core/errors.js';
import type { ConnectionEnd, Data } from '../core/types.js';
import type { Connection, ConnectionEvents, DialRequest, WebSocketConstructor } from './connection.js';

/** Above this many bytes in the transport, further messages wait in the outbox. */
const HIGH_WATER = 512 * 1024;
/** A WHATWG WebSocket does not say when it is writable again: look this often, in ms. */
const POLL = 10;

// --- dial ------------------------------------------------------------------------------------------------------------

/** Opens a connection with a WHATWG `WebSocket`: of browsers, workers, Deno, Bun, Node 22 and later. */
export function open(WebSocket: WebSocketConstructor, request: DialRequest, events: ConnectionEvents): Connection {
  for (const option of ['headers', 'node'] as const) {
    if (request[option]) {
      throw new LongSocketError(
        'UNSUPPORTED',
        `option \`${option}\` needs the ws package in Node: this WebSocket cannot send headers; use the url, protocols or cookies`,
      );
    }
  }
  return new BrowserConnection(new WebSocket(request.url, request.protocols), request, events);
}

// --- connection ------------------------------------------------------------------------------------------------------

type Socket = InstanceType<WebSocketConstructor>;

class BrowserConnection implements Connection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #clock: DialRequest['clock'];
  #timer: unknown;
  #error: unknown;
  #over = false;
  #backedUp = false;

  constructor(socket: Socket, { binaryType, clock }: DialRequest, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#clock = clock;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => events.open(false);
    socket.onmessage = ({ data }: { data: Data }) =>
      events.message(binaryType === 'uint8array' && data instanceof ArrayBuffer ? new Uint8Array(data) : data);
    socket.onclose = (event: ConnectionEnd) => this.#end(event);
    // Several runtimes report some failures by `error` alone. Where a `close` follows, it does so within this tick.
    socket.onerror = (event: { error?: unknown; message?: string }) => {
      this.#error = event.error ?? event.message;
      this.#clock.clearTimer(this.#timer);
      this.#timer = clock.setTimer(() => this.#end(), 0);
    };
  }

  // --- writing

  send(data: Data): void {
    this.#socket.send(data);
    if (!this.#backedUp && this.#socket.bufferedAmount > HIGH_WATER) {
      this.#backedUp = true;
      this.#events.backedUp();
      this.#poll();
    }
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  #poll(): void {
    this.#timer = this.#clock.setTimer(() => {
      if (this.#socket.bufferedAmount > HIGH_WATER / 2) return this.#poll();
      this.#backedUp = false;
      this.#events.writable();
    }, POLL);
  }

  // --- ending

  close(code: number, reason: string): void {
    this.#socket.close(permitted(code), reason);
  }

  terminate(code: number, reason: string): void {
    this.#release();
    // A socket that is still connecting must be closed as well: in Chromium it blocks every dial to its host and port.
    try {
      this.#socket.close(permitted(code), reason);
    } catch {
      // It is given up either way.
    }
  }

  #end({ code, reason, wasClean }: Partial<ConnectionEnd> = {}): void {
    if (this.#over) return;
    this.#release();
    this.#events.close({ code: code ?? 0, reason: reason ?? '', wasClean: wasClean ?? false, error: this.#error });
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

/** A browser's `close()` throws on all codes but 1000 and 3000–4999 (WHATWG). */
function permitted(code: number): number {
  return code >= 3000 ? code : 1000;
}
