/** A LongSocketServer with real sockets: where it listens, whom it lets in, and how it goes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Data, LongSocket, type LongSocketOptions } from '../../src/index.js';
import { LongSocketServer, type LongSocketServerOptions, memoryStore, type ServerSocket } from '../../src/server.js';
import { built, runModule } from '../helpers/child.js';
import { FaultProxy } from '../helpers/fault-proxy.js';

const host = '127.0.0.1';

/** A server, its sockets and errors as they came, and a client for it. */
async function serve(options: Partial<LongSocketServerOptions> = {}, port = true) {
  const server = new LongSocketServer({ ...(port && { port: 0, host }), ...options });
  onTestFinished(() => server.close());
  const sockets: ServerSocket[] = [];
  const errors: unknown[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    // What nobody reads is not delivered.
    socket.on('message', () => {});
  });
  server.on('error', (error) => errors.push(error));
  await server.listening;
  const url = (): string => `ws://${host}:${server.address()?.port}/`;
  /** The nth socket, as soon as there is one. */
  const socket = (n = 1): Promise<ServerSocket> =>
    vi.waitFor(() => {
      const found = sockets[n - 1];
      if (!found) throw new Error(`there is no socket number ${n}`);
      return found;
    });
  return { server, sockets, errors, url, socket };
}

function dial(url: string | (() => string), options: LongSocketOptions = {}): { client: LongSocket; received: Data[] } {
  const client = new LongSocket(url, { session: true, backoffBase: 20, backoffCap: 100, ...options });
  onTestFinished(async () => {
    client.close();
    await client.closed;
  });
  const received: Data[] = [];
  client.on('message', (data) => received.push(data));
  return { client, received };
}

/** A client that reaches the server through a proxy, connected. */
async function faulty(url: string) {
  const proxy = await FaultProxy.listen(Number(new URL(url).port));
  onTestFinished(() => proxy.close());
  const { client, received } = dial(`ws://${host}:${proxy.port}/`);
  await client.opened;
  return { proxy, client, received };
}

/** An HTTP server that listens, and is closed when the test is over. */
async function listening(): Promise<{ http: Server; port: number }> {
  const http = createServer((_, response) => response.end('a page'));
  await once(http.listen(0, host), 'listening');
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { http, port: (http.address() as AddressInfo).port };
}

/** What an upgrade of a raw `ws` client comes to: an HTTP status, or `open`. */
async function outcome(url: string, protocols: string[] = [], headers: Record<string, string> = {}) {
  const ws = new WebSocket(url, protocols, { headers });
  ws.on('error', () => {});
  onTestFinished(() => ws.terminate());
  return await new Promise<number | 'open'>((resolve) => {
    ws.on('open', () => resolve('open'));
    ws.on('unexpected-response', (_, response: IncomingMessage) => resolve(response.statusCode ?? 0));
  });
}

