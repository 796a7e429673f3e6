import { describe, expect, test } from 'vitest';
import { clientConfig } from '../../src/client/options.js';
import { Line } from '../../src/core/line.js';
import type { CloseDetail, Interruption, LineConfig, Reconnecting } from '../../src/core/types.js';
import type { DialFate } from '../../src/testing.js';
import { HOUR, MINUTE, World } from './world.js';

const SEEDS = Number(process.env.SEEDS ?? 300);
const FIRST = Number(process.env.SEED ?? 1);
const COUNT = process.env.SEED ? 1 : SEEDS;

function forSeeds(run: (seed: number) => void): void {
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) run(seed);
}

/** Traffic both ways and one fault after the other, for two simulated hours. */
function live(world: World, duration = 2 * HOUR): void {
  const { clock, network } = world;
  const end = clock.now() + duration;
  while (clock.now() < end) {
    for (let burst = world.between(0, 20); burst > 0; burst--) {
      world.send();
      if (world.random() < 0.3) world.server?.send('news');
      clock.advance(world.between(0, 400));
    }
    fault(world);
    clock.advance(world.between(0, 2 * MINUTE));
    network.dials = 'accept';
  }
}

function fault(world: World): void {
  const { clock, network, socket, server } = world;
  const faults: (() => void)[] = [
    () => network.cut(),
    () => network.silence(),
    () => server?.terminate(),
    () => server?.close(world.pick(1000, 1001, 1012, 1013, 4000), 'bye'),
    () => {
      network.dials = world.pick<DialFate>('refuse', 'hang', 503);
      network.cut();
    },
    () => {
      network.maxAge = world.pick(undefined, 20_000, 3000, 200);
    },
    () => clock.sleep(world.between(0, 30 * MINUTE)),
    () => socket.reconnect(),
    () => socket.connect(),
    () => world.signal(world.pick('online' as const, 'offline' as const, 'wake' as const, 'freeze' as const)),
    () => world.signal('wake'),
  ];
  world.pick(...faults)();
}

/** Closes, lets what is under way come to rest, and sees that nothing is left. */
function closeAndRest(world: World): CloseDetail {
  const { socket, clock, network } = world;
  world.signal('wake');
  socket.close(1000, 'done');
  clock.advance(10_000);
  world.check(() => {
    expect(socket.state.status).toBe('closed');
    expect(clock.timers, 'timers left after close').toBe(0);
    expect(network.open, 'connections left after close').toBe(0);
    expect(world.details('close'), 'close events').toHaveLength(1);
    expect(world.seen.at(-1)?.event, 'the last event').toBe('close');
  });
  return world.details<CloseDetail>('close')[0] as CloseDetail;
}

describe('a plain client over faulty networks', { timeout: 120_000 }, () => {
  test.each([
    ['protocol pings', {}, { canPing: true }],
    [
      'a message heartbeat',
      { heartbeat: { message: 'ping', isReply: (data: unknown) => data === 'pong' } },
      { canPing: false },
    ],
    ['no heartbeat, as in a browser', {}, { canPing: false }],
  ])('keeps its promises with %s', (_, options, network) => {
    forSeeds((seed) => {
      const world = new World(seed, options, network);
      live(world);
      const end = closeAndRest(world);
      world.check(() => {
        expect(world.network.mostAtOnce, 'attempts and connections at once').toBe(1);
        expectDelaysWithinBounds(world);
        expectTruthAboutLosses(world, end);
        expectAlternation(world);
      });
    });
  });

  test('dials seldom during a long outage, and comes back within the cap after it', () => {
    forSeeds((seed) => {
      const world = new World(seed);
      world.clock.advance(MINUTE);
      const outage = world.between(MINUTE, HOUR);
      world.network.dials = world.pick<DialFate>('refuse', 'hang');
      const before = world.network.dialed;
      world.network.cut();
      world.clock.advance(outage);
      const dials = world.network.dialed - before;
      world.network.dials = 'accept';
      const back = world.clock.now();
      world.clock.advance(45_000);
      world.check(() => {
        // Waits are uniform below ceilings that reach 30 s at the eighth dial: 15 s each in the mean.
        expect(dials, 'dials in the outage').toBeLessThanOrEqual(16 + outage / 7500);
        expect(dials, 'dials in the outage').toBeGreaterThanOrEqual(Math.floor(outage / 40_000));
        const open = world.times('open').find((at) => at > back) ?? Number.POSITIVE_INFINITY;
        expect(open - back, 'ms until it is back').toBeLessThanOrEqual(30_000 + 10_000 + 200);
      });
      closeAndRest(world);
    });
  });

  test('does not hammer a server that accepts connections and closes them at once', () => {
    forSeeds((seed) => {
      const world = new World(seed);
      world.network.maxAge = world.between(100, 4000);
      if (seed % 3 === 0) world.signal('wake');
      world.clock.advance(10 * MINUTE);
      // As in an outage, from the ceiling of 500 ms up: 40 waits of 15 s in the mean.
      world.check(() => expect(world.network.dialed, 'dials in 10 min').toBeLessThanOrEqual(16 + 80));
      closeAndRest(world);
    });
  });

  test('finds a half-open connection within heartbeat and timeout, idle or busy', () => {
    forSeeds((seed) => {
      const world = new World(seed);
      const busy = seed % 2 === 0;
      world.clock.advance(world.between(1000, 2 * MINUTE));
      const since = world.clock.now();
      world.network.silence();
      for (let passed = 0; passed < 40_000; passed += 500) {
        if (busy) world.send();
        world.clock.advance(500);
      }
      world.check(() => {
        const [found] = world.times('interrupted').filter((at) => at > since);
        expect((found ?? Number.POSITIVE_INFINITY) - since, 'ms until found').toBeLessThanOrEqual(25_000 + 5000 + 100);
        expect(world.details<Interruption>('interrupted').at(-1)?.cause).toBe('dead-peer');
        expect(world.socket.state.status).toBe('connected');
      });
      closeAndRest(world);
    });
  });

  test('never gives up a living connection, however late its timers are', () => {
    forSeeds((seed) => {
      const world = new World(seed);
      world.clock.advance(1000);
      for (let nap = 0; nap < 50; nap++) {
        world.clock.sleep(world.between(0, 10 * MINUTE));
        world.clock.advance(world.between(200, MINUTE));
      }
      world.check(() => expect(world.details('interrupted')).toEqual([]));
      closeAndRest(world);
    });
  });
});

