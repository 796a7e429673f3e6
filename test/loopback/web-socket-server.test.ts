/** What passes for the `WebSocketServer` of `ws`, beside the original. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket, WebSocketServer as WsServer } from 'ws';
import { LongSocket, type LongSocketOptions } from '../../src/index.js';
import {
  accept,
  asWebSocket,
  WebSocketServer,
  type WebSocketServerOptions,
  type WsWebSocket,
} from '../../src/server.js';
import { FaultProxy } from '../helpers/fault-proxy.js';

const host = '127.0.0.1';

/** With the types of `ws`, as those have them for whom it is made. */
async function serve(options: Partial<WebSocketServerOptions> = {}) {
  const server: WsServer & { sessions: WebSocketServer['sessions'] } = new WebSocketServer({
    port: 0,
    host,
    ...options,
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    for (const client of server.clients) client.terminate();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { server, port, url: `ws://${host}:${port}/` };
}

function dial(url: string, options: LongSocketOptions = {}): LongSocket {
  const socket = new LongSocket(url, { session: true, backoffBase: 20, onLost: 'close', ...options });
  onTestFinished(() => socket.close());
  return socket;
}

const heard = (socket: LongSocket): unknown[] => {
  const messages: unknown[] = [];
  socket.on('message', (message) => messages.push(message));
  return messages;
};

describe('WebSocketServer', () => {
  test('emits a session once, which goes on over cuts, and is a client until it ends', async () => {
    const { server, port } = await serve();
    const proxy = await FaultProxy.listen(port);
    onTestFinished(() => proxy.close());
    let connections = 0;
    server.on('connection', (ws, request) => {
      connections++;
      ws.on('message', (data, isBinary) => ws.send(`${request.url} ${data} ${isBinary}`));
    });
    const socket = dial(`ws://${host}:${proxy.port}/path`);
    const messages = heard(socket);
    for (let i = 0; i < 3; i++) {
      socket.send(String(i));
      await vi.waitFor(() => expect(messages).toHaveLength(i + 1));
      proxy.cut();
    }
    expect(messages).toEqual(['/path 0 false', '/path 1 false', '/path 2 false']);
    expect([connections, server.clients.size]).toEqual([1, 1]);
    socket.close();
    await vi.waitFor(() => expect(server.clients.size).toBe(0));
  });

  test('gives a client without a session the very socket of ws', async () => {
    const { server, url } = await serve();
    const accepted = once(server, 'connection');
    const client = new WebSocket(url);
    const answers: unknown[] = [];
    client.on('message', (data, isBinary) => answers.push([data, isBinary]));
    const [ws] = (await accepted) as [WebSocket];
    expect(ws).toBeInstanceOf(WebSocket);
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    await once(client, 'open');
    client.send('text');
    client.send(Buffer.from([1]));
    await vi.waitFor(() =>
      expect(answers).toEqual([
        [Buffer.from('text'), false],
        [Buffer.from([1]), true],
      ]),
    );
    ws.close(4000, 'bye');
    const [code, reason] = await once(client, 'close');
    expect([code, String(reason)]).toEqual([4000, 'bye']);
    await vi.waitFor(() => expect(server.clients.size).toBe(0));
    expect(server.sessions.stats()).toMatchObject({ sessions: 0, plain: 0 });
  });

  test('negotiates subprotocols in sessions as without them, as options.handleProtocols says, set late even', async () => {
    const { server, url } = await serve();
    const chosen: string[] = [];
    server.on('connection', (ws) => chosen.push(ws.protocol));
    const choose = async (protocols: string[]): Promise<string[]> => {
      const socket = dial(url, { protocols });
      await socket.opened;
      const native = new WebSocket(url, protocols);
      await once(native, 'open').catch(() => {}); // It refuses to do without one.
      const result = [socket.protocol, native.protocol];
      native.close();
      socket.close();
      return result;
    };
    expect(await choose(['one', 'two'])).toEqual(['one', 'one']);
    const offers: unknown[] = [];
    server.options.handleProtocols = (offered, request) => {
      offers.push([...offered], request.headers.upgrade);
      return offered.has('two') ? 'two' : false;
    };
    expect(await choose(['one', 'two'])).toEqual(['two', 'two']);
    expect(offers).toEqual([['one', 'two'], 'websocket', ['one', 'two'], 'websocket']);
    expect(await choose(['three'])).toEqual(['', '']);
    expect(chosen.slice(0, 4)).toEqual(['one', 'one', 'two', 'two']);
  });

  test('calls back from handleUpgrade instead of emitting, once for a session', async () => {
    const http = createServer();
    const wss = new WebSocketServer({ noServer: true });
    const server: WsServer = wss;
    const names: string[] = [];
    server.on('connection', (_, request) => names.push(`emitted ${request.url}`));
    http.on('upgrade', (request, duplex, head) => {
      if (!server.shouldHandle(request)) return;
      server.handleUpgrade(request, duplex, head, (ws, sameRequest) => {
        names.push(`called ${sameRequest === request}`);
        server.emit('connection', ws, request);
      });
    });
    await once(http.listen(0, host), 'listening');
    onTestFinished(async () => {
      for (const client of server.clients) client.terminate();
      server.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    });
    const { port } = http.address() as AddressInfo;
    const socket = dial(`ws://${host}:${port}/a`);
    await socket.opened;
    socket.reconnect();
    await vi.waitFor(() => expect(socket.state.status).toBe('connected'));
    const plain = new WebSocket(`ws://${host}:${port}/b`);
    await once(plain, 'open');
    expect(names).toEqual(['called true', 'emitted /a', 'called true', 'emitted /b']);
    plain.close();
  });

  test('stands beside an HTTP server that is given, for one path, and leaves it open', async () => {
    const http = createServer((_, response) => response.end('hello'));
    const wss = new WebSocketServer({ server: http, path: '/live' });
    const listening = once(wss, 'listening');
    expect(wss.address()).toBe(null);
    http.listen(0, host);
    await listening;
    onTestFinished(async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    });
    const { port } = http.address() as AddressInfo;
    expect(wss.address()).toEqual(http.address());
    expect([wss.path, wss.shouldHandle({ url: '/live?x' }), wss.shouldHandle({ url: '/' })]).toEqual([
      '/live',
      true,
      false,
    ]);
    const socket = dial(`ws://${host}:${port}/live`);
    await socket.opened;
    await vi.waitFor(() => expect(wss.clients.size).toBe(1));
    for (const client of wss.clients) client.close(4000, 'over');
    await new Promise<void>((resolve) => wss.close(() => resolve()));
    expect(await socket.closed).toMatchObject({ code: 4000, reason: 'over' });
    expect(http.listenerCount('upgrade')).toBe(0);
    expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe('hello');
  });

  test('close waits for the clients that are there, takes no new ones, and calls back once', async () => {
    const { server, url } = await serve();
    const events: string[] = [];
    server.on('close', () => events.push('close'));
    const socket = dial(url);
    await socket.opened;
    server.close((error) => events.push(`first ${error}`));
    server.close((error) => events.push(`second ${error}`));
    const late = dial(url);
    expect(await late.closed).toMatchObject({ code: 1001 });
    expect(events).toEqual([]);
    // A session that is there goes on, over another connection even.
    socket.reconnect();
    await vi.waitFor(() => expect(socket.state.status).toBe('connected'));
    socket.close();
    await vi.waitFor(() => expect(events).toEqual(['close', 'first undefined', 'second undefined']));
    server.close((error) => events.push(`third ${error}`));
    await vi.waitFor(() => expect(events.at(-1)).toBe('third Error: The server is not running'));
    await expect(dial(url, { reconnect: false }).closed).resolves.toMatchObject({ code: 1006 });
  });

  test('close gives up a socket that is closing and whose client is away, after closeTimeout', async () => {
    const { server, port } = await serve({ closeTimeout: 100 });
    const proxy = await FaultProxy.listen(port);
    onTestFinished(() => proxy.close());
    const socket = dial(`ws://${host}:${proxy.port}/`);
    await socket.opened;
    await vi.waitFor(() => expect(server.clients.size).toBe(1));
    await proxy.refuse(true);
    proxy.cut();
    await vi.waitFor(() => expect(server.sessions.stats().detached).toBe(1));
    for (const client of server.clients) client.close(1001);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(server.clients.size).toBe(0);
  });

  test('says by an error event that it cannot listen, and reports other failures without ending the process', async () => {
    const blocker = createTcpServer();
    await once(blocker.listen(0, host), 'listening');
    onTestFinished(() => void blocker.close());
    const { port } = blocker.address() as AddressInfo;
    const reports: unknown[] = [];
    const onListenerError = (error: unknown): unknown => reports.push(error);
    const one = new WebSocketServer({ port, host, onListenerError });
    await vi.waitFor(() => expect(String(reports[0])).toMatch(/EADDRINUSE/));
    const other = new WebSocketServer({ port, host, onListenerError });
    const [error] = await once(other, 'error').catch((failure) => [failure]);
    expect(error).toMatchObject({ code: 'EADDRINUSE' });
    one.close();
    other.close();

    const { server, url } = await serve({
      onListenerError,
      authenticate: () => {
        throw new Error('no database');
      },
    });
    const errors: unknown[] = [];
    server.on('error', (failure) => errors.push(failure));
    await once(new WebSocket(url), 'error').catch(() => {});
    expect([errors, String(reports.at(-1))]).toEqual([[], 'Error: no database']);
  });

  test.each([
    [{ port: 0, store: {} }, /`store` is not one of WebSocketServer's/],
    [{ port: 0, verifyClient: () => true }, /`verifyClient` is not one .* see `authenticate`/],
    [{ port: 0, maxBufferedAmount: 0 }, /`maxBufferedAmount` must be/],
    [{}, /one of the options `port`, `server` and `noServer`/],
  ])('refuses %o', (options, message) => {
    expect(() => new WebSocketServer(options as WebSocketServerOptions)).toThrow(message);
  });
});

test('asWebSocket of what accept made is the socket of ws, and its being paused is no sign of death', async () => {
  const server = new WsServer({ port: 0, host });
  await once(server, 'listening');
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const sockets: [WsWebSocket, WebSocket][] = [];
  server.on('connection', (ws, request) => {
    const socket = accept(ws, request, { heartbeat: { interval: 20, timeout: 20 } });
    sockets.push([asWebSocket(socket), ws]);
  });
  const client = new WebSocket(`ws://${host}:${(server.address() as AddressInfo).port}/`);
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  const [[ws, original] = []] = sockets;
  expect(ws).toBe(original);
  const messages: string[] = [];
  ws?.on('message', (data) => messages.push(String(data)));
  ws?.pause();
  client.send('held');
  // Ten times as long as a dead one would live.
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect([ws?.readyState, messages]).toEqual([1, []]);
  ws?.resume();
  await vi.waitFor(() => expect(messages).toEqual(['held']));
});
