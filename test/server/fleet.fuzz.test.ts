import { expect, test } from 'vitest';
import { LongSocket } from '../../src/client/long-socket.js';
import type { Data } from '../../src/core/types.js';
import { memoryStore } from '../../src/server/store.js';
import { SimulatedNetwork } from '../../src/testing/network.js';
import { seededRandom } from '../../src/testing/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { listen } from '../helpers/session-pair.js';
import { type ServerEnd, SessionServer } from '../sim/session-network.js';
import { settle } from '../socket/simulated.js';

/** Servers with one store, between which a session is sent to and fro while both ends talk and read as they like. */
async function wander(seed: number) {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, random, latency: [5, 50] });
  const store = memoryStore({ clock });
  const read: Data[] = [];
  let answered = 0;
  let end: ServerEnd | undefined;
  let stop = async (): Promise<void> => {};

  /** The application reads at the server where the session is. */
  const begin = (way = random()): void => {
    const socket = end;
    if (!socket) return;
    if (way < 0.4) {
      const off = socket.on('message', (data) => read.push(data));
      stop = async () => off();
    } else if (way < 0.8) {
      const iterator = socket[Symbol.asyncIterator]();
      let most = Math.floor(random() * 5);
      const run = async (): Promise<void> => {
        for (; most > 0; most--) {
          const result = await iterator.next();
          if (result.done) return;
          read.push(result.value);
        }
      };
      void run();
      stop = async () => {
        most = 0;
        await iterator.return?.();
      };
    } else stop = async () => {};
  };
  const start = (name: string): SessionServer => {
    const server = new SessionServer(network, { store }, name);
    server.onsession = (socket) => {
      end = socket;
      begin();
    };
    return server;
  };

  let count = 0;
  const servers = [start('a'), start('b'), start('c')];
  let at = 0;
  network.serve((connection) => servers[at]?.take(connection));
  const socket = new LongSocket('ws://host/', {
    session: true,
    clock,
    dial: network.dial,
    random,
    signals: () => () => {},
  });
  const client = listen(socket);
  await clock.advanceAsync(200);

  let sent = 0;
  for (let turn = 0; turn < 100; turn++) {
    const dice = random();
    if (dice < 0.35) for (let n = Math.ceil(random() * 4); n > 0; n--) socket.send(String(sent++));
    else if (dice < 0.5) {
      if (end?.offer(String(answered))) answered++;
    } else if (dice < 0.65) {
      await stop();
      begin();
    } else if (dice < 0.75) network.cut();
    else if (dice < 0.9) {
      at = Math.floor(random() * servers.length);
      socket.rotate();
    } else {
      // A deploy: the old process hands over what it has and ends, a new one takes its place.
      const place = Math.floor(random() * servers.length);
      const old = servers[place];
      servers[place] = start(`${count++}`);
      void old?.host.close();
    }
    if (random() < 0.5) await clock.advanceAsync(random() * 120);
    else if (random() < 0.2) await clock.advanceAsync(3000);
    else await settle();
  }
  await stop();
  await clock.advanceAsync(60_000);
  await stop();
  begin(0);
  await clock.advanceAsync(60_000);
  const sessions = servers.reduce((sum, { host }) => sum + host.registry.sessions, 0);
  return { read, sent, answered, client, sessions, open: network.open, pending: socket.pending };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

test('a session that wanders between servers, read in every way at each, loses nothing and repeats nothing', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { read, sent, answered, client, ...rest } = await wander(seed);
    expect([seed, client.details('lost'), client.details('close')]).toEqual([seed, [], []]);
    expect([seed, read.map(Number)]).toEqual([seed, upTo(sent)]);
    expect([seed, client.messages().map(Number)]).toEqual([seed, upTo(answered)]);
    // A rotation may be under way: three cuts at the same age look like a limit.
    expect([seed, rest]).toEqual([seed, { sessions: 1, open: expect.toSatisfy((n: number) => n <= 2), pending: 0 }]);
  }
});
