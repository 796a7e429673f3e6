import { describe, expect, test } from 'vitest';
import { fateOf, settle, simulated } from './simulated.js';

/** A socket that waits for its first connection, with room for two messages. */
function full(overflow: 'throw' | 'drop-oldest' | 'drop-newest' = 'throw') {
  const given = simulated({ maxBufferedMessages: 2, overflow });
  given.socket.send('a');
  given.socket.send('b');
  return given;
}

const closed = expect.objectContaining({ code: 'CLOSED' });

describe('send()', () => {
  test('says whether it was handed over or waits', () => {
    const { socket, clock, received } = simulated();
    expect(socket.send('a')).toBe('queued');
    clock.advance(100);
    expect(socket.send('b')).toBe('sent');
    clock.advance(100);
    expect(received).toEqual(['a', 'b']);
  });

  test('throws when the buffer is full, saying how full, and queues nothing', () => {
    const { socket, clock, received } = full();
    expect(() => socket.send('c')).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED' }));
    expect(() => socket.send('c')).toThrow(/^2 messages of 2 bytes/);
    clock.advance(100);
    expect(received).toEqual(['a', 'b']);
  });

  test('drops the newest or the oldest if told to', () => {
    const newest = full('drop-newest');
    expect(newest.socket.send('c')).toBe('dropped');
    newest.clock.advance(100);
    expect(newest.received).toEqual(['a', 'b']);
    const oldest = full('drop-oldest');
    expect(oldest.socket.send('c')).toBe('queued');
    oldest.clock.advance(100);
    expect(oldest.received).toEqual(['b', 'c']);
  });

  test('does not overtake a write that waits', () => {
    const { socket } = full();
    socket.write('c').catch(() => {});
    expect(() => socket.send('d')).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED' }));
  });

  test('is dropped behind a write that waits, if the newest is to be', async () => {
    const { socket, clock, received } = full('drop-newest');
    const write = socket.write('c');
    expect(socket.send('d')).toBe('dropped');
    clock.advance(100);
    await write;
    expect(socket.send('e')).toBe('sent');
    clock.advance(100);
    expect(received).toEqual(['a', 'b', 'c', 'e']);
  });

  test.each([undefined, null, 5, true, {}, [], new Date(0), Symbol('x'), () => {}])(
    'rejects %s, which is no message, and says what to do',
    (poison) => {
      const { socket } = simulated();
      const send = (): unknown => socket.send(poison as never);
      expect(send).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE' }));
      expect(send).toThrow('JSON.stringify');
      expect(socket.bufferedAmount).toBe(0);
    },
  );

  test('throws before connect(), while closing, and after the end', () => {
    const { socket, clock } = simulated({ autoConnect: false });
    expect(() => socket.send('x')).toThrow(closed);
    socket.connect();
    clock.advance(100);
    socket.close();
    expect(socket.state).toEqual({ status: 'connected', closing: true });
    expect(() => socket.send('x')).toThrow(closed);
    clock.advance(100);
    expect(socket.state.status).toBe('closed');
    expect(() => socket.send('x')).toThrow(closed);
  });

  test('throws right behind a close() in the same listener', () => {
    const { socket, clock, details } = simulated();
    const failures: unknown[] = [];
    socket.once('open', () => {
      socket.close();
      try {
        socket.send('x');
      } catch (error) {
        failures.push(error);
      }
    });
    clock.advance(100);
    expect(failures).toEqual([closed]);
    expect(details('close')).toMatchObject([{ undelivered: 0 }]);
  });

  test('leaves the caller’s bytes free at once, while they wait', () => {
    const { socket, clock, received } = simulated();
    const bytes = new Uint8Array([1, 2]);
    socket.send(bytes);
    bytes.fill(9);
    clock.advance(100);
    expect(received).toEqual([new Uint8Array([1, 2])]);
  });
});

describe('write()', () => {
  test('resolves when the message is accepted, and waits while the buffer is full, in order', async () => {
    const { socket, clock, received } = full();
    const [first, second] = [socket.write('c'), socket.write('d')];
    expect(await fateOf(first)).toBe('pending');
    expect(await fateOf(second)).toBe('pending');
    clock.advance(100);
    expect(await fateOf(first)).toBe('resolved');
    expect(await fateOf(second)).toBe('resolved');
    expect(received).toEqual(['a', 'b', 'c', 'd']);
  });

  test('waits instead of being dropped as the newest', async () => {
    const { socket, clock, received } = full('drop-newest');
    const write = socket.write('c');
    expect(await fateOf(write)).toBe('pending');
    clock.advance(100);
    expect(await fateOf(write)).toBe('resolved');
    expect(received).toEqual(['a', 'b', 'c']);
  });

  test('rejects poison and a closed socket', async () => {
    const { socket } = simulated();
    await expect(socket.write(5 as never)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
    socket.close();
    await expect(socket.write('x')).rejects.toEqual(closed);
  });

  test('rejects when the socket closes before there is room', async () => {
    const { socket } = full();
    const writes = [socket.write('c'), socket.write('d')];
    socket.close();
    for (const write of writes) await expect(write).rejects.toEqual(closed);
  });

  test('does not outlive its life, though the next begins in the same turn', async () => {
    const { socket, clock, network } = simulated({ maxBufferedMessages: 1, maxAttempts: 1, autoConnect: false });
    network.dials = 'refuse';
    socket.connect();
    socket.send('a');
    const write = socket.write('b');
    socket.once('close', () => socket.connect());
    clock.advance(10);
    expect(socket.state.status).toBe('connecting');
    await expect(write).rejects.toEqual(closed);
    expect(socket.bufferedAmount).toBe(0);
  });

  test('may be called in a listener', async () => {
    const { socket, clock, received } = simulated();
    let fate: Promise<void> | undefined;
    socket.once('open', () => {
      fate = socket.write('in the listener');
    });
    socket.send('before');
    clock.advance(100);
    await fate;
    expect(received).toEqual(['before', 'in the listener']);
  });
});

describe('drain()', () => {
  test('resolves at once when nothing waits', async () => {
    expect(await fateOf(simulated().socket.drain())).toBe('resolved');
  });

  test('resolves when all that was accepted, and all that waits for room, is handed over', async () => {
    const { socket, clock, received } = full();
    const write = socket.write('c');
    const drained = socket.drain();
    expect(await fateOf(drained)).toBe('pending');
    clock.advance(100);
    await write;
    expect(await fateOf(drained)).toBe('resolved');
    expect(received).toEqual(['a', 'b', 'c']);
  });

  test('rejects when the socket closes before', async () => {
    const { socket } = full();
    const drained = socket.drain();
    socket.close();
    await expect(drained).rejects.toEqual(closed);
  });

  test('is settled once: a later drain waits for later messages', async () => {
    const { socket, clock, network } = full();
    clock.advance(100);
    await socket.drain();
    network.cut();
    socket.send('c');
    const again = socket.drain();
    expect(await fateOf(again)).toBe('pending');
    clock.advance(10_000);
    await settle();
    expect(await fateOf(again)).toBe('resolved');
  });
});

describe('bufferedAmount', () => {
  test('is in bytes, here and in the transport', () => {
    const { socket, clock } = simulated();
    socket.send('é😀');
    expect(socket.bufferedAmount).toBe(6);
    clock.advance(100);
    expect(socket.bufferedAmount).toBe(0);
  });
});
