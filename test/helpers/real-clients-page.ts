/** Real clients in a page, each with a session: bundled by `test/loopback/real-clients-chromium.test.ts`. */
import { createClient } from 'graphql-ws';
import WebSocket from 'longsocket/websocket';
import mqtt from 'mqtt';
import { createWebSocketConnection, toSocket } from 'vscode-ws-jsonrpc';
import { WebsocketProvider } from 'y-websocket';
import { Doc } from 'yjs';

class SessionWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols, { session: true, backoffBase: 10, backoffCap: 50 });
  }
}

/** What a test has of a client in the page. */
export interface PageClient {
  /** Sends a number. */
  speak(n: number): void;
  /** The numbers that have come. */
  readonly heard: number[];
  /** The answers, where there are any. */
  readonly answered: number[];
  /** What else has happened: that it had to connect again, say. */
  readonly log: string[];
  end(): unknown;
}

const empty = (): Pick<PageClient, 'heard' | 'answered' | 'log'> => ({ heard: [], answered: [], log: [] });

/** Resolves when the client is ready. */
export const clients = {
  async 'graphql-ws'(url: string): Promise<PageClient> {
    const { heard, answered, log } = empty();
    const client = createClient({
      url,
      webSocketImpl: SessionWebSocket,
      on: { opened: () => log.push('open'), closed: () => log.push('close'), error: () => log.push('error') },
    });
    const sink = { error: (error: unknown) => log.push(String(error)), complete: () => {} };
    client.subscribe<{ tick: number }>(
      { query: 'subscription { tick }' },
      { ...sink, next: ({ data }) => data && heard.push(data.tick) },
    );
    const speak = (n: number): void => {
      const query = `mutation { say(n: ${n}) }`;
      client.subscribe<{ say: number }>({ query }, { ...sink, next: ({ data }) => data && answered.push(data.say) });
    };
    return { speak, heard, answered, log, end: () => client.dispose() };
  },

  async 'y-websocket'(url: string, room: string): Promise<PageClient> {
    const { heard, answered, log } = empty();
    const doc = new Doc();
    const provider = new WebsocketProvider(url, room, doc, { WebSocketPolyfill: SessionWebSocket, disableBc: true });
    provider.on('status', ({ status }) => log.push(status === 'connected' ? 'open' : status));
    provider.on('connection-error', () => log.push('error'));
    doc.getArray<number>('down').observe(({ changes }) => {
      for (const { insert = [] } of changes.delta) heard.push(...(insert as number[]));
    });
    await new Promise((resolve) => provider.on('sync', resolve));
    return { speak: (n) => doc.getArray('up').push([n]), heard, answered, log, end: () => provider.destroy() };
  },

  async 'mqtt.js'(url: string): Promise<PageClient> {
    const { heard, answered, log } = empty();
    const createWebsocket = (address: string, protocols: string[]) => new SessionWebSocket(address, protocols);
    const client = mqtt.connect(url, { createWebsocket });
    client.on('connect', () => log.push('open'));
    client.on('close', () => log.push('close'));
    client.on('error', ({ message }) => log.push(message));
    client.on('message', (_, payload) => heard.push(Number(payload.toString())));
    await client.subscribeAsync('down');
    return { speak: (n) => client.publish('up', String(n)), heard, answered, log, end: () => client.endAsync() };
  },

  async 'vscode-ws-jsonrpc'(url: string): Promise<PageClient> {
    const { heard, answered, log } = empty();
    const webSocket = new SessionWebSocket(url);
    await new Promise((resolve) => webSocket.addEventListener('open', resolve));
    log.push('open');
    const logger = { error: () => {}, warn: () => {}, info: () => {}, log: () => {} };
    const connection = createWebSocketConnection(toSocket(webSocket), logger);
    connection.onNotification('tell', (n: number) => void heard.push(n));
    connection.onRequest('double', (n: number) => 2 * n);
    connection.onClose(() => log.push('close'));
    connection.listen();
    const speak = (n: number): void => {
      connection.sendRequest<number>('double', n).then((answer) => answered.push(answer / 2));
      void connection.sendNotification('tell', n);
    };
    return { speak, heard, answered, log, end: () => webSocket.close() };
  },
};

declare global {
  interface Window {
    clients: typeof clients;
    client: PageClient;
  }
}

window.clients = clients;
