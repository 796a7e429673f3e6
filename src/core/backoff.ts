import { verdictOn } from './close-code.js';
import type { Ending, LineConfig } from './types.js';

/** Under overload or restart (`spread`), waits are drawn from at least this range, in ms. */
const SPREAD = 5000;

/**
 * The wait before the next dial, in ms: full jitter, uniform over [0, ceiling), so that a crowd cut at one moment does
 * not come back at one moment. The ceiling is base/2, base, 2·base, … up to cap: the retry after a stable connection
 * (`attempts` = 0) comes soon. An application's `backoff` may say otherwise. What the server asked for (`Retry-After`) is
 * added, never shortened.
 */
export function backoffDelay(
  attempts: number,
  cause: Ending,
  spread: boolean,
  { backoff, backoffBase, backoffCap, random }: LineConfig,
): number {
  const { retryAfter = 0 } = cause;
  const wait = backoff?.({ attempt: attempts + 1, cause });
  if (wait !== undefined) return retryAfter + wait;
  // Beyond 2^30 the cap has long been reached; the bound keeps the power finite.
  const doubled = Math.min(backoffCap, backoffBase * 2 ** (Math.min(attempts, 30) - 1));
  const ceiling = spread ? Math.max(doubled, Math.min(SPREAD, backoffCap)) : doubled;
  return retryAfter + random() * ceiling;
}

/**
 * What an ending leads to: the wait before the next dial, in ms, or `undefined` for giving up. `hurried`: the connection
 * was lost in someone's sleep, which is no sign of trouble.
 */
export function nextDelay(ending: Ending, attempts: number, hurried: boolean, config: LineConfig): number | undefined {
  const meaning = verdictOn(ending, config.freshCredentials);
  const willing = config.reconnect && (config.shouldReconnect?.(ending) ?? meaning !== 'stop');
  if (!willing || attempts >= config.maxAttempts) return undefined;
  // What the server asks for is not overheard in any hurry.
  const asked = meaning === 'spread' || ending.retryAfter;
  return hurried && !asked ? 0 : backoffDelay(attempts, ending, meaning === 'spread', config);
}
