import { describe, expect, test } from 'vitest';
import { SessionWorld, type SessionWorldOptions } from './session-world.js';

const ONE_WAY = 30;

/** The same latency for each frame, and 90 ms for a dial: one way before the upgrade request, and there and back. */
function steadyWorld({ weather, ...options }: SessionWorldOptions = {}, seed = 1): SessionWorld {
  return new SessionWorld(seed, { ...options, weather: { latency: [ONE_WAY, ONE_WAY], dial: ONE_WAY, ...weather } });
}

const count = (world: SessionWorld, event: string): number =>
  world.events.filter((happened) => happened.event === event).length;

/** Traffic both ways, every `pace` ms, for so long. */
async function talk(world: SessionWorld, duration: number, pace: number, size = 0): Promise<void> {
  const end = world.clock.now() + duration;
  while (world.clock.now() < end) {
    world.send('x'.repeat(size));
    world.answer('x'.repeat(size));
    await world.pass(pace);
  }
}

describe('a rotation every second', () => {
  // Not in step with the rotations, so that messages fall into each moment of one.
  test.each([1, 3.7, 41.3])('delays no message of either end, one every %d ms', async (pace) => {
    const world = steadyWorld();
    await world.pass(1000);
    for (let rotation = 0; rotation < 30; rotation++) {
      world.socket.rotate();
      await talk(world, 1000, pace);
    }
    await world.pass(2000);
    world.checkAll();
    expect(count(world, 'rotated')).toBe(30);
    expect(count(world, 'interrupted')).toBe(0);
    expect(world.delays.length).toBe(world.epoch.sent.length * 2);
    expect(world.socket.pending).toBe(0);
    expect(Math.min(...world.delays)).toBeGreaterThan(ONE_WAY - 1e-6);
    expect(Math.max(...world.delays)).toBeLessThanOrEqual(1.15 * ONE_WAY);
  });

  test('holds two connections for a moment, and one for the rest', async () => {
    const world = steadyWorld();
    await world.pass(1000);
    for (let rotation = 0; rotation < 10; rotation++) {
      world.socket.rotate();
      await talk(world, 1000, 10);
      expect([...world.network.links].filter(({ held }) => held).length).toBe(1);
    }
    expect(world.network.mostHeld).toBe(2);
    expect(world.network.dials).toBe(11);
  });

  test('changes the order of nothing where every frame and connection has its own latency', async () => {
    const world = steadyWorld({ weather: { latency: [5, 120] } }, 7);
    await world.pass(1000);
    for (let rotation = 0; rotation < 30; rotation++) {
      world.socket.rotate();
      await talk(world, 1000, 2.3);
      world.checkMeanwhile();
    }
    await world.pass(3000);
    world.checkAll();
    expect(count(world, 'interrupted')).toBe(0);
    expect(world.socket.pending).toBe(0);
  });

  test('costs nobody the connection where the transport is slow', async () => {
    const world = steadyWorld({ weather: { window: 400 } });
    await world.pass(1000);
    for (let rotation = 0; rotation < 20; rotation++) {
      world.socket.rotate();
      await talk(world, 1000, 20, 100);
      world.checkMeanwhile();
    }
    await world.pass(3000);
    world.checkAll();
    expect(count(world, 'interrupted')).toBe(0);
    expect(world.socket.pending).toBe(0);
  });
});

describe('limits of age', () => {
  test.each([5000, 30_000])('of %d ms that the server tells cost no interruption in an hour', async (maxAge) => {
    const world = steadyWorld({ server: { maxConnectionAge: maxAge }, weather: { maxAge } });
    await world.pass(100);
    await talk(world, 3_600_000, 250);
    world.checkMeanwhile();
    expect(count(world, 'interrupted')).toBe(0);
    expect(world.network.dials).toBeGreaterThan(3_600_000 / maxAge);
    // Early enough, and not much more often than that.
    expect(world.network.dials).toBeLessThan((2.2 * 3_600_000) / maxAge);
  });

  test('that nobody tells are learned from three ends', async () => {
    const world = steadyWorld({ weather: { maxAge: 60_000 } });
    await world.pass(100);
    await talk(world, 200_000, 250);
    expect(count(world, 'interrupted')).toBe(3);
    await talk(world, 3_600_000, 250);
    world.checkMeanwhile();
    // What was learned is doubted now and then: after 10, 20, 40 … rotations.
    expect(count(world, 'interrupted')).toBeLessThanOrEqual(6);
    expect(count(world, 'rotated')).toBeGreaterThan(60);
  });

  test('of silence are learned as such, and answered by an earlier heartbeat', async () => {
    const world = steadyWorld({ weather: { maxIdle: 15_000 } });
    await world.pass(60_000);
    expect(count(world, 'interrupted')).toBe(3);
    await world.pass(3_600_000);
    expect(count(world, 'interrupted')).toBe(3);
    expect(count(world, 'rotated')).toBe(0);
    expect(world.network.dials).toBe(4);
  });
});

test('acks are less than one hundredth of the bytes, for 100 messages of 100 bytes a second', async () => {
  const world = steadyWorld();
  await world.pass(1000);
  // Such messages count up, so their length is 100 bytes with what stands before.
  await talk(world, 60_000, 10, 92);
  const { client, server } = world.network.wire;
  for (const [name, meter] of Object.entries({ client, server })) {
    expect(meter.of('A'), `acks of the ${name}`).toBeGreaterThan(0);
    expect(meter.of('A') / meter.total, `acks of the ${name}`).toBeLessThan(0.01);
  }
  expect(world.socket.pending).toBeLessThan(64);
});
