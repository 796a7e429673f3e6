/** Codecs, requests and streams between real sockets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { LongSocket, type LongSocketOptions } from '../../src/index.js';
import { json, type Requests, requests } from '../../src/messages.js';
import type { UpgradeRequest } from '../../src/server/accept.js';
import { accept, LongSocketServer, type LongSocketServerOptions } from '../../src/server.js';
import { readable, writable } from '../../src/streams.js';
import { built, runModule } from '../helpers/child.js';
import { FaultProxy } from '../helpers/fault-proxy.js';

const host = '127.0.0.1';

/** A server behind a proxy with faults, and clients of it. */
async function serve<In, Out>(options: Partial<LongSocketServerOptions<UpgradeRequest, In, Out>> = {}) {
  const server = new LongSocketServer<In, Out>({ port: 0, host, ...options });
  onTestFinished(() => server.close());
  await server.listening;
  const proxy = await FaultProxy.listen(server.address()?.port as number);
  onTestFinished(() => proxy.close());
  const dial = <I, O>(options: LongSocketOptions<I, O> = {}): LongSocket<I, O> => {
    const socket = new LongSocket<I, O>(`ws://${host}:${proxy.port}/`, {
      session: true,
      backoffBase: 20,
      backoffCap: 100,
      ...options,
    });
    onTestFinished(async () => {
      socket.close();
      await socket.closed;
    });
    return socket;
  };
  return { server, proxy, dial };
}

describe('a codec', () => {
  const Message = z.object({ n: z.number() });

  test('is at work at both ends, with and without a session, and broadcast encodes once for all', async () => {
    const inner = json({ schema: Message });
    const codec = { ...inner, encode: vi.fn(inner.encode) };
    const { server, dial } = await serve({ codec });
    const heard: unknown[] = [];
    server.on('connection', (socket) => socket.on('message', (message) => heard.push(message)));
    const clients = [dial({ codec: inner }), dial({ codec: inner }), dial({ codec: inner, session: false })];
    const received = clients.map((client) => {
      const messages: unknown[] = [];
      client.on('message', (message) => messages.push(message));
      client.send({ n: 1 });
      return messages;
    });
    await vi.waitFor(() => expect(heard).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]), { timeout: 10_000 });
    expect(server.broadcast(server.sockets, { n: 2 })).toBe(3);
    await vi.waitFor(() => expect(received).toEqual([[{ n: 2 }], [{ n: 2 }], [{ n: 2 }]]), { timeout: 10_000 });
    expect(codec.encode).toHaveBeenCalledTimes(1);
    expect(() => server.broadcast(server.sockets, { n: 'x' as never })).toThrow(/does not fit the schema/);
  });

  test('of the server tells its own socket of a message that does not fit, and the next one comes', async () => {
    const { server, dial } = await serve({ codec: json({ incoming: Message }) });
    const told: unknown[] = [];
    server.on('connection', (socket) => {
      socket.on('error', ({ code, data }) => told.push([code, data]));
      socket.on('message', (message) => told.push(message));
    });
    const client = dial();
    for (const data of ['{"n":"x"}', 'rubbish', '{"n":1}']) client.send(data);
    await client.delivered();
    expect(told).toEqual([['INVALID_MESSAGE', '{"n":"x"}'], ['INVALID_MESSAGE', 'rubbish'], { n: 1 }]);
  });
});

describe('requests', () => {
  test('in both directions at once are each answered once, over cuts and rotations', async () => {
    const { server, proxy, dial } = await serve();
    const handled = { server: 0, client: 0 };
    const theirs = new Promise<Requests<number, number>>((resolve) => {
      server.on('connection', (socket) => {
        const calls = requests<number, number>(socket);
        calls.handle(async (n) => {
          handled.server++;
          await new Promise(setImmediate);
          return n * 2;
        });
        resolve(calls);
      });
    });
    const socket = dial();
    const calls = requests<number, number>(socket);
    calls.handle((n) => {
      handled.client++;
      return n * 3;
    });
    await socket.opened;
    const answers: Promise<[number, number]>[] = [];
    const peer = await theirs;
    for (let n = 0; n < 200; n++) {
      answers.push(Promise.all([calls.request(n), peer.request(n)]));
      if (n % 40 === 10) proxy.cut();
      if (n % 40 === 30) socket.rotate();
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 200 }, (_, n) => [n * 2, n * 3]));
    expect(handled).toEqual({ server: 200, client: 200 });
  });

  test('of sockets from accept() are answered, and lost with the connection', async () => {
    const server = new WebSocketServer({ host, port: 0 });
    onTestFinished(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    server.on('connection', (ws, request) => {
      const hangs = new Promise<string>(() => {});
      requests(accept(ws, request)).handle((data) => (data === 'hang' ? hangs : `heard ${data}`));
    });
    await vi.waitFor(() => expect(server.address()).toBeTruthy());
    const socket = new LongSocket(`ws://${host}:${(server.address() as { port: number }).port}`, { backoffBase: 20 });
    onTestFinished(() => socket.close());
    const calls = requests(socket);
    expect(await calls.request('a')).toBe('heard a');
    const lost = calls.request('hang');
    const fate = expect(lost).rejects.toMatchObject({ code: 'REQUEST_LOST' });
    await socket.drain();
    for (const client of server.clients) client.terminate();
    await fate;
    expect(await calls.request('b')).toBe('heard b');
  });

  test('whose handler throws, and whose peer sends rubbish, do not end the process', async () => {
    const program = `
      import { LongSocket } from '${built('index.js')}';
      import { json, requests } from '${built('messages.js')}';
      import { LongSocketServer } from '${built('server.js')}';
      const server = new LongSocketServer({ port: 0, host: '${host}', codec: json() });
      server.on('connection', (socket) => requests(socket).handle(async () => Promise.reject(new Error('it broke'))));
      await server.listening;
      const raw = new LongSocket('ws://${host}:' + server.address().port, { session: true });
      const rubbish = ['\\u0005', '\\u0005Q', '\\u0005Qx {', '\\u0005Ax 1', '{', '\\u0005H' + 'x '.repeat(1000)];
      const calls = requests(new LongSocket('ws://${host}:' + server.address().port, { session: true }));
      for (const data of rubbish) raw.send(data);
      await raw.delivered();
      await calls.request(1).catch(({ code }) => console.log(code));
      process.exit(0);`;
    const { code, stdout, stderr } = await runModule(program);
    expect([code, stdout.trim()]).toEqual([0, 'REQUEST_FAILED']);
    expect(stderr).toMatch(/it broke/);
  });
});

