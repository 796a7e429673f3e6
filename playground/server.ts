/**
 * What the page talks to: a WebSocket server that echoes and ticks, and the fault proxy in front of it. Without Vite,
 * so that tests can start it by itself.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AcceptedSocket, accept, LongSocketError, respond } from 'longsocket/server';
import { WebSocketServer } from 'ws';
import { FaultProxy } from '../test/helpers/fault-proxy.js';

/** Longer than the page's heartbeat interval: a ticker that is never silent would leave the heartbeat nothing to do. */
const tickInterval = 5000;

/** The server looks for dead clients, too: by protocol pings, which a browser answers by itself and never shows. */
const heartbeat = { interval: 4000, timeout: 2000 };

/** How long a restarting server is away, in ms. */
const restartTime = 1500;

export interface PlaygroundServer {
  /** Address of the server as seen through the proxy; the page connects here. */
  readonly url: string;
  readonly proxy: FaultProxy;
  /** Connections that the server believes in. A silenced one stays among them until its own heartbeat finds out. */
  readonly connections: number;
  readonly running: boolean;
  /** Says goodbye to everybody with code 1012, is away for `ms`, and comes back on the same port. */
  restart(ms?: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts the echo server and the proxy on ephemeral ports of 127.0.0.1. */
export async function startPlaygroundServer(): Promise<PlaygroundServer> {
  const server = await EchoServer.start();
  const proxy = await FaultProxy.listen(server.port);
  return {
    url: `ws://127.0.0.1:${proxy.port}/`,
    proxy,
    get connections() {
      return server.connections;
    },
    get running() {
      return server.running;
    },
    restart: (ms = restartTime) => server.restart(ms),
    close: async () => {
      await proxy.close();
      await server.close();
    },
  };
}

/** The echo server through its restarts: always the same port. */
class EchoServer {
  readonly port: number;
  #running: Running | undefined;
  #restarting: Promise<void> | undefined;
  #closed = false;

  static async start(): Promise<EchoServer> {
    return new EchoServer(await listen(0));
  }

  private constructor(running: Running) {
    this.port = (running.http.address() as AddressInfo).port;
    this.#running = running;
  }

  get connections(): number {
    return this.#running?.sockets.size ?? 0;
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** A second restart during the first joins it. */
  restart(ms: number): Promise<void> {
    this.#restarting ??= this.#restart(ms).finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  async #restart(ms: number): Promise<void> {
    await this.#stop();
    await sleep(ms);
    if (!this.#closed) this.#running = await listen(this.port);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#restarting;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    const closed = once(running.http, 'close');
    running.http.close();
    for (const socket of running.sockets) socket.close(1012, 'service restart');
    await Promise.race([closed, sleep(200)]);
    // Whoever has not answered by now is on the far side of a black hole.
    for (const connection of running.ws.clients) connection.terminate();
    running.http.closeAllConnections();
    await closed;
  }
}

interface Running {
  readonly http: Server;
  readonly ws: WebSocketServer;
  readonly sockets: Set<AcceptedSocket>;
}

async function listen(port: number): Promise<Running> {
  const http = createServer((_, response) => response.writeHead(426).end('This port speaks WebSocket only.\n'));
  const ws = new WebSocketServer({ server: http });
  const sockets = new Set<AcceptedSocket>();
  ws.on('connection', (connection, request) => {
    const socket = accept(connection, request, { heartbeat, overflow: 'drop-newest' });
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  return { http, ws, sockets };
}

/** One connection: 'ping' is answered with 'pong', everything else comes back as it is, and now and then there is a tick. */
function serve(socket: AcceptedSocket): void {
  respond(socket, (data) => (data === 'ping' ? 'pong' : data), {
    // A message that came while the server was saying goodbye; its sender is about to know.
    onError: (error) => {
      if (!(error instanceof LongSocketError && error.code === 'CLOSED')) throw error;
    },
  });
  let ticks = 0;
  const ticker = setInterval(() => {
    const { state } = socket;
    if (state.status !== 'connected' || state.closing) return;
    ticks += 1;
    socket.send(`tick ${ticks}`);
  }, tickInterval);
  socket.on('close', () => clearInterval(ticker));
}
