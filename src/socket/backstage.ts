import type { Data, Loss } from '../core/types.js';
import type { Clock } from '../io/clock.js';
import type { Waiter } from './writers.js';

/**
 * Takes some of what comes before it is anybody's message, and keeps messages from being mistaken for that: how requests
 * share a socket with messages.
 */
export interface Aside {
  /** What is the application's of what came, or was to be sent: nothing, if it is not. */
  ordinary(data: Data): Data | undefined;
  /** One that is not. */
  take(data: Data): void;
  /** What to send of a message, so that the other end's `ordinary` gives it back. */
  escape(data: Data): Data;
}

/** How what is built on sockets in this package gets below their messages. Nobody else has a use for it. */
export const backstage: unique symbol = Symbol.for('longsocket.backstage') as never;

/** What is below the messages of a socket. */
export interface Backstage {
  readonly clock: Clock;
  readonly random: () => number;
  /**
   * As the socket's `write` and `offer`, of what is encoded. `waiter` is told when it is accepted, or will not be.
   * @returns takes it back, if it still waits; then `waiter` is not told
   */
  write(data: Data, waiter: Waiter): () => void;
  offer(data: Data): boolean;
}

/** A loss without what was never the application's. */
export function ordinaryLoss(loss: Loss, aside: Aside): Loss {
  const messages = loss.messages.map((data) => aside.ordinary(data)).filter((data) => data !== undefined);
  const [undelivered, unknown] = loss.undelivered > 0 ? [messages.length, 0] : [0, messages.length];
  return { ...loss, messages, undelivered, unknown };
}
