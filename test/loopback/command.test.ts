/** The `longsocket` command as it is built: a process of its own, real pipes, real signals, real servers. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LongSocketServer } from '../../src/server.js';
import { selfSigned } from '../helpers/certificate.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { closeOf, WsServer } from '../helpers/ws-server.js';

const file = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

function longsocket(...args: string[]) {
  const child = spawn(process.execPath, [file, ...args], { stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdin.on('error', () => {});
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      printed[name] += chunk.toString();
    });
  }
  const code = new Promise<number | null>((resolve) => child.on('close', resolve));
  const until = (stream: 'stdout' | 'stderr', text: string | RegExp): Promise<void> =>
    vi.waitFor(() => expect(printed[stream]).toMatch(text), { timeout: 20_000, interval: 5 });
  return { child, printed, code, until };
}

/** Sends back what comes, in sessions; behind a proxy. */
async function sessions() {
  const server = new LongSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    socket.on('message', (message) => socket.write(message).catch(() => {}));
  });
  await server.listening;
  const proxy = await FaultProxy.listen((server.address() as { port: number }).port);
  onTestFinished(async () => {
    await server.close();
    await proxy.close();
  });
  return { proxy, url: `ws://127.0.0.1:${proxy.port}/` };
}

test('a pipe through it gets the answers, and nothing else', async () => {
  const server = await WsServer.listen();
  const { child, code, printed } = longsocket(server.url);
  child.stdin.end('one\ntwo\n');
  expect(await code).toBe(0);
  expect(printed.stdout).toBe('one\ntwo\n');
  expect(printed.stderr).toMatch(/^\* connecting to .*\n\* connected\n\* closed with code 1000\n$/);
});

test('ends when the server closes, though its input goes on', async () => {
  const server = await WsServer.listen({ onSocket: (socket) => socket.close(4000, 'enough') });
  const { code, printed } = longsocket('--no-reconnect', server.url);
  expect(await code).toBe(1);
  expect(printed.stderr).toContain('closed by the server with code 4000 "enough"');
});

test('a session goes on after its connection was cut, and nothing is lost', async () => {
  const { proxy, url } = await sessions();
  const { child, code, printed, until } = longsocket('--session', url);
  child.stdin.write('one\n');
  await until('stdout', 'one\n');
  proxy.cut();
  child.stdin.end('two\nthree\n');
  expect(await code).toBe(0);
  expect(printed.stdout).toBe('one\ntwo\nthree\n');
  expect(printed.stderr).toMatch(/\* interrupted: [\s\S]*\* resumed after \d+(\.\d)? m?s, \d messages? sent again\n/);
});

test('carries more than any buffer holds over cuts, in order', async () => {
  const { proxy, url } = await sessions();
  const { child, code, printed, until } = longsocket('--session', '--quiet', url);
  const text = Array.from({ length: 30_000 }, (_, index) => `${index} ${'x'.repeat(100)}\n`).join('');
  child.stdin.end(text);
  for (const seen of ['\n1000 ', '\n10000 ']) {
    await until('stdout', seen);
    proxy.cut();
  }
  expect(await code).toBe(0);
  expect(printed.stdout === text).toBe(true);
  expect(printed.stderr).toBe('');
});

test('a connection that is dead is found, and another dialed', async () => {
  const server = await WsServer.listen();
  const proxy = await FaultProxy.listen(server.port);
  onTestFinished(() => proxy.close());
  const { until } = longsocket('--json', '-v', '--heartbeat', '0.2', `127.0.0.1:${proxy.port}`);
  await until('stdout', '"event":"heartbeat","is":"answered"');
  proxy.silence();
  await until(
    'stdout',
    /"event":"interrupted","phase":"open","cause":"dead-peer"[\s\S]*"event":"open","reconnected":true/,
  );
});

test('what the command line says of the upgrade reaches the server', async () => {
  const server = await WsServer.listen({ ws: { handleProtocols: () => 'two' } });
  const args = ['-H', 'X-Id: 7', '-o', 'http://page.example', '-p', 'one', '-p', 'two', '-x', 'hi', '-w', '0'];
  const { code, printed } = longsocket(...args, server.url.replace('//', '//user:secret@'));
  expect(await code).toBe(0);
  expect(server.requests[0]?.headers).toMatchObject({
    'x-id': '7',
    origin: 'http://page.example',
    'sec-websocket-protocol': 'one,two',
    authorization: `Basic ${Buffer.from('user:secret').toString('base64')}`,
  });
  expect(printed.stderr).toContain('* connected, protocol two\n');
  expect(printed.stderr).not.toContain('secret');
});

test('a certificate that nobody vouches for is accepted with --insecure only', async () => {
  const server = await WsServer.listen({ identity: selfSigned() });
  const url = server.url.replace('ws:', 'wss:');
  const strict = longsocket('--no-reconnect', '-x', 'hi', url);
  expect(await strict.code).toBe(1);
  expect(strict.printed.stderr).toMatch(/gave up: .*certificate/);
  const lax = longsocket('--insecure', '-x', 'hi', url);
  expect(await lax.code).toBe(0);
  expect(lax.printed.stdout).toBe('hi\n');
});

test('nobody at the address is the end with --no-reconnect', async () => {
  const { code, printed } = longsocket('--no-reconnect', 'ws://127.0.0.1:1/');
  expect(await code).toBe(1);
  expect(printed.stderr).toMatch(/gave up: .*ECONNREFUSED/);
});

test('wrong usage is an exit code of its own', async () => {
  const { code, printed } = longsocket('--no-such');
  expect(await code).toBe(2);
  expect(printed.stderr).toContain('--help');
});

test.skipIf(process.platform === 'win32').each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s closes in good order', async (signal, exit) => {
  const server = await WsServer.listen();
  const { child, code, until } = longsocket(server.url);
  await until('stderr', '* connected');
  child.kill(signal);
  expect(await code).toBe(exit);
  expect(await closeOf(await server.socket())).toMatchObject({ code: 1000 });
});

test.skipIf(process.platform === 'win32')('a second SIGINT does not wait for a server that is dead', async () => {
  const server = await WsServer.listen();
  const proxy = await FaultProxy.listen(server.port);
  onTestFinished(() => proxy.close());
  const { child, code, until, printed } = longsocket(`127.0.0.1:${proxy.port}`);
  await until('stderr', '* connected');
  proxy.silence();
  child.kill('SIGINT');
  await until('stderr', 'closing; again to leave at once');
  child.kill('SIGINT');
  expect(await code).toBe(130);
  expect(printed.stderr).not.toContain('closed with');
});

test('whoever has read enough ends it without a word', async () => {
  const server = await WsServer.listen({
    onSocket: (socket) => {
      const timer = setInterval(() => socket.send('tick'), 5);
      socket.on('close', () => clearInterval(timer));
    },
  });
  const { child, code, until, printed } = longsocket('-q', server.url);
  await until('stdout', 'tick');
  child.stdout.destroy();
  expect(await code).toBe(0);
  expect(printed.stderr).toBe('');
  expect(await closeOf(await server.socket())).toMatchObject({ code: 1000 });
});
