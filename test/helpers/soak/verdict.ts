/** Compares the two ends of conversations. */
import { faultsOf } from './ledger.js';
import type { TalkerReport } from './talker.js';

type Reports = Readonly<Record<string, TalkerReport>>;

/** Everything that one end said and the other did not hear exactly once and in order, in words. */
export function verdict(clients: Reports, servers: Reports): string[] {
  return Object.entries(clients).flatMap(([path, client]) => {
    const server = servers[path];
    if (!server) return [`${path}: the server knows nothing of it`];
    return [
      ...faultsOf(client.sent, server.account).map((fault) => `${path}, client to server: ${fault}`),
      ...faultsOf(server.sent, client.account).map((fault) => `${path}, server to client: ${fault}`),
    ];
  });
}

export const eventsOf = (reports: Reports, ...names: string[]): TalkerReport['events'] =>
  Object.values(reports).flatMap(({ events }) => events.filter(({ name }) => names.includes(name)));

export const sentBy = (reports: Reports): number => Object.values(reports).reduce((sum, { sent }) => sum + sent, 0);
