/**
 * What the page talks to: a server of sessions and plain connections, which can be restarted and replaced, and a network for each
 * lane that can be broken. Without Vite, so that tests can start it by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LongSocketServer, memoryStore, type ServerSocket, type ServerStats } from 'longsocket/server';
import { FaultProxy } from '../test/helpers/fault-proxy.js';
import { Visitors } from './conversation.js';
import { Room } from './room.js';
import { drainOptions, type LaneName, laneNames, latency, serverOptions } from './settings.js';

/** How long a restarting server is away, in ms. */
const restartTime = 1500;

/** One of the servers, as the page shows it. */
export interface ServerStatus {
  /** They are numbered through the deploys. */
  readonly number: number;
  /** `serving`: new connections are led to it. */
  readonly role: 'serving' | 'draining' | 'away' | 'closed';
  readonly stats: ServerStats;
}

export interface PlaygroundServer {
  /** What each lane goes through, and its address as seen from there: the page connects to that. */
  readonly lanes: Readonly<Record<LaneName, { readonly url: string; readonly proxy: FaultProxy }>>;
  /** The newest first; the one before it for as long as it drains, and then until the next comes. */
  readonly servers: readonly ServerStatus[];
  readonly visitors: Visitors;
  /** Says goodbye to everybody, is away for `ms`, and comes back on the same port with the sessions from the store. */
  restart(ms?: number): Promise<void>;
  /** Starts a new server, leads new connections there, and drains the old one. */
  deploy(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the server and the two networks on ephemeral ports of 127.0.0.1. */
export async function startPlaygroundServer(): Promise<PlaygroundServer> {
  const visitors = new Visitors();
  const room = new Room();
  const fleet = await Fleet.start((socket) => (room.expects(socket) ? room : visitors).welcome(socket));
  const [session, plain] = [await openLane(fleet.port), await openLane(fleet.port)];
  const lanes = { session, plain };
  return {
    lanes,
    visitors,
    get servers() {
      return fleet.servers;
    },
    restart: (ms = restartTime) => fleet.restart(ms),
    deploy: () =>
      fleet.deploy((port) => {
        for (const name of laneNames) lanes[name].proxy.retarget(port);
      }),
    close: async () => {
      visitors.close();
      room.close();
      await Promise.all(laneNames.map((name) => lanes[name].proxy.close()));
      await fleet.close();
    },
  };
}

async function openLane(port: number): Promise<{ url: string; proxy: FaultProxy }> {
  const proxy = await FaultProxy.listen(port);
  proxy.latency(latency);
  return { url: `ws://127.0.0.1:${proxy.port}/`, proxy };
}

interface Member {
  readonly number: number;
  server: LongSocketServer;
  role: ServerStatus['role'];
}

/** The server through its restarts, always on the same port, and its successors through deploys. They share a store. */
class Fleet {
  readonly #welcome: (socket: ServerSocket) => void;
  readonly #store = memoryStore();
  #members: Member[] = [];
  /** A restart or deploy under way; another one during it joins it. */
  #change: Promise<void> | undefined;
  #closed = false;

  static async start(welcome: (socket: ServerSocket) => void): Promise<Fleet> {
    const fleet = new Fleet(welcome);
    fleet.#members = [{ number: 1, role: 'serving', server: await fleet.#listen(0) }];
    return fleet;
  }

  private constructor(welcome: (socket: ServerSocket) => void) {
    this.#welcome = welcome;
  }

  get #newest(): Member {
    return this.#members[0] as Member;
  }

  get port(): number {
    return this.#newest.server.address()?.port ?? 0;
  }

  get servers(): readonly ServerStatus[] {
    return this.#members.map(({ number, role, server }) => ({ number, role, stats: server.stats() }));
  }

  async #listen(port: number): Promise<LongSocketServer> {
    const server = new LongSocketServer({
      ...serverOptions,
      port,
      store: this.#store,
      // The page comes from the port of Vite.
      origins: (origin) => ['127.0.0.1', 'localhost'].includes(new URL(origin).hostname),
    });
    server.on('connection', this.#welcome);
    server.on('error', (error) => console.error(error));
    await server.listening;
    return server;
  }

  restart(ms: number): Promise<void> {
    return this.#exclusively(async () => {
      const member = this.#newest;
      const { port } = this;
      member.role = 'away';
      await Promise.all([...member.server.sockets].map(sayGoodbye));
      await member.server.close();
      await sleep(ms);
      if (this.#closed) return;
      member.server = await this.#listen(port);
      member.role = 'serving';
    });
  }

  deploy(lead: (port: number) => void): Promise<void> {
    return this.#exclusively(async () => {
      const old = this.#newest;
      const next: Member = { number: old.number + 1, role: 'serving', server: await this.#listen(0) };
      this.#members = [next, old];
      lead(this.port);
      old.role = 'draining';
      await old.server.drain(drainOptions);
      old.role = 'closed';
    });
  }

  #exclusively(change: () => Promise<void>): Promise<void> {
    this.#change ??= change().finally(() => {
      this.#change = undefined;
    });
    return this.#change;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#change;
    await Promise.all(this.#members.map(({ server }) => server.close()));
  }
}

/** A session needs none: it does not end with this server. */
async function sayGoodbye(socket: ServerSocket): Promise<void> {
  if (socket.session !== undefined) return;
  socket.close(1012, 'service restart');
  await socket.closed;
}