/** Asks for an upgrade over plain TCP, and leaves the rest to the test. */
async function ask(port: number, path = '/', headers = ''): Promise<Socket> {
  const socket = connect(port, host);
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  const lines = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('\r\n')}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`,
  );
  return socket;
}

describe('where it listens', () => {
  test('a port of its own: sessions, plain clients, and 426 for everything else', async () => {
    const { server, url, socket } = await serve();
    expect(server.address()).toMatchObject({ address: host, family: 'IPv4', port: expect.any(Number) });
    const { client } = dial(url());
    client.send('x');
    await client.delivered();
    expect((await socket()).session).toBe(client.session);
    const response = await fetch(url().replace('ws', 'http'));
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });

  test('a port that is taken is an error event and a rejection, and close() works all the same', async () => {
    const { port } = await listening();
    const server = new LongSocketServer({ port, host });
    const errors: unknown[] = [];
    server.on('error', (error) => errors.push(error));
    await expect(server.listening).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(errors).toMatchObject([{ code: 'EADDRINUSE' }]);
    await server.close();
  });

  test('a server that is closed before it listens does not listen afterwards', async () => {
    const server = new LongSocketServer({ port: 0, host: 'localhost' });
    await server.close();
    expect(server.address()).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.address()).toBeUndefined();
  });

  test('an HTTP server that was given is left open by close()', async () => {
    const { http, port } = await listening();
    const { server } = await serve({ server: http, path: '/chat' }, false);
    const { client } = dial(`ws://${host}:${port}/chat?room=1`);
    await client.opened;
    expect(await outcome(`ws://${host}:${port}/other`)).toBe(404);
    await server.close();
    expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe('a page');
    expect(http.listenerCount('upgrade')).toBe(0);
  });

  test('several share an HTTP server by their paths', async () => {
    const { http, port } = await listening();
    const [a, b] = [await serve({ server: http, path: '/a' }, false), await serve({ server: http, path: '/b' }, false)];
    const clients = ['a', 'b', 'a'].map((path) => dial(`ws://${host}:${port}/${path}`).client);
    await Promise.all(clients.map(({ opened }) => opened));
    await vi.waitFor(() => expect([a.sockets.length, b.sockets.length]).toEqual([2, 1]));
    expect(await outcome(`ws://${host}:${port}/c`)).toBe(404);
  });

  test('two that answer the same upgrade: one does, the other says so, and the connection lives', async () => {
    const { http, port } = await listening();
    const [a, b] = [await serve({ server: http }, false), await serve({ server: http }, false)];
    const { client } = dial(`ws://${host}:${port}/`);
    client.send('x');
    await client.delivered();
    expect([a.sockets.length, b.sockets.length, a.errors.length]).toEqual([1, 0, 0]);
    expect(b.errors).toHaveLength(1);
    expect(client.state.status).toBe('connected');
  });

  test('no server: what is given to handleUpgrade()', async () => {
    const { http, port } = await listening();
    const { server, socket } = await serve({ noServer: true }, false);
    http.on('upgrade', (request, duplex, head) => server.handleUpgrade(request, duplex, head));
    const { client } = dial(`ws://${host}:${port}/any/path?a=b`);
    client.send('x');
    await client.delivered();
    const { url, request } = await socket();
    expect([url, request.url]).toEqual(['/any/path?a=b', '/any/path?a=b']);
  });
});

describe('whom it lets in', () => {
  test('pages of the same host, or of those it is told, and clients that are no pages', async () => {
    const { url } = await serve();
    const sameHost = url().replace('ws', 'http').slice(0, -1);
    expect(await outcome(url())).toBe('open');
    expect(await outcome(url(), [], { origin: sameHost })).toBe('open');
    expect(await outcome(url(), [], { origin: 'https://evil.example' })).toBe(403);
    expect(await outcome(url(), [], { origin: 'null' })).toBe(403);
    const listed = await serve({ origins: ['https://app.example'] });
    expect(await outcome(listed.url(), [], { origin: 'https://app.example' })).toBe('open');
    expect(await outcome(listed.url(), [], { origin: sameHost })).toBe(403);
    const open = await serve({ origins: '*' });
    expect(await outcome(open.url(), [], { origin: 'https://evil.example' })).toBe('open');
  });

  test('who authenticate knows, and each session goes on under one name only', async () => {
    const { url, socket, server } = await serve({
      authenticate: async ({ headers }) => (headers?.authorization as string | undefined)?.replace('Bearer ', ''),
    });
    let token = 'ann';
    const { client } = dial(url(), { headers: () => ({ authorization: `Bearer ${token}` }), onLost: 'close' });
    await client.opened;
    expect((await socket()).principal).toBe('ann');
    const plain = dial(url(), { session: false, headers: { authorization: 'Bearer bob' } });
    await plain.client.opened;
    expect(await socket(2)).toMatchObject({ principal: 'bob', session: undefined });
    token = 'eve';
    client.reconnect();
    expect(await client.closed).toMatchObject({ cause: 'session-lost', reason: 'principal' });
    expect(server.stats()).toMatchObject({ sessions: 1, detached: 1 });
  });

  test('nobody whom authenticate refuses; the client is told so, and stops', async () => {
    const { url, errors } = await serve({ authenticate: () => undefined });
    const { client } = dial(url());
    expect(await client.closed).toMatchObject({ cause: 'status', status: 401 });
    expect(errors).toEqual([]);
  });

  test('those whom an authenticate that failed lets in later', async () => {
    let calls = 0;
    const { url, errors } = await serve({
      authenticate: () => {
        calls++;
        if (calls === 1) throw new Error('no database');
        return 'ann';
      },
    });
    const { client } = dial(url());
    await client.opened;
    expect(errors).toMatchObject([{ message: 'no database' }]);
  });

  test('nobody for longer than helloTimeout while authenticate hangs', async () => {
    const { url } = await serve({ authenticate: () => new Promise(() => {}), helloTimeout: 100 });
    const { client } = dial(url(), { maxAttempts: 1 });
    expect(await client.closed).toMatchObject({ cause: 'dial' });
  });

  test('connections that break while they are asked, decided or refused harm nobody', async () => {
    const { http, port } = await listening();
    const answers: ((name: string | undefined) => void)[] = [];
    const { server, errors } = await serve(
      {
        server: http,
        path: '/chat',
        authenticate: () => new Promise<string | undefined>((resolve) => answers.push(resolve)),
      },
      false,
    );
    for (const path of ['/chat', '/chat', '/other']) (await ask(port, path)).resetAndDestroy();
    const alive = await ask(port, '/chat');
    await vi.waitFor(() => expect(answers).toHaveLength(3));
    answers[0]?.('ann');
    answers[1]?.(undefined);
    answers[2]?.('ann');
    const [head] = await once(alive, 'data');
    expect(String(head)).toMatch(/^HTTP\/1\.1 101 /);
    await vi.waitFor(() => expect(server.stats().plain).toBe(1));
    alive.resetAndDestroy();
    await vi.waitFor(() => expect(server.stats().plain).toBe(0));
    expect(errors).toEqual([]);
  });
});

