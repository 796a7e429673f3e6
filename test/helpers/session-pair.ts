import { LongSocket } from '../../src/client/long-socket.js';
import type { LongSocketOptions } from '../../src/client/options.js';
import type { Data } from '../../src/core/types.js';
import type { Socket, SocketEvents } from '../../src/socket/socket.js';
import { type NetworkOptions, SimulatedNetwork } from '../../src/testing/network.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { SessionServer, type SessionServerOptions } from '../sim/session-network.js';

const names: readonly (keyof SocketEvents)[] = [
  'state',
  'open',
  'message',
  'interrupted',
  'reconnecting',
  'rotating',
  'rotated',
  'lost',
  'failed',
  'error',
  'close',
];

/** Writes down what a socket tells its listeners. `messages`: whether it listens to these as well. */
// biome-ignore lint/suspicious/noExplicitAny: of whatever messages
export function listen(socket: Pick<Socket<any, any>, 'on'>, messages = true) {
  const told: [event: keyof SocketEvents, detail: unknown][] = [];
  for (const name of names) {
    if (name !== 'message' || messages) socket.on(name, (detail: unknown) => told.push([name, detail]));
  }
  /** The details of one event, oldest first. */
  const details = <Event extends keyof SocketEvents>(event: Event): SocketEvents[Event][] =>
    told.filter(([name]) => name === event).map(([, detail]) => detail as SocketEvents[Event]);
  return {
    details,
    /** The events' names, without `state` and `message`. */
    names: () => told.map(([name]) => name).filter((name) => name !== 'state' && name !== 'message'),
    messages: (): Data[] => details('message'),
  };
}

/** What to know of a pair. */
interface Arrangement {
  readonly server?: SessionServerOptions;
  readonly network?: Partial<NetworkOptions>;
  /** The server's application listens to messages. @default true */
  readonly reads?: boolean;
}

/** A client with a session, and its server, on a simulated network with latency 10 ms and a chance of one half. */
export function sessionPair<In = Data, Out = Data>(
  options: LongSocketOptions<In, Out> = {},
  { server: serverOptions = {}, network: networkOptions = {}, reads = true }: Arrangement = {},
) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, ...networkOptions });
  const server = new SessionServer(network, serverOptions);
  /** What each of the server's ends was told. */
  const ends: ReturnType<typeof listen>[] = [];
  server.onsession = (socket) => ends.push(listen(socket, reads));
  network.serve(server.take);
  const socket = new LongSocket<In, Out>('ws://host/', {
    session: true,
    clock,
    dial: network.dial,
    random: () => 0.5,
    signals: () => () => {},
    ...options,
  });
  const client = listen(socket);
  return {
    clock,
    network,
    server,
    socket,
    client,
    ends,
    /** The server's end of the newest session, and what it was told. */
    peer: () => server.socket,
    end: () => {
      const end = ends.at(-1);
      if (!end) throw new Error('no session has begun');
      return end;
    },
  };
}
