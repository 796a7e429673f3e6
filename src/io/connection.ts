import type { ConnectionEnd, ConnectionId, ConnectionReport, Data } from '../core/types.js';
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
  /** Begins the closing handshake, with 1005 by a frame that has no code; `close` is reported when it is done, if ever. */
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
  /** Extensions in use; empty before `open`. */
  readonly extensions: string;
  /** What was dialed. */
  readonly url: string;
}

/** Above so many bytes in the transport, further messages wait in the outbox. */
export const HIGH_WATER = 512 * 1024;

/** How binary messages arrive, on every platform. */
export type BinaryType = 'arraybuffer' | 'uint8array';

/** Headers of a request by name; a list becomes one header each. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What one dial is given. */
export interface DialRequest {
  /** Goes into every report. */
  readonly id: ConnectionId;
  /** Absolute, `ws:` or `wss:`, without a fragment. */
  readonly url: string;
  /** Subprotocols to offer, the preferred first. */
  readonly protocols: readonly string[];
  /** Request headers of the upgrade. Only where the platform can send them. */
  readonly headers?: RequestHeaders | undefined;
  /** How to report binary messages. */
  readonly binaryType: BinaryType;
  /** Options of the `ws` package. */
  readonly node?: NodeOptions | undefined;
  /** The constructor to use instead of the platform's. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** The socket's clock, for what the transport times itself. */
  readonly clock: Clock;
}

/**
 * Starts to open a connection and returns it at once. Throws, or reports `connection-close`, when that is impossible; reports
 * nothing before it has returned.
 */
export type Dial = (request: DialRequest, report: Report) => Connection;

/** Where a connection reports to. */
export type Report = (report: ConnectionReport) => void;

/** The server's end of a connection that comes without HTTP, such as a simulated one. Pings are answered by themselves, as servers do. */
export interface ServerConnection {
  /** What was dialed. */
  readonly url: string;
  /** The subprotocols offered. */
  readonly protocols: readonly string[];
  /** The headers sent, by name in lower case. */
  readonly headers: RequestHeaders;
  /** The subprotocol chosen; set it before the connection opens. */
  protocol: string;
  /** Called for each message, with bytes as a `Uint8Array`; assign it. */
  onmessage: (data: Data) => void;
  /** Called for each answer to a `ping`; assign it. */
  onpong: (payload: string) => void;
  /** Called once, at the connection's end; assign it. */
  onclose: (end: ConnectionEnd) => void;
  /** Leaves the client waiting until `open` or `refuse` is called: to find out first who it is. */
  defer(): void;
  /** Lets the client in. Need not be called: sending does so, and so does returning from the listener without `defer`. */
  open(): void;
  /** Answers with an HTTP status instead. @throws if the connection is open */
  refuse(status: number): void;
  /** Sends one message. */
  send(data: Data): void;
  /** Sends a protocol ping (RFC 6455 §5.5.2). Absent where there are none. */
  ping?(payload: string): void;
  /** Closes in good order. */
  close(code?: number, reason?: string): void;
  /** As a process that is killed: the client is told by its TCP, without a close frame. */
  terminate(): void;
}

/** The part of a WHATWG `WebSocket` that is used, so that the types need neither lib.dom nor @types/ws. */
export interface SocketLike {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes that were sent and have not left yet. */
  readonly bufferedAmount: number;
  /** The subprotocol that the server chose; empty: none. */
  readonly protocol: string;
  /** The extensions in use. */
  readonly extensions: string;
  /** What was dialed. */
  readonly url: string;
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** Called once, when it is open. */
  onopen: ((event: never) => void) | null;
  /** Called for each message. */
  onmessage: ((event: never) => void) | null;
  /** Called once, at its end. */
  onclose: ((event: never) => void) | null;
  /** Called before an end that is no closing handshake. */
  onerror: ((event: never) => void) | null;
  /** Sends text or bytes; throws while connecting. */
  // biome-ignore lint/suspicious/noExplicitAny: lib.dom, ws and older libs disagree about views of shared buffers
  send(data: any): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** A constructor such as `globalThis.WebSocket` or `ws`. */
// biome-ignore lint/suspicious/noExplicitAny: constructors differ in what they take beyond url and protocols
export type WebSocketConstructor = new (url: string, ...rest: any[]) => SocketLike;

/**
 * Options for the `ws` package, in Node and Bun: what a browser's WebSocket cannot do. Others of `ws`, `http.request` and
 * `tls.connect` pass through. Setting any in a browser is an error, not silence.
 */
export interface NodeOptions {
  /** The `Origin` header; some servers refuse a handshake without it. @default none */
  readonly origin?: string | undefined;
  /** An `http.Agent` or `https.Agent`: connection pools, proxies. @default a connection of its own for each dial */
  readonly agent?: unknown;
  /** Longest message accepted, in bytes; a longer one closes the connection with 1009. @default 104857600 */
  readonly maxPayload?: number | undefined;
  /** Compression (RFC 7692): costs memory for each connection. @default false */
  readonly perMessageDeflate?: boolean | Readonly<Record<string, unknown>> | undefined;
  /** TLS: certificate authorities to trust, PEM, as in `tls.connect`. @default Node's own list */
  readonly ca?: unknown;
  /** TLS: the client's certificate chain, PEM. @default none */
  readonly cert?: unknown;
  /** TLS: the client's private key, PEM. @default none */
  readonly key?: unknown;
  /** TLS: certificate and key in one, PKCS#12. @default none */
  readonly pfx?: unknown;
  /** TLS: of `key` or `pfx`. @default none */
  readonly passphrase?: string | undefined;
  /** TLS: the name for SNI. @default the host of the URL */
  readonly servername?: string | undefined;
  /** TLS: refuse certificates that no authority vouches for. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
  /** Follow HTTP redirects of the upgrade. @default false */
  readonly followRedirects?: boolean | undefined;
  /** Any other of `ws`, `http.request` and `tls.connect`. */
  readonly [option: string]: unknown;
}
