import { describe, expect, test } from 'vitest';
import type { Ending } from '../../src/core/types.js';
import type { Notice } from './faulty-network.js';
import { SessionWorld } from './session-world.js';

/** How soon it is noticed that a connection is dead, by the clock of the simulated world. Latencies are one way. */

interface Found {
  readonly at: number;
  readonly cause: string;
}

/** A session in its first minute, with what each end notices. */
async function establish(latency: number, seed: number) {
  const world = new SessionWorld(seed, { weather: { latency: [latency, latency] } });
  const found: { client: Found[]; server: Found[] } = { client: [], server: [] };
  world.socket.on('interrupted', ({ cause }: Ending) => found.client.push({ at: world.clock.now(), cause }));
  await world.pass(1000);
  const socket = [...world.conversations.values()][0]?.socket;
  socket?.on('interrupted', ({ cause }: Ending) => found.server.push({ at: world.clock.now(), cause }));
  // At any moment between two heartbeats.
  await world.pass(Math.round(world.between(5000, 60_000)));
  expect(found).toEqual({ client: [], server: [] });
  const cut = (client: Notice = 'never', server: Notice = 'never'): number => {
    for (const link of world.network.links) link.cut(client, server);
    world.network.weather.fate = 'refuse';
    return world.clock.now();
  };
  return { world, found, cut };
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

describe.each([1, 30, 50])('half-open, at a latency of %d ms', (latency) => {
  test('with something to say, the client notices within 5 s', async () => {
    for (const seed of SEEDS) {
      const { world, found, cut } = await establish(latency, seed);
      // What is under way, or was written into the void.
      if (seed % 2 === 0) world.send();
      const since = cut();
      world.send();
      await world.pass(5000);
      expect(found.client, `seed ${seed}`).toEqual([{ at: expect.any(Number), cause: 'dead-peer' }]);
      expect(found.client[0]?.at).toBeLessThanOrEqual(since + 5000);
    }
  });

  test('with something to say, the server notices within 5 s', async () => {
    for (const seed of SEEDS) {
      const { world, found, cut } = await establish(latency, seed);
      if (seed % 2 === 0) world.answer();
      const since = cut();
      world.answer();
      await world.pass(5000);
      expect(found.server, `seed ${seed}`).toEqual([{ at: expect.any(Number), cause: 'dead-peer' }]);
      expect(found.server[0]?.at).toBeLessThanOrEqual(since + 5000);
    }
  });

  test('idle, both notice within 35 s', async () => {
    for (const seed of SEEDS) {
      const { world, found, cut } = await establish(latency, seed);
      const since = cut();
      await world.pass(35_000);
      for (const end of [found.client, found.server]) {
        expect(end, `seed ${seed}`).toEqual([{ at: expect.any(Number), cause: 'dead-peer' }]);
        expect(end[0]?.at).toBeLessThanOrEqual(since + 35_000);
      }
    }
  });

  test.each(['wake', 'online', 'offline'] as const)('it is noticed within 3 s of the signal %s', async (signal) => {
    for (const seed of SEEDS) {
      const { world, found, cut } = await establish(latency, seed);
      cut();
      await world.pass(Math.round(world.between(0, 10_000)));
      if (found.client.length > 0) continue;
      const since = world.clock.now();
      world.signal(signal);
      await world.pass(3000);
      expect(found.client, `seed ${seed}`).toEqual([{ at: expect.any(Number), cause: 'dead-peer' }]);
      expect(found.client[0]?.at).toBeLessThanOrEqual(since + 3000);
    }
  });
});

test('a healthy connection is never taken for dead, idle or not, in an hour of each latency', async () => {
  for (const latency of [1, 50, 400]) {
    const { world, found } = await establish(latency, 1);
    await world.pass(1_800_000);
    for (let minute = 0; minute < 30; minute++) {
      world.send();
      world.answer();
      await world.pass(60_000);
    }
    expect(found).toEqual({ client: [], server: [] });
    expect(world.socket.pending).toBe(0);
  }
});

test.each(['client', 'server'] as const)(
  'a %s that is stopped with a question out asks again before it judges, and kills nothing',
  async (which) => {
    for (const seed of SEEDS) {
      const { world, found } = await establish(30, seed);
      const process = which === 'client' ? world.client : world.nodes[0]?.process;
      const who = which === 'client' ? 'C' : 'A';
      const asks = (): number =>
        world.log.filter(
          ([name, { effects }]) =>
            name === who && effects.some((effect) => 'data' in effect && String(effect.data).startsWith('\u0010P')),
        ).length;
      const before = asks();
      if (which === 'client') world.signal('wake');
      while (asks() === before) await world.pass(10);
      // The answer comes in beside the timer, which is long over; some event loops run timers first.
      process?.stop();
      // Longer than the question waits, and shorter than the other end would.
      await world.pass(which === 'client' ? 4500 : 20_000);
      process?.goOn();
      await world.pass(20_000);
      expect(found, `seed ${seed}`).toEqual({ client: [], server: [] });
    }
  },
);
