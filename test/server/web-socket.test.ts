import { Duplex, type Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createWebSocketStream, type WebSocket } from 'ws';
import { LongSocketError } from '../../src/core/errors.js';
import type { LongSocketOptions } from '../../src/index.js';
import { json } from '../../src/messages.js';
import { asWebSocket, type WsWebSocket } from '../../src/server.js';
import { sessionPair } from '../helpers/session-pair.js';

/** A session whose server's end has the shape of `ws`. Nobody listens to its messages yet. */
async function shapedPair(options: LongSocketOptions = {}, maxBufferedAmount?: number) {
  const reports: unknown[] = [];
  const onListenerError = (error: unknown): unknown => reports.push(error);
  const pair = sessionPair(options, { server: { onListenerError }, reads: false });
  pair.clock.advance(1000);
  const ws = asWebSocket(pair.peer(), { maxBufferedAmount, onListenerError });
  const log: unknown[] = [];
  ws.on('close', (code, reason) => log.push(['close', code, String(reason)]));
  /** Runs the world for so many ms, and what is left to microtasks. */
  const run = async (ms = 100): Promise<void> => {
    for (let left = ms; left > 0; left -= 10) {
      pair.clock.advance(10);
      await new Promise(setImmediate);
    }
  };
  return { ...pair, ws, log, reports, run };
}

const logMessages = (ws: WsWebSocket, log: unknown[]): void => {
  ws.on('message', (data, isBinary) => log.push([data, isBinary]));
};