describe('subprotocols of the application', () => {
  test('are chosen beside the token, the first by default', async () => {
    const { url, socket } = await serve();
    const { client } = dial(url(), { protocols: ['a', 'b'] });
    await client.opened;
    expect([client.protocol, (await socket()).protocol]).toEqual(['a', 'a']);
    const plain = dial(url(), { session: false, protocols: ['c', 'd'] });
    await plain.client.opened;
    expect([plain.client.protocol, (await socket(2)).protocol]).toEqual(['c', 'c']);
  });

  test('are chosen by handleProtocols, which never sees the token, and may choose none', async () => {
    const offers: (readonly string[])[] = [];
    const { url } = await serve({
      handleProtocols: (offered) => {
        offers.push(offered);
        return offered.includes('b') ? 'b' : undefined;
      },
    });
    const [some, none, nothing] = [
      dial(url(), { protocols: ['a', 'b'] }),
      dial(url(), { protocols: ['a'] }),
      dial(url()),
    ];
    await Promise.all([some, none, nothing].map(({ client }) => client.opened));
    expect([some, none, nothing].map(({ client }) => client.protocol)).toEqual(['b', '', '']);
    expect(offers).toEqual([['a', 'b'], ['a']]);
  });

  test('that handleProtocols makes up, promises, or throws instead of, are none', async () => {
    for (const handleProtocols of [
      () => 'x',
      async () => 'a',
      () => {
        throw new Error('no');
      },
    ]) {
      const reported: unknown[] = [];
      const { url } = await serve({
        handleProtocols: handleProtocols as () => string,
        onListenerError: (error) => reported.push(error),
      });
      const { client } = dial(url(), { protocols: ['a'] });
      await client.opened;
      expect(client.protocol).toBe('');
    }
  });
});

