import { TOKEN } from '../../src/core/frames.js';
import type { ServerConnection } from '../../src/io/connection.js';
import { type NetworkOptions, SimulatedNetwork } from '../../src/testing/network.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import type { WebSocketOptions } from '../../src/websocket/options.js';
import { WebSocket } from '../../src/websocket/web-socket.js';
import { listen } from '../helpers/session-pair.js';
import { SessionServer } from '../sim/session-network.js';

/** What a target was told, each event as its type and what it carries. */
export function log(target: WebSocket): unknown[] {
  const entries: unknown[] = [];
  target.addEventListener('open', () => entries.push('open'));
  target.addEventListener('message', ({ data }) => entries.push(data));
  target.addEventListener('error', () => entries.push('error'));
  target.addEventListener('close', ({ code, reason, wasClean }) => entries.push([code, reason, wasClean]));
  return entries;
}

/** A drop-in on a simulated network, with latency 10 ms, whose server says what the test lets it say. */
export function facade(
  options: WebSocketOptions = {},
  { protocols, ...networkOptions }: Partial<NetworkOptions> & { protocols?: string | string[] } = {},
) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, ...networkOptions });
  const servers: ServerConnection[] = [];
  const received: unknown[] = [];
  const closes: unknown[] = [];
  network.serve((server) => {
    servers.push(server);
    server.protocol = server.protocols[0] ?? '';
    server.onmessage = (data) => received.push(typeof data === 'string' ? data : [...bytes(data)]);
    server.onclose = ({ code, reason, wasClean }) => closes.push([code, reason, wasClean]);
  });
  const socket = new WebSocket('ws://host/path', protocols, {
    clock,
    dial: network.dial,
    random: () => 0.5,
    signals: () => () => {},
    ...options,
  });
  const server = (): ServerConnection => servers.at(-1) as ServerConnection;
  return { clock, network, socket, server, servers, received, closes, entries: log(socket) };
}

/** The same, connected. */
export function connected(...parameters: Parameters<typeof facade>) {
  const given = facade(...parameters);
  given.clock.advance(100);
  return given;
}

/** With a session, and its server. */
export function withSession(options: WebSocketOptions = {}, protocols?: string | string[]) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock });
  const server = new SessionServer(network);
  const ends: ReturnType<typeof listen>[] = [];
  server.onsession = (end) => ends.push(listen(end));
  network.serve(server.take);
  const socket = new WebSocket('ws://host/', protocols, {
    session: true,
    clock,
    dial: network.dial,
    random: () => 0.5,
    signals: () => () => {},
    ...options,
  });
  return { clock, network, socket, server, ends, entries: log(socket), TOKEN };
}

export function bytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
