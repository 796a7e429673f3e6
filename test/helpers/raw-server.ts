/** A server that completes the WebSocket handshake, or not even that, and leaves everything behind it to the test. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export interface RawServer {
  readonly port: number;
  readonly url: string;
  /** Every TCP connection ever accepted. */
  readonly sockets: readonly Socket[];
}

/**
 * Starts one on an ephemeral port of 127.0.0.1, which ends with the test. `onUpgraded` gets each connection as soon as it
 * has answered the upgrade; without it, upgrades are never answered.
 */
export async function listenRaw(onUpgraded?: (socket: Socket) => void): Promise<RawServer> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    if (onUpgraded) upgrade(socket, onUpgraded);
    else socket.resume();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `ws://127.0.0.1:${port}/`, sockets };
}

function upgrade(socket: Socket, onUpgraded: (socket: Socket) => void): void {
  let head = '';
  const read = (chunk: Buffer): void => {
    head += chunk.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    socket.off('data', read);
    const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? '';
    const accept = createHash('sha1')
      .update(key + magic)
      .digest('base64');
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    socket.write(`${lines.join('\r\n')}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    onUpgraded(socket);
  };
  socket.on('data', read);
}
