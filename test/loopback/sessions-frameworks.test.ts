/** A LongSocketServer beside what already has the port: plain `node:http`, Express and Fastify. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { fastify } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { LongSocket } from '../../src/index.js';
import { LongSocketServer, respond } from '../../src/server.js';

const host = '127.0.0.1';

/** A server of each kind, which answers `GET /hello` by itself; it listens already. */
const kinds: Record<string, () => Promise<Server>> = {
  async 'node:http'() {
    const http = createServer((request, response) => {
      response.writeHead(request.url === '/hello' ? 200 : 404).end('hello from node:http');
    });
    await once(http.listen(0, host), 'listening');
    return http;
  },
  async Express() {
    const app = express();
    app.get('/hello', (_, response) => {
      response.send('hello from Express');
    });
    const http = app.listen(0, host);
    await once(http, 'listening');
    return http;
  },
  async Fastify() {
    const app = fastify();
    app.get('/hello', async () => 'hello from Fastify');
    await app.listen({ port: 0, host });
    return app.server;
  },
};

for (const [name, listen] of Object.entries(kinds)) {
  test(`sessions and pages share one port of ${name}`, async () => {
    const http = await listen();
    onTestFinished(async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    });
    const { port } = http.address() as AddressInfo;
    const server = new LongSocketServer({ server: http, path: '/live' });
    onTestFinished(() => server.close());
    server.on('connection', (socket) => respond(socket, (message) => `${name} heard ${message}`));

    const client = new LongSocket(`ws://${host}:${port}/live`, { session: true, backoffBase: 20 });
    onTestFinished(() => client.close());
    const heard: unknown[] = [];
    client.on('message', (message) => heard.push(message));
    client.send('one');
    await expect.poll(() => heard).toEqual([`${name} heard one`]);
    const { session } = client;
    client.reconnect();
    client.send('two');
    await expect.poll(() => heard).toEqual([`${name} heard one`, `${name} heard two`]);
    expect([typeof session, client.session]).toEqual(['string', session]);

    const response = await fetch(`http://${host}:${port}/hello`);
    expect([response.status, await response.text()]).toEqual([200, `hello from ${name}`]);

    // Another path is not ours: refused, or left to whoever else listens.
    const stranger = new WebSocket(`ws://${host}:${port}/elsewhere`);
    expect(await Promise.race([once(stranger, 'error'), once(stranger, 'open').then(() => 'open')])).not.toBe('open');
  });
}

test('with noServer, the application decides which upgrades are for sessions', async () => {
  const http = createServer();
  const server = new LongSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    if (request.headers.authorization === 'yes') server.handleUpgrade(request, socket, head);
    else socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  await once(http.listen(0, host), 'listening');
  onTestFinished(async () => {
    await server.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  server.on('connection', (socket) => respond(socket, (message) => message));
  const url = `ws://${host}:${(http.address() as AddressInfo).port}/`;

  const stranger = new LongSocket(url, { session: true });
  expect(await stranger.closed).toMatchObject({ cause: 'status' });

  const client = new LongSocket(url, { session: true, headers: { authorization: 'yes' } });
  onTestFinished(() => client.close());
  const heard = new Promise((resolve) => client.on('message', resolve));
  client.send('hello');
  expect(await heard).toBe('hello');
});