describe('streams', () => {
  test('pipe from end to end, and the pipe ends with the socket', async () => {
    const { server, dial } = await serve<string, string>();
    const read: string[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      server.on('connection', (socket) => {
        const sink = new WritableStream<string>({ write: (message) => void read.push(message) });
        readable(socket).pipeTo(sink).then(resolve, reject);
      });
    });
    const source = new ReadableStream<string>({
      start(controller) {
        for (let n = 0; n < 1000; n++) controller.enqueue(String(n));
        controller.close();
      },
    });
    await source.pipeTo(writable(dial<string, string>(), { closeSocket: true }));
    await ended;
    expect(read).toEqual(Array.from({ length: 1000 }, (_, n) => String(n)));
  });

  test('of 200 MB fit into processes with 32 MB of heap, and stop while nobody reads', {
    timeout: 120_000,
  }, async () => {
    const reader = new Program(`
      import { createInterface } from 'node:readline';
      import { LongSocketServer } from '${built('server.js')}';
      import { readable } from '${built('streams.js')}';
      const server = new LongSocketServer({ port: 0, host: '${host}' });
      const go = new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve));
      server.on('connection', async (socket) => {
        const messages = readable(socket);
        await go;
        let bytes = 0;
        let count = 0;
        for await (const message of messages) {
          if (Number.parseInt(message) !== count++) throw new Error('out of order');
          bytes += message.length;
          if (count % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        }
        console.log('read ' + bytes);
        await server.close();
        process.exit(0);
      });
      await server.listening;
      console.log('port ' + server.address().port);`);
    const port = await reader.says(/port (\d+)/);
    const writer = new Program(`
      import { LongSocket } from '${built('index.js')}';
      import { writable } from '${built('streams.js')}';
      let made = 0;
      const source = new ReadableStream({
        pull(controller) {
          if (made === 3200) controller.close();
          else controller.enqueue(String(made++).padEnd(65536, '.'));
        },
      });
      const socket = new LongSocket('ws://${host}:${port}', { session: true, closeTimeout: 60_000 });
      const piped = source.pipeTo(writable(socket, { closeSocket: true }));
      await socket.opened;
      let before = -1;
      const look = setInterval(() => {
        if (made > 0 && made === before) {
          console.log('stopped at ' + made);
          clearInterval(look);
        }
        before = made;
      }, 1000);
      await piped;
      console.log('wrote ' + made);
      process.exit(0);`);
    // 1 MiB is retained, and a few more are in the hands of those who wait.
    const stopped = Number(await writer.says(/stopped at (\d+)/));
    expect(stopped).toBeLessThanOrEqual(24);
    reader.hears('go');
    expect(await writer.says(/wrote (\d+)/)).toBe('3200');
    expect(await reader.says(/read (\d+)/)).toBe(String(3200 * 65_536));
  });
});

/** A module in a process of its own, with little memory. */
class Program {
  readonly #child: ChildProcess;
  #output = '';
  #listen = (): void => {};

  constructor(text: string) {
    const args = ['--max-old-space-size=32', '--input-type=module', '--eval', text];
    this.#child = spawn(process.execPath, args, { stdio: 'pipe' });
    onTestFinished(() => {
      this.#child.kill('SIGKILL');
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
        this.#listen();
      });
    }
    this.#child.on('close', (code) => {
      this.#output += `\nended with ${code}`;
      this.#listen();
    });
  }

  hears(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** What the program has in the place of the parentheses, as soon as it says that. */
  says(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#listen = () => {
        const found = pattern.exec(this.#output)?.[1];
        if (found !== undefined) resolve(found);
        else if (/ended with/.test(this.#output)) reject(new Error(`it did not say ${pattern}: ${this.#output}`));
      };
      this.#listen();
    });
  }
}
