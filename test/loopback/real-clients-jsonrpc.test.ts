/** A JSON-RPC client of vscode-ws-jsonrpc over a WebSocket of ours, against a server of the same. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createWebSocketConnection, type IWebSocket, listen } from 'vscode-ws-jsonrpc';
import type { WebSocket as NativeWebSocket } from 'ws';
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

type Connection = ReturnType<typeof createWebSocketConnection>;

const silent: Parameters<typeof createWebSocketConnection>[1] = {
  error: () => {},
  warn: () => {},
  info: () => {},
  log: () => {},
};

/** What a server gives vscode-ws-jsonrpc of a socket of `ws`. */
const adapted = (ws: NativeWebSocket): IWebSocket => ({
  send: (content) => ws.send(content),
  onMessage: (tell) => ws.on('message', (data) => tell(String(data))),
  onError: (tell) => ws.on('error', tell),
  onClose: (tell) => ws.on('close', (code, reason) => tell(code, String(reason))),
  dispose: () => ws.close(),
});

/** Either end answers `double`, and writes down which numbers it was asked and told. */
function attend(connection: Connection, log: unknown[]) {
  const asked: number[] = [];
  const told: number[] = [];
  connection.onRequest('double', (n: number) => {
    asked.push(n);
    return 2 * n;
  });
  connection.onNotification('tell', (n: number) => void told.push(n));
  connection.onError(([error]) => log.push(['error', error.message]));
  connection.onClose(() => log.push(['close']));
  connection.listen();
  return { connection, asked, told, log };
}

type End = ReturnType<typeof attend>;

/** Both ends of a connection. */
async function call(pairing: Pairing) {
  const scene = await Scene.open(pairing);
  const served = new Promise<End>((resolve) => {
    scene.server.once('connection', (ws) => resolve(attend(createWebSocketConnection(adapted(ws), silent), [])));
  });
  const webSocket = new pairing.WebSocket(scene.url, 'json-rpc');
  onTestFinished(() => webSocket.close());
  const client = await new Promise<End>((resolve) => {
    listen({ webSocket, logger: silent, onConnection: (connection) => resolve(attend(connection, [])) });
  });
  return { scene, webSocket, client, server: await served };
}

/** Asks and tells the other end; the answer comes to `answers` in the place of its question. */
function speaker({ connection }: End) {
  const answers: Promise<number>[] = [];
  const speak = (n: number): void => {
    answers.push(connection.sendRequest<number>('double', n));
    void connection.sendNotification('tell', n);
  };
  return { answers, speak };
}

describe('vscode-ws-jsonrpc', () => {
  test.each(seeds)(
    'with sessions at both ends loses, repeats and disorders nothing over 20 cuts (seed %i)',
    async (seed) => {
      const { scene, webSocket, client, server } = await call(sessions);
      const [up, down] = [speaker(client), speaker(server)];
      const last = await sendAmidCuts(scene, seed, [up.speak, down.speak]);
      const doubled = upTo(last).map((n) => 2 * n);
      expect(await Promise.all(up.answers)).toEqual(doubled);
      expect(await Promise.all(down.answers)).toEqual(doubled);
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
    const [up, down] = [speaker(client), speaker(server)];
    for (const n of [1, 2, 3]) for (const { speak } of [up, down]) speak(n);
    const answers = await Promise.all([...up.answers, ...down.answers]);
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
