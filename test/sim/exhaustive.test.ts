import { describe, expect, test } from 'vitest';
import { type Action, type Budget, SmallWorld } from './small-world.js';

/**
 * States after which an exploration ends with the depth it is at; `STATES=2000000` goes deeper, or through all there are.
 * A state is what both machines have seen, and what is under way.
 */
const MOST = Number(process.env.STATES ?? 25_000);

const NOTHING: Budget = {
  clientMessages: 0,
  serverMessages: 0,
  connections: 1,
  cuts: 0,
  rotations: 0,
  clientTimers: 0,
  serverTimers: 0,
  clientCloses: 0,
  serverCloses: 0,
};

const WORLDS: readonly [name: string, budget: Budget, most?: number][] = [
  ['one message each way, one cut', { ...NOTHING, clientMessages: 1, serverMessages: 1, connections: 2, cuts: 1 }],
  [
    'one message each way, a rotation',
    { ...NOTHING, clientMessages: 1, serverMessages: 1, connections: 2, rotations: 1 },
  ],
  [
    'one message up, a rotation and a cut',
    { ...NOTHING, clientMessages: 1, connections: 3, rotations: 1, cuts: 1 },
    80_000,
  ],
  [
    'one message down, a rotation and a cut',
    { ...NOTHING, serverMessages: 1, connections: 3, rotations: 1, cuts: 1 },
    80_000,
  ],
  ['two messages each way, one cut', { ...NOTHING, clientMessages: 2, serverMessages: 2, connections: 2, cuts: 1 }],
  [
    'two messages each way, a rotation',
    { ...NOTHING, clientMessages: 2, serverMessages: 2, connections: 2, rotations: 1 },
  ],
  [
    'three messages each way, a rotation and a cut',
    { ...NOTHING, clientMessages: 3, serverMessages: 3, connections: 3, rotations: 1, cuts: 1 },
  ],
  ['two rotations', { ...NOTHING, clientMessages: 1, serverMessages: 1, connections: 3, rotations: 2 }],
  ['two cuts', { ...NOTHING, clientMessages: 1, serverMessages: 1, connections: 3, cuts: 2 }],
  [
    'both close, one cut',
    { ...NOTHING, clientMessages: 1, serverMessages: 1, connections: 2, cuts: 1, clientCloses: 1, serverCloses: 1 },
  ],
  [
    'both close in a rotation',
    {
      ...NOTHING,
      clientMessages: 1,
      serverMessages: 1,
      connections: 2,
      rotations: 1,
      clientCloses: 1,
      serverCloses: 1,
    },
  ],
  [
    'timers at both ends, one cut',
    { ...NOTHING, clientMessages: 1, serverMessages: 1, connections: 3, cuts: 1, clientTimers: 1, serverTimers: 1 },
  ],
];

interface Exploration {
  readonly states: number;
  /** Every order of so many things was tried. */
  readonly depth: number;
  /** There are no others. */
  readonly complete: boolean;
}

/**
 * Every order of everything, level by level: worlds that have come to the same by different ways are gone on with once. From each, the
 * faults cease, and all must come to rest with nothing lost.
 */
function explore(budget: Budget, most: number): Exploration {
  const seen = new Set<string>();
  let level: Action[][] = [[]];
  for (let depth = 0; level.length > 0; depth++) {
    const next: Action[][] = [];
    for (const path of level) {
      if (seen.size >= most) return { states: seen.size, depth: depth - 1, complete: false };
      const world = replay(budget, path);
      const { key, actions } = world;
      if (seen.has(key)) continue;
      seen.add(key);
      check(world, path);
      world.settle();
      checkSettled(world, path);
      for (const action of actions) next.push([...path, action]);
    }
    if (next.length === 0) return { states: seen.size, depth, complete: true };
    level = next;
  }
  throw new Error('there is always a first state');
}

function replay(budget: Budget, path: readonly Action[]): SmallWorld {
  const world = new SmallWorld(budget);
  for (const action of path) world.do(action);
  return world;
}

function failed(path: readonly Action[], problem: string): never {
  throw new Error(`${problem}, after: ${path.join(' · ')}`);
}

const isPrefix = (part: readonly unknown[], whole: readonly unknown[]): boolean =>
  part.length <= whole.length && part.every((item, i) => item === whole[i]);

function check(world: SmallWorld, path: readonly Action[]): void {
  if (world.mostHeld > 2) failed(path, `${world.mostHeld} connections at once`);
  const [own, ...others] = [...world.sessions.values()].filter(({ received }) => received.length > 0);
  if (others.length > 0) failed(path, 'two sessions have received something');
  if (own && !isPrefix(own.received, world.sent)) failed(path, `the server received ${own.received} of ${world.sent}`);
  const session = world.client.session === undefined ? undefined : world.sessions.get(world.client.session);
  if (session && !isPrefix(world.received, session.sent))
    failed(path, `the client received ${world.received} of ${session.sent}`);
}

/** Nothing is lost that is not counted. */
function checkSettled(world: SmallWorld, path: readonly Action[]): void {
  check(world, path);
  if (!world.atRest) failed(path, 'it does not come to rest');
  const own = world.session === undefined ? undefined : world.sessions.get(world.session);
  const { sent, received, loss, end } = world;
  const arrived = own?.received.length ?? 0;
  // A session that its client may never have heard of lives for 10 s without it: timers can outlast that.
  if (loss?.reason === 'expired' && world.now >= 10_000 && loss.unknown === 0 && arrived === 0) return;
  if (loss) failed(path, `the session was lost: ${loss.reason}`);
  const [exactly, atMost] = [end?.undelivered ?? 0, end?.unconfirmed ?? 0];
  const missing = sent.length - arrived;
  if (missing < exactly || missing > exactly + atMost)
    failed(path, `${missing} of the client's are missing, ${exactly} + ${atMost} counted`);
  const down = own ? own.sent.length - received.length : 0;
  const [theirs, unsure] = [own?.end?.undelivered ?? 0, own?.end?.unconfirmed ?? 0];
  if (down < theirs || down > theirs + unsure)
    failed(path, `${down} of the server's are missing, ${theirs} + ${unsure} counted`);
}

describe('every order of everything in small worlds', { timeout: 3_600_000 }, () => {
  test.each(WORLDS)('%s', (name, budget, most = MOST) => {
    const { states, depth, complete } = explore(budget, Math.max(most, MOST));
    console.log(`${name}: ${states} states, ${complete ? `all there are (${depth} deep)` : `all up to ${depth} deep`}`);
    expect(depth).toBeGreaterThan(4);
  });
});
