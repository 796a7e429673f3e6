import { wordsOf } from '../core/errors.js';
import type { Data } from '../core/types.js';
import { isolate, type ListenerErrorHandler, reportListenerError } from './listeners.js';
import type { Socket } from './socket.js';

/** Options of {@link respond}. */
export interface RespondOptions {
  /**
   * Send an error's message to the peer as text. After three failures in a row without a success, reports cease until
   * the next success: two ends that fail on each other's reports would otherwise go on for ever. @default false
   */
  readonly reportErrors?: boolean | undefined;
  /** Told of what the handler throws, or returns that cannot be sent. @default a warning, never a crash */
  readonly onError?: ListenerErrorHandler | undefined;
}

/** What a handler returns: an answer, or none. `void`, so that a handler without a `return` is one. */
// biome-ignore lint/suspicious/noConfusingVoidType: it is what such a function returns
export type Reply<Out> = Out | undefined | void;

const MOST_REPORTS = 3;

/**
 * Answers each message with what `handler` returns or resolves with; `undefined` is no answer. One message at a time, in
 * order. What the handler throws goes to `onError`, and no further.
 * @returns a function that stops it
 */
export function respond<In = Data, Out = Data>(
  socket: Socket<In, Out>,
  handler: (message: In) => Reply<Out> | Promise<Reply<Out>>,
  { reportErrors = false, onError = reportListenerError }: RespondOptions = {},
): () => void {
  const messages = socket[Symbol.asyncIterator]();
  let failures = 0;

  const answer = async (message: In): Promise<void> => {
    let reply: Reply<Out>;
    try {
      reply = await handler(message);
      failures = 0;
    } catch (error) {
      isolate(onError, error, reportListenerError);
      if (!reportErrors || ++failures > MOST_REPORTS) return;
      reply = wordsOf(error) as Out;
    }
    const { state } = socket;
    if (reply !== undefined && state.status !== 'closed' && !(state.status === 'connected' && state.closing)) {
      await socket.write(reply);
    }
  };

  const run = async (): Promise<void> => {
    for (let next = await messages.next(); !next.done; next = await messages.next()) {
      try {
        await answer(next.value);
      } catch (error) {
        // The reply could not be sent: it was no message, or the socket closed under it.
        isolate(onError, error, reportListenerError);
      }
    }
  };
  run().catch((error) => isolate(onError, error, reportListenerError));

  return () => {
    messages.return?.();
  };
}
