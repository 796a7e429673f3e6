import type { Claim, SessionSnapshot } from '../core/registry.js';
import { type Clock, systemClock } from '../io/clock.js';

/** A server as others see it, through the store that they share. */
export interface SessionOwner {
  /**
   * Rejects while a session that was here is on its way to another server: nobody knows then, and a `claim` that finds it nowhere else
   * should reject as well. Else it hands a session over to whoever claims it: stops using it at once. `undefined`: not here, or not for this claim. */
  release(claim: Claim): Promise<SessionSnapshot | undefined>;
}

/**
 * Where servers find each other's sessions: when a client comes back to another server than before, that server claims its
 * session, and the one that has it releases it. Off the hot path: asked when a session is not where its client is, never for
 * a message. A snapshot is plain data, but for the bytes of messages.
 */
export interface SessionStore {
  /** A server takes part: its `release` may be called from now on. Returns how to leave. */
  join(owner: SessionOwner): () => void;
  /** Resolves with the session, which is the claimer's from then on; `undefined` if nobody has it for this claim. */
  claim(claim: Claim): Promise<SessionSnapshot | undefined>;
  /** Keeps a session whose server goes away, until it is claimed. */
  deposit(snapshot: SessionSnapshot): Promise<void>;
}

/** What was deposited is kept for so long, in ms. */
const KEPT = 120_000;

/** Whether a claim has the key of a session, and is not of the past. */
function mayHave({ keyHash, principal, peer }: SessionSnapshot, claim: Claim): boolean {
  return keyHash === claim.keyHash && principal === claim.principal && claim.attempt > peer.resumes;
}

/** A store for servers of one process, such as the old and the new one of a reload. Keeps what is deposited for 120 s. */
export function memoryStore({ clock = systemClock }: { readonly clock?: Clock } = {}): SessionStore {
  const owners = new Set<SessionOwner>();
  const deposits = new Map<string, { readonly snapshot: SessionSnapshot; readonly until: number }>();
  const expire = (): void => {
    for (const [session, { until }] of deposits) {
      if (until > clock.now()) return;
      deposits.delete(session);
    }
  };
  /** What was deposited, for whoever may have it. */
  const collect = (claim: Claim): SessionSnapshot | undefined => {
    expire();
    const snapshot = deposits.get(claim.session)?.snapshot;
    if (!snapshot || !mayHave(snapshot, claim)) return undefined;
    deposits.delete(claim.session);
    return snapshot;
  };
  return {
    join(owner) {
      owners.add(owner);
      return () => owners.delete(owner);
    },
    async claim(claim) {
      let snapshot = collect(claim);
      let failure: unknown;
      for (const owner of owners) {
        snapshot ??= await owner.release(claim).catch((error: unknown) => {
          failure = error;
          return undefined;
        });
      }
      // It may have been deposited while its owner was asked.
      snapshot ??= collect(claim);
      if (snapshot === undefined && failure !== undefined) throw failure;
      return snapshot;
    },
    async deposit(snapshot) {
      expire();
      deposits.delete(snapshot.session);
      deposits.set(snapshot.session, { snapshot, until: clock.now() + KEPT });
    },
  };
}
