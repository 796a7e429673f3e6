import { describe, expect, test } from 'vitest';
import { clientConfig } from '../../src/client/options.js';
import { REDACTED } from '../../src/core/frames.js';
import { Peer } from '../../src/core/peer.js';
import { Session } from '../../src/core/session.js';
import type { Effect, Input, Machine, PeerSnapshot } from '../../src/core/types.js';
import type { Inspection } from '../../src/io/driver.js';
import { peerConfig } from '../../src/server/options.js';
import { live, rest } from './session-life.js';
import { SessionWorld, type SessionWorldOptions } from './session-world.js';

/** What `inspect` tells is all it takes to have a run again: the same inputs lead to the same effects, in a fresh machine. */

const SEEDS = Math.max(10, Number(process.env.SEEDS ?? 25));

const WORLDS: readonly [name: string, options: SessionWorldOptions][] = [
  ['one server, listeners', {}],
  ['one server, slow readers', { reads: { client: 'pull', server: 'pull' }, pause: 3000 }],
  ['two servers that share a store', { servers: 2 }],
  ['two servers, age limits', { servers: 2, server: { maxConnectionAge: 20_000, sessionTtl: 15_000 } }],
];

/** As a bug report carries it. */
const asJson = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

/** The steps again, in a machine that draws the random numbers of the log. Returns at how many it has looked. */
function expectReplayed(steps: readonly Inspection[], make: (random: () => number) => Machine, who: string): number {
  let drawn: number[] = [];
  const machine = make(() => {
    const next = drawn.shift();
    if (next === undefined) throw new Error('a random number that is not in the log');
    return next;
  });
  for (const [index, { at, input, effects, deadline, state, random }] of steps.entries()) {
    drawn = [...random];
    const again: readonly Effect[] = machine.step(input as Input, at);
    const what = `step ${index} of ${who}: ${JSON.stringify(input)}`;
    expect(asJson(again), what).toEqual(effects);
    expect(asJson(machine.state), what).toEqual(state);
    expect(machine.deadline, what).toBe(deadline);
    expect(drawn, `${what}: random numbers left`).toEqual([]);
  }
  return steps.length;
}

/** What the sockets of a server's sessions began with: nothing, or what another server has handed over. */
function originsOf({ log, sockets }: SessionWorld): Map<number, PeerSnapshot | undefined> {
  const origins = new Map<number, PeerSnapshot | undefined>();
  const released = new Map<string, PeerSnapshot>();
  for (const [, { effects }, socket] of log) {
    const session = sockets[socket - 1]?.session;
    if (session === undefined) continue;
    if (!origins.has(socket)) origins.set(socket, released.get(session));
    for (const effect of effects) if (effect.type === 'released') released.set(session, asJson(effect.snapshot));
  }
  return origins;
}

describe.each(WORLDS)('%s', { timeout: 120_000 }, (_, options) => {
  test('go the same way again from the log of inspect, with other keys than there were', async () => {
    const seen = { client: 0, server: 0, restored: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = new SessionWorld(seed, options);
      await live(world, 30_000);
      await rest(world);
      const log = asJson(world.log);
      const stepsOf = (number: number) => log.filter(([, , socket]) => socket === number).map(([, step]) => step);
      const config = clientConfig('ws://server', { session: true, ...options.client });
      seen.client += expectReplayed(stepsOf(0), (random) => new Session({ ...config, random }), `C, seed ${seed}`);
      for (const [number, from] of originsOf(world)) {
        const { session, bornAt } = world.sockets[number - 1] as { session: string; bornAt: number };
        const peer = (): Peer => {
          const own = peerConfig({ ...options.server }, { bytes: 0 });
          if (from) return Peer.restore(own, session, from, bornAt);
          // What it begins with that is in no step of its own: the client's HELLO, and the key.
          const origin = { inner: '', clientRetains: config.maxBufferedBytes, key: REDACTED };
          return new Peer(own, session, origin, bornAt);
        };
        seen.server += expectReplayed(stepsOf(number), peer, `${session}, seed ${seed}`);
        if (from) seen.restored++;
      }
    }
    expect(seen.client).toBeGreaterThan(SEEDS * 50);
    expect(seen.server).toBeGreaterThan(SEEDS * 50);
    if (options.servers === 2) expect(seen.restored).toBeGreaterThan(0);
  });

  test('leave no key in the log', async () => {
    const world = new SessionWorld(3, options);
    await live(world, 30_000);
    await rest(world);
    const text = JSON.stringify(world.log);
    expect(text).toContain(`\\"k\\":\\"${REDACTED}\\"`);
    expect(text).not.toContain('key-');
  });
});

test('a log that was tampered with does not replay', async () => {
  const world = new SessionWorld(1);
  await live(world, 5000);
  const steps = asJson(world.log.filter(([, , socket]) => socket === 0).map(([, step]) => step));
  const config = clientConfig('ws://server', { session: true });
  const replay = (log: readonly Inspection[]) => () =>
    expectReplayed(log, (random) => new Session({ ...config, random }), 'C');
  expect(replay(steps)()).toBe(steps.length);
  const first = steps.findIndex(({ input }) => input.type === 'message-received');
  expect(replay(steps.filter((_, index) => index !== first))).toThrow('step');
});
