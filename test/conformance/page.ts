/** Asks the cases in a page. */
import { cases } from './cases.js';
import { ask, type Socket, type Standard } from './kit.js';

declare global {
  interface Window {
    /** Asks an implementation one case. */
    conformance(name: string, implementation: string, limit: number): Promise<unknown>;
  }
}

const path = '/websocket.js';
const { WebSocket: Ours } = (await import(path)) as { WebSocket: Standard };
const WithOptions = Ours as unknown as new (url: string, protocols?: string | string[], options?: object) => Socket;

window.conformance = async (name, implementation, limit) => {
  const one = cases.find((one) => one.name === name);
  if (!one) throw new Error(`there is no case ${name}`);
  const server = location.origin;
  if (implementation === 'native') return await ask(one, { WebSocket, server }, limit);
  if (implementation === 'ours') return await ask(one, { WebSocket: Ours, server }, limit);
  const open = (url: string, protocols?: string | string[]): Socket =>
    new WithOptions(url, protocols, { session: true });
  return await ask(one, { WebSocket: Ours, open, server }, limit);
};
