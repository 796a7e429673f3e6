/**
 * The other end of every case: one process of Node with a room for each case, which the case makes, disturbs and asks over HTTP,
 * from wherever it runs. A room is a server of plain connections and of sessions behind a proxy with faults.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { requests } from 'longsocket/messages';
import { LongSocketServer, type ServerSocket } from 'longsocket/server';
import { WebSocket, WebSocketServer } from 'ws';
import { type CutKind, FaultProxy } from '../helpers/fault-proxy.js';
import type { Seen } from './harness.js';

/** What a case can ask of a room, by name; the arguments are those that the case sends. */
interface Commands {
  seen(): Seen;
  cut(how: { kind?: CutKind }): number | undefined;
  silence(): number | undefined;
  refuse(how: { on: boolean }): Promise<void> | undefined;
  /** The server of sessions crashes, and another one knows nothing of them. */
  restart(): Promise<void>;
  /** Sends numbered messages on every connection and session there is; returns on how many. */
  say(what: { count: number; size?: number }): number;
  closeAll(how: { code: number; reason: string }): void;
  /** Dials with Node's `ws` what is behind the proxy, sends so many bytes, or none; returns the status of the answer, and the code of the end. */
  dial(how: {
    path: string;
    headers?: Record<string, string>;
    send?: number;
  }): Promise<{ status: number; code?: number }>;
}

class Room {
  readonly #http = createServer();
  readonly #plain = new WebSocketServer({ noServer: true });
  readonly #tcp = new Set<Socket>();
  readonly #seen: Seen = { open: 0, upgrades: 0, headers: {}, closes: [], messages: [], sessions: 0 };
  #sessions = this.#newSessions();
  #proxy: FaultProxy | undefined;

  /** In front of this room's own server, or of one that listens elsewhere. */
  async open(target?: number): Promise<number> {
    this.#http.on('connection', (socket: Socket) => {
      this.#tcp.add(socket);
      socket.on('close', () => this.#tcp.delete(socket));
      socket.on('error', () => {});
    });
    this.#http.on('upgrade', (...upgrade) => this.#upgrade(...(upgrade as [IncomingMessage, Socket, Buffer])));
    await once(this.#http.listen(0, '127.0.0.1'), 'listening');
    this.#proxy = await FaultProxy.listen(target ?? (this.#http.address() as AddressInfo).port);
    return this.#proxy.port;
  }

