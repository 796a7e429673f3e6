/** y-websocket over a WebSocket of ours, against `@y/websocket-server`. */
import { createRequire } from 'node:module';
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
import { serveYjs } from '../helpers/real-servers.js';

/** The builds for CommonJS: of Yjs there must be one. */
const require = createRequire(import.meta.url);
const { Doc }: typeof import('yjs') = require('yjs');
const { WebsocketProvider }: typeof import('y-websocket') = require('y-websocket');

/** A client's document and the server's, of the same room; and the messages that either end has got, of the synchronisation alone. */
async function share(pairing: Pairing) {
  const scene = await Scene.open(pairing);
  const { room, seen, up, down } = serveYjs(scene);
  const heard = { messages: 0 };
  const doc = new Doc();
  const log: unknown[] = [];
  const provider = new WebsocketProvider(scene.url, room, doc, {
    WebSocketPolyfill: pairing.WebSocket,
    disableBc: true,
    connect: false,
    maxBackoffTime: 100,
  });
  const [handleSync] = provider.messageHandlers;
  provider.messageHandlers[0] = (...details) => {
    heard.messages++;
    handleSync?.(...details);
  };
  provider.on('status', ({ status }) => log.push([status]));
  provider.on('sync', (isSynced) => log.push(['sync', isSynced]));
  provider.on('connection-close', (event) => {
    log.push(['close', event && [event.code, event.reason, event.wasClean]]);
  });
  provider.on('connection-error', (event) => log.push(['error', event.type]));
  provider.connect();
  onTestFinished(() => {
    provider.destroy();
    doc.destroy();
  });
  /** Each change is a message of its own. */
  const change = { up: (n: number) => doc.getArray<number>('up').push([n]), down };
  /** What has come, in the order in which it did. */
  const come = { up, down: [] as number[] };
  doc.getArray<number>('down').observe(({ changes }) => {
    for (const { insert = [] } of changes.delta) come.down.push(...(insert as number[]));
  });
  const messages = (): [up: number, down: number] => [seen.messages, heard.messages];
  return { scene, provider, log, messages, change, come };
}

describe('y-websocket', () => {
  test.each(seeds)('with sessions at both ends misses and repeats no update over 20 cuts (seed %i)', async (seed) => {
    const { scene, provider, log, messages, change, come } = await share(sessions);
    await vi.waitFor(() => expect(provider.synced).toBe(true), patience);
    const before = messages();
    const last = await sendAmidCuts(scene, seed, [change.up, change.down]);
    await vi.waitFor(() => expect([come.up.length, come.down.length]).toEqual([last, last]), patience);
    expect(come).toEqual({ up: upTo(last), down: upTo(last) });
    // Nor was anything made good afterwards: every update was one message, and the server tells whoever made it as well.
    const [ups, downs] = before;
    await vi.waitFor(() => expect(messages()).toEqual([ups + last, downs + 2 * last]), patience);
    await scene.holdsOne();
    expect(log).toEqual([['connecting'], ['connected'], ['sync', true]]);
    provider.destroy();
    await scene.isLeft();
  });

  /** What the client sees of a server that is cut off, and that closes. */
  async function run(pairing: Pairing, cuts: readonly CutKind[]): Promise<unknown[]> {
    const { scene, provider, log, change, come, messages } = await share(pairing);
    let n = 0;
    const exchange = async (): Promise<void> => {
      await vi.waitFor(() => expect(provider.synced).toBe(true), patience);
      await scene.holdsOne();
      n++;
      change.up(n);
      await vi.waitFor(() => expect(come.up.at(-1)).toBe(n), patience);
      change.down(n);
      await vi.waitFor(() => expect(come.down.at(-1)).toBe(n), patience);
      log.push(['exchanged', n, ...messages()]);
    };
    await exchange();
    for (const kind of cuts) {
      scene.proxy.cut(kind);
      await vi.waitFor(() => expect(provider.synced).toBe(false), patience);
      // Changes that are made meanwhile are made good by a new synchronisation.
      change.up(++n);
      change.down(n);
      await exchange();
    }
    for (const code of [4500, 4404]) {
      for (const socket of scene.server.clients) socket.close(code, 'told to');
      await vi.waitFor(() => expect(provider.synced).toBe(false), patience);
      if (code === 4500) await exchange();
    }
    await scene.isLeft();
    provider.connect();
    await exchange();
    provider.destroy();
    await scene.isLeft();
    return [...log, come];
  }

  test('without a session is as over ws, to the last event', async () => {
    const expected = await run(native, ['rst', 'fin']);
    expect(expected.filter((entry) => (entry as unknown[])[0] === 'close')).toHaveLength(5);
    for (const pairing of plain) expect(await run(pairing, ['rst', 'fin']), pairing.title).toEqual(expected);
  });

  test('with sessions sees the server close as over ws, and begins again as there', async () => {
    expect(await run(sessions, [])).toEqual(await run(native, []));
  });
});
