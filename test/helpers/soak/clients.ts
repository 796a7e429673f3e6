/** What the clients' programs do, in a process and in a page: one talker for each client. */
import type { LongSocket, LongSocketOptions } from '../../../src/index.js';
import { Talker, type TalkerReport } from './talker.js';

export function clientsOf(Client: typeof LongSocket) {
  const clients: { readonly talker: Talker; readonly socket: LongSocket; readonly path: string }[] = [];

  return {
    /** Dials with one client for each path, `pause` ms apart, and resolves when all are open. */
    async connect(url: string, paths: readonly string[], options: LongSocketOptions = {}, pause = 0): Promise<void> {
      const opened: Promise<unknown>[] = [];
      for (const path of paths) {
        const socket = new Client(url + path, options);
        const talker = new Talker();
        talker.attach(socket);
        clients.push({ talker, socket, path });
        opened.push(socket.opened);
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      }
      await Promise.all(opened);
    },
    /** Talks in every conversation; 0 falls silent. */
    talk(rate: number): void {
      for (const [index, { talker }] of clients.entries()) {
        if (rate > 0) talker.talk(rate, (index * 0.618) % 1);
        else talker.hush();
      }
    },
    /** The other end is about to fall silent on purpose. */
    rest(): void {
      for (const { talker } of clients) talker.rest();
    },
    async delivered(): Promise<void> {
      await Promise.all(clients.map(({ talker }) => talker.delivered()));
    },
    reports: (): Record<string, TalkerReport> =>
      Object.fromEntries(clients.map(({ path, talker }) => [path, talker.report])),
    pending: (): number => clients.reduce((sum, { socket }) => sum + socket.pending, 0),
    async close(): Promise<void> {
      for (const { socket } of clients) socket.close();
      await Promise.all(clients.map(({ socket }) => socket.closed));
    },
  };
}

export type ClientProgram = ReturnType<typeof clientsOf>;
