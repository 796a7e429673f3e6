import { describe, expect, test } from 'vitest';
import { LongSocket } from '../../src/client/long-socket.js';
import type { Dial } from '../../src/io/connection.js';
import { SimulatedNetwork } from '../../src/testing/network.js';
import { seededRandom } from '../../src/testing/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { alike, herd, longsocket, peers, type Strategy, unavailable } from './herd.js';

const SEEDS = [1, 2, 3];

describe('100 000 clients, cut at once from a server that is gone for 30 s and accepts 2000/s then', () => {
  test.each(SEEDS)('dial at most 6500 times a second, and 99 % are back within 60 s; seed %d', (seed) => {
    const { peak, back, connected } = herd(longsocket(), { seed });
    expect(peak).toBeLessThanOrEqual(6500);
    expect(back).toBeLessThanOrEqual(60);
    expect(connected).toBe(1);
  });

  test('dial at most 7500 times a second where a load balancer answers 503 to what does not pass', () => {
    const { peak, back, connected } = herd(longsocket({}, unavailable));
    expect(peak).toBeLessThanOrEqual(7500);
    expect(back).toBeLessThanOrEqual(60);
    expect(connected).toBe(1);
  });

  test('dial twice to fifteen times as often with the formulas of others', () => {
    const ours = herd(longsocket()).peak;
    const peak = (name: string): number => herd(peers[name] as Strategy).peak;
    expect(peak('partysocket 1.3') / ours).toBeGreaterThan(15);
    expect(peak('socket.io 4.8') / ours).toBeGreaterThan(4);
    expect(peak('reconnecting-websocket 4.4') / ours).toBeGreaterThan(1.9);
    expect(peak('full jitter 0.5 s · 2ⁿ, cap 20 s') / ours).toBeGreaterThan(1.4);
  });
});

test.each([10_000, 60_000, 300_000])('a herd is back within 62 s after an outage of %d ms as well', (outage) => {
  const { back, connected } = herd(longsocket(), { outage, clients: 10_000, rate: 200 });
  expect(back).toBeLessThanOrEqual(62);
  expect(connected).toBe(1);
});

describe('the simulated herd', () => {
  const small = { clients: 1000, outage: 10_000, rate: 100 };

  test('is the same for the same seed, and another for another', () => {
    const [one, again, other] = [1, 1, 2].map((seed) => herd(longsocket(), { ...small, seed }));
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  test('counts dials, and lets nobody in before the server is back or over its limit', () => {
    // At 2, 4, 6, 8 s in vain; at 10 s hardly anyone is let in, and from 12 s on a hundred, what a second's credit allows.
    const { peak, back, floor, connected, dials } = herd(
      alike(() => 2000),
      small,
    );
    expect({ peak, floor, connected }).toEqual({ peak: 1000, floor: 9.9, connected: 1 });
    expect(back).toBe(20);
    expect(dials).toBeCloseTo(5 + 5.5, 1);
  });

  test('reaches the floor where nobody waits, and is never complete where clients give up', () => {
    expect(
      herd(
        alike(() => 1),
        small,
      ).back,
    ).toBeCloseTo(9.9, 1);
    const { back, connected } = herd(
      alike((dials) => (dials < 2 ? 5000 : Number.POSITIVE_INFINITY)),
      small,
    );
    expect(back).toBe(Number.POSITIVE_INFINITY);
    expect(connected).toBeLessThan(0.01);
  });
});

test('the whole LongSocket behaves as its backoff does in a herd', () => {
  // A fiftieth of the herd: 2000 clients, 40 connections a second, so 130 dials a second and what chance adds to them.
  const clients = 2000;
  const rate = 40;
  const outage = 30_000;
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const network = new SimulatedNetwork({ clock, random });
  let credit = clients;
  let connected = 0;
  const dial: Dial = (request, report) => {
    network.dials = credit >= 1 ? 'accept' : 'refuse';
    if (credit >= 1) credit--;
    return network.dial(request, report);
  };
  const sockets = Array.from({ length: clients }, () => {
    const socket = new LongSocket('ws://server', { clock, random, dial, heartbeat: false, signals: () => () => {} });
    socket.on('open', () => connected++);
    socket.on('interrupted', () => connected--);
    return socket;
  });
  clock.advance(10_000);
  expect(connected).toBe(clients);

  credit = 0;
  network.cut();
  clock.advance(outage);
  expect(connected).toBe(0);

  let peak = 0;
  let back = Number.POSITIVE_INFINITY;
  for (let second = 1; second <= 65; second++) {
    const before = network.dialed;
    for (let tenth = 0; tenth < 10; tenth++) {
      credit = Math.min(rate, credit + rate / 10);
      clock.advance(100);
    }
    peak = Math.max(peak, network.dialed - before);
    if (connected >= 0.99 * clients) back = Math.min(back, second);
  }
  expect(back).toBeLessThanOrEqual(62);
  expect(peak).toBeLessThanOrEqual(1.25 * 130);
  for (const socket of sockets) socket.close();
  clock.advance(100);
  expect([clock.timers, network.open]).toEqual([0, 0]);
});
