/** Sessions whose process is killed, or stopped and continued: what lives on loses nothing, and what is gone is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { proxyTo, settle, startClients, startServer, talk, urlOf } from '../helpers/soak/scene.js';
import { eventsOf, sentBy, verdict } from '../helpers/soak/verdict.js';

/** How long a process stands still, in s. */
const still = process.env.LONGSOCKET_SOAK_SECONDS ? 20 : 8;

vi.setConfig({ testTimeout: still * 1000 + 40_000 });

test('a server that is killed and started again is told to its client as a loss with an honest bound, and a new session goes on', async () => {
  const [first, clients] = [await startServer(), await startClients()];
  const proxy = await proxyTo(await first.ask('listen'));
  await clients.ask('connect', urlOf(proxy), ['a'], { session: true });
  await talk(500, [first, clients]);
  await sleep(500);
  proxy.stall(); // From here on the server gets nothing, and the client does not know.
  await sleep(300);
  await talk(0, [first, clients]);
  const pending = await clients.ask('pending');
  const said = sentBy(await clients.ask('reports'));
  const heard = (await first.ask('reports')).a?.account.highest ?? 0;
  expect(said - heard).toBeGreaterThan(50);

  first.kill();
  expect(await first.exited).toBe('SIGKILL');
  const second = await startServer();
  proxy.retarget(await second.ask('listen'));
  proxy.resume();

  await vi.waitFor(async () => expect(eventsOf(await clients.ask('reports'), 'lost')).toHaveLength(1), 5000);
  const [lost] = eventsOf(await clients.ask('reports'), 'lost');
  const told = Number(lost?.detail.undelivered) + Number(lost?.detail.unknown);
  expect(told).toBeGreaterThanOrEqual(said - heard);
  expect(told).toBeLessThanOrEqual(pending);
  expect(lost?.detail.messages).toBe(pending);

  await talk(500, [clients]);
  await sleep(300);
  const { atClients, atServer } = await settle(second, [clients]);
  const { sent = 0, sessions = [], events = [] } = atClients.a ?? {};
  // Everything since, in order, and nothing of before: what was lost is the application's to send again.
  expect(atServer.a?.account).toMatchObject({
    received: sent - said,
    highest: sent,
    duplicates: 0,
    late: 0,
    damaged: 0,
  });
  expect(sent - said).toBeGreaterThan(50);
  expect(new Set(sessions).size).toBe(2);
  expect(events.filter(({ name }) => name === 'close' || name === 'failed')).toEqual([]);
});

async function standStill(end: 'server' | 'client'): Promise<void> {
  const [server, clients] = [await startServer(), await startClients()];
  const proxy = await proxyTo(await server.ask('listen'));
  await clients.ask('connect', urlOf(proxy), ['a', 'b'], { session: true });
  await talk(500, [server, clients]);
  await sleep(500);
  const stopped = end === 'server' ? server : clients;
  stopped.freeze();
  await sleep(still * 1000);
  stopped.thaw();
  const thawed = Date.now();
  await sleep(2000);
  const { atClients, atServer } = await settle(server, [clients]);
  expect([end, ...verdict(atClients, atServer)]).toEqual([end]);
  expect(eventsOf(atClients, 'lost', 'close', 'failed')).toEqual([]);
  expect(eventsOf(atServer, 'lost', 'close')).toEqual([]);
  // The one that went on talked on, into what it had to keep.
  expect(sentBy(end === 'server' ? atClients : atServer)).toBeGreaterThan(2 * 500 * still * 0.8);
  const interrupted = eventsOf(atClients, 'interrupted').map(({ at, detail }) => [at - thawed, detail.cause]);
  console.log(`${end} stopped for ${still} s; interruptions, in ms after it went on: ${JSON.stringify(interrupted)}`);
}

test(`a process that is stopped for ${still} s and continued loses nothing, be it the server's or the client's`, async () => {
  await Promise.all([standStill('server'), standStill('client')]);
});
