/** `longsocket/server` in this runtime; its clients are of this runtime too, and, where the wire matters, Node's `ws`. */
import { createServer } from 'node:http';
import { LongSocketServer, type LongSocketServerOptions, memoryStore, type ServerSocket } from 'longsocket/server';
import { assert, type Case, equal, type Room, sleep, type Tools, until } from '../harness.js';

interface Served {
  readonly server: LongSocketServer;
  /** In front of it. */
  readonly room: Room;
  readonly sockets: ServerSocket[];
}

async function serve(tools: Tools, options: Partial<LongSocketServerOptions> = {}): Promise<Served> {
  const server = new LongSocketServer({ port: 0, host: '127.0.0.1', ...options });
  tools.finally(() => server.close());
  const sockets: ServerSocket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('message', (data) => void socket.write(data).catch(() => {}));
  });
  await server.listening;
  return { server, sockets, room: await tools.room(server.address()?.port) };
}

const soon = { backoffBase: 10, minUptime: 0 } as const;

export const server: readonly Omit<Case, 'group'>[] = [
  {
    name: 'serves plain connections: messages, the request, codes of both sides',
    async run(tools) {
      const { room, sockets } = await serve(tools);
      const client = tools.open(room.url('/path?query'), { protocols: ['chat', 'other'] });
      client.socket.send('text');
      client.socket.send(new Uint8Array([1, 2, 3]));
      client.socket.send('');
      await client.next('message', 3);
      equal(client.events.message, ['text', new Uint8Array([1, 2, 3]).buffer, ''], 'the echoes');
      const [end] = sockets;
      assert(end, 'no connection');
      equal([end.url, end.protocol, client.socket.protocol], ['/path?query', 'chat', 'chat'], 'what was asked for');
      assert(end.request.headers?.host, 'the request has no headers');
      client.socket.close(3333, 'bye');
      const { code, reason, wasClean } = await end.closed;
      equal([code, reason, wasClean], [3333, 'bye', true], 'the end by the client');
      const next = tools.open(room.url(), { reconnect: false });
      await next.next('open');
      sockets[1]?.close(4444, 'go');
      const close = await next.next('close');
      equal([close.code, close.reason, close.wasClean], [4444, 'go', true], 'the end by the server');
    },
  },
  {
    name: 'serves 1 MiB both ways, and bursts in order',
    async run(tools) {
      const { room, sockets } = await serve(tools);
      const client = tools.open(room.url());
      const text = 'x'.repeat(1024 * 1024);
      client.socket.send(text);
      assert((await client.next('message')) === text, 'the echo differs');
      for (let n = 0; n < 2000; n++) sockets[0]?.send(`${n}`);
      await client.next('message', 2001);
      assert(
        client.events.message.slice(1).every((message, n) => message === `${n}`),
        'the messages are not 0, 1, 2 …',
      );
    },
  },
  {
    name: 'loses nothing of a session over cuts',
    async run(tools) {
      const { room, server, sockets } = await serve(tools);
      const client = tools.open(room.url(), { session: true, ...soon });
      await client.next('open');
      const sent = Array.from({ length: 300 }, (_, n) => `${n}`);
      const cuts = (async () => {
        for (let n = 1; n <= 4; n++) {
          await room.do('cut', { kind: n % 2 ? 'rst' : 'fin' });
          assert((await client.next('open', n + 1)).resumed, `connection ${n + 1} has not resumed the session`);
        }
      })();
      for (const message of sent) {
        await client.socket.write(message);
        await sleep(1);
      }
      await cuts;
      await client.socket.delivered();
      await client.next('message', sent.length);
      equal(client.events.message, sent, 'what came back');
      equal([sockets.length, server.stats().sessions], [1, 1], 'sessions');
      client.socket.rotate();
      await client.next('rotated');
      await until(async () => (await room.seen()).open === 1, 'the old connection to be gone');
    },
  },
  {
    name: 'finds dead clients by protocol pings',
    async run(tools) {
      const { room, sockets } = await serve(tools, { heartbeat: { interval: 300, timeout: 1000 } });
      const client = tools.open(room.url(), { ...soon, reconnect: false, closeTimeout: 100 });
      await client.next('open');
      await until(() => sockets.length === 1, 'the connection');
      // Alive for some pings, then not.
      await sleep(800);
      equal(sockets[0]?.state.status, 'connected', 'the state of a living one');
      await room.do('silence');
      equal((await sockets[0]?.closed)?.cause, 'dead-peer', 'why it ended');
    },
  },
  {
    name: 'refuses with the status that says why',
    async run(tools) {
      const { room } = await serve(tools, {
        path: '/live',
        origins: ['https://example.com'],
        authenticate: ({ headers }) => (headers?.authorization === 'Bearer right' ? 'me' : undefined),
      });
      const right = { authorization: 'Bearer right' };
      const answer = async (path: string, headers: object): Promise<unknown> =>
        ((await room.do('dial', { path, headers })) as { status: number }).status;
      equal(await answer('/live', right), 101, 'who is welcome');
      equal(await answer('/live', {}), 401, 'a stranger');
      equal(await answer('/live', { ...right, origin: 'https://evil.example' }), 403, 'a page of another site');
      equal(await answer('/elsewhere', right), 404, 'another path');
    },
  },
  {
    name: 'refuses messages above maxPayload with 1009',
    async run(tools) {
      const { room } = await serve(tools, { maxPayload: 1000 });
      equal(await room.do('dial', { path: '/', send: 2000 }), { status: 101, code: 1009 }, 'the end');
    },
  },
  {
    name: 'takes the upgrades of an HTTP server beside its requests',
    async run(tools) {
      const http = createServer((_, response) => response.end('a page'));
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      const server = new LongSocketServer({ server: http });
      server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
      tools.finally(async () => {
        await server.close();
        http.closeAllConnections();
        await new Promise((resolve) => http.close(resolve));
      });
      const { port } = http.address() as { port: number };
      const room = await tools.room(port);
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
      equal(await response.text(), 'a page', 'the page');
      const client = tools.open(room.url());
      client.socket.send('beside it');
      equal(await client.next('message'), 'beside it', 'the echo');
    },
  },
  {
    name: 'broadcasts one message to many',
    async run(tools) {
      const { server, room } = await serve(tools);
      const clients = Array.from({ length: 6 }, (_, n) => tools.open(room.url(), { session: n % 2 === 0 }));
      for (const client of clients) await client.next('open');
      await until(() => [...server.sockets].length === 6, 'all connections');
      equal(server.broadcast(server.sockets, 'to all'), 6, 'how many took it');
      for (const client of clients) equal(await client.next('message'), 'to all', 'the message');
    },
  },
  {
    name: 'a drain hands sessions to the next server, and plain clients are told 1012',
    async run(tools) {
      const store = memoryStore();
      const http = createServer();
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      tools.finally(() => new Promise((resolve) => http.close(resolve)));
      const start = (): LongSocketServer => {
        const next = new LongSocketServer({ noServer: true, store });
        next.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
        tools.finally(() => next.close());
        return next;
      };
      let current = start();
      http.on('upgrade', (...upgrade) => current.handleUpgrade(...upgrade));
      const room = await tools.room((http.address() as { port: number }).port);
      const client = tools.open(room.url(), { session: true });
      const plain = tools.open(room.url(), { ...soon });
      await client.next('open');
      await plain.next('open');
      const old = current;
      current = start();
      const gone = old.drain({ within: 10_000, rate: 1000 });
      client.socket.send('still here');
      await gone;
      equal(await client.next('message'), 'still here', 'the echo');
      equal([client.events.lost.length, client.events.interrupted.length], [0, 0], 'losses and interruptions');
      equal((await plain.next('interrupted')).code, 1012, 'what the plain client is told');
    },
  },
  {
    name: 'close() tells clients that their sessions are lost, and leaves nothing',
    async run(tools) {
      const { server, room } = await serve(tools);
      const client = tools.open(room.url(), { session: true, onLost: 'close', ...soon });
      const plain = tools.open(room.url(), { reconnect: false });
      await client.next('open');
      await plain.next('open');
      await server.close();
      equal((await plain.next('close')).code, 1001, 'what the plain client is told');
      equal((await client.next('close')).cause, 'session-lost', 'why the session ended');
    },
  },
];
