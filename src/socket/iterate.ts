import { LongSocketError } from '../core/errors.js';
import { type SKIPPED, shiftMessage } from './inbox.js';

/** Where messages come from: calls `message` for each, `end` when there will be none; returns how to stop. */
type Source<In> = (message: (data: In, bytes?: number) => void, end: (error?: LongSocketError) => void) => () => void;

type Result<In> = IteratorResult<In, undefined>;

/**
 * Iterates over messages, from now on, with bounded buffering. A reader that falls further behind than the bounds gets
 * what is buffered, then `READER_TOO_SLOW`: nothing is skipped in silence.
 *
 * A plain object with `next()`, since some engines (Hermes) have no async generators.
 */
export function iterate<In>(
  source: Source<In>,
  maxBytes: number,
  maxMessages: number,
  /** What is to be read first, and then what waits to be read. */
  buffered: (In | typeof SKIPPED)[] = [],
  /** Called whenever more or less of it waits. */
  changed: () => void = () => {},
): AsyncIterableIterator<In> {
  const readers: { resolve(result: Result<In>): void; reject(error: unknown): void }[] = [];
  /** How much each of the buffered messages counts, and all together. */
  const sizes: number[] = [];
  let bytes = 0;
  let ended = false;
  let failure: LongSocketError | undefined;
  let stop = (): void => {};

  const end = (error?: LongSocketError): void => {
    if (ended) return;
    ended = true;
    failure = error;
    stop();
    for (const { resolve, reject } of readers.splice(0)) {
      if (failure) reject(failure);
      else resolve({ done: true, value: undefined });
      failure = undefined;
    }
  };
  stop = source((data, size = 0) => {
    const reader = readers.shift();
    if (reader) {
      reader.resolve({ done: false, value: data });
      return;
    }
    bytes += size;
    if (buffered.length >= maxMessages || (bytes > maxBytes && buffered.length > 0)) {
      const amount = `${buffered.length} messages were waiting to be read`;
      end(new LongSocketError('READER_TOO_SLOW', `${amount}: read faster, or raise maxBufferedBytes or -Messages`));
    } else {
      buffered.push(data);
      sizes.push(size);
      changed();
    }
  }, end);
  if (ended) stop();

  return {
    next() {
      if (buffered.length > 0) {
        const value = shiftMessage(buffered);
        bytes -= sizes.shift() ?? 0;
        changed();
        return Promise.resolve({ done: false, value });
      }
      if (failure) {
        const error = failure;
        failure = undefined;
        return Promise.reject(error);
      }
      if (ended) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve, reject) => readers.push({ resolve, reject }));
    },
    return() {
      // What was not read is still there while `stop` runs: it may be of use to others.
      end();
      buffered.length = 0;
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
