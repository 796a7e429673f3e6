import { expect, test } from 'vitest';
import type { Data } from '../../src/core/types.js';
import { seededRandom } from '../../src/testing/random.js';
import { sessionPair } from '../helpers/session-pair.js';
import { settle } from './simulated.js';

/** An application that reads now in this way and now in that, one at a time, and sometimes not at all. */
async function readInEveryWay(seed: number): Promise<{ sent: number; read: Data[]; pending: number; acked: number[] }> {
  const random = seededRandom(seed);
  const { socket, clock, network, peer } = sessionPair({}, { reads: false });
  await clock.advanceAsync(100);
  const read: Data[] = [];
  /** Messages that the client knows to be read must have been. */
  const acked: number[] = [];
  let sent = 0;
  let stop = async (): Promise<void> => {};
  const ways = [
    (): void => {
      const off = peer().on('message', (data) => read.push(data));
      stop = async () => off();
    },
    (): void => {
      const off = peer().once('message', (data) => read.push(data));
      stop = async () => off();
    },
    (): void => {
      const iterator = peer()[Symbol.asyncIterator]();
      let asking = true;
      const most = Math.floor(random() * 6);
      const run = async (): Promise<void> => {
        for (let taken = 0; taken < most && asking; taken++) {
          const result = await iterator.next();
          if (result.done) return;
          read.push(result.value);
        }
      };
      void run();
      stop = async () => {
        asking = false;
        await iterator.return?.();
      };
    },
    (): void => {
      stop = async () => {};
    },
  ];
  for (let turn = 0; turn < 120; turn++) {
    const dice = random();
    if (dice < 0.4) for (let n = Math.ceil(random() * 5); n > 0; n--) socket.send(String(sent++));
    else if (dice < 0.7) {
      await stop();
      ways[Math.floor(random() * ways.length)]?.();
    } else if (dice < 0.75) network.cut();
    else if (dice < 0.8) socket.rotate();
    // Sometimes in the same tick, sometimes in the next, sometimes when acks are due.
    if (random() < 0.3) await clock.advanceAsync(random() < 0.5 ? 30 : 2000);
    else if (random() < 0.5) await settle();
    acked.push(sent - socket.pending - read.length);
  }
  await stop();
  peer().on('message', (data) => read.push(data));
  await clock.advanceAsync(60_000);
  return { sent, read, pending: socket.pending, acked };
}

test('however an application reads, and changes its mind, it reads each message once, in order, and only that is acked', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { sent, read, pending, acked } = await readInEveryWay(seed);
    expect([seed, read.map(Number)]).toEqual([seed, Array.from({ length: sent }, (_, n) => n)]);
    expect([seed, pending, Math.max(...acked)]).toEqual([seed, 0, expect.toSatisfy((most: number) => most <= 0)]);
  }
});
