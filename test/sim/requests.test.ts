import { expect, test } from 'vitest';
import type { LongSocketError } from '../../src/index.js';
import { type Requests, requests } from '../../src/messages.js';
import { type DialFate, seededRandom } from '../../src/testing.js';
import { sessionPair } from '../helpers/session-pair.js';
import { SessionServer } from '../sim/session-network.js';

const SEEDS = Number(process.env.SEEDS ?? 100);
const FIRST = Number(process.env.SEED ?? 1);
const COUNT = process.env.SEED ? 1 : SEEDS;

/** One end: what it asked and was answered, what it handled, and the messages it had. */
interface End {
  readonly calls: Requests<number, number>;
  readonly answers: Map<number, number | string>;
  readonly handled: number[];
  readonly heard: string[];
  readonly sent: string[];
  asked: number;
  send(message: string): void;
}

/** Both ends ask, answer after a while, and talk, over a session and a network with faults. */
function world(seed: number) {
  const random = seededRandom(seed);
  const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  const pair = sessionPair({ random }, { reads: false, network: { random, latency: [1, 60] } });
  const { clock, network, socket, server } = pair;

  const live = (end: typeof socket | ReturnType<typeof pair.peer>): End => {
    const handled: number[] = [];
    const calls = requests<number, number>(end, { timeout: Number.POSITIVE_INFINITY });
    calls.handle(async (n) => {
      handled.push(n);
      if (random() < 0.7) await new Promise((resolve) => clock.schedule(resolve as () => void, between(0, 8000)));
      if (n % 7 === 0) throw new Error('seven');
      return n * 2;
    }, QUIET);
    const heard: string[] = [];
    // Some read as it comes, some one at a time.
    if (random() < 0.5) end.on('message', (data) => heard.push(String(data)));
    else {
      void (async () => {
        for await (const data of end) {
          heard.push(String(data));
          if (random() < 0.3) await new Promise((resolve) => clock.schedule(resolve as () => void, between(0, 500)));
        }
      })();
    }
    return { calls, answers: new Map(), handled, heard, sent: [], asked: 0, send: (message) => end.send(message) };
  };
  const ends: End[] = [live(socket)];
  server.onsession = (peer) => ends.push(live(peer));

  const act = (end: End): void => {
    if (random() < 0.5) {
      const message = `message ${end.sent.length}`;
      end.sent.push(message);
      end.send(message);
      return;
    }
    const n = ++end.asked;
    const settle = (answer: number | string): void => {
      expect(end.answers.has(n), `a second answer to ${n}`).toBe(false);
      end.answers.set(n, answer);
    };
    end.calls.request(n).then(settle, (error: LongSocketError) => settle(error.code));
  };
  const faults = [
    () => network.cut(),
    () => network.silence(),
    () => socket.rotate(),
    () => socket.reconnect(),
    () => {
      network.dials = (['refuse', 'hang', 503] as DialFate[])[between(0, 2)] as DialFate;
      network.cut();
    },
  ];
  const run = async (): Promise<void> => {
    await clock.advanceAsync(1000);
    for (let turn = 0; turn < 60; turn++) {
      for (let burst = between(0, 6); burst > 0; burst--) act(ends[between(0, ends.length - 1)] as End);
      if (random() < 0.3) faults[between(0, faults.length - 1)]?.();
      await clock.advanceAsync(between(0, random() < 0.2 ? 6000 : 300));
      network.dials = 'accept';
    }
    await clock.advanceAsync(120_000);
  };
  return { ...pair, ends, run };
}

const QUIET = { onError: () => {} };

test('over a session with faults every request is handled once, answered once, and rightly, in both directions', {
  timeout: 120_000,
}, async () => {
  let asked = 0;
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const { ends, run, client } = world(seed);
    await run();
    expect([seed, ends.length, client.names().includes('lost')]).toEqual([seed, 2, false]);
    for (const [index, end] of ends.entries()) {
      const other = ends[1 - index] as End;
      const expected = Array.from({ length: end.asked }, (_, n) => [
        n + 1,
        (n + 1) % 7 === 0 ? 'REQUEST_FAILED' : (n + 1) * 2,
      ]);
      expect([seed, [...end.answers].sort(([a], [b]) => a - b)]).toEqual([seed, expected]);
      expect([seed, other.handled]).toEqual([seed, expected.map(([n]) => n)]);
      expect([seed, other.heard]).toEqual([seed, end.sent]);
      expect(end.calls.pending).toBe(0);
      asked += end.asked;
    }
  }
  expect(asked).toBeGreaterThan(COUNT * 20);
});

test('when servers crash every request is answered once, or lost, or still handled at most once', {
  timeout: 120_000,
}, async () => {
  let lost = 0;
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const random = seededRandom(seed);
    const { clock, network, socket, ...pair } = sessionPair({ random }, { reads: false });
    const handled = new Map<number, number>();
    const serve = (server: SessionServer): void => {
      server.onsession = (end) =>
        requests<number, number>(end).handle(async (n) => {
          handled.set(n, (handled.get(n) ?? 0) + 1);
          await new Promise((resolve) => clock.schedule(resolve as () => void, random() * 2000));
          return n * 2;
        });
      network.serve(server.take);
    };
    let { server } = pair;
    serve(server);
    const calls = requests<number, number>(socket);
    const fates = new Map<number, unknown>();
    let asked = 0;
    for (let turn = 0; turn < 30; turn++) {
      for (let burst = random() * 4; burst > 0; burst--) {
        const n = ++asked;
        calls.request(n).then(
          (answer) => fates.set(n, answer),
          ({ code }) => fates.set(n, code),
        );
      }
      const dice = random();
      if (dice < 0.15) {
        server.crash();
        server = new SessionServer(network, {}, `next-${turn}-`);
        serve(server);
      } else if (dice < 0.3) network.cut();
      await clock.advanceAsync(random() * 2000);
    }
    await clock.advanceAsync(60_000);
    expect([seed, fates.size, calls.pending]).toEqual([seed, asked, 0]);
    for (const [n, fate] of fates) {
      expect([n * 2, 'REQUEST_LOST']).toContain(fate);
      if (fate === 'REQUEST_LOST') lost++;
      expect(handled.get(n) ?? 0).toBeLessThanOrEqual(1);
      if (fate === n * 2) expect(handled.get(n)).toBe(1);
    }
  }
  expect(lost).toBeGreaterThan(0);
});
