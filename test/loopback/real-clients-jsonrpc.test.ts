/** A JSON-RPC client of vscode-ws-jsonrpc over a WebSocket of ours, against a server of the same. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { listen } from 'vscode-ws-jsonrpc';
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
import { attend, type End, serveJsonRpc, silent } from '../helpers/real-servers.js';

/** Both ends of a connection. */
async function call(pairing: Pairing) {
  const scene = await Scene.open(pairing);
  const served = serveJsonRpc(scene);
  const webSocket = new pairing.WebSocket(scene.url, 'json-rpc');
  onTestFinished(() => webSocket.close());
  const client = await new Promise<End>((resolve) => {
    listen({ webSocket, logger: silent, onConnection: (connection) => resolve(attend(connection)) });
  });
  return { scene, webSocket, client, server: await served };
}

describe('vscode-ws-jsonrpc', () => {
  test.each(seeds)(
    'with sessions at both ends loses, repeats and disorders nothing over 20 cuts (seed %i)',
    async (seed) => {
      const { scene, webSocket, client, server } = await call(sessions);
      const last = await sendAmidCuts(scene, seed, [client.speak, server.speak]);
      const doubled = upTo(last).map((n) => 2 * n);
      expect(await Promise.all(client.answers)).toEqual(doubled);
      expect(await Promise.all(server.answers)).toEqual(doubled);
      for (const { asked, told, log } of [client, server]) {
        await vi.waitFor(() => expect(told).toHaveLength(last), patience);
        expect([asked, told, log]).toEqual([upTo(last), upTo(last), []]);
      }
      await scene.holdsOne();
      webSocket.close();
      await scene.isLeft();
    },
  );

  /** It does not connect again by itself: one life for each way to end. */
  async function run(pairing: Pairing, end: (scene: Scene, webSocket: WebSocket) => unknown): Promise<unknown[]> {
    const { scene, webSocket, client, server } = await call(pairing);
    for (const n of [1, 2, 3]) for (const { speak } of [client, server]) speak(n);
    const answers = await Promise.all([...client.answers, ...server.answers]);
    await vi.waitFor(() => expect([client.told, server.told]).toEqual([upTo(3), upTo(3)]), patience);
    await scene.holdsOne();
    end(scene, webSocket);
    await vi.waitFor(() => expect([client.log.at(-1), server.log.at(-1)]).toEqual([['close'], ['close']]), patience);
    await scene.isLeft();
    return [webSocket.protocol, answers, client.log, server.log];
  }

  const ends: Record<string, (scene: Scene, webSocket: WebSocket) => unknown> = {
    'a cut by reset': ({ proxy }) => proxy.cut('rst'),
    'a cut by FIN': ({ proxy }) => proxy.cut('fin'),
    'a close of the client’s': (_, webSocket) => webSocket.close(4000, 'bye'),
    'a close of the server’s': ({ server }) => {
      for (const socket of server.clients) socket.close(4001, 'told to');
    },
  };

  test.each(Object.entries(ends))('without a session, %s is as over ws', async (_, end) => {
    const expected = await run(native, end);
    expect(expected[0]).toBe('json-rpc');
    for (const pairing of plain) expect(await run(pairing, end), pairing.title).toEqual(expected);
  });

  test.each(Object.entries(ends).slice(2))('with sessions, %s is as over ws', async (_, end) => {
    expect(await run(sessions, end)).toEqual(await run(native, end));
  });
});