describe('the ws shape of a session', () => {
  test('is one object for a session, open, and has the constants of ws', async () => {
    const { ws, peer } = await shapedPair({ protocols: ['mqtt', 'other'] });
    expect(asWebSocket(peer())).toBe(ws);
    expect([ws.readyState, ws.protocol, ws.url, ws.binaryType]).toEqual([1, 'mqtt', 'ws://host/', 'nodebuffer']);
    expect([ws.CONNECTING, ws.OPEN, ws.CLOSING, ws.CLOSED]).toEqual([0, 1, 2, 3]);
  });

  test('is for sockets of a server', () => {
    expect(() => asWebSocket({} as never)).toThrow(/asWebSocket takes a socket of/);
    const { peer, clock } = sessionPair();
    clock.advance(100);
    expect(() => asWebSocket(peer(), { maxBufferedAmount: -1 })).toThrow(/maxBufferedAmount/);
  });

  test('is for messages of bytes and text, and not for those of a codec', () => {
    const { peer, clock } = sessionPair({}, { server: { codec: json() as never } });
    clock.advance(100);
    expect(() => asWebSocket(peer())).toThrow(/a socket without option `codec`/);
  });

  test('hears text as a Buffer, and bytes as its binaryType says', async () => {
    const { ws, socket, run } = await shapedPair();
    const log: unknown[] = [];
    logMessages(ws, log);
    socket.send('text');
    socket.send(Uint8Array.of(1, 2));
    await run();
    ws.binaryType = 'arraybuffer';
    socket.send(Uint8Array.of(3));
    await run();
    ws.binaryType = 'fragments';
    socket.send(Uint8Array.of(4));
    socket.send('more');
    await run();
    expect(log).toEqual([
      [Buffer.from('text'), false],
      [Buffer.from([1, 2]), true],
      [Uint8Array.of(3).buffer, true],
      [[Buffer.from([4])], true],
      [Buffer.from('more'), false],
    ]);
  });

  test('sends what ws sends: text, bytes, numbers, nothing, and what options and fragments say', async () => {
    const { ws, client, run } = await shapedPair();
    ws.send('text');
    ws.send(Buffer.from('bytes'));
    ws.send(Buffer.from('as text'), { binary: false });
    ws.send('as bytes', { binary: true });
    ws.send(7);
    ws.send(undefined);
    ws.send('');
    ws.send('in ', { fin: false });
    ws.send('two', { fin: true });
    ws.send(new Uint16Array([1]), { fin: false });
    ws.send(Uint8Array.of(9));
    await run();
    const bytes = (...list: number[]): ArrayBuffer => Uint8Array.from(list).buffer;
    expect(client.messages()).toEqual([
      'text',
      bytes(...Buffer.from('bytes')),
      'as text',
      bytes(...Buffer.from('as bytes')),
      '7',
      bytes(),
      '',
      'in two',
      bytes(1, 0, 9),
    ]);
  });

  test('calls back when a message is accepted, later than send returns, and keeps the order behind a full buffer', async () => {
    const { ws, client, network, run } = await shapedPair();
    network.cut();
    const sent: number[] = [];
    for (let i = 0; i < 30; i++) ws.send(Buffer.alloc(100_000, i), (error) => sent.push(error ? -1 : i));
    expect(sent).toEqual([]);
    await new Promise(setImmediate);
    // What is not acked is at most 1 MiB.
    expect(sent).toEqual([...Array(10).keys()]);
    expect(ws.bufferedAmount).toBe(30 * 100_000);
    await run(20_000);
    expect(sent).toEqual([...Array(30).keys()]);
    expect(client.messages().map((data) => new Uint8Array(data as ArrayBuffer)[0])).toEqual(sent);
    expect(ws.bufferedAmount).toBe(0);
  });

  test('is terminated when more waits than maxBufferedAmount', async () => {
    const { ws, network, log, run, client } = await shapedPair({ onLost: 'close' }, 2_000_000);
    network.cut();
    const errors: unknown[] = [];
    for (let i = 0; i < 19; i++) ws.send(Buffer.alloc(100_000), (error) => error && errors.push(error));
    await new Promise(setImmediate);
    expect([ws.readyState, errors]).toEqual([1, []]);
    for (let i = 0; i < 3; i++) ws.send(Buffer.alloc(100_000), (error) => error && errors.push(error));
    await run(20_000);
    expect(log).toEqual([['close', 1006, '']]);
    expect(errors).toHaveLength(12);
    expect(client.details('close')).toMatchObject([{ cause: 'session-lost' }]);
  });

  test('keeps messages for the first listener, and holds them back while it is paused', async () => {
    const { ws, socket, run, network } = await shapedPair();
    socket.send('early');
    await run();
    expect(socket.pending).toBe(1);
    const log: unknown[] = [];
    ws.on('message', (data) => {
      log.push(String(data));
      if (String(data) === 'stop') ws.pause();
    });
    await run(2000); // An ack may take a second.
    expect([log, socket.pending]).toEqual([['early'], 0]);

    for (const message of ['stop', 'a', 'b']) socket.send(message);
    network.cut();
    await run(5000);
    expect([log, ws.isPaused, socket.pending]).toEqual([['early', 'stop'], true, 2]);
    // The client cannot send without end: its own buffer is full.
    expect(() => {
      for (let i = 0; i < 30; i++) socket.send(new Uint8Array(100_000));
    }).toThrow(LongSocketError);
    ws.resume();
    await run(5000);
    expect([log.slice(2, 4), log.length, socket.pending]).toEqual([['a', 'b'], 14, 0]);
  });

  test('keeps messages again when its last listener goes', async () => {
    const { ws, socket, run } = await shapedPair();
    const log: unknown[] = [];
    ws.once('message', (data) => log.push(String(data)));
    for (const message of ['a', 'b', 'c', 'd']) socket.send(message);
    await run();
    expect(log).toEqual(['a']);
    const listener = (data: Buffer): void => {
      log.push(String(data));
      ws.off('message', listener);
    };
    ws.prependListener('message', listener);
    await run();
    expect(log).toEqual(['a', 'b']);
    ws.addListener('message', () => ws.removeAllListeners('message'));
    await run();
    ws.on('message', (data) => log.push(String(data)));
    await run();
    expect(log).toEqual(['a', 'b', 'd']);
  });

  test('closes with the closer’s code, behind all messages', async () => {
    const one = await shapedPair();
    logMessages(one.ws, one.log);
    one.socket.send('last');
    one.socket.close(4000, 'bye');
    expect(one.ws.readyState).toBe(1);
    await one.run();
    expect(one.log).toEqual([
      [Buffer.from('last'), false],
      ['close', 4000, 'bye'],
    ]);
    expect(one.ws.readyState).toBe(3);

    const other = await shapedPair();
    other.ws.send('last');
    other.ws.close(4001, Buffer.from('farewell'));
    expect(other.ws.readyState).toBe(2);
    let refused: Error | undefined;
    other.ws.send('too late', (error) => {
      refused = error;
    });
    other.ws.close(4002);
    await other.run();
    expect(other.log).toEqual([['close', 4001, 'farewell']]);
    expect(String(refused)).toMatch(/readyState 2/);
    expect(other.client.messages()).toEqual(['last']);
    expect(other.client.details('close')).toMatchObject([{ code: 4001, reason: 'farewell' }]);
  });

  test('closes without a code, if it is given none', async () => {
    const { ws, client, log, run } = await shapedPair();
    ws.close(undefined, 'unheard');
    await run();
    expect(log).toEqual([['close', 1005, '']]);
    expect(client.details('close')).toMatchObject([{ code: 1005, reason: '' }]);
    const other = await shapedPair();
    expect(() => other.ws.close(999)).toThrow(/close code/);
    expect(() => other.ws.close(1000, 'x'.repeat(124))).toThrow(/123 bytes/);
    expect(other.ws.readyState).toBe(1);
  });

  test('does not close over messages that wait for resume', async () => {
    const { ws, socket, log, run } = await shapedPair();
    logMessages(ws, log);
    ws.pause();
    socket.send('held');
    socket.close();
    await run(8000);
    expect(log).toEqual([]);
    ws.resume();
    await run();
    expect(log).toEqual([
      [Buffer.from('held'), false],
      ['close', 1000, ''],
    ]);
  });

  test('terminate ends it at once, connected or not, paused or not, and tells the client', async () => {
    for (const [cut, pause] of [
      [false, false],
      [true, true],
    ]) {
      const { ws, socket, log, run, network, client } = await shapedPair({ onLost: 'close' });
      logMessages(ws, log);
      if (cut) network.cut();
      if (pause) ws.pause();
      socket.send('lost');
      ws.terminate();
      expect([ws.readyState, log]).toEqual([2, []]);
      await new Promise(setImmediate);
      expect([ws.readyState, log]).toEqual([3, [['close', 1006, '']]]);
      ws.terminate();
      ws.close();
      await run(10_000);
      expect(log).toHaveLength(1);
      expect(client.details('close')).toMatchObject([{ cause: 'session-lost' }]);
    }
  });

  test('closes with 1006 when its client does not come back', async () => {
    const { ws, log, run, network } = await shapedPair();
    network.serve((connection) => connection.close(1001, ''));
    network.cut();
    await run(119_000);
    expect([ws.readyState, log]).toEqual([1, []]);
    await run(10_000);
    expect([ws.readyState, log]).toEqual([3, [['close', 1006, '']]]);
  });

  test('answers pings while the session lives, connected or not', async () => {
    const { ws, network, run } = await shapedPair();
    const pongs: string[] = [];
    ws.on('pong', (data) => pongs.push(String(data)));
    ws.ping();
    ws.ping('one', undefined, () => pongs.push('sent'));
    expect(pongs).toEqual([]);
    network.cut();
    ws.ping('two');
    ws.pong();
    await run(10);
    expect(pongs).toEqual(['', 'sent', 'one', 'two']);
    ws.terminate();
    let refused: Error | undefined;
    ws.ping('three', false, (error) => {
      refused = error;
    });
    await run(10);
    expect([pongs.length, String(refused)]).toEqual([4, expect.stringMatching(/not open/)]);
  });

  test('reports what listeners and callbacks throw, and goes on', async () => {
    const { ws, socket, reports, run } = await shapedPair();
    ws.on('message', (data) => {
      throw new Error(String(data));
    });
    ws.on('pong', () => {
      throw new Error('pong');
    });
    ws.on('close', () => {
      throw new Error('close');
    });
    ws.send('x', () => {
      throw new Error('sent');
    });
    ws.ping();
    await run();
    socket.send('heard');
    socket.close();
    await run();
    expect(reports.map(String)).toEqual(['Error: sent', 'Error: pong', 'Error: heard', 'Error: close']);
    expect(ws.readyState).toBe(3);
  });

  test('has the ways of the DOM to listen', async () => {
    const { ws, socket, run } = await shapedPair();
    const log: unknown[] = [];
    const both = (event: { data: unknown }): unknown => log.push(['both', event.data]);
    ws.addEventListener('message', both);
    ws.addEventListener('message', both);
    ws.onmessage = ({ data, target, type }) => log.push(['attribute', data, target === ws, type]);
    ws.addEventListener('message', { handleEvent: ({ data }) => log.push(['once', data]) }, { once: true });
    ws.onclose = ({ code, reason, wasClean }) => log.push(['close', code, reason, wasClean]);
    socket.send('a');
    socket.send(Uint8Array.of(1));
    await run();
    expect(log.splice(0)).toEqual([
      ['both', 'a'],
      ['attribute', 'a', true, 'message'],
      ['once', 'a'],
      ['both', Buffer.from([1])],
      ['attribute', Buffer.from([1]), true, 'message'],
    ]);
    ws.removeEventListener('message', both);
    ws.onmessage = ({ data }) => log.push(['new', data]);
    expect([typeof ws.onmessage, ws.onerror, ws.listenerCount('message')]).toEqual(['function', null, 1]);
    socket.send('b');
    socket.close(4000, 'bye');
    await run();
    expect(log).toEqual([
      ['new', 'b'],
      ['close', 4000, 'bye', true],
    ]);
    ws.onmessage = null;
    expect([ws.onmessage, ws.listenerCount('message')]).toEqual([null, 0]);
  });
});

