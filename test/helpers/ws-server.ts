/** A real WebSocket server, of the `ws` package, which remembers what it saw. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { Identity } from './certificate.js';

interface Options {
  /** What becomes of each accepted socket. @default what arrives goes back */
  readonly onSocket?: (socket: WebSocket, request: IncomingMessage) => void;
  /** Answers an upgrade instead of accepting it, if it returns the head of a response. */
  readonly refuse?: (request: IncomingMessage, count: number) => string | undefined;
  /** Serves TLS. */
  readonly identity?: Identity;
  /** @default an ephemeral one */
  readonly port?: number;
  readonly ws?: ServerOptions;
}

export class WsServer {
  /** The upgrades asked for, the refused ones too. */
  readonly requests: IncomingMessage[] = [];
  /** When they came, in ms. */
  readonly times: number[] = [];
  /** Every socket ever accepted, in order. */
  readonly accepted: WebSocket[] = [];
  readonly port: number;
  readonly #http: Server;

  private constructor(http: Server, { onSocket = echo, refuse, identity: _, ws }: Options) {
    this.#http = http;
    this.port = (http.address() as AddressInfo).port;
    const server = new WebSocketServer({ noServer: true, ...ws });
    http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.requests.push(request);
      this.times.push(performance.now());
      socket.on('error', () => {});
      const response = refuse?.(request, this.requests.length);
      if (response) {
        socket.end(`HTTP/1.1 ${response}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      server.handleUpgrade(request, socket, head, (accepted) => {
        this.accepted.push(accepted);
        endings.set(
          accepted,
          new Promise((resolve) =>
            accepted.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
          ),
        );
        accepted.on('error', () => {});
        onSocket(accepted, request);
      });
    });
  }

  /** Starts a server on 127.0.0.1, which ends with the test. */
  static async listen(options: Options = {}): Promise<WsServer> {
    const { identity, port = 0 } = options;
    const http = identity ? createSecureServer({ key: identity.key, cert: identity.certificate }) : createServer();
    const sockets = new Set<Socket>();
    http.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    await once(http.listen(port, '127.0.0.1'), 'listening');
    const server = new WsServer(http, options);
    onTestFinished(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.#http.close(resolve));
    });
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** Sockets that are not closed. */
  get open(): WebSocket[] {
    return this.accepted.filter(({ readyState }) => readyState !== 3);
  }

  /** The `n`th socket ever accepted, counted from 1, as soon as there is one. */
  socket(n = 1): Promise<WebSocket> {
    return vi.waitFor(
      () => {
        const socket = this.accepted[n - 1];
        if (!socket) throw new Error(`only ${this.accepted.length} of ${n} connections came`);
        return socket;
      },
      { timeout: 5000, interval: 2 },
    );
  }
}

/** Sends back what arrives, text as text. */
export function echo(socket: WebSocket): void {
  socket.on('message', (data: Buffer, isBinary: boolean) => socket.send(data, { binary: isBinary }));
}

interface Ending {
  code: number;
  reason: string;
}

/** How each accepted socket ends: listened for from the beginning, since a client may end it before a test looks. */
const endings = new WeakMap<WebSocket, Promise<Ending>>();

/** The code and reason with which a socket of a server ends, or has ended. */
export async function closeOf(socket: WebSocket): Promise<Ending> {
  const ending = endings.get(socket);
  if (!ending) throw new Error('closeOf: not a socket that a WsServer accepted');
  return await ending;
}
