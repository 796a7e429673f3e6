import { LongSocketError } from '../core/errors.js';
import { checks, validate } from '../socket/options.js';

// The platform's streams, where its types are known; elsewhere there is a name for them at least.
declare global {
  interface ReadableStream<R> {}
  interface WritableStream<W> {}
}

/** Options of `readable` and `writable`. */
export interface StreamOptions {
  /**
   * The stream owns the socket: `cancel()` of a readable, `close()` and `abort()` of a writable close it with code 1000, and so does
   * what makes the stream error.
   * @default false
   */
  readonly closeSocket?: boolean | undefined;
}

type StreamName = 'ReadableStream' | 'WritableStream';

/** The platform's class of streams. */
export function streamClass<Name extends StreamName>(name: Name, options: StreamOptions): (typeof globalThis)[Name] {
  validate(options, { closeSocket: checks.boolean }, 'stream.');
  const Stream = globalThis[name];
  if (typeof Stream === 'function') return Stream;
  throw new LongSocketError('UNSUPPORTED', `this platform has no ${name}`);
}
