import { closedError, errorOf } from '../core/errors.js';
import type { AbortLike } from '../socket/abort.js';
import type { Socket } from '../socket/socket.js';
import { type StreamOptions, streamClass } from './platform.js';

/**
 * A WHATWG `WritableStream` whose chunks are sent as messages. `writer.ready` waits while the socket's buffer is full: with a
 * session, until the peer's application has read enough.
 *
 * `close()` resolves when all was handed over, with a session when the peer's application has had it; the socket stays open,
 * unless `closeSocket` says otherwise. `abort()` drops what the stream still holds; what the socket has accepted is sent all the
 * same. A message that cannot be sent errors the stream, as does the end of the socket: with `CLOSED`, or what it failed by.
 * @throws LongSocketError `UNSUPPORTED`, `INVALID_OPTION`
 */
export function writable<In, Out>(socket: Socket<In, Out>, options: StreamOptions = {}): WritableStream<Out> {
  const Stream = streamClass('WritableStream', options);
  const { closeSocket = false } = options;
  const stops: (() => void)[] = [];
  const stop = (): void => {
    for (const off of stops.splice(0)) off();
  };
  /** Gives up the write or the closing under way, of which there is one at most. */
  let giveUp = (_reason: unknown): void => {};
  const unlessAborted = (work: Promise<void>): Promise<void> =>
    new Promise((resolve, reject) => {
      giveUp = reject;
      work.then(resolve, reject);
    });
  const finish = async (): Promise<void> => {
    if (!closeSocket) return await socket.delivered();
    socket.close();
    const { undelivered, unconfirmed } = await socket.closed;
    if (undelivered + unconfirmed > 0) throw closedError();
  };
  return new Stream<Out>({
    start(controller) {
      const { signal } = controller as { readonly signal?: AbortLike };
      signal?.addEventListener('abort', () => giveUp(signal.reason));
      let failure: unknown;
      stops.push(
        socket.on('failed', (ending) => {
          failure = errorOf(ending);
        }),
        socket.on('close', () => {
          stop();
          controller.error(failure ?? closedError());
        }),
      );
    },
    async write(message) {
      try {
        await unlessAborted(socket.write(message));
      } catch (error) {
        if (closeSocket) socket.close();
        throw error;
      }
    },
    close() {
      stop();
      return unlessAborted(finish());
    },
    abort() {
      stop();
      if (closeSocket) socket.close();
    },
  });
}
