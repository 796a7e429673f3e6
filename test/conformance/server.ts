/** What the cases talk to: a server whose behaviour is asked for in the URL, and which tells afterwards what it has seen. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { LongSocketServer, ServerSocket } from '../../src/server.js';

type Data = string | Uint8Array;

/** One client, by a session or by a plain connection. */
interface Client {
  send(data: Data): void;
  /** Without a code: by a close frame that has none. */
  close(code?: number, reason?: string): void;
  /** Ends TCP, without a word. */
  cut(): void;
  onmessage(listener: (data: Data) => void): void;
  onclose(listener: (code: number, reason: string) => void): void;
}

/** What is left of a client. */
export interface Seen {
  readonly protocols: readonly string[];
  /** Text as it is; bytes as their values. */
  readonly messages: (string | number[])[];
  close?: [code: number, reason: string];
}

const dist = new URL('../../dist/browser/', import.meta.url);

export class ConformanceServer {
  readonly #http: Server;
  readonly #seen = new Map<string, Seen>();
  readonly #sockets = new Set<Socket>();
  readonly #pages: Readonly<Record<string, string>>;
  readonly #plain = new WebSocketServer({
    noServer: true,
    handleProtocols: (_offered, request) => chosen(request) ?? false,
  });
  readonly #sessions: LongSocketServer;

  private constructor(http: Server, sessions: LongSocketServer, pages: Readonly<Record<string, string>>) {
    this.#http = http;
    this.#sessions = sessions;
    this.#pages = pages;
    http.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    http.on('request', (request, response) => this.#answer(request, response));
    // `handleProtocols` is asked only if there are any.
    this.#plain.on('headers', (headers, request) => {
      const unasked = request.headers['sec-websocket-protocol'] === undefined && chosen(request);
      if (unasked) headers.push(`Sec-WebSocket-Protocol: ${unasked}`);
    });
    http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    sessions.on('connection', (socket) => this.#serve(ofSession(socket), socket.request as IncomingMessage));
  }

  /** `pages`: scripts to serve, by path. `Sessions`: the class that is built. */
  static async listen(
    Sessions: typeof LongSocketServer,
    pages: Readonly<Record<string, string>> = {},
  ): Promise<ConformanceServer> {
    const http = createServer();
    const sessions = new Sessions({
      noServer: true,
      origins: '*',
      handleProtocols: (_offered, request) => chosen(request as IncomingMessage),
    });
    await once(http.listen(0, '127.0.0.1'), 'listening');
    return new ConformanceServer(http, sessions as LongSocketServer, pages);
  }

  /** With the scheme `http`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  // --- HTTP

  async #answer({ url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(url, this.url);
    if (pathname === '/seen') {
      const seen = await this.#closed(searchParams.get('id') ?? '');
      response.writeHead(200, { 'content-type': 'application/json', 'access-control-allow-origin': '*' });
      response.end(JSON.stringify(seen ?? null));
      return;
    }
    const body =
      this.#pages[pathname] ?? (await readFile(new URL(`.${pathname}`, dist), 'utf8').catch(() => undefined));
    const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': `${type}; charset=utf-8` }).end(body);
  }

  /** What was seen of a client that is over, or should be soon. */
  async #closed(id: string): Promise<Seen | undefined> {
    for (let turn = 0; turn < 500 && !this.#seen.get(id)?.close; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.#seen.get(id);
  }

  // --- WebSocket

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname } = new URL(request.url ?? '/', this.url);
    socket.on('error', () => {});
    if (pathname === '/mute') return;
    if (pathname === '/refuse') {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    if (/longsocket/.test(request.headers['sec-websocket-protocol'] ?? '')) {
      this.#sessions.handleUpgrade(request, socket, head);
      return;
    }
    this.#plain.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => {});
      this.#serve(
        {
          send: (data) => ws.send(data),
          close: (code, reason) => ws.close(code, reason),
          cut: () => ws.terminate(),
          onmessage: (listener) =>
            ws.on('message', (data: Buffer, binary) => listener(binary ? new Uint8Array(data) : data.toString())),
          onclose: (listener) => ws.on('close', (code, reason) => listener(code, reason.toString())),
        },
        request,
        socket,
      );
    });
  }

  #serve(client: Client, request: IncomingMessage, transport?: Duplex): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const offered = request.headers['sec-websocket-protocol'] ?? '';
    const protocols = offered.split(/, */).filter((name) => name && !/longsocket/.test(name));
    const seen: Seen = { protocols, messages: [] };
    this.#seen.set(searchParams.get('id') ?? '', seen);
    client.onclose((code, reason) => {
      seen.close = [code, reason];
    });
    client.onmessage((data) => {
      seen.messages.push(typeof data === 'string' ? data : [...data]);
      if (pathname === '/echo') client.send(data);
      if (pathname === '/close-on-message') close();
      if (pathname === '/cut') client.cut();
    });
    const [code, reason] = [searchParams.get('code'), searchParams.get('reason')];
    const close = (): void => (code ? client.close(Number(code), reason ?? '') : client.close());
    if (pathname === '/close') close();
    if (pathname === '/burst') {
      for (let n = 1; n <= Number(searchParams.get('n')); n++) client.send(n % 2 ? String(n) : Uint8Array.of(n));
      close();
    }
    // A frame of a reserved kind (RFC 6455 §5.2).
    if (pathname === '/bad-frame') transport?.write(Uint8Array.of(0x83, 0));
  }
}

/** The subprotocol that the URL asks for. */
function chosen(request: { readonly url?: string | undefined }): string | undefined {
  return new URL(request.url ?? '/', 'http://host').searchParams.get('choose') ?? undefined;
}

function ofSession(socket: ServerSocket): Client {
  return {
    send: (data) => void socket.write(data).catch(() => {}),
    close: (code = 1005, reason = '') => socket.close(code, reason),
    cut: () => (socket.request as IncomingMessage).socket.destroy(),
    onmessage: (listener) =>
      socket.on('message', (data) => listener(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer))),
    onclose: (listener) => socket.on('close', ({ code, reason }) => listener(code, reason)),
  };
}
