import type { Socket } from '../socket/socket.js';
import { type StreamOptions, streamClass } from './platform.js';

/**
 * The messages of a socket from now on, as a WHATWG `ReadableStream`; with a session, also those that nobody has read yet. It
 * takes a message when its reader asks for one: with a session, a slow reader slows the peer's `write()`; without one, what
 * waits is bounded by `maxBufferedBytes` and `maxBufferedMessages`, and when that is not enough the stream errors with
 * `READER_TOO_SLOW`, behind what was buffered.
 *
 * It closes with the socket, and errors with what ended it if it failed. `cancel()` stops the reading and leaves what was not
 * read to the next reader; the socket stays open, unless `closeSocket` says otherwise.
 * @throws LongSocketError `UNSUPPORTED`, `INVALID_OPTION`
 */
export function readable<In, Out>(socket: Socket<In, Out>, options: StreamOptions = {}): ReadableStream<In> {
  const Stream = streamClass('ReadableStream', options);
  const messages = socket[Symbol.asyncIterator]();
  return new Stream<In>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await messages.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          if (options.closeSocket) socket.close();
          throw error;
        }
      },
      cancel: async () => {
        await messages.return?.();
        if (options.closeSocket) socket.close();
      },
    },
    // Nothing is taken ahead: what a stream holds counts as read, and is gone when it is cancelled.
    { highWaterMark: 0 },
  );
}
