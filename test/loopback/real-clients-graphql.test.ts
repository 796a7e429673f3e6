/** graphql-ws over a WebSocket of ours, against its own server. */
import { type Client, createClient } from 'graphql-ws';
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
import { serveGraphql } from '../helpers/real-servers.js';

async function serve(pairing: Pairing, keepAlive?: number) {
  const scene = await Scene.open(pairing);
  return { scene, ...serveGraphql(scene, keepAlive) };
}

/** A client that has subscribed to `tick`. */
function connect({ WebSocket }: Pairing, scene: Scene) {
  const log: unknown[] = [];
  const client: Client = createClient({
    url: scene.url,
    webSocketImpl: WebSocket,
    retryAttempts: 1000,
    retryWait: () => Promise.resolve(),
    on: {
      connecting: (isRetry) => log.push(['connecting', isRetry]),
      opened: (socket) => log.push(['opened', (socket as WebSocket).protocol]),
      connected: () => log.push(['connected']),
      closed: (event) => {
        const { code, reason, wasClean } = event as CloseEvent;
        log.push(['closed', code, reason, wasClean]);
      },
      error: (error) => log.push(['error', (error as Event).type]),
    },
  });
  const ticks: number[] = [];
  const unsubscribe = client.subscribe<{ tick: number }>(
    { query: 'subscription { tick }' },
    {
      next: ({ data }) => data && ticks.push(data.tick),
      error: (error) => log.push(['failed', String(error)]),
      complete: () => log.push(['complete']),
    },
  );
  onTestFinished(() => void client.dispose());
  const say = (n: number): Promise<number> =>
    new Promise((resolve, reject) => {
      let answer = 0;
      client.subscribe<{ say: number }>(
        { query: `mutation { say(n: ${n}) }` },
        {
          next: ({ data }) => {
            answer = data?.say ?? 0;
          },
          error: reject,
          complete: () => resolve(answer),
        },
      );
    });
  return { client, log, ticks, say, unsubscribe };
}

describe('graphql-ws', () => {
  test.each(seeds)(
    'with sessions at both ends loses, repeats and disorders nothing over 20 cuts (seed %i)',
    async (seed) => {
      const { scene, feeds, up, down } = await serve(sessions, 50);
      const { client, log, ticks, say } = connect(sessions, scene);
      await vi.waitFor(() => expect(feeds.size).toBe(1), patience);
      const answers: Promise<number>[] = [];
      const last = await sendAmidCuts(scene, seed, [(n) => answers.push(say(n)), down]);
      expect(await Promise.all(answers)).toEqual(upTo(last));
      await vi.waitFor(() => expect(ticks).toHaveLength(last), patience);
      expect(ticks).toEqual(upTo(last));
      expect(up).toEqual(upTo(last));
      await scene.holdsOne();
      expect(log).toEqual([['connecting', false], ['opened', 'graphql-transport-ws'], ['connected']]);
      expect(feeds.size).toBe(1);
      await client.dispose();
      await scene.isLeft();
      expect(log.slice(3)).toEqual([['closed', 1000, 'Normal Closure', true], ['complete']]);
    },
  );

  /** What the client sees of a server that is cut off, and that closes. */
  async function run(pairing: Pairing, cuts: readonly CutKind[]): Promise<unknown[]> {
    const { scene, feeds, up, down } = await serve(pairing);
    const { client, log, ticks, say } = connect(pairing, scene);
    let n = 0;
    const exchange = async (): Promise<void> => {
      await vi.waitFor(() => expect(feeds.size).toBe(1), patience);
      await scene.holdsOne();
      n++;
      down(n);
      log.push(['answer', await say(n)]);
      await vi.waitFor(() => expect(ticks.at(-1)).toBe(n), patience);
    };
    await exchange();
    for (const kind of cuts) {
      const [feed] = feeds;
      scene.proxy.cut(kind);
      await vi.waitFor(() => expect([...feeds].filter((other) => other !== feed)).toHaveLength(1), patience);
      await exchange();
    }
    const [feed] = feeds;
    for (const socket of scene.server.clients) socket.close(4205, 'come back');
    await vi.waitFor(() => expect([...feeds].filter((other) => other !== feed)).toHaveLength(1), patience);
    await exchange();
    await client.dispose();
    await scene.isLeft();
    return [...log, ticks, up];
  }

  test('without a session is as over ws, to the last event', async () => {
    const expected = await run(native, ['rst', 'fin']);
    expect(expected.filter((entry) => (entry as unknown[])[0] === 'closed')).toHaveLength(4);
    for (const pairing of plain) expect(await run(pairing, ['rst', 'fin']), pairing.title).toEqual(expected);
  });

  test('with sessions sees the server close as over ws, and begins again as there', async () => {
    expect(await run(sessions, [])).toEqual(await run(native, []));
  });

  test('begins again when the session is ended by force, and there is one', async () => {
    const { scene, feeds, down } = await serve(sessions);
    const { client, log, ticks } = connect(sessions, scene);
    await vi.waitFor(() => expect(feeds.size).toBe(1), patience);
    for (const socket of scene.server.clients) socket.terminate();
    await vi.waitFor(
      () => expect(log.filter((entry) => (entry as unknown[])[0] === 'connected')).toHaveLength(2),
      patience,
    );
    await vi.waitFor(() => expect(feeds.size).toBe(1), patience);
    await scene.holdsOne();
    down(1);
    await vi.waitFor(() => expect(ticks).toEqual([1]), patience);
    expect(log).toContainEqual(['closed', 1006, '', false]);
    await client.dispose();
    await scene.isLeft();
  });
});
