/** A deploy under two thousand sessions: they move from one server to the next without noticing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { proxyTo, settle, startClients, startServer, talk, urlOf } from '../helpers/soak/scene.js';
import { eventsOf, sentBy, verdict } from '../helpers/soak/verdict.js';

const size = 2000;
/** Messages per second of each of them, each way. */
const rate = 0.5;

vi.setConfig({ testTimeout: 90_000 });

test('two thousand sessions under traffic move to another server with the same store, unnoticed and without a loss', async () => {
  const [servers, clients] = [await startServer(), await startClients()];
  const [first, second] = [
    await servers.ask('listen', { shared: true }),
    await servers.ask('listen', { shared: true }),
  ] as const;
  const balancer = await proxyTo(first);
  const paths = Array.from({ length: size }, (_, index) => `session-${index}`);
  await clients.ask('connect', urlOf(balancer), paths, { session: true }, 1);
  await talk(rate, [servers, clients]);
  await sleep(2000);

  balancer.retarget(second);
  const asked = performance.now();
  await servers.ask('drain', 0, { within: 20_000, rate: 250 });
  const drained = performance.now() - asked;
  await servers.ask('close', 0);
  await sleep(2000);

  const { atClients, atServer } = await settle(servers, [clients]);
  expect(verdict(atClients, atServer)).toEqual([]);
  expect(eventsOf(atClients, 'interrupted', 'lost', 'close', 'failed').slice(0, 5)).toEqual([]);
  // The first server's ends did end: they are at the second now, and its application goes on with those.
  const ends = eventsOf(atServer, 'close').map(({ detail }) => [detail.cause, detail.undelivered, detail.unconfirmed]);
  expect(ends.filter(([cause]) => cause !== 'moved').slice(0, 5)).toEqual([]);
  expect(eventsOf(atClients, 'rotated')).toHaveLength(size);
  expect(sentBy(atClients) + sentBy(atServer)).toBeGreaterThan(2 * size * rate * 4);
  const { rss } = await servers.ask('memory');
  console.log(
    `${size} sessions moved in ${Math.round(drained)} ms; ${Math.round(rss / 2 ** 20)} MiB in the servers' process`,
  );
});
