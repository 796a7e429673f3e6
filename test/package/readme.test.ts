import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { LongSocket } from '../../src/index.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { readme } from './readme.js';
import { root } from './source.js';

/** Every JavaScript block of README is a program. The comment before it says what it prints, and whether it `ends` by itself or what befalls it. */
const BLOCK = /(?:<!-- run: expect \/(.+?)\/ ?(\w*) -->\n)?```js\n([\s\S]*?)```/g;
const blocks = [...readme.matchAll(BLOCK)].map(([, expected, fault, code]) => ({
  title: /new LongSocketServer|new LongSocket|accept\(|new VirtualClock/.exec(code as string)?.[0] ?? 'a program',
  expected,
  fault,
  code: code as string,
}));

const host = '127.0.0.1';
const portOf = (server: Server | WebSocketServer): number => (server.address() as AddressInfo).port;

let server: WebSocketServer;
let proxy: FaultProxy;
let tunnel: Server;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  server = new WebSocketServer({ host, port: 0 });
  await once(server, 'listening');
  server.on('connection', (ws) => {
    ws.on('message', (data, isBinary) => {
      const answers: Record<string, string> = { ping: 'pong', authenticate: 'authenticated' };
      ws.send(answers[String(data)] ?? data, { binary: isBinary });
    });
  });
  proxy = await FaultProxy.listen(portOf(server));
  tunnel = await listenForConnect();
  provide('express', 'fastify', 'zod', '@msgpack/msgpack');
  writeStandInForNext();
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const client of server.clients) client.terminate();
  server.close();
  tunnel.close();
  await proxy.close();
});

describe('README', () => {
  test('has programs, and says of each what it prints', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(8);
    for (const { expected, code } of blocks) expect(expected, code).toBeTruthy();
  });

  test.each(blocks.map((block, index) => ({ ...block, index })))(
    'program $index ($title) prints what README says',
    async ({ expected, fault, code, index }) => {
      const file = join(inject('app'), `readme-${index}.js`);
      const free = await freePort();
      const program = code
        .replaceAll('localhost:8080', `${host}:${proxy.port}`)
        .replaceAll("host: 'proxy.example.com', port: 3128", `host: '${host}', port: ${portOf(tunnel)}`)
        .replaceAll('8081', String(free));
      writeFileSync(file, program);
      const until = fault === 'ends' ? undefined : new RegExp(expected as string);
      const { output, code: exitCode } = await run(file, until, (child, say) => {
        if (fault === 'blackhole') proxy.silence();
        if (fault === 'sigterm') child.kill('SIGTERM');
        if (fault === 'visit') visit(child, free, say);
      });
      expect(output).toMatch(new RegExp(expected as string));
      if (fault === 'ends') expect(exitCode, output).toBe(0);
    },
  );
});

type Disturb = (child: ChildProcess, say: (text: unknown) => void) => void;

/** Runs a program until it prints what is expected, fails, or ends; meanwhile, once it is connected, `disturb`s it. */
function run(
  file: string,
  expected: RegExp | undefined,
  disturb: Disturb,
): Promise<{ readonly output: string; readonly code: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let disturbed = false;
    children.add(child);
    const settle = (): void => {
      child.kill('SIGKILL');
      children.delete(child);
    };
    const say = (text: unknown): void => {
      output += text;
      if (!disturbed && /connected|listening/.test(output)) {
        disturbed = true;
        disturb(child, say);
      }
      if (expected?.test(output)) settle();
    };
    child.stdout.on('data', say);
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      settle();
      resolve({ output, code });
    });
  });
}

/** Asks a program for a page, and for an answer in a session, on the same port. */
async function visit(child: ChildProcess, port: number, say: (text: unknown) => void): Promise<void> {
  const page = await fetch(`http://${host}:${port}/`).then(
    (response) => response.text(),
    (error) => String(error),
  );
  const socket = new LongSocket(`ws://${host}:${port}/live`, { session: true });
  child.once('exit', () => socket.close());
  socket.on('message', (message) => say(`${page}, and to the visitor: ${message}`));
  socket.send('hello');
}

async function listenForConnect(): Promise<Server> {
  const proxy = createServer();
  proxy.on('connect', ({ url = '' }, downstream) => {
    const [target, port] = url.split(':');
    const upstream = connect(Number(port), target as string, () => {
      downstream.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(downstream).pipe(upstream);
    });
    upstream.on('error', () => downstream.destroy());
    downstream.on('error', () => upstream.destroy());
  });
  await once(proxy.listen(0, host), 'listening');
  return proxy;
}

/** Where a program that names its port may listen. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** Lets the programs import development dependencies of ours. */
function provide(...names: readonly string[]): void {
  for (const name of names) {
    const link = join(inject('app'), 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link, 'junction');
  }
}

/** What a custom server uses of Next, which is too large to be installed for one test: pages, and upgrades of its own. */
function writeStandInForNext(): void {
  const folder = join(inject('app'), 'node_modules/next');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'next', main: 'index.js' }));
  writeFileSync(
    join(folder, 'index.js'),
    `let upgrades = false;
    module.exports = () => ({
      prepare: async () => {},
      getRequestHandler: () => async (request, response) => {
        // It listens for upgrades once it has seen the server, and leaves those alone that it does not know.
        if (!upgrades) request.socket.server.on('upgrade', ({ url }, socket) => url.startsWith('/_next') && socket.destroy());
        upgrades = true;
        response.end('a page');
      },
    });`,
  );
}
