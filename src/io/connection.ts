import type { ConnectionId, ConnectionReport, Data } from '../core/types.js';
import type { Clock } from './clock.js';

/**
 * One transport connection as the driver sees it: what both adapters return, and what a test or another transport
 * implements. A missing capability is a missing member.
 */
export interface Connection {
  /** Sends one message. `stable`: nobody will change its bytes. Only called between `connection-open` and `connection-close`; never throws for size or state. */
  send(data: Data, stable?: boolean): void;
  /** Sends a protocol ping (RFC 6455 §5.5.2) whose pong is reported. Absent where the platform has none. */
  ping?(payload: string): void;
  /** Begins the closing handshake; `close` is reported when it is done, if ever. */
  close(code: number, reason: string): void;
  /**
   * Gives the connection up now, in any state: says goodbye if that is possible without waiting, frees what it holds,
   * and reports nothing any more.
   */
  terminate(code: number, reason: string): void;
  /** The peer has begun to close: what is sent from now on goes nowhere. No event says so. */
  readonly closing?: boolean;
  /** Bytes handed over that the transport still holds. */
  readonly bufferedAmount: number;
  /** What the server chose; empty before `open`. */
  readonly protocol: string;
  readonly extensions: string;
  readonly url: string;
}

/** Above so many bytes in the transport, further messages wait in the outbox. */
export const HIGH_WATER = 512 * 1024;

/** How binary messages arrive, on every platform. */
export type BinaryType = 'arraybuffer' | 'uint8array';

export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What one dial is given. */
export interface DialRequest {
  /** Goes into every report. */
  readonly id: ConnectionId;
  readonly url: string;
  readonly protocols: readonly string[];
  /** Request headers of the upgrade. Only where the platform can send them. */
  readonly headers?: RequestHeaders | undefined;
  readonly binaryType: BinaryType;
  /** Options of the `ws` package. */
  readonly node?: NodeOptions | undefined;
  /** The constructor to use instead of the platform's. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  readonly clock: Clock;
}

/**
 * Starts to open a connection and returns it at once. Throws, or reports `connection-close`, when that is impossible; reports
 * nothing before it has returned.
 */
export type Dial = (request: DialRequest, report: Report) => Connection;

/** Where a connection reports to. */
export type Report = (report: ConnectionReport) => void;

/** The part of a WHATWG `WebSocket` that is used, so that the types need neither lib.dom nor @types/ws. */
export interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly extensions: string;
  readonly url: string;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  // biome-ignore lint/suspicious/noExplicitAny: lib.dom, ws and older libs disagree about views of shared buffers
  send(data: any): void;
  close(code?: number, reason?: string): void;
}

/** A constructor such as `globalThis.WebSocket` or `ws`. */
// biome-ignore lint/suspicious/noExplicitAny: constructors differ in what they take beyond url and protocols
export type WebSocketConstructor = new (url: string, ...rest: any[]) => SocketLike;

/**
 * Options for the `ws` package, in Node: what a browser's WebSocket cannot do. Others of `ws`, `http.request` and
 * `tls.connect` pass through. Setting any in a browser is an error, not silence.
 */
export interface NodeOptions {
  /** The `Origin` header; some servers refuse a handshake without it. @default none */
  readonly origin?: string | undefined;
  /** An `http.Agent` or `https.Agent`: connection pools, proxies. */
  readonly agent?: unknown;
  /** Longest message accepted, in bytes; a longer one closes the connection with 1009. @default 104857600 */
  readonly maxPayload?: number | undefined;
  /** Compression (RFC 7692): costs memory for each connection. @default false */
  readonly perMessageDeflate?: boolean | Readonly<Record<string, unknown>> | undefined;
  /** TLS: certificate authorities, client certificate and key, and so on, as in `tls.connect`. */
  readonly ca?: unknown;
  readonly cert?: unknown;
  readonly key?: unknown;
  readonly pfx?: unknown;
  readonly passphrase?: string | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
  /** Follow HTTP redirects of the upgrade. @default false */
  readonly followRedirects?: boolean | undefined;
  readonly [option: string]: unknown;
}
