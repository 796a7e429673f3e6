/** The only place that knows `ws` and `node:http` as more than types. */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { LongSocketError } from '../core/errors.js';
import type { WsSocket } from '../io/node.js';
import type { Caller } from './admission.js';

export interface UpgradeOptions {
  readonly maxPayload: number;
  readonly perMessageDeflate: boolean | object;
}

/** Completes upgrades, with the subprotocol chosen by the caller. */
export type Upgrader = (
  request: IncomingMessage,
  duplex: Duplex,
  head: Uint8Array,
  protocol: string | undefined,
  done: (socket: WsSocket) => void,
) => void;

/** @returns the error of what needs Node's sockets, elsewhere. */
export function unsupported(what: string): LongSocketError {
  return new LongSocketError(
    'UNSUPPORTED',
    `${what} needs the sockets of Node, Bun or Deno, and the ws package: on this platform longsocket can only be a client`,
  );
}

/** An upgrader of the `ws` package. */
export function createUpgrader({ maxPayload, perMessageDeflate }: UpgradeOptions): Upgrader {
  // Bundles for browsers and Workers hold a stand-in for ws.
  if (typeof WebSocketServer !== 'function') throw unsupported('LongSocketServer');
  const chosen = new WeakMap<IncomingMessage, string | undefined>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload,
    perMessageDeflate,
    handleProtocols: (_, request) => chosen.get(request) ?? false,
  });
  return (request, duplex, head, protocol, done) => {
    chosen.set(request, protocol);
    server.handleUpgrade(request, duplex, head as Buffer, (socket) => done(socket as unknown as WsSocket));
  };
}

/** A server of its own, for a port. It answers every other request with 426. */
export function createHttpServer(): Server {
  return createServer((_, response) => {
    const body = STATUS_CODES[426] as string;
    response.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain', Upgrade: 'websocket' });
    response.end(body);
  });
}

const ignore = (): void => {};

/**
 * Nobody else listens to the errors of a connection that is being upgraded: one that breaks then would end the process. Returns
 * how to stop.
 */
function survive(duplex: Duplex): () => void {
  duplex.on('error', ignore);
  return () => duplex.off('error', ignore);
}

/** Answers an upgrade with an HTTP status, and ends the connection. */
export function refuseUpgrade(duplex: Duplex, status: number): void {
  const body = STATUS_CODES[status] ?? '';
  const lines = [
    `HTTP/1.1 ${status} ${body}`,
    'Connection: close',
    'Content-Type: text/plain',
    `Content-Length: ${body.length}`,
    // Another server will be there in a moment.
    ...(status === 503 ? ['Retry-After: 2'] : []),
  ];
  survive(duplex);
  duplex.once('finish', () => duplex.destroy());
  duplex.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** An upgrade request, which asks to be let in. */
export class UpgradeCaller<Request> implements Caller<Request> {
  readonly request: Request;
  readonly #duplex: Duplex;
  readonly #mortal: () => void;
  readonly #upgrade: (protocol: string | undefined, done: (socket: WsSocket) => void) => void;

  constructor(request: object, duplex: object, head: Uint8Array, upgrader: Upgrader) {
    this.request = request as Request;
    this.#duplex = duplex as Duplex;
    this.#mortal = survive(this.#duplex);
    this.#upgrade = (protocol, done) => upgrader(request as IncomingMessage, this.#duplex, head, protocol, done);
  }

  get gone(): boolean {
    return this.#duplex.destroyed || this.#duplex.writableEnded;
  }

  onGone(left: () => void): () => void {
    this.#duplex.once('close', left);
    return () => this.#duplex.off('close', left);
  }

  /** It waits by itself. */
  defer(): void {}

  refuse(status: number): void {
    refuseUpgrade(this.#duplex, status);
  }

  drop(): void {
    this.#duplex.destroy();
  }

  accept(protocol: string | undefined, done: (socket: WsSocket) => void): void {
    this.#mortal();
    this.#upgrade(protocol, done);
  }
}

export type { Duplex, IncomingMessage, Server };
