import type { Link } from './link.js';
import type { ConnectionId, Ending, RotationCause } from './types.js';

/** A connection on its way to being one. */
export interface Attempt {
  readonly id: ConnectionId;
  /** When it was dialed. */
  readonly since: number;
  /** `connectTimeout` covers providers, dial and greeting. */
  readonly deadline: number;
  /** The deadline was found to have passed in someone's sleep, and was extended once. */
  readonly extended: boolean;
  /** It was begun to take over from a living connection. */
  readonly takesOver: boolean;
}

/** An attempt whose connection is open, and not the application's yet. */
export interface Greeting extends Attempt {
  readonly canPing: boolean;
  readonly backedUp: boolean;
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
  | ({ readonly name: 'greeting' } & Greeting)
  | { readonly name: 'connected'; readonly link: Link }
  | {
      /** Another connection is on its way; until it is there, nothing changes. */
      readonly name: 'rotating';
      readonly link: Link;
      readonly next: Attempt | Greeting;
      readonly cause: RotationCause;
    }
  | {
      /** Another connection has taken over; what the old one still brings is welcome. */
      readonly name: 'draining';
      readonly link: Link;
      readonly old: Link;
      readonly until: number;
    }
  | {
      readonly name: 'closing';
      readonly link: Link;
      readonly deadline: number;
      readonly code: number;
      readonly reason: string;
      readonly hungUp: boolean;
    };

/** `close()`, or the peer's FIN: how a session is going to end. */
export interface Finishing {
  readonly cause: 'caller' | 'peer';
  readonly code: number;
  readonly reason: string;
  readonly deadline: number;
}

/** When a phase wants to be woken; `undefined`: never. No timer can outlive its phase. */
export function deadlineOf(phase: Phase): number | undefined {
  const deadline = dueOf(phase);
  return deadline === Number.POSITIVE_INFINITY ? undefined : deadline;
}

function dueOf(phase: Phase): number {
  switch (phase.name) {
    case 'closed':
      return Number.POSITIVE_INFINITY;
    case 'waiting':
      return phase.until;
    case 'connected':
      return Math.min(beatOf(phase.link), phase.link.rotateAt);
    case 'rotating':
      return Math.min(beatOf(phase.link), phase.next.deadline);
    case 'draining':
      return Math.min(beatOf(phase.link), phase.until);
    default:
      return phase.deadline;
  }
}

function beatOf(link: Link): number {
  return link.heartbeat.deadline ?? Number.POSITIVE_INFINITY;
}

/** The connection that is open for the application. */
export function linkOf(phase: Phase): Link | undefined {
  return 'link' in phase ? phase.link : undefined;
}

/** The connection of a phase: events of any other but {@link otherIdOf} are of the past. */
export function idOf(phase: Phase): ConnectionId | undefined {
  return 'id' in phase ? phase.id : linkOf(phase)?.id;
}

/** The second connection, while one takes over from another. */
export function otherIdOf(phase: Phase): ConnectionId | undefined {
  if (phase.name === 'rotating') return phase.next.id;
  return phase.name === 'draining' ? phase.old.id : undefined;
}

/** Whether an attempt's connection is open already. */
export function isGreeting(attempt: Attempt | Greeting): attempt is Greeting {
  return 'canPing' in attempt;
}

/** How far the connection of a phase has come, in the words of {@link Ending}. */
export function stageOf(phase: Phase): Ending['phase'] {
  if (linkOf(phase)) return 'open';
  return phase.name === 'greeting' ? 'greeting' : 'dial';
}
