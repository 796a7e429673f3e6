import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { root } from './source.js';

/** Every JavaScript block of README is a program, and the comment before it says what it prints. */
const BLOCK = /(?:<!-- run: expect \/(.+?)\/ ?(\w*) -->\n)?```js\n([\s\S]*?)```/g;
const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(BLOCK)].map(([, expected, fault, code]) => ({
  title: /new LongSocketServer|new LongSocket|accept\(|new VirtualClock/.exec(code as string)?.[0] ?? 'a program',
  expected,
  fault,
  code: code as string,
}));

let server: WebSocketServer;
let proxy: FaultProxy;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (ws) => {
    ws.on('message', (data, isBinary) => {
      const answers: Record<string, string> = { ping: 'pong', authenticate: 'authenticated' };
      ws.send(answers[String(data)] ?? data, { binary: isBinary });
    });
  });
  proxy = await FaultProxy.listen((server.address() as AddressInfo).port);
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const client of server.clients) client.terminate();
  server.close();
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
      writeFileSync(file, code.replaceAll('localhost:8080', `127.0.0.1:${proxy.port}`));
      const output = await run(file, new RegExp(expected as string), (child) => {
        if (fault === 'blackhole') proxy.silence();
        if (fault === 'sigterm') child.kill('SIGTERM');
      });
      expect(output).toMatch(new RegExp(expected as string));
    },
  );
});

/** Runs a program until it prints what is expected, fails, or ends; meanwhile, once it is connected, `disturb`s it. */
function run(file: string, expected: RegExp, disturb: (child: ChildProcess) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let disturbed = false;
    children.add(child);
    const settle = (): void => {
      child.kill('SIGKILL');
      children.delete(child);
    };
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (!disturbed && /connected|listening/.test(output)) {
        disturbed = true;
        disturb(child);
      }
      if (expected.test(output)) settle();
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('exit', () => {
      settle();
      resolve(output);
    });
  });
}
