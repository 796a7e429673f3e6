/** The servers that real clients talk to: each writes down the numbers that come up, and can send numbers down. */
import { createRequire } from 'node:module';
import { Aedes } from 'aedes';
import { useServer as serveSchema } from 'graphql-ws/use/ws';
import { onTestFinished } from 'vitest';
import { createWebSocketConnection, type IWebSocket } from 'vscode-ws-jsonrpc';
import { createWebSocketStream, type WebSocket } from 'ws';
import type { Scene } from './real-clients.js';

/** The builds for CommonJS, so that there is one of each with the libraries that need them; another of Yjs's server needs a database. */
const require = createRequire(import.meta.url);
const graphql: typeof import('graphql') = require('graphql');
const { getYDoc, setupWSConnection }: typeof import('@y/websocket-server/utils') = require('@y/websocket-server/utils');

// --- graphql-ws ------------------------------------------------------------------------------------------------------

/** What a subscription has to say, until it is told to stop. */
class Feed implements AsyncIterableIterator<{ tick: number }> {
  readonly #queue: number[] = [];
  #tell: ((result: IteratorResult<{ tick: number }>) => void) | undefined;
  readonly #stopped: () => void;

  constructor(stopped: (feed: Feed) => void) {
    this.#stopped = () => stopped(this);
  }

  push(tick: number): void {
    if (!this.#tell) this.#queue.push(tick);
    else this.#tell({ done: false, value: { tick } });
    this.#tell = undefined;
  }

  async next(): Promise<IteratorResult<{ tick: number }>> {
    const tick = this.#queue.shift();
    if (tick !== undefined) return { done: false, value: { tick } };
    return new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  async return(): Promise<IteratorResult<{ tick: number }>> {
    this.#stopped();
    this.#tell?.({ done: true, value: undefined });
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A subscription `tick`, for what goes down, and a mutation `say`. It asks after its clients every `keepAlive` ms. */
export function serveGraphql({ server }: Scene, keepAlive?: number) {
  const feeds = new Set<Feed>();
  const up: number[] = [];
  const { GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema } = graphql;
  const number = { type: new GraphQLNonNull(GraphQLInt) };
  const say = {
    ...number,
    args: { n: number },
    resolve: (_: unknown, { n }: { n: number }) => {
      up.push(n);
      return n;
    },
  };
  const subscribe = (): Feed => {
    const feed = new Feed((stopped) => feeds.delete(stopped));
    feeds.add(feed);
    return feed;
  };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { zero: { ...number, resolve: () => 0 } } }),
    mutation: new GraphQLObjectType({ name: 'Mutation', fields: { say } }),
    subscription: new GraphQLObjectType({ name: 'Subscription', fields: { tick: { ...number, subscribe } } }),
  });
  serveSchema({ schema }, server, keepAlive);
  const down = (n: number): void => {
    for (const feed of feeds) feed.push(n);
  };
  return { up, down, feeds };
}

// --- Yjs -------------------------------------------------------------------------------------------------------------

let rooms = 0;

/** A room, in whose document there is a list for each way; and how many messages of the synchronisation have come. */
export function serveYjs({ server }: Scene) {
  const room = `room-${++rooms}`;
  const seen = { messages: 0 };
  server.on('connection', (ws, request) => {
    setupWSConnection(ws, request);
    ws.on('message', (data: ArrayBuffer) => {
      if (new Uint8Array(data)[0] === 0) seen.messages++;
    });
  });
  const doc = getYDoc(room);
  const up: number[] = [];
  doc.getArray<number>('up').observe(({ changes }) => {
    for (const { insert = [] } of changes.delta) up.push(...(insert as number[]));
  });
  return { room, seen, up, down: (n: number) => doc.getArray<number>('down').push([n]) };
}

// --- MQTT ------------------------------------------------------------------------------------------------------------

/** A broker, with a topic for each way, and quality 0: what is lost is lost. */
export async function serveMqtt({ server }: Scene, log: unknown[] = []) {
  const broker = await Aedes.createBroker();
  onTestFinished(() => new Promise<void>((resolve) => broker.close(() => resolve())));
  const up: number[] = [];
  broker.on('publish', ({ topic, payload }) => {
    if (topic === 'up') up.push(Number(payload));
  });
  server.on('connection', (ws, request) => {
    log.push(['protocol', ws.protocol]);
    broker.handle(createWebSocketStream(ws), request);
  });
  const down = (n: number): void => {
    const packet = { cmd: 'publish', topic: 'down', payload: String(n), qos: 0, retain: false, dup: false } as const;
    broker.publish(packet, () => {});
  };
  return { broker, up, down };
}

// --- JSON-RPC --------------------------------------------------------------------------------------------------------

type Connection = ReturnType<typeof createWebSocketConnection>;

export const silent: Parameters<typeof createWebSocketConnection>[1] = {
  error: () => {},
  warn: () => {},
  info: () => {},
  log: () => {},
};

/** What vscode-ws-jsonrpc is given of a socket of `ws`. */
const adapted = (ws: WebSocket): IWebSocket => ({
  send: (content) => ws.send(content),
  onMessage: (tell) => ws.on('message', (data) => tell(String(data))),
  onError: (tell) => ws.on('error', tell),
  onClose: (tell) => ws.on('close', (code, reason) => tell(code, String(reason))),
  dispose: () => ws.close(),
});

/** Either end answers `double`, and writes down which numbers it was asked and told. */
export function attend(connection: Connection) {
  const [asked, told, log]: [number[], number[], unknown[]] = [[], [], []];
  connection.onRequest('double', (n: number) => {
    asked.push(n);
    return 2 * n;
  });
  connection.onNotification('tell', (n: number) => void told.push(n));
  connection.onError(([error]) => log.push(['error', error.message]));
  connection.onClose(() => log.push(['close']));
  connection.listen();
  /** Of the questions, in their order. */
  const answers: Promise<number>[] = [];
  const speak = (n: number): void => {
    answers.push(connection.sendRequest<number>('double', n));
    void connection.sendNotification('tell', n);
  };
  return { asked, told, log, answers, speak };
}

export type End = ReturnType<typeof attend>;

/** The server's end of the first client. */
export function serveJsonRpc({ server }: Scene): Promise<End> {
  return new Promise((resolve) => {
    server.once('connection', (ws) => resolve(attend(createWebSocketConnection(adapted(ws), silent))));
  });
}
