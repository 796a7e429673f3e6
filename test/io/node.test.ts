import { expect, test } from 'vitest';
import { adopt, type WsSocket } from '../../src/io/node.js';

/** What is called of a `ws` socket that refuses close codes, as ws does. */
function refusing() {
  const calls: string[] = [];
  const socket = {
    readyState: 1,
    bufferedAmount: 0,
    protocol: '',
    extensions: '',
    binaryType: '',
    on: () => {},
    send: () => {},
    ping: () => {},
    close: (code: number) => {
      calls.push(`close ${code}`);
      if (code === 1006) throw new TypeError('First argument must be a valid error code number');
    },
    terminate: () => calls.push('terminate'),
    // What another implementation calls so need not be a net.Socket.
    _socket: {},
  } satisfies WsSocket & { _socket: object };
  return { calls, connection: adopt(socket, { id: 1, binaryType: 'arraybuffer' }, () => {}) };
}

test('terminate() ends the connection, whatever ws thinks of the close code', () => {
  const { calls, connection } = refusing();
  expect(() => connection.terminate(1006, '')).toThrow(TypeError);
  expect(calls).toEqual(['close 1006', 'terminate']);
});

test('pings and bursts need no net.Socket beneath: there are others than ws', () => {
  const { connection } = refusing();
  expect(() => {
    connection.ping?.('');
    for (let n = 0; n < 3; n++) connection.send('message');
  }).not.toThrow();
});
