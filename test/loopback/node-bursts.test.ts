/** The Node adapter gathers the messages of a tick: what must not happen to them, and to their bytes. */
import { expect, test, vi } from 'vitest';
import { type Data, LongSocket } from '../../src/index.js';
import { accept } from '../../src/server.js';
import { closeOf, WsServer } from '../helpers/ws-server.js';

const BURST = 50;
const numbers = Array.from({ length: BURST }, (_, n) => String(n));

/** A server that only remembers, and a client whose last tick was a burst, so that the next one is gathered whole. */
async function arrange(perMessageDeflate = false) {
  const received: string[] = [];
  const server = await WsServer.listen({
    ws: { perMessageDeflate },
    onSocket: (socket) => socket.on('message', (data) => received.push(String(data))),
  });
  const socket = new LongSocket(server.url, { backoffBase: 20, node: { perMessageDeflate } });
  await socket.opened;
  socket.send('warm');
  socket.send('up');
  await vi.waitFor(() => expect(received).toHaveLength(2));
  received.length = 0;
  return { server, socket, received };
}

test('a burst with close() behind it arrives whole, and then the close frame', async () => {
  const { server, socket, received } = await arrange();
  const closed = closeOf(await server.socket());
  for (const number of numbers) socket.send(number);
  socket.close(4000, 'done');
  expect(await closed).toMatchObject({ code: 4000, reason: 'done' });
  expect(received).toEqual(numbers);
  expect(await socket.closed).toMatchObject({ wasClean: true, undelivered: 0, unconfirmed: 0 });
});

test('a burst with reconnect() behind it arrives whole, and the server is told by a close frame, not by a cut', async () => {
  const { server, socket, received } = await arrange();
  const closed = closeOf(await server.socket());
  for (const number of numbers) socket.send(number);
  socket.reconnect();
  expect(await closed).toMatchObject({ code: 1000 });
  expect(received).toEqual(numbers);
  socket.close();
});

test.each([false, true])('bytes of a burst may be overwritten behind send(); compressed: %s', async (compressed) => {
  const { socket, received } = await arrange(compressed);
  const buffer = new Uint8Array(2000);
  for (let n = 0; n < BURST; n++) socket.send(buffer.fill(65 + (n % 26)));
  buffer.fill(33);
  await vi.waitFor(() => expect(received).toHaveLength(BURST));
  expect(received.map((text) => [text.length, text[0], new Set(text).size])).toEqual(
    numbers.map((_, n) => [2000, String.fromCharCode(65 + (n % 26)), 1]),
  );
  socket.close();
});

test('bytes of a burst of the server’s may be overwritten behind send()', async () => {
  let end: ReturnType<typeof accept> | undefined;
  const server = await WsServer.listen({
    onSocket: (ws, request) => {
      end = accept(ws, request);
    },
  });
  const socket = new LongSocket(server.url);
  const received: Data[] = [];
  socket.on('message', (data) => received.push(data));
  await socket.opened;
  await vi.waitFor(() => expect(end).toBeDefined());
  // Not from a listener, where the driver holds messages back, and copies them for that.
  const buffer = new Uint8Array(2000);
  for (let n = 0; n < BURST; n++) end?.send(buffer.fill(n));
  buffer.fill(255);
  await vi.waitFor(() => expect(received).toHaveLength(BURST));
  expect(received.map((data) => [...new Set(new Uint8Array(data as ArrayBuffer))])).toEqual(numbers.map((_, n) => [n]));
  socket.close();
});
