/** Connections that come without HTTP: from a simulated network, say. */
import { CUT_OFF } from '../core/close-code.js';
import { byteLength } from '../core/outbox.js';
import type { ConnectionId, Data } from '../core/types.js';
import type { Connection, DialRequest, Report, ServerConnection } from '../io/connection.js';
import type { Transport, UpgradeRequest } from './accept.js';
import type { Caller } from './admission.js';

/** What an upgrade would have asked for. */
function requestOf({ url, protocols, headers }: ServerConnection): UpgradeRequest {
  const { host, pathname, search } = new URL(url, 'ws://localhost');
  const offers = protocols.length > 0 && { 'sec-websocket-protocol': protocols.join(', ') };
  return { url: pathname + search, headers: { host, ...headers, ...offers }, socket: {} };
}

/** Asks to be let in. */
export class ServedCaller implements Caller<UpgradeRequest> {
  readonly request: UpgradeRequest;
  readonly #connection: ServerConnection;
  gone = false;
  #left = (): void => {};

  constructor(connection: ServerConnection) {
    this.request = requestOf(connection);
    this.#connection = connection;
    connection.onclose = () => this.#leave();
  }

  onGone(left: () => void): () => void {
    this.#left = left;
    return () => {
      this.#left = () => {};
    };
  }

  defer(): void {
    this.#connection.defer();
  }

  #leave(): void {
    this.gone = true;
    this.#left();
  }

  refuse(status: number): void {
    this.#leave();
    this.#connection.refuse(status);
  }

  drop(): void {
    this.#leave();
    this.#connection.terminate();
  }

  accept(protocol: string | undefined, done: (transport: Transport) => void): void {
    const connection = this.#connection;
    connection.protocol = protocol ?? '';
    connection.open();
    done(connection);
  }
}

/** How such a connection is served. */
export interface Serving extends Pick<DialRequest, 'id' | 'binaryType'> {
  /** Longest message accepted, in bytes. */
  readonly maxPayload?: number | undefined;
}

/** The server's end of a connection without HTTP, in the shape that sockets know. */
export class ServedConnection implements Connection {
  readonly #server: ServerConnection;
  readonly #id: ConnectionId;
  readonly #report: Report;
  readonly ping?: (payload: string) => void;
  readonly bufferedAmount = 0;
  readonly extensions = '';

  constructor(
    server: ServerConnection,
    { id, binaryType, maxPayload = Number.POSITIVE_INFINITY }: Serving,
    report: Report,
  ) {
    this.#server = server;
    this.#id = id;
    this.#report = report;
    server.onmessage = (data) => {
      if (byteLength(data) > maxPayload) this.#refuseMessage(maxPayload);
      else report({ type: 'message-received', id, data: binaryType === 'arraybuffer' ? bufferOf(data) : data });
    };
    server.onclose = (end) => report({ type: 'connection-close', id, ...end });
    if (server.ping) {
      server.onpong = (payload) => report({ type: 'pong-received', id, payload });
      this.ping = (payload) => server.ping?.(payload);
    }
  }

  get url(): string {
    return this.#server.url;
  }

  get protocol(): string {
    return this.#server.protocol;
  }

  send(data: Data): void {
    this.#server.send(data);
  }

  close(code: number, reason: string): void {
    this.#server.close(code, reason);
  }

  /** The client is told by a close frame; nothing more is heard of it. */
  terminate(code: number, reason: string): void {
    this.#fallSilent();
    this.#server.close(code, reason);
  }

  /** As `ws` does. */
  #refuseMessage(most: number): void {
    this.terminate(1009, '');
    const error = new RangeError(`a message was longer than \`maxPayload\`, ${most} bytes`);
    this.#report({ type: 'connection-close', id: this.#id, ...CUT_OFF, error });
  }

  #fallSilent(): void {
    const server = this.#server;
    server.onmessage = server.onclose = server.onpong = () => {};
  }
}

function bufferOf(data: Data): Data {
  if (!ArrayBuffer.isView(data)) return data;
  const { buffer, byteOffset, byteLength } = data;
  return byteLength === buffer.byteLength
    ? (buffer as ArrayBuffer)
    : (buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
}
