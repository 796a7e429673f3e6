/**
 * What the tests of real clients share: a server behind a proxy that cuts, the WebSocket that a client is given, and moments chosen by a
 * seed.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, vi } from 'vitest';
import { WebSocketServer as NativeServer, WebSocket as NativeWebSocket } from 'ws';
import { WebSocketServer } from '../../src/server.js';
import { seededRandom } from '../../src/testing.js';
import { WebSocket } from '../../src/websocket.js';
import { FaultProxy } from './fault-proxy.js';

const host = '127.0.0.1';

/** The drop-in with a session: what a library is given whose constructor takes no options. */
export class SessionWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols, { session: true, backoffBase: 10, backoffCap: 50 });
  }
}

/** A client's constructor, and the server it dials: as their types have them for whom they are made. */
export interface Pairing {
  readonly title: string;
  readonly WebSocket: typeof globalThis.WebSocket;
  readonly Server: new (options: { port: number; host: string }) => NativeServer;
}

export const sessions: Pairing = {
  title: 'sessions at both ends',
  WebSocket: SessionWebSocket,
  Server: WebSocketServer,
};
const ws = NativeWebSocket as unknown as typeof globalThis.WebSocket;
export const native: Pairing = { title: 'ws at both ends', WebSocket: ws, Server: NativeServer };
/** Without a session, which are to be told from the native ones by nothing. */
export const plain: readonly Pairing[] = [
  { title: 'a WebSocket without session, and a server of ws', WebSocket, Server: NativeServer },
  { title: 'a WebSocket without session, and a WebSocketServer', WebSocket, Server: WebSocketServer },
  { title: 'a WebSocket of ws, and a WebSocketServer', WebSocket: ws, Server: WebSocketServer },
];

/** A server behind a proxy. Whoever serves must end what it keeps; the sockets end with the test. */
export class Scene {
  readonly server: NativeServer;
  readonly proxy: FaultProxy;

  private constructor(server: NativeServer, proxy: FaultProxy) {
    this.server = server;
    this.proxy = proxy;
  }

  static async open({ Server }: Pairing): Promise<Scene> {
    const server = new Server({ port: 0, host });
    await once(server, 'listening');
    const proxy = await FaultProxy.listen((server.address() as AddressInfo).port);
    const scene = new Scene(server, proxy);
    onTestFinished(async () => {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await proxy.close();
    });
    return scene;
  }

  get url(): string {
    return `ws://${host}:${this.proxy.port}`;
  }

  /** One client, with one connection, is what server and network know of: at once for the server, as soon as it is dialed for the network. */
  async holdsOne(): Promise<void> {
    await vi.waitFor(() => expect([this.server.clients.size, this.proxy.status.open]).toEqual([1, 1]), patience);
  }

  /** Nobody is left, not even a moment later. */
  async isLeft(): Promise<void> {
    await vi.waitFor(() => expect([this.server.clients.size, this.proxy.status.open]).toEqual([0, 0]), patience);
    await sleep(200);
    expect([this.server.clients.size, this.proxy.status.open]).toEqual([0, 0]);
    if (this.server instanceof WebSocketServer) {
      expect(this.server.sessions.stats()).toMatchObject({ sessions: 0, plain: 0 });
    }
  }
}

export const patience = { timeout: 10_000, interval: 2 };

/** The number of cuts in a run, each with messages on their way. */
const CUTS = 20;

/** 1, 2, 3, … */
export const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** One run for each; more by `LONGSOCKET_SEEDS=10`. */
export const seeds = upTo(Number(process.env.LONGSOCKET_SEEDS ?? 1));

/**
 * Sends numbers both ways, and cuts the connection amid them: when, how, and which way the last one went is chosen by the seed. Returns the
 * last number.
 */
export async function sendAmidCuts(
  scene: Scene,
  seed: number,
  ways: readonly [up: (n: number) => void, down: (n: number) => void],
): Promise<number> {
  const random = seededRandom(seed);
  let n = 0;
  const send = (): void => {
    n++;
    for (const way of ways) way(n);
  };
  for (let cuts = 0; cuts < CUTS; ) {
    await scene.holdsOne();
    for (let burst = Math.floor(random() * 8); burst > 0; burst--) {
      send();
      if (random() < 0.5) await sleep(random() * 4);
    }
    // The last of them is on its way, or in a buffer of either end; and the other way's comes too late.
    n++;
    const [first, second] = random() < 0.5 ? [0, 1] : [1, 0];
    ways[first as 0 | 1](n);
    for (let turns = Math.floor(random() * 4); turns > 0; turns--) await turn();
    cuts += scene.proxy.cut(random() < 0.5 ? 'rst' : 'fin');
    ways[second as 0 | 1](n);
    for (let unheard = Math.floor(random() * 3); unheard > 0; unheard--) send();
    // A session is one client, whether it is connected or not; and it has never more than one connection.
    expect(scene.server.clients.size).toBe(1);
    expect(scene.proxy.status.open).toBeLessThanOrEqual(1);
  }
  await scene.holdsOne();
  send();
  return n;
}
