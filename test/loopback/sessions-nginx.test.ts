/** Sessions behind a real nginx, which cuts what is silent, and in a deploy cuts everything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { findNginx, Nginx } from '../helpers/nginx.js';
import { proxyTo, settle, startClients, startServer, talk, urlOf } from '../helpers/soak/scene.js';
import { eventsOf, verdict } from '../helpers/soak/verdict.js';

vi.setConfig({ testTimeout: 60_000 });

const path = findNginx() ?? '';

describe.skipIf(path === '')('behind nginx', () => {
  test('graceful reloads in the middle of traffic cut connections, and lose nothing', async () => {
    const [server, clients] = [await startServer(), await startClients()];
    const nginx = await Nginx.start(path, await server.ask('listen'), { readTimeout: 5, shutdownTimeout: 1 });
    // With some distance, so that there is something on its way, and so lost, when nginx cuts.
    const distance = await proxyTo(nginx.port);
    distance.latency(20);
    await clients.ask('connect', urlOf(distance), ['one', 'two'], { session: true });
    await talk(1000, [server, clients]);
    for (let reloads = 0; reloads < 2; reloads++) {
      await sleep(700);
      await nginx.reload();
      await sleep(1500);
    }
    const { atClients, atServer } = await settle(server, [clients]);
    expect(verdict(atClients, atServer)).toEqual([]);
    expect(eventsOf(atClients, 'lost', 'close', 'failed')).toEqual([]);
    // Each reload did cut each connection: else this test would show nothing.
    expect(eventsOf(atClients, 'interrupted').length).toBeGreaterThanOrEqual(4);
  });

  test('an idle session is cut by the read timeout until it has learned it, then keeps itself alive, and loses nothing', async () => {
    const [server, clients] = [await startServer(), await startClients()];
    const readTimeout = 3;
    const nginx = await Nginx.start(path, await server.ask('listen'), { readTimeout, shutdownTimeout: 1 });
    await clients.ask('connect', urlOf(nginx), ['idle'], { session: true });
    const interruptions = async (): Promise<number> => eventsOf(await clients.ask('reports'), 'interrupted').length;
    await vi.waitFor(async () => expect(await interruptions()).toBe(3), { timeout: 20_000, interval: 100 });
    await sleep(3 * readTimeout * 1000);
    expect(await interruptions()).toBe(3);
    await talk(500, [server, clients]);
    await sleep(300);
    const { atClients, atServer } = await settle(server, [clients]);
    expect(verdict(atClients, atServer)).toEqual([]);
    expect(eventsOf(atClients, 'lost', 'close', 'failed')).toEqual([]);
  });
});