describe('createWebSocketStream of ws over a session', () => {
  const streamed = async (highWaterMark: number) => {
    const pair = await shapedPair();
    return { ...pair, stream: createWebSocketStream(pair.ws as WebSocket, { highWaterMark }) };
  };
  const read = (stream: Readable): string[] => {
    const chunks: string[] = [];
    stream.on('data', (chunk) => chunks.push(String(chunk)));
    return chunks;
  };

  test('passes both ways, over a cut, and ends in good order from either side', async () => {
    const { stream, socket, network, client, run, ws } = await streamed(16_384);
    const chunks = read(stream);
    const ends: string[] = [];
    for (const event of ['end', 'finish', 'close', 'error']) stream.on(event, () => ends.push(event));
    socket.send('up 1');
    stream.write('down 1');
    network.cut();
    socket.send('up 2');
    stream.write('down 2');
    await run(5000);
    stream.end('down 3');
    await run();
    expect(chunks).toEqual(['up 1', 'up 2']);
    expect(client.messages().map((data) => Buffer.from(data as ArrayBuffer).toString())).toEqual([
      'down 1',
      'down 2',
      'down 3',
    ]);
    expect(ends).toEqual(['finish', 'end', 'close']);
    expect([ws.readyState, stream.destroyed]).toEqual([3, true]);
  });

  test('slows the client when nobody reads, and destroys what is given up', async () => {
    const { stream, socket, run, ws, log } = await streamed(1000);
    stream.on('error', () => {});
    for (let i = 0; i < 8; i++) socket.send(new Uint8Array(600));
    await run(3000);
    expect([ws.isPaused, socket.pending]).toEqual([true, 6]);
    expect(stream).toBeInstanceOf(Duplex);
    stream.destroy();
    await run();
    expect(log).toEqual([['close', 1006, '']]);
  });
});
