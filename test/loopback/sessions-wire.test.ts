/** What a session adds to the wire: nothing to a message, and next to nothing beside them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Data, LongSocket } from '../../src/index.js';
import { LongSocketServer, type ServerSocket } from '../../src/server.js';

const DLE = 0x10;
const host = '127.0.0.1';

/** One WebSocket frame as it passed: all its bytes, and whether they are the session's own. */
interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly bytes: number;
  readonly control: boolean;
}

/** Splits one direction of a connection into frames, behind the HTTP handshake. */
class Reader {
  readonly frames: Frame[] = [];
  #rest = Buffer.alloc(0);
  #upgraded = false;

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (!this.#upgraded) {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#upgraded = true;
      this.#rest = this.#rest.subarray(end + 4);
    }
    for (let frame = this.#next(); frame; frame = this.#next()) this.frames.push(frame);
  }

  #next(): Frame | undefined {
    const rest = this.#rest;
    if (rest.length < 2) return undefined;
    const [opcode, masked, short] = [rest.readUInt8(0) & 15, rest.readUInt8(1) > 127, rest.readUInt8(1) & 127];
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    const head = 2 + extended + (masked ? 4 : 0);
    if (rest.length < head) return undefined;
    const length = extended === 0 ? short : extended === 2 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
    if (rest.length < head + length) return undefined;
    const payload = Buffer.from(rest.subarray(head, head + length));
    if (masked)
      for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (rest[head - 4 + (i & 3)] as number);
    this.#rest = rest.subarray(head + length);
    const control = opcode > 7 || (opcode === 1 && payload[0] === DLE && payload[1] !== DLE);
    return { opcode, payload, bytes: head + length, control };
  }
}

/** Bytes of data, and of what else passed. */
function sums({ frames }: Reader): { data: number; control: number } {
  const sum = (control: boolean): number =>
    frames.filter((frame) => frame.control === control).reduce((bytes, frame) => bytes + frame.bytes, 0);
  return { data: sum(false), control: sum(true) };
}

/** What RFC 6455 §5.2 asks for. */
function framed(data: Data, masked: boolean): number {
  const length = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
  return 2 + (length > 65_535 ? 8 : length > 125 ? 2 : 0) + (masked ? 4 : 0) + length;
}

/** A server and a client with a relay between them that reads along. */
async function arrange(session = true) {
  const server = new LongSocketServer({ host, port: 0 });
  const accepted = new Promise<ServerSocket>((resolve) => server.on('connection', resolve));
  await server.listening;
  const target = (server.address() as AddressInfo).port;
  const [up, down] = [new Reader(), new Reader()];
  const ends: Socket[] = [];
  const relay = createServer((client) => {
    const upstream = connect(target, host);
    ends.push(client, upstream);
    client.on('data', (chunk: Buffer) => up.push(chunk));
    upstream.on('data', (chunk: Buffer) => down.push(chunk));
    for (const end of [client, upstream]) end.on('error', () => {});
    client.pipe(upstream).pipe(client);
  });
  relay.listen(0, host);
  await once(relay, 'listening');

  const socket = new LongSocket(`ws://${host}:${(relay.address() as AddressInfo).port}`, { session });
  onTestFinished(async () => {
    socket.close();
    await socket.closed;
    await server.close();
    for (const end of ends) end.destroy();
    relay.close();
  });
  await socket.opened;
  return { socket, peer: await accepted, up, down };
}

/** What each of them has received so far. */
function record(...ends: readonly { on(event: 'message', listener: (data: Data) => void): unknown }[]): Data[][] {
  return ends.map((end) => {
    const received: Data[] = [];
    end.on('message', (data) => received.push(data));
    return received;
  });
}

const messages: readonly Data[] = [
  '',
  'a',
  'x'.repeat(125),
  'x'.repeat(126),
  'ünï¢ode 🐢',
  'x'.repeat(70_000),
  ...[0, 1, 125, 126, 65_535, 65_536].map((size) => new Uint8Array(size).fill(DLE)),
];

test.each([true, false])('a message costs its frame and not a byte more, each way; session: %s', async (session) => {
  const { socket, peer, up, down } = await arrange(session);
  const [received, answered] = record(peer, socket) as [Data[], Data[]];
  for (const data of messages) {
    socket.send(data);
    peer.send(data);
  }
  await vi.waitFor(() => expect([received.length, answered.length]).toEqual([messages.length, messages.length]));
  const sum = (masked: boolean): number => messages.reduce((bytes, data) => bytes + framed(data, masked), 0);
  expect(sums(up).data).toBe(sum(true));
  expect(sums(down).data).toBe(sum(false));
});

test('only a text that begins with U+0010 costs one byte more, since it is doubled', async () => {
  const { socket, peer, up } = await arrange();
  const [received] = record(peer) as [Data[]];
  const texts = ['\u0010', '\u0010A1', '\u0010\u0010', 'a\u0010'];
  for (const text of texts) socket.send(text);
  await vi.waitFor(() => expect(received).toEqual(texts));
  expect(sums(up).data).toBe(texts.reduce((bytes, text) => bytes + framed(text, true), 0) + 3);
});

test('at 100 messages of 100 B a second each way, acks are less than 1 % of the bytes', async () => {
  const { socket, peer, up, down } = await arrange();
  const [received, answered] = record(peer, socket) as [Data[], Data[]];
  await sleep(50);
  // The greetings have passed: from here on there is traffic.
  const before = [sums(up).control, sums(down).control];
  const count = 250;
  const begin = performance.now();
  for (let sent = 0; sent < count; ) {
    for (const due = (performance.now() - begin) / 10; sent < Math.min(due, count); sent++) {
      socket.send('x'.repeat(100));
      peer.send('x'.repeat(100));
    }
    await sleep(5);
  }
  await vi.waitFor(() => expect([received.length, answered.length]).toEqual([count, count]));
  await socket.delivered();
  await peer.delivered();
  for (const [index, reader] of [up, down].entries()) {
    const { data, control } = sums(reader);
    const acks = control - (before[index] as number);
    expect(acks).toBeGreaterThan(0);
    expect(acks / (data + acks)).toBeLessThan(0.01);
  }
});

test('a session in which nothing is sent is silent between its heartbeats', async () => {
  const { up, down } = await arrange();
  await sleep(50);
  const before = [up.frames.length, down.frames.length];
  await sleep(1500);
  expect([up.frames.length, down.frames.length]).toEqual(before);
});
