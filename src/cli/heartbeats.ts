import { unframed } from '../core/frames.js';
import type { Data } from '../core/types.js';
import type { Inspection } from '../io/driver.js';
import type { Events } from './describe.js';

/** Tells of heartbeats, which are nobody's business but that of whoever looks for the reason of a dead connection. */
export function heartbeats(session: boolean, tell: (event: Events['heartbeat']) => void): (step: Inspection) => void {
  let askedAt: number | undefined;
  // Of a frame of the session's protocol (PROTOCOL.md §5): P asks, O answers.
  const letter = (data: Data): string | undefined =>
    session && typeof data === 'string' && unframed(data) === undefined ? data.charAt(1) : undefined;
  return ({ at, input, effects }) => {
    const answered = input.type === 'message-received' && letter(input.data) === 'O';
    if ((answered || input.type === 'pong-received') && askedAt !== undefined) {
      tell({ is: 'answered', ms: at - askedAt });
      askedAt = undefined;
    }
    for (const effect of effects) {
      const written = effect.type === 'write' ? letter(effect.data) : undefined;
      if (effect.type === 'ping' || written === 'P') {
        askedAt = at;
        tell({ is: 'asked' });
      } else if (written === 'O') tell({ is: 'served' });
    }
  };
}