describe('what there is', () => {
  test('plain clients are served beside those with a session, and counted', async () => {
    const { server, url, sockets, socket } = await serve();
    expect([...server.sockets]).toEqual([]);
    const [session, plain] = [dial(url()), dial(url(), { session: false })];
    await Promise.all([session.client.opened, plain.client.opened]);
    await socket(2);
    expect(new Set(server.sockets)).toEqual(new Set(sockets));
    expect(sockets.map((each) => typeof each.session).sort()).toEqual(['string', 'undefined']);
    expect(server.stats()).toEqual({
      sessions: 1,
      attached: 1,
      detached: 0,
      plain: 1,
      retainedBytes: 0,
      remembered: 0,
      draining: false,
    });
    for (const each of sockets) each.on('message', (data) => each.send(`echo ${data}`));
    session.client.send('s');
    plain.client.send('p');
    await vi.waitFor(() => expect([session.received, plain.received]).toEqual([['echo s'], ['echo p']]));
    plain.client.close();
    session.client.close();
    await Promise.all([session.client.closed, plain.client.closed]);
    await vi.waitFor(() => expect(server.stats()).toMatchObject({ sessions: 0, plain: 0, remembered: 1 }));
  });

  test('bytes that wait for a client that is away are counted', async () => {
    const { server, url, socket } = await serve();
    const { proxy, client, received } = await faulty(url());
    const peer = await socket();
    await proxy.refuse(true);
    proxy.cut();
    await vi.waitFor(() => expect(peer.state.status).toBe('connecting'));
    peer.send('x'.repeat(1000));
    expect(server.stats()).toMatchObject({ attached: 0, detached: 1, retainedBytes: 1000 });
    await proxy.refuse(false);
    await peer.delivered();
    expect(server.stats()).toMatchObject({ attached: 1, detached: 0, retainedBytes: 0 });
    expect([client.state.status, received]).toEqual(['connected', ['x'.repeat(1000)]]);
  });
});

describe('broadcast()', () => {
  test('reaches everybody, in order with send(), as text and as bytes', async () => {
    const { server, url, sockets, socket } = await serve();
    const all = [dial(url()), dial(url()), dial(url(), { session: false }), dial(url(), { protocols: 'p' })];
    await Promise.all(all.map(({ client }) => client.opened));
    await socket(4);
    const expected: Data[] = [];
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 100_000]) {
      const texts = ['a', 'b', 'c'].map((letter) => `${letter}${size}`);
      for (const each of sockets) each.send(texts[0] as string);
      expect(server.broadcast(server.sockets, 'é'.repeat(size))).toBe(4);
      for (const each of sockets) each.send(texts[1] as string);
      const bytes = new Uint8Array(size).fill(7);
      expect(server.broadcast(sockets, bytes)).toBe(4);
      bytes.fill(0);
      for (const each of sockets) each.send(texts[2] as string);
      expected.push(texts[0] as string, 'é'.repeat(size), texts[1] as string);
      expected.push(new Uint8Array(size).fill(7).buffer, texts[2] as string);
    }
    for (const { received } of all) {
      await vi.waitFor(() => expect(received).toHaveLength(expected.length), { timeout: 5000 });
      expect(received).toEqual(expected);
    }
  });

  test('encodes a message once for all of them', async () => {
    const { server, url, sockets, socket } = await serve();
    const clients = Array.from({ length: 5 }, () => dial(url()).client);
    await Promise.all(clients.map(({ opened }) => opened));
    await socket(5);
    const from = vi.spyOn(Buffer, 'from');
    server.broadcast(sockets, 'x'.repeat(1000));
    const encodings = from.mock.calls.filter(([data]) => String(data).length === 1000);
    from.mockRestore();
    expect(encodings).toHaveLength(1);
  });

  test('of text that starts with U+0010 arrives as it was', async () => {
    const { server, url, sockets, socket } = await serve();
    const all = [dial(url()), dial(url(), { session: false })];
    await Promise.all(all.map(({ client }) => client.opened));
    await socket(2);
    server.broadcast(sockets, '\u0010A1');
    for (const { received } of all) await vi.waitFor(() => expect(received).toEqual(['\u0010A1']));
  });

  test('reaches a client with compression as well', async () => {
    const { server, url, sockets, socket } = await serve({ perMessageDeflate: { threshold: 0 } });
    const { client, received } = dial(url(), { node: { perMessageDeflate: true } });
    await client.opened;
    expect(client.extensions).toContain('permessage-deflate');
    await socket();
    sockets[0]?.send('a');
    server.broadcast(sockets, 'b'.repeat(1000));
    sockets[0]?.send('c');
    await vi.waitFor(() => expect(received).toEqual(['a', 'b'.repeat(1000), 'c']));
  });

  test('waits for a client that is away, and leaves those out that are full or closed', async () => {
    const { server, url, sockets, socket } = await serve({ maxBufferedMessages: 2 });
    const { proxy, received } = await faulty(url());
    const closed = dial(url());
    await closed.client.opened;
    await socket(2);
    closed.client.close();
    await closed.client.closed;
    await proxy.refuse(true);
    proxy.cut();
    await vi.waitFor(() => expect(sockets[0]?.state.status).toBe('connecting'));
    expect(['a', 'b', 'c'].map((data) => server.broadcast(sockets, data))).toEqual([1, 1, 0]);
    await proxy.refuse(false);
    await vi.waitFor(() => expect(received).toEqual(['a', 'b']));
  });
});

