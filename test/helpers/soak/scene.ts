/** A server in a process of its own, and how a test ends a conversation with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { FaultProxy } from '../fault-proxy.js';
import { Child, type Remote } from './child.js';
import type { ClientProgram } from './clients.js';
import type { ServerProgram } from './server.js';
import type { TalkerReport } from './talker.js';

export type Reports = Readonly<Record<string, TalkerReport>>;

export const startServer = (): Promise<Child<ServerProgram>> => Child.start<ServerProgram>('server');
export const startClients = (): Promise<Child<ClientProgram>> => Child.start<ClientProgram>('client');

/** How long what was said may take to arrive once the network is repaired, in ms. */
const patience = 15_000;

/** A proxy that ends with the test. */
export async function proxyTo(port: number): Promise<FaultProxy> {
  const proxy = await FaultProxy.listen(port);
  onTestFinished(() => proxy.close());
  return proxy;
}

export const urlOf = ({ port }: { readonly port: number }): string => `ws://127.0.0.1:${port}/`;

type Ends = readonly Remote<Pick<ClientProgram & ServerProgram, 'talk' | 'rest' | 'delivered' | 'reports'>>[];

/** All of them say so many messages per second, in each of their conversations. */
export async function talk(rate: number, ends: Ends): Promise<void> {
  await Promise.all(ends.map((end) => end.ask('talk', rate)));
}

/** Everybody falls silent and waits until what was said has arrived; then come the reports, of clients and server. */
export async function settle(
  server: Remote<ServerProgram>,
  clients: readonly Remote<ClientProgram>[],
  /** The one conversation that matters at the server. */
  path?: string,
): Promise<{ readonly atClients: Reports; readonly atServer: Reports }> {
  const ends = [server, ...clients] as Ends;
  await Promise.all(ends.map((end) => end.ask('rest')));
  await talk(0, ends);
  const delivered = [server.ask('delivered', path), ...clients.map((each) => each.ask('delivered'))];
  // What has not arrived by then is for the verdict to name.
  await Promise.race([Promise.all(delivered), sleep(patience, undefined, { ref: false })]);
  const reports = await Promise.all(clients.map((each) => each.ask('reports')));
  return { atClients: Object.assign({}, ...reports) as Reports, atServer: await server.ask('reports') };
}