describe('a log of inspect', { timeout: 60_000 }, () => {
  test('replays to the same effects', () => {
    forSeeds((seed) => {
      const world = new World(seed);
      live(world, 20 * MINUTE);
      closeAndRest(world);
      const draws = world.log.flatMap(({ random }) => random);
      const config: LineConfig = {
        ...clientConfig('ws://server', world.options),
        random: () => draws.shift() as number,
      };
      const session = new Line(config);
      for (const { at, input, effects, deadline, state } of world.log) {
        const again = [...session.step(input, at)];
        world.check(() => {
          expect(again).toEqual(effects);
          expect(session.deadline).toBe(deadline);
          expect(session.state).toEqual(state);
        });
      }
      world.check(() => expect(draws).toEqual([]));
    });
  });

  test('is named in the report of a failing seed, with the steps that led there', () => {
    const world = new World(7);
    world.clock.advance(100);
    expect(() => world.check(() => expect(1).toBe(2))).toThrow(
      /seed 7 \(again: SEED=7 npm test -- test\/sim\); the last 60 of \d+ steps:\n.*connect\{\} → begin/,
    );
  });
});

function expectDelaysWithinBounds(world: World): void {
  for (const { attempt, delay, cause } of world.details<Reconnecting>('reconnecting')) {
    const overloaded = cause.status === 503 || cause.code === 1012 || cause.code === 1013;
    const ceiling = Math.min(30_000, 500 * 2 ** (attempt - 2));
    expect(delay).toBeGreaterThanOrEqual(0);
    expect(delay).toBeLessThanOrEqual(overloaded ? Math.max(ceiling, 5000) : ceiling);
  }
}

/** Order is kept, nothing comes twice, and no message is lost that was not counted. */
function expectTruthAboutLosses(world: World, end: CloseDetail): void {
  const { received, sent } = world;
  for (let i = 1; i < received.length; i++) expect(received[i]).toBeGreaterThan(received[i - 1] as number);
  const unconfirmed = world.details<Interruption>('interrupted').reduce((sum, { unconfirmed }) => sum + unconfirmed, 0);
  const lost = sent - received.length;
  expect(lost, 'lost, of those not confirmed').toBeLessThanOrEqual(unconfirmed + end.unconfirmed + end.undelivered);
  expect(lost, 'lost, at least those never handed over').toBeGreaterThanOrEqual(end.undelivered);
}

function expectAlternation(world: World): void {
  let open = false;
  for (const { event } of world.seen) {
    if (event === 'open') {
      expect(open, 'open while open').toBe(false);
      open = true;
    } else if (event === 'interrupted') {
      expect(open, 'interrupted while not open').toBe(true);
      open = false;
    } else if (event === 'message') {
      expect(open, 'a message while not open').toBe(true);
    }
  }
}
