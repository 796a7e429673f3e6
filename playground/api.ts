/**
 * The page's hold on the faults: a JSON API, mounted under Vite. `GET /faults` tells how things really are, `POST
 * /faults/<name>` with a JSON body does something about it, and both answer with the same status.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultProxy } from '../test/helpers/fault-proxy.js';
import type { PlaygroundServer, ServerStatus } from './server.js';
import { type LaneName, laneNames } from './settings.js';
import type { Heard } from './tally.js';

export interface NetworkStatus {
  readonly open: number;
  readonly silent: number;
  readonly stalled: boolean;
  readonly refusing: boolean;
  readonly ageLimit: number | null;
}

export interface LaneStatus {
  /** Where to connect. */
  readonly url: string;
  readonly network: NetworkStatus;
  /** Connections the servers believe in. A silenced one stays among them until the server's heartbeat finds out. */
  readonly connections: number;
}

/** How things really are, whatever the page believes. */
export interface FaultStatus {
  readonly lanes: Readonly<Record<LaneName, LaneStatus>>;
  /** The newest first. */
  readonly servers: readonly ServerStatus[];
  /** What the server has heard of this visitor's numbers. */
  readonly heard: Readonly<Record<LaneName, Heard>> | null;
}

/** What the body of a `POST` may say; each fault reads its own part. */
export interface FaultRequest {
  /** For `refuse`. */
  readonly on?: boolean;
  /** For `stall` and `age`, in ms; `null` takes the age limit away. */
  readonly ms?: number | null;
  /** For `count`: messages a second, to this visitor. */
  readonly rate?: number;
}

type Fault = (playground: PlaygroundServer, body: FaultRequest, visitor: string | undefined) => unknown;

/** A fault of the network is done to both lanes. */
function toNetwork(fault: (proxy: FaultProxy, body: FaultRequest) => unknown): Fault {
  return ({ lanes }, body) => Promise.all(laneNames.map((name) => fault(lanes[name].proxy, body)));
}

const faults: Record<string, Fault> = {
  cut: toNetwork((proxy) => proxy.cut('rst')),
  stall: toNetwork((proxy, { ms }) => proxy.stall(ms ?? undefined)),
  blackhole: toNetwork((proxy) => proxy.silence()),
  refuse: toNetwork((proxy, { on }) => proxy.refuse(on === true)),
  age: toNetwork((proxy, { ms }) => proxy.limitAge(ms ?? undefined)),
  // Not waited for: the page is to see that the server is away, or drains.
  restart: (playground) => void playground.restart(),
  drain: (playground) => void playground.deploy(),
  count: ({ visitors }, { rate }, visitor) => visitor && visitors.count(visitor, rate ?? 0),
};

function statusOf(playground: PlaygroundServer, visitor: string | undefined): FaultStatus {
  const { lanes, servers, visitors } = playground;
  const total = (count: (server: ServerStatus) => number): number =>
    servers.reduce((sum, server) => sum + (server.role === 'closed' ? 0 : count(server)), 0);
  const laneStatus = (name: LaneName, connections: number): LaneStatus => {
    const { url, proxy } = lanes[name];
    const { open, silent, stalled, refusing, ageLimit = null } = proxy.status;
    return { url, network: { open, silent, stalled, refusing, ageLimit }, connections };
  };
  return {
    lanes: {
      session: laneStatus(
        'session',
        total(({ stats }) => stats.attached),
      ),
      plain: laneStatus(
        'plain',
        total(({ stats }) => stats.plain),
      ),
    },
    servers,
    heard: visitors.heard(visitor),
  };
}

/** A middleware for Vite, or any server that calls its middlewares the same way. */
export function faultsApi(playground: PlaygroundServer) {
  return async (request: IncomingMessage, response: ServerResponse, next: () => void): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://playground');
    const [, root, name] = pathname.split('/');
    if (root !== 'faults') return next();
    const visitor = searchParams.get('visitor') ?? undefined;
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    if (request.method === 'GET' && name === undefined) return reply(200, statusOf(playground, visitor));
    const fault = name !== undefined && Object.hasOwn(faults, name) ? faults[name] : undefined;
    if (request.method !== 'POST' || !fault) return reply(404, { error: 'there is no such fault' });
    // Another site's page can make the browser post, but not with this type.
    if (request.headers['content-type'] !== 'application/json') return reply(415, { error: 'JSON is expected' });
    try {
      await fault(playground, parse(await readAll(request)), visitor);
      reply(200, statusOf(playground, visitor));
    } catch (error) {
      reply(400, { error: error instanceof Error ? error.message : String(error) });
    }
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function parse(text: string): FaultRequest {
  const body: unknown = JSON.parse(text === '' ? '{}' : text);
  if (typeof body !== 'object' || body === null) throw new Error('the body is a JSON object');
  const { on, ms, rate } = body as Record<string, unknown>;
  if (on !== undefined && typeof on !== 'boolean') throw new Error('"on" is true or false');
  if (ms !== undefined && ms !== null && !(typeof ms === 'number' && ms >= 0))
    throw new Error('"ms" is a number or null');
  if (rate !== undefined && !(typeof rate === 'number' && rate >= 0 && rate <= 100))
    throw new Error('"rate" is a number up to 100');
  return {
    ...(on === undefined ? {} : { on }),
    ...(ms === undefined ? {} : { ms: ms as number | null }),
    ...(rate === undefined ? {} : { rate }),
  };
}
