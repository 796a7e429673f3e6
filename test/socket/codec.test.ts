import { describe, expect, test } from 'vitest';
import { LongSocketError } from '../../src/core/errors.js';
import type { Data, Loss } from '../../src/core/types.js';
import { type Codec, respond, type Socket } from '../../src/index.js';
import { sessionPair } from '../helpers/session-pair.js';
import { SessionServer } from '../sim/session-network.js';
import { settle, simulated } from './simulated.js';

/** `{ n: 5 }` ↔ `'n5'`; nothing else is a message. */
const codec: Codec<{ n: number }> & { encoded: number } = {
  encoded: 0,
  encode(message) {
    this.encoded++;
    if (typeof message.n !== 'number') throw new TypeError('no number');
    return `n${message.n}`;
  },
  decode(data) {
    if (typeof data !== 'string' || !/^n\d+$/.test(data)) throw new SyntaxError('not a number');
    return { n: Number(data.slice(1)) };
  },
};

const invalid = (data: Data) =>
  expect.objectContaining({ name: 'LongSocketError', code: 'INVALID_MESSAGE', data, cause: expect.any(SyntaxError) });

function connected() {
  const world = simulated({ codec });
  world.clock.advance(100);
  return world;
}

/** A pair that speaks the codec at both ends. */
function pair() {
  const world = sessionPair({ codec }, { server: { codec: codec as never }, reads: false });
  world.clock.advance(100);
  return { ...world, peer: () => world.peer() as unknown as Socket<{ n: number }, { n: number }> };
}

describe('with a codec', () => {
  test('what is sent and written is encoded', async () => {
    const { socket, received, clock } = connected();
    expect(socket.send({ n: 1 })).toBe('sent');
    await socket.write({ n: 2 });
    expect(socket.offer({ n: 3 })).toBe(true);
    clock.advance(100);
    expect(received).toEqual(['n1', 'n2', 'n3']);
  });

  test('what comes is decoded, for listeners, iterators and respond', async () => {
    const { socket, server, clock, details, received } = connected();
    const messages = socket[Symbol.asyncIterator]();
    const stop = respond(socket, ({ n }) => ({ n: n + 1 }));
    server().send('n7');
    await clock.advanceAsync(100);
    expect(details('message')).toEqual([{ n: 7 }]);
    expect(await messages.next()).toEqual({ done: false, value: { n: 7 } });
    expect(received).toEqual(['n8']);
    stop();
  });

  test('what it cannot encode throws, with the cause, and nothing is queued', async () => {
    const { socket, received, clock } = connected();
    const wrong = { n: 'one' as never };
    const error = expect.objectContaining({ code: 'INVALID_MESSAGE', cause: expect.any(TypeError) });
    expect(() => socket.send(wrong)).toThrow(error);
    await expect(socket.write(wrong)).rejects.toEqual(error);
    expect(socket.offer(wrong)).toBe(false);
    clock.advance(100);
    expect([received, socket.pending]).toEqual([[], 0]);
  });

  test('what it throws may have no words, and is told as ever', () => {
    const fail = (): never => {
      throw Object.create(null);
    };
    const { socket, server, clock, details } = simulated({ codec: { encode: fail, decode: fail } });
    clock.advance(100);
    expect(() => socket.send('a' as never)).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE' }));
    server().send('b');
    clock.advance(100);
    expect(details('error')).toEqual([expect.objectContaining({ code: 'INVALID_MESSAGE', data: 'b' })]);
  });

  test.each<[string, () => unknown]>([
    ['an object', () => ({})],
    ['nothing', () => undefined],
    ['a promise, whose failure ends nothing', () => Promise.reject(new Error('late'))],
  ])('one that encodes to %s is told so', async (_, result) => {
    const { socket } = simulated({ codec: { encode: () => result() as Data, decode: (data: Data) => data } });
    expect(() => socket.send('a')).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE' }));
    await settle();
  });

  test('what it cannot decode is an error event with the data, and what follows arrives', () => {
    const { server, clock, details, names } = connected();
    const bytes = new Uint8Array([1, 2]);
    for (const data of ['n1', 'rubbish', bytes, 'n2']) server().send(data);
    clock.advance(100);
    expect(details('message')).toEqual([{ n: 1 }, { n: 2 }]);
    expect(details('error')).toEqual([invalid('rubbish'), invalid(bytes.buffer)]);
    expect(names()).not.toContain('interrupted');
  });

  test('one that decodes to a promise is an error event, and what becomes of the promise ends nothing', async () => {
    const late = { encode: String, decode: () => Promise.reject(new Error('late')) };
    const { server, clock, details } = simulated({ codec: late });
    clock.advance(100);
    server().send('a');
    await clock.advanceAsync(100);
    expect(details('message')).toEqual([]);
    expect(details('error')).toMatchObject([{ code: 'INVALID_OPTION', data: 'a' }]);
  });

  test('one that throws an error of this library is taken at its word', () => {
    const strict: Codec<string> = {
      encode: String,
      decode: () => {
        throw new LongSocketError('INVALID_MESSAGE', 'never', { cause: ['an issue'] });
      },
    };
    const { server, clock, details } = simulated({ codec: strict });
    clock.advance(100);
    server().send('a');
    clock.advance(100);
    expect(details('error')).toMatchObject([{ message: 'never', cause: ['an issue'], data: 'a' }]);
  });

  test('an iterator is bounded by the bytes that came, not by the messages they became', async () => {
    const { socket, server, clock } = simulated({ codec, maxBufferedBytes: 10 });
    clock.advance(100);
    const messages = socket[Symbol.asyncIterator]();
    for (const data of ['n1234', 'n5678', 'n9']) server().send(data);
    clock.advance(100);
    expect(await messages.next()).toEqual({ done: false, value: { n: 1234 } });
    expect(await messages.next()).toEqual({ done: false, value: { n: 5678 } });
    await expect(messages.next()).rejects.toMatchObject({ code: 'READER_TOO_SLOW' });
  });

  test('onConnect speaks it too, and gets an error for what it cannot decode', async () => {
    const heard: unknown[] = [];
    const { server, clock, received, details } = simulated({
      codec,
      onConnect: async (connection) => {
        connection.send({ n: 1 });
        expect(() => connection.send({} as never)).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE' }));
        heard.push(await connection.receive());
        heard.push(await connection.receive().catch((error: unknown) => error));
      },
    });
    await clock.advanceAsync(25);
    for (const data of ['n2', 'rubbish', 'n3', 'more rubbish', 'n4']) server().send(data);
    await clock.advanceAsync(100);
    expect(received).toEqual(['n1']);
    expect(heard).toEqual([{ n: 2 }, invalid('rubbish')]);
    expect(details('message')).toEqual([{ n: 3 }, { n: 4 }]);
    expect(details('error')).toEqual([invalid('more rubbish')]);
  });

  test('a heartbeat speaks for itself', () => {
    const heartbeat = { message: 'ping', isReply: (data: Data) => data === 'pong' };
    const { server, clock, received, details } = simulated({ codec, heartbeat });
    clock.advance(100);
    clock.advance(25_000);
    expect(received).toEqual(['ping']);
    server().send('pong');
    clock.advance(1000);
    expect([details('error'), details('message')]).toEqual([[], []]);
  });
});

