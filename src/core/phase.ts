import type { Link } from './link.js';
import type { ConnectionId, Ending } from './types.js';

/** A connection on its way to being one. */
export interface Attempt {
  readonly id: ConnectionId;
  /** When it was dialed. */
  readonly since: number;
  /** `connectTimeout` covers providers, dial and greeting. */
  readonly deadline: number;
  /** The deadline was found to have passed in someone's sleep, and was extended once. */
  readonly extended: boolean;
}

/** Where the machine is. Each phase carries exactly its own data, so what is over cannot be acted on. */
export type Phase =
  | { readonly name: 'closed' }
  | {
      readonly name: 'waiting';
      readonly until: number;
      /** Until then the server asked not to be dialed (`Retry-After`): a wake does not cut this part short. */
      readonly notBefore: number;
    }
  | ({ readonly name: 'dialing' } & Attempt)
  | ({ readonly name: 'greeting'; readonly canPing: boolean; readonly backedUp: boolean } & Attempt)
  | { readonly name: 'connected'; readonly link: Link }
  | {
      readonly name: 'closing';
      readonly link: Link;
      readonly deadline: number;
      readonly code: number;
      readonly reason: string;
      readonly hungUp: boolean;
    };

/** When a phase wants to be woken; `undefined`: never. No timer can outlive its phase. */
export function deadlineOf(phase: Phase): number | undefined {
  if (phase.name === 'waiting') return phase.until;
  if (phase.name === 'connected') return phase.link.heartbeat.deadline;
  return phase.name === 'closed' ? undefined : phase.deadline;
}

/** The connection that is open for the application. */
export function linkOf(phase: Phase): Link | undefined {
  return 'link' in phase ? phase.link : undefined;
}

/** The connection of a phase: events of any other are of the past. */
export function idOf(phase: Phase): ConnectionId | undefined {
  return 'id' in phase ? phase.id : linkOf(phase)?.id;
}

/** How far the connection of a phase has come, in the words of {@link Ending}. */
export function stageOf(phase: Phase): Ending['phase'] {
  if (linkOf(phase)) return 'open';
  return phase.name === 'greeting' ? 'greeting' : 'dial';
}
