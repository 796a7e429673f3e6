import { LongSocket } from '../../src/client/long-socket.js';
import type { LongSocketOptions } from '../../src/client/options.js';
import type { Data } from '../../src/core/types.js';
import type { ServerConnection } from '../../src/io/connection.js';
import type { Signal } from '../../src/io/signals.js';
import type { SocketEvents } from '../../src/socket/socket.js';
import { type NetworkOptions, SimulatedNetwork } from '../../src/testing/network.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

/** A client on a simulated network, with latency 10 ms and a chance of one half, and what it told its listeners. */
export function simulated<In = Data, Out = Data>(
  options: LongSocketOptions<In, Out> = {},
  networkOptions: Partial<NetworkOptions> = {},
) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, ...networkOptions });
  const servers: ServerConnection[] = [];
  const received: Data[] = [];
  network.serve((server) => {
    servers.push(server);
    server.onmessage = (data) => received.push(data);
  });
  const world = { signal: (_: Signal): void => {}, watchers: 0 };
  const socket = new LongSocket<In, Out>('ws://host/', {
    clock,
    dial: network.dial,
    random: () => 0.5,
    signals: (report) => {
      world.signal = report;
      world.watchers++;
      return () => {
        world.watchers--;
      };
    },
    ...options,
  });
  const told: [event: string, detail: unknown][] = [];
  const events: (keyof SocketEvents)[] = [
    'state',
    'open',
    'message',
    'interrupted',
    'reconnecting',
    'failed',
    'error',
    'close',
  ];
  for (const event of events) socket.on(event, (detail: unknown) => told.push([event, detail]));
  /** The details of one event, oldest first. */
  const details = <Event extends keyof SocketEvents>(event: Event): SocketEvents<In>[Event][] =>
    told.filter(([name]) => name === event).map(([, detail]) => detail as SocketEvents<In>[Event]);
  const names = (): string[] => told.map(([event]) => event).filter((event) => event !== 'state');
  const server = (): ServerConnection => {
    const last = servers.at(-1);
    if (!last) throw new Error('no connection has reached the server');
    return last;
  };
  return { clock, network, socket, servers, server, received, world, details, names };
}

/** Lets promises settle: enough turns for a provider or hook of a few awaits. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** What has become of a promise by now. */
export async function fateOf(promise: Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'> {
  let fate: 'pending' | 'resolved' | 'rejected' = 'pending';
  promise.then(
    () => {
      fate = 'resolved';
    },
    () => {
      fate = 'rejected';
    },
  );
  await settle();
  return fate;
}