describe('with a codec and a session', () => {
  test('both ends speak it, over cuts', async () => {
    const { socket, peer, network, clock, client } = pair();
    const heard: unknown[] = [];
    peer().on('message', (message) => heard.push(message));
    socket.send({ n: 1 });
    network.cut();
    socket.send({ n: 2 });
    peer().send({ n: 3 });
    await clock.advanceAsync(3000);
    expect(heard).toEqual([{ n: 1 }, { n: 2 }]);
    expect(client.messages()).toEqual([{ n: 3 }]);
  });

  test('what cannot be decoded counts as read when all before it is', async () => {
    const { socket, peer, server, clock } = pair();
    const errors: unknown[] = [];
    peer().on('error', (error) => errors.push(error));
    socket.send({ n: 1 });
    socket.offerEncoded('rubbish');
    await clock.advanceAsync(2000);
    expect(errors).toEqual([invalid('rubbish')]);
    expect(socket.pending).toBe(2);
    const messages = peer()[Symbol.asyncIterator]();
    expect(await messages.next()).toEqual({ done: false, value: { n: 1 } });
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(0);
    // With nobody behind, at once.
    socket.offerEncoded('rubbish');
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(0);
    socket.send({ n: 2 });
    socket.offerEncoded('rubbish');
    socket.send({ n: 3 });
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(3);
    expect(await messages.next()).toEqual({ done: false, value: { n: 2 } });
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(1);
    await messages.return?.();
    peer().on('message', () => {});
    await clock.advanceAsync(2000);
    expect([socket.pending, errors.length, server.sockets.length]).toEqual([0, 3, 1]);
  });

  test('what is lost comes back as it was sent', async () => {
    const { socket, server, network, clock } = pair();
    const losses: Loss[] = [];
    socket.on('lost', (loss) => losses.push(loss));
    network.silence();
    socket.send({ n: 1 });
    socket.send({ n: 2 });
    server.crash();
    network.serve(new SessionServer(network, {}, 'next-').take);
    await clock.advanceAsync(30_000);
    expect(losses).toMatchObject([{ messages: ['n1', 'n2'] }]);
  });
});