  async close(): Promise<void> {
    await this.#proxy?.close();
    for (const socket of this.#tcp) socket.destroy();
    await this.#sessions.close();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  readonly commands: Commands = {
    seen: () => ({ ...this.#seen, open: this.#proxy?.status.open ?? 0, sessions: this.#sessions.stats().sessions }),
    cut: ({ kind = 'rst' }) => this.#proxy?.cut(kind),
    silence: () => this.#proxy?.silence(),
    refuse: ({ on }) => this.#proxy?.refuse(on),
    restart: async () => {
      const old = this.#sessions;
      this.#sessions = this.#newSessions();
      this.#proxy?.cut('rst');
      await old.close();
    },
    say: ({ count, size = 0 }) => {
      const sockets = [...this.#sessions.sockets, ...this.#plain.clients];
      for (const socket of sockets) for (let n = 0; n < count; n++) socket.send(`${n}`.padEnd(size, '.'));
      return sockets.length;
    },
    closeAll: ({ code, reason }) => {
      for (const socket of [...this.#sessions.sockets, ...this.#plain.clients]) socket.close(code, reason);
    },
    dial: ({ path, headers: { origin, ...headers } = {}, send }) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${this.#proxy?.port}${path}`, {
          headers,
          ...(origin && { origin }),
        });
        socket.on('unexpected-response', (_, { statusCode: status = 0 }) => {
          resolve({ status });
          socket.terminate();
        });
        socket.on('open', () => (send ? socket.send(new Uint8Array(send)) : socket.close()));
        socket.on('close', (code) => resolve({ status: 101, code }));
        socket.on('error', reject);
      }),
  };

  #newSessions(): LongSocketServer {
    const server = new LongSocketServer({ noServer: true, origins: '*' });
    server.on('connection', (socket: ServerSocket) => {
      if (socket.url.includes('doubles')) {
        requests<never, never, { number: number }, number>(socket).handle(({ number }) => number * 2);
        return;
      }
      socket.on('message', (data) => {
        if (typeof data === 'string') this.#seen.messages.push(data);
        void socket.write(data).catch(() => {});
      });
    });
    return server;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://room');
    this.#seen.upgrades++;
    this.#seen.headers = request.headers as Seen['headers'];
    const status = searchParams.get('status');
    const refusal = `HTTP/1.1 ${status} No\r\nRetry-After: 7\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
    if (status) socket.end(refusal);
    else if (pathname.startsWith('/session')) this.#sessions.handleUpgrade(request, socket, head);
    else if (pathname !== '/hang') {
      this.#plain.handleUpgrade(request, socket, head, (accepted) => this.#accept(accepted, pathname, searchParams));
    }
  }

  #accept(socket: WebSocket, path: string, query: URLSearchParams): void {
    socket.on('error', () => {});
    socket.on('close', (code, reason) => this.#seen.closes.push({ code, reason: reason.toString() }));
    // Nothing is read any more, so nothing is ever answered.
    if (path === '/mute') socket.pause();
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const text = isBinary ? '' : String(data);
      if (!isBinary) this.#seen.messages.push(text);
      if (path === '/close') socket.close(Number(query.get('code')), query.get('reason') ?? '');
      else if (path === '/slam') slam(socket, Number(query.get('code')));
      else socket.send(text === 'ping' ? 'pong' : data, { binary: isBinary });
    });
  }
}

/** Says goodbye, and does not wait for the answer: what hurried servers do. */
function slam(socket: WebSocket, code: number): void {
  socket.close(code);
  socket.terminate();
}

/** Every page and script that is served, by path: `[content type, body]`. */
export type Files = Map<string, readonly [type: string, body: string | Buffer]>;

export interface World {
  /** Where the control is, and the files: `http://127.0.0.1:…`. */
  readonly control: string;
  readonly files: Files;
  /** Told of what each runtime reports. */
  onReport(runtime: string, report: unknown): void;
  close(): Promise<void>;
}

/** Starts the control. */
export async function startWorld(): Promise<World> {
  const rooms = new Map<string, Room>();
  const files: Files = new Map();
  let last = 0;
  const answer = async (path: string, args: unknown): Promise<unknown> => {
    const [, kind = '', id = '', command = ''] = path.split('/');
    if (kind === 'report') return world.onReport(id, args);
    if (kind !== 'rooms') throw new Error(`there is no ${path}`);
    if (!id) {
      const room = new Room();
      const name = String(++last);
      rooms.set(name, room);
      return { id: name, port: await room.open((args as { target?: number }).target) };
    }
    const room = rooms.get(id);
    if (!room) throw new Error(`there is no room ${id}`);
    if (command === 'close') {
      rooms.delete(id);
      return await room.close();
    }
    if (!(command in room.commands)) throw new Error(`a room has no command ${command}`);
    return await room.commands[command as keyof Commands](args as never);
  };
  const server = createServer((request, response) => void respond(request, response, files, answer));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const world: World = {
    control: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    onReport: () => {},
    close: () => shut(server, rooms.values()),
  };
  return world;
}

async function shut(server: Server, rooms: Iterable<Room>): Promise<void> {
  await Promise.all([...rooms].map((room) => room.close()));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  files: Files,
  answer: (path: string, args: unknown) => Promise<unknown>,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://world');
  const [type, body] = files.get(pathname) ?? [];
  // No kept-alive connections: a runtime that has nothing left to do shall be able to exit.
  const head = { connection: 'close', 'cache-control': 'no-store', 'access-control-allow-origin': '*' };
  if (type !== undefined) {
    response.writeHead(200, { ...head, 'content-type': type }).end(body);
    return;
  }
  try {
    let text = '';
    for await (const chunk of request) text += chunk;
    const result = await answer(pathname, text ? JSON.parse(text) : {});
    response.writeHead(200, head).end(JSON.stringify(result ?? null));
  } catch (error) {
    response.writeHead(500, head).end(JSON.stringify(String(error)));
  }
}
