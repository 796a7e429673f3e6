/** A process with real servers in it, one talker for each conversation, told apart by the path that the client dials. */
import { LongSocketServer, type LongSocketServerOptions, memoryStore } from 'longsocket/server';
import { answer } from './commands.js';
import { Talker, type TalkerReport } from './talker.js';

const host = '127.0.0.1';
const store = memoryStore();
const servers: LongSocketServer[] = [];
const talkers = new Map<string, Talker>();
const sockets = new Map<string, { send(data: Uint8Array): unknown }>();
let rate = 0;

function talkerOf(path: string): Talker {
  let talker = talkers.get(path);
  if (!talker) {
    talker = new Talker();
    talkers.set(path, talker);
    if (rate > 0) talker.talk(rate, (talkers.size * 0.618) % 1);
  }
  return talker;
}

function serverAt(index: number): LongSocketServer {
  const server = servers[index];
  if (!server) throw new Error(`there is no server ${index}`);
  return server;
}

const commands = {
  /** Starts one more server, on a port of its own unless told which. */
  async listen(options: LongSocketServerOptions & { shared?: boolean } = {}): Promise<number> {
    const { shared, ...own } = options;
    const server = new LongSocketServer({ host, port: 0, ...own, ...(shared && { store }) });
    servers.push(server);
    server.on('connection', (socket) => {
      const path = (socket.request.url ?? '').slice(1);
      sockets.set(path, socket);
      talkerOf(path).attach(socket);
    });
    await server.listening;
    return Object(server.address()).port as number;
  },
  /** Talks in every conversation there is and will be; 0 falls silent. */
  talk(each: number): void {
    rate = each;
    for (const [index, talker] of [...talkers.values()].entries()) {
      if (rate > 0) talker.talk(rate, (index * 0.618) % 1);
      else talker.hush();
    }
  },
  /** Talks in one of them only. */
  talkIn(path: string, each: number): void {
    talkerOf(path).talk(each);
  },
  paths: (): string[] => [...talkers.keys()],
  /** How many messages came in one conversation. */
  heard: (path: string): number => talkerOf(path).report.account.received,
  rest(): void {
    for (const talker of talkers.values()) talker.rest();
  },
  /** Sends bytes in one conversation until there is no more room, and says how many it took. */
  stuff(path: string, most: number): number {
    const socket = sockets.get(path);
    const chunk = new Uint8Array(16 * 1024);
    for (let bytes = 0; ; bytes += chunk.length) {
      if (bytes >= most) return bytes;
      try {
        socket?.send(chunk);
      } catch (error) {
        if (Object(error).code === 'QUOTA_EXCEEDED') return bytes;
        throw error;
      }
    }
  },
  /** In one conversation, or in all. */
  async delivered(path?: string): Promise<void> {
    const waited = path === undefined ? [...talkers.values()] : [talkerOf(path)];
    await Promise.all(waited.map((talker) => talker.delivered()));
  },
  reports: (): Record<string, TalkerReport> =>
    Object.fromEntries([...talkers].map(([path, talker]) => [path, talker.report])),
  stats: (index = 0) => serverAt(index).stats(),
  drain: (index: number, options: { within: number; rate: number }) => serverAt(index).drain(options),
  close: (index: number) => serverAt(index).close(),
  /** In bytes, after a collection of garbage; `used`: what is alive of it, buffers outside the heap included. */
  memory(): { rss: number; used: number } {
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, used: heapUsed + external };
  },
};

export type ServerProgram = typeof commands;

answer(commands);
