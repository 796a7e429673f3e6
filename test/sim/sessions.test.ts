import { describe, test } from 'vitest';
import { live, rest } from './session-life.js';
import { SessionWorld, type SessionWorldOptions } from './session-world.js';

const SEEDS = Number(process.env.SEEDS ?? 400);
const FIRST = Number(process.env.SEED ?? 1);
const COUNT = process.env.SEED ? 1 : SEEDS;

const WORLDS: readonly [name: string, options: SessionWorldOptions][] = [
  ['one server, listeners', {}],
  ['one server, slow readers', { reads: { client: 'pull', server: 'pull' }, pause: 3000 }],
  ['short sessions', { server: { sessionTtl: 15_000 }, reads: { client: 'push', server: 'pull' } }],
  ['two servers that share a store', { servers: 2 }],
  [
    'two servers, slow readers, age limits',
    { servers: 2, reads: { client: 'pull', server: 'pull' }, server: { maxConnectionAge: 20_000 } },
  ],
];

describe.each(WORLDS)('%s', { timeout: 60_000 + SEEDS * 100 }, (_, options) => {
  test('lose nothing, repeat nothing, keep the order, and tell the truth about the rest', async () => {
    for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
      const world = new SessionWorld(seed, { ...options, eager: true });
      await live(world);
      await rest(world);
    }
  });
});
