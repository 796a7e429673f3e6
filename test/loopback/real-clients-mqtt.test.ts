/** mqtt.js over a WebSocket of ours, against aedes. */
import { connect, type IClientOptions } from 'mqtt';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { CutKind } from '../helpers/fault-proxy.js';
import {
  native,
  type Pairing,
  patience,
  plain,
  Scene,
  seeds,
  sendAmidCuts,
  sessions,
  upTo,
} from '../helpers/real-clients.js';
import { serveMqtt } from '../helpers/real-servers.js';

/** A broker, and a client that has subscribed to `down`. */
async function publish(pairing: Pairing) {
  const scene = await Scene.open(pairing);
  const log: unknown[] = [];
  const { broker, up, down } = await serveMqtt(scene, log);
  const come = { up, down: [] as number[] };
  for (const event of ['client', 'clientDisconnect'] as const) broker.on(event, ({ id }) => log.push([event, id]));
  const { WebSocket } = pairing;
  const options: IClientOptions = {
    clientId: 'one',
    reconnectPeriod: 20,
    // As in a browser, where there is no other.
    forceNativeWebSocket: true,
    createWebsocket: (url, protocols) => new WebSocket(url, protocols),
  };
  const client = connect(scene.url, options);
  onTestFinished(() => void client.end(true));
  for (const event of ['connect', 'reconnect', 'close', 'offline', 'end'] as const) {
    client.on(event, () => log.push([event]));
  }
  client.on('error', (error) => log.push(['error', error.message]));
  client.on('message', (_, payload) => come.down.push(Number(payload)));
  await vi.waitFor(() => expect(client.connected).toBe(true), patience);
  await client.subscribeAsync('down', { qos: 0 });
  const speak = (n: number): void => {
    client.publish('up', String(n), { qos: 0 });
  };
  return { scene, broker, client, come, log, up: speak, down };
}

describe('mqtt.js', () => {
  test.each(seeds)(
    'with sessions at both ends loses, repeats and disorders nothing over 20 cuts (seed %i)',
    async (seed) => {
      const { scene, broker, client, come, log, up, down } = await publish(sessions);
      const last = await sendAmidCuts(scene, seed, [up, down]);
      await vi.waitFor(() => expect([come.up.length, come.down.length]).toEqual([last, last]), patience);
      expect(come).toEqual({ up: upTo(last), down: upTo(last) });
      await scene.holdsOne();
      expect(log).toEqual([['protocol', 'mqtt'], ['client', 'one'], ['connect']]);
      expect(broker.connectedClients).toBe(1);
      await client.endAsync();
      await scene.isLeft();
      expect(broker.connectedClients).toBe(0);
    },
  );

  /** What the client sees of a broker that is cut off, and that closes. */
  async function run(pairing: Pairing, cuts: readonly CutKind[]): Promise<unknown[]> {
    const { scene, broker, client, come, log, up, down } = await publish(pairing);
    let n = 0;
    let connections = 1;
    const exchange = async (): Promise<void> => {
      await vi.waitFor(() => {
        expect(log.filter((entry) => (entry as unknown[])[0] === 'connect')).toHaveLength(connections);
      }, patience);
      await scene.holdsOne();
      await client.subscribeAsync('down', { qos: 0 });
      n++;
      up(n);
      await vi.waitFor(() => expect(come.up.at(-1)).toBe(n), patience);
      down(n);
      await vi.waitFor(() => expect(come.down.at(-1)).toBe(n), patience);
      log.push(['exchanged', n, broker.connectedClients]);
    };
    await exchange();
    for (const kind of cuts) {
      scene.proxy.cut(kind);
      connections++;
      await exchange();
    }
    for (const socket of scene.server.clients) socket.close(4000, 'told to');
    connections++;
    await exchange();
    await client.endAsync();
    await scene.isLeft();
    // When the broker notices that a client is gone is another matter.
    return [...log.filter((entry) => !/^client/.test(String((entry as unknown[])[0]))), come];
  }

  test('without a session is as over ws, to the last event', async () => {
    const expected = await run(native, ['rst', 'fin']);
    expect(expected.filter((entry) => (entry as unknown[])[0] === 'close')).toHaveLength(4);
    for (const pairing of plain) expect(await run(pairing, ['rst', 'fin']), pairing.title).toEqual(expected);
  });

  test('with sessions sees the server close as over ws, and begins again as there', async () => {
    expect(await run(sessions, [])).toEqual(await run(native, []));
  });
});
