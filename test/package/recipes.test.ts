/** What README says beside its programs: its links, and the configuration of other people's software. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LongSocket } from '../../src/index.js';
import { LongSocketServer } from '../../src/server.js';
import { bundleSizes } from '../bench/bundles.mjs';
import { launchChromium } from '../helpers/chromium.js';
import { findNginx, Nginx } from '../helpers/nginx.js';
import { anchorOf, headingsOf, withContents } from './contents.mjs';
import { checked, prose, readme } from './readme.js';
import { root } from './source.js';

const host = '127.0.0.1';

describe('README', () => {
  test('has a table of contents that names every section, as `npm run docs` writes it', () => {
    expect(readme).toBe(withContents(readme));
    expect(headingsOf(readme).length).toBeGreaterThan(30);
  });

  test('has no link within itself that leads nowhere', () => {
    const anchors = headingsOf(readme).map(({ heading }) => anchorOf(heading));
    const links = [...prose.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor as string);
    expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
    expect(new Set(anchors).size).toBe(anchors.length);
  });
});

test('README says what a bundle weighs, of this library and of others', async () => {
  const row = /\| browser bundle, bytes of brotli \|(.+)\|/.exec(readme)?.[1] ?? '';
  const said = [...row.matchAll(/\d[\d ]+\d/g)].map(([number]) => Number(number.replaceAll(' ', '')));
  const sizes = await bundleSizes();
  const names = [
    'longsocket',
    'longsocket',
    'partysocket/ws',
    'reconnecting-websocket',
    'graphql-ws',
    'socket.io-client',
  ];
  const off = names.filter((name, index) => Math.abs((said[index] ?? 0) / (sizes[name] ?? 1) - 1) > 0.03);
  expect(off.map((name) => `${name}: ${sizes[name]}`)).toEqual([]);
});

describe('the Content Security Policy of README', () => {
  const script = `
    import { LongSocket } from '/index.js';
    window.outcomeOf = (url) => new Promise((resolve) => {
      const socket = new LongSocket(url, { session: true });
      socket.once('open', () => resolve('open'));
      socket.once('reconnecting', ({ cause }) => resolve('failed to ' + cause.cause));
      socket.once('failed', () => resolve('failed for good'));
    });`;

  /** Serves the build for browsers, and a page under this policy. */
  async function page(policy: string): Promise<string> {
    const server = createServer(async ({ url = '' }, response) => {
      const fixed: Record<string, string> = {
        '/': '<script type="module" src="page.js"></script>',
        '/page.js': script,
      };
      const body = fixed[url] ?? (await readFile(join(root, 'dist/browser', url)).catch(() => ''));
      const type = url === '/' ? 'text/html' : 'text/javascript';
      response.writeHead(body ? 200 : 404, { 'content-security-policy': policy, 'content-type': type }).end(body);
    });
    await once(server.listen(0, host), 'listening');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://${host}:${(server.address() as AddressInfo).port}/`;
  }

  test('lets a page have the socket that it names, and no other', async () => {
    const [named, other] = [
      new LongSocketServer({ port: 0, host, origins: '*' }),
      new LongSocketServer({ port: 0, host, origins: '*' }),
    ];
    onTestFinished(async () => {
      await Promise.all([named.close(), other.close()]);
    });
    await Promise.all([named.listening, other.listening]);
    const urls = [named, other].map((server) => `ws://${host}:${server.address()?.port}`);
    const [, policy = ''] = /^Content-Security-Policy: (.+)\n$/.exec(checked('csp')) ?? [];
    expect(policy).toContain('wss://live.example.com');
    const browser = await launchChromium();
    onTestFinished(() => browser.close());
    const tab = await browser.newPage();
    await tab.goto(await page(policy.replace('wss://live.example.com', urls[0] as string)));
    const outcomes = await Promise.all(urls.map((url) => tab.evaluate(`outcomeOf('${url}')`)));
    expect(outcomes).toEqual(['open', 'failed to dial']);
  });
});

const nginx = findNginx() ?? '';

describe.skipIf(nginx === '')('the nginx configuration of README', () => {
  async function start(): Promise<LongSocketServer> {
    const server = new LongSocketServer({ port: 0, host });
    onTestFinished(() => server.close());
    await server.listening;
    return server;
  }

  /** The client's sessions, and which server had them, over ten connections through such an nginx. */
  async function sessionsBehind(configuration: string): Promise<{ sessions: number; servers: number }> {
    const servers = await Promise.all([start(), start()]);
    const ports = servers.map((server) => `${host}:${server.address()?.port}`);
    const front = await Nginx.startWith(nginx, (port) =>
      configuration
        .replace('listen 8080', `listen ${host}:${port}`)
        .replace(`${host}:8081`, ports[0] as string)
        .replace(`${host}:8082`, ports[1] as string),
    );
    const used = new Set<unknown>();
    for (const server of servers) server.on('connection', () => used.add(server));
    const url = `ws://${host}:${front.port}/live?client=${crypto.randomUUID()}`;
    const socket = new LongSocket(url, { session: true, backoffBase: 1 });
    onTestFinished(() => socket.close());
    const sessions = new Set<unknown>();
    for (let connections = 0; connections < 10; connections++) {
      await new Promise((resolve) => socket.once('open', resolve));
      sessions.add(socket.session);
      if (connections < 9) socket.reconnect();
    }
    return { sessions: sessions.size, servers: used.size };
  }

  test('brings a client back to the server that has its session', async () => {
    expect(await sessionsBehind(checked('nginx'))).toEqual({ sessions: 1, servers: 1 });
  });

  test('does so by its hash: without it, sessions are lost', async () => {
    const { sessions } = await sessionsBehind(checked('nginx').replace(/hash .*\n/, '\n'));
    expect(sessions).toBeGreaterThan(1);
  });

  test('lets a page of the same host and port connect, as the default of `origins` wants it', async () => {
    const server = await start();
    const front = await Nginx.startWith(nginx, (port) =>
      checked('nginx')
        .replace('listen 8080', `listen ${host}:${port}`)
        .replace(/server 127\S+:8081/, `server ${host}:${server.address()?.port}`)
        .replace(/server 127\S+:8082;/, ''),
    );
    const dial = async (origin: string): Promise<unknown> => {
      const socket = new LongSocket(`ws://${host}:${front.port}/live`, { session: true, node: { origin } });
      onTestFinished(() => socket.close());
      return Promise.race([socket.opened.then(() => 'open'), socket.closed.then(({ status }) => status)]).catch(
        ({ ending }) => ending.status,
      );
    };
    expect(await dial(`http://${host}:${front.port}`)).toBe('open');
    expect(await dial('http://evil.example')).toBe(403);
  });
});
