import { describe, expect, test } from 'vitest';
import { LongSocketError } from '../../src/core/errors.js';
import { byteLength } from '../../src/core/outbox.js';
import type { Data } from '../../src/core/types.js';
import { iterate } from '../../src/socket/iterate.js';

/** An iterator, and the source it reads. `sizeOf`: what each message counts. */
function source<In = string>(maxBytes = 100, maxMessages = 3, sizeOf?: (message: In) => number) {
  let message: (data: In, bytes?: number) => void = () => {};
  let end: (error?: LongSocketError) => void = () => {};
  const state = { stops: 0 };
  const iterator = iterate<In>(
    (onMessage, onEnd) => {
      [message, end] = [onMessage, onEnd];
      return () => {
        state.stops++;
      };
    },
    maxBytes,
    maxMessages,
  );
  return {
    iterator,
    state,
    message: (data: In) => message(data, sizeOf?.(data)),
    end: (error?: LongSocketError) => end(error),
  };
}

const DONE = { done: true, value: undefined };
const value = (of: unknown) => ({ done: false, value: of });
const tooSlow = expect.objectContaining({ code: 'READER_TOO_SLOW' });

describe('reading', () => {
  test('gives messages in order, whether they came before or after they were asked for', async () => {
    const { iterator, message } = source();
    message('a');
    message('b');
    const reads = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    message('c');
    message('d');
    expect(await Promise.all(reads)).toEqual(['a', 'b', 'c', 'd'].map(value));
  });

  test('by for await ends with the source', async () => {
    const { iterator, message, end, state } = source();
    message('a');
    message('b');
    end();
    const read: string[] = [];
    for await (const data of iterator) read.push(data);
    expect(read).toEqual(['a', 'b']);
    expect(state.stops).toBe(1);
  });

  test('a message that is empty or undefined is one too', async () => {
    const { iterator, message } = source<unknown>();
    for (const data of ['', undefined, 0]) message(data);
    for (const data of ['', undefined, 0]) expect(await iterator.next()).toEqual(value(data));
  });
});

describe('the end', () => {
  test('finishes all who read, and those who come later', async () => {
    const { iterator, end } = source();
    const reads = [iterator.next(), iterator.next()];
    end();
    expect(await Promise.all(reads)).toEqual([DONE, DONE]);
    expect(await iterator.next()).toEqual(DONE);
  });

  test('by an error is told once, behind what was buffered', async () => {
    const { iterator, message, end } = source();
    message('a');
    end(new LongSocketError('DEAD_PEER', 'dead'));
    expect(await iterator.next()).toEqual(value('a'));
    await expect(iterator.next()).rejects.toMatchObject({ code: 'DEAD_PEER' });
    expect(await iterator.next()).toEqual(DONE);
  });

  test('by an error is told to the first of those who read', async () => {
    const { iterator, end } = source();
    const reads = [iterator.next(), iterator.next()];
    end(new LongSocketError('DEAD_PEER', 'dead'));
    await expect(reads[0]).rejects.toMatchObject({ code: 'DEAD_PEER' });
    expect(await reads[1]).toEqual(DONE);
    expect(await iterator.next()).toEqual(DONE);
  });

  test('of a source that is over from the start stops it', async () => {
    let stops = 0;
    const iterator = iterate<string>(
      (_, end) => {
        end();
        return () => stops++;
      },
      1,
      1,
    );
    expect(stops).toBe(1);
    expect(await iterator.next()).toEqual(DONE);
  });

  test('by leaving the loop stops the source and forgets what was buffered', async () => {
    const { iterator, message, state } = source();
    message('a');
    message('b');
    for await (const _ of iterator) break;
    expect(state.stops).toBe(1);
    expect(await iterator.next()).toEqual(DONE);
    expect(await iterator.return?.()).toEqual(DONE);
    expect(state.stops).toBe(1);
  });

  test('by return() finishes who reads', async () => {
    const { iterator } = source();
    const read = iterator.next();
    iterator.return?.();
    expect(await read).toEqual(DONE);
  });
});

describe('a reader that is too slow', () => {
  test('gets as many as may wait, then the error', async () => {
    const { iterator, message, state } = source(100, 2);
    for (const data of ['a', 'b', 'c']) message(data);
    expect(state.stops).toBe(1);
    expect([await iterator.next(), await iterator.next()]).toEqual([value('a'), value('b')]);
    await expect(iterator.next()).rejects.toEqual(tooSlow);
    expect(await iterator.next()).toEqual(DONE);
  });

  test('is bounded in bytes, of text and of binary data', async () => {
    const { iterator, message, state } = source<Data>(10, 100, byteLength);
    message('é'.repeat(3));
    message(new ArrayBuffer(2));
    message(new Uint8Array(2));
    expect(state.stops).toBe(0);
    message('x');
    expect(state.stops).toBe(1);
    for (let read = 0; read < 3; read++) expect((await iterator.next()).done).toBe(false);
    await expect(iterator.next()).rejects.toEqual(tooSlow);
  });

  test('may always have one message, whatever its size', async () => {
    const { iterator, message, state } = source(10, 100, byteLength);
    message('x'.repeat(1000));
    expect(state.stops).toBe(0);
    expect((await iterator.next()).done).toBe(false);
    message('x'.repeat(10));
    expect(state.stops).toBe(0);
  });

  test('has room again for what it has read', async () => {
    const { iterator, message, state } = source(10, 100, byteLength);
    message('x'.repeat(5));
    for (let round = 0; round < 100; round++) {
      message('x'.repeat(5));
      await iterator.next();
    }
    expect(state.stops).toBe(0);
  });

  test('of messages without a size is bounded by their number', () => {
    const { message, state } = source<object>(1, 2);
    message({ a: 1 });
    message({ a: 2 });
    expect(state.stops).toBe(0);
    message({ a: 3 });
    expect(state.stops).toBe(1);
  });
});