describe('how it goes', () => {
  test('close() tells sessions that they are lost, closes plain clients with 1001, and is done', async () => {
    const { server, url, socket } = await serve();
    const [session, plain] = [dial(url(), { onLost: 'close' }), dial(url(), { session: false, reconnect: false })];
    await Promise.all([session.client.opened, plain.client.opened]);
    await socket(2);
    const lost: unknown[] = [];
    session.client.on('lost', (detail) => lost.push(detail));
    await server.close();
    expect(await session.client.closed).toMatchObject({ cause: 'session-lost', reason: 'lost' });
    expect(await plain.client.closed).toMatchObject({ cause: 'peer', code: 1001 });
    expect(lost).toEqual([{ reason: 'lost', undelivered: 0, unknown: 0, messages: [] }]);
    expect(await fetch(url().replace('ws', 'http')).catch(() => 'refused')).toBe('refused');
  });

  test('close() does not wait for a client that has stopped reading', async () => {
    const { server, url, socket } = await serve({ closeTimeout: 100 });
    const ws = new WebSocket(url(), ['longsocket.v1']);
    onTestFinished(() => ws.terminate());
    await once(ws, 'open');
    ws.send('\u0010H{"v":1,"b":1000}');
    await socket();
    ws.pause();
    const asked = performance.now();
    await server.close();
    expect(performance.now() - asked).toBeLessThan(1000);
  });

  test('close() does not wait for an upgrade that is not decided', async () => {
    const authenticate = vi.fn(() => new Promise<string>(() => {}));
    const { server } = await serve({ authenticate });
    const socket = await ask(server.address()?.port ?? 0);
    const data = once(socket, 'data');
    await vi.waitFor(() => expect(authenticate).toHaveBeenCalled());
    const asked = performance.now();
    await server.close();
    expect(performance.now() - asked).toBeLessThan(500);
    expect(String((await data)[0])).toMatch(/^HTTP\/1\.1 503 /);
  });

  test('close() does not wait for who has asked for nothing yet, or for half of it', async () => {
    const { server } = await serve();
    const port = server.address()?.port ?? 0;
    const [idle, half] = [connect(port, host), connect(port, host)];
    for (const socket of [idle, half]) {
      socket.on('error', () => {});
      onTestFinished(() => {
        socket.destroy();
      });
      await once(socket, 'connect');
    }
    half.write('GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnec');
    await new Promise((resolve) => setTimeout(resolve, 30));
    const asked = performance.now();
    await server[Symbol.asyncDispose]();
    expect(performance.now() - asked).toBeLessThan(500);
  });

  test('close() in the middle of a rotation closes both connections', async () => {
    const { server, url, socket } = await serve();
    const { client } = dial(url(), { onLost: 'close' });
    await client.opened;
    await socket();
    client.rotate();
    const asked = performance.now();
    await server.close();
    expect(performance.now() - asked).toBeLessThan(1000);
    client.close();
    expect(await client.closed).toMatchObject({ undelivered: 0, unconfirmed: 0 });
  });

  test('drain() sends clients away at their own time, and is done when they are gone', async () => {
    const { server, url, socket } = await serve();
    const [plain, away] = [dial(url(), { session: false, reconnect: false }), dial(url(), { onLost: 'close' })];
    await Promise.all([plain.client.opened, away.client.opened]);
    await socket(2);
    const asked = performance.now();
    const drained = server.drain({ within: 400, rate: 1000 });
    expect(await outcome(url())).toBe(503);
    expect(await plain.client.closed).toMatchObject({ cause: 'peer', code: 1012 });
    away.client.close();
    await drained;
    expect(performance.now() - asked).toBeLessThan(1000);
    expect(server.stats()).toMatchObject({ sessions: 0, plain: 0, draining: true });
  });

  test('drain() turns away a plain client whose upgrade was being decided', async () => {
    const answers: ((name: string) => void)[] = [];
    const { server, url, socket } = await serve({
      authenticate: ({ url }) => (url === '/slow' ? new Promise((resolve) => answers.push(resolve)) : 'ann'),
    });
    const session = dial(url(), { onLost: 'close' });
    await session.client.opened;
    await socket();
    const slow = outcome(`${url()}slow`);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    const drained = server.drain({ within: 300 });
    answers[0]?.('bob');
    expect(await slow).toBe(503);
    await drained;
    expect(server.stats().plain).toBe(0);
  });

  test('drain() with a plain client that leaves by itself leaves no timer behind', async () => {
    const { server, url, socket } = await serve({ random: () => 0.99 });
    const plain = dial(url(), { session: false, reconnect: false });
    await plain.client.opened;
    await socket();
    const drained = server.drain({ within: 60_000, rate: 0.01 });
    plain.client.close();
    await drained;
    const timers = (process as unknown as { getActiveResourcesInfo(): string[] }).getActiveResourcesInfo();
    expect(timers.filter((name) => name === 'Timeout').length).toBeLessThan(5);
  });

  test('servers with one store hand sessions over while messages flow both ways, and nothing is lost', async () => {
    const store = memoryStore();
    const [first, second] = [await serve({ store }), await serve({ store })];
    const heard: Data[] = [];
    for (const { server } of [first, second]) {
      server.on('connection', (socket) => socket.on('message', (data) => heard.push(data)));
    }
    const servers = [first, second];
    let at = 0;
    const { client: moving, received } = dial(() => (servers[at] as typeof first).url());
    const told: string[] = [];
    for (const name of ['interrupted', 'lost', 'close', 'rotated'] as const) moving.on(name, () => told.push(name));
    await moving.opened;
    const { session } = moving;
    let n = 0;
    let pause = 0;
    const total = 600;
    const talking = (async () => {
      while (n < total) {
        moving.send(String(n));
        const [peer] = [...servers.flatMap(({ server }) => [...server.sockets])];
        if (peer?.offer(String(n))) n++;
        else pause++;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    for (let move = 0; move < 4; move++) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      at = 1 - at;
      // It does nothing while the last rotation is not quite over.
      const rotated = (): void => {
        if (told.length === move) moving.rotate();
        expect(told).toHaveLength(move + 1);
      };
      await vi.waitFor(rotated, { timeout: 8000 });
    }
    await talking;
    await moving.delivered();
    expect(told).toEqual(['rotated', 'rotated', 'rotated', 'rotated']);
    expect(moving.session).toBe(session);
    // A number that the server's end did not take was sent twice by the client.
    const numbers = heard.map(Number);
    expect(numbers).toHaveLength(total + pause);
    expect([...new Set(numbers)]).toEqual(Array.from({ length: total }, (_, i) => i));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    await vi.waitFor(() => expect(received).toHaveLength(total));
    expect(received.map(Number)).toEqual(Array.from({ length: total }, (_, i) => i));
    expect(first.server.stats().sessions + second.server.stats().sessions).toBe(1);
  });

  test('a process that closes its server on SIGTERM ends, whatever its clients are doing', async () => {
    const { code, stdout, stderr } = await runModule(`
      import { setTimeout as sleep } from 'node:timers/promises';
      import { LongSocket } from '${built('index.js')}';
      import { LongSocketServer } from '${built('server.js')}';
      const server = new LongSocketServer({
        port: 0,
        host: '${host}',
        closeTimeout: 200,
        authenticate: ({ url }) => (url === '/hangs' ? new Promise(() => {}) : 'ann'),
      });
      process.on('SIGTERM', async () => {
        const asked = performance.now();
        await server.drain({ within: 300 });
        for (const client of clients) client.close();
        console.log(Math.round(performance.now() - asked));
      });
      await server.listening;
      const url = 'ws://${host}:' + server.address().port;
      const options = { session: true, closeTimeout: 100 };
      const clients = [new LongSocket(url, options), new LongSocket(url), new LongSocket(url + '/hangs', options)];
      await Promise.all([clients[0].opened, clients[1].opened]);
      clients[0].send('x');
      clients[0].rotate();
      await sleep(50);
      process.kill(process.pid, 'SIGTERM');
    `);
    expect([code, stderr]).toEqual([0, '']);
    expect(Number(stdout)).toBeLessThan(1500);
  });
});
