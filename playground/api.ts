/**
 * The page's hold on the faults: a JSON API, mounted under Vite. `GET /faults` tells how things really are, `POST
 * /faults/<name>` with a JSON body does something about it, and both answer with the same status.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PlaygroundServer } from './server.js';

/** How things really are, whatever the page believes. */
export interface FaultStatus {
  /** Where to connect. */
  readonly url: string;
  readonly network: {
    readonly open: number;
    readonly silent: number;
    readonly stalled: boolean;
    readonly refusing: boolean;
    readonly ageLimit: number | null;
  };
  readonly server: { readonly running: boolean; readonly connections: number };
}

/** What the body of a `POST` may say; each fault reads its own part. */
export interface FaultRequest {
  /** For `refuse`. */
  readonly on?: boolean;
  /** For `stall` and `age`, in ms; `null` takes the age limit away. */
  readonly ms?: number | null;
}

const faults: Record<string, (playground: PlaygroundServer, body: FaultRequest) => unknown> = {
  cut: ({ proxy }) => proxy.cut('rst'),
  stall: ({ proxy }, { ms }) => proxy.stall(ms ?? undefined),
  blackhole: ({ proxy }) => proxy.silence(),
  refuse: ({ proxy }, { on }) => proxy.refuse(on === true),
  age: ({ proxy }, { ms }) => proxy.limitAge(ms ?? undefined),
  // Not waited for: the page is to see that the server is away.
  restart: (playground) => void playground.restart(),
};

function statusOf({ url, proxy, running, connections }: PlaygroundServer): FaultStatus {
  const { open, silent, stalled, refusing, ageLimit = null } = proxy.status;
  return { url, network: { open, silent, stalled, refusing, ageLimit }, server: { running, connections } };
}

/** A middleware for Vite, or any server that calls its middlewares the same way. */
export function faultsApi(playground: PlaygroundServer) {
  return async (request: IncomingMessage, response: ServerResponse, next: () => void): Promise<void> => {
    const [, root, name] = new URL(request.url ?? '/', 'http://playground').pathname.split('/');
    if (root !== 'faults') return next();
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    if (request.method === 'GET' && name === undefined) return reply(200, statusOf(playground));
    const fault = name !== undefined && Object.hasOwn(faults, name) ? faults[name] : undefined;
    if (request.method !== 'POST' || !fault) return reply(404, { error: 'there is no such fault' });
    // Another site's page can make the browser post, but not with this type.
    if (request.headers['content-type'] !== 'application/json') return reply(415, { error: 'JSON is expected' });
    try {
      await fault(playground, parse(await readAll(request)));
      reply(200, statusOf(playground));
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
  const { on, ms } = body as Record<string, unknown>;
  if (on !== undefined && typeof on !== 'boolean') throw new Error('"on" is true or false');
  if (ms !== undefined && ms !== null && !(typeof ms === 'number' && ms >= 0))
    throw new Error('"ms" is a number or null');
  return { ...(on === undefined ? {} : { on }), ...(ms === undefined ? {} : { ms: ms as number | null }) };
}
