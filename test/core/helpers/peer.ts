import { type Control, encode, type Resume } from '../../../src/core/frames.js';
import { Peer } from '../../../src/core/peer.js';
import type { Announcement, Data, Effect, Input, PeerSnapshot, Remains } from '../../../src/core/types.js';
import { CUT } from './machine.js';

type PeerConfig = ConstructorParameters<typeof Peer>[0];

/** The defaults of a server, with smaller bounds. */
export function peerConfig(overrides: Partial<PeerConfig> = {}): PeerConfig {
  return {
    ttl: 120_000,
    maxSilence: 25_000,
    probeTimeout: 5000,
    helloTimeout: 15_000,
    closeTimeout: 5000,
    maxConnectionAge: Number.POSITIVE_INFINITY,
    maxPayload: 1000,
    maxBufferedBytes: 1024 * 1024,
    maxBufferedMessages: 16_384,
    overflow: 'throw',
    ledger: { bytes: 0 },
    maxRetainedBytes: 1024 * 1024 * 256,
    maxStall: Number.POSITIVE_INFINITY,
    ...overrides,
  };
}

const RESUME: Resume = { letter: 'R', v: 1, s: 'sid', k: 'key', n: 1, r: 0, c: 0 };

/** A server's end of a session, and its time. Its client retains 1 MiB. */
export class End {
  readonly peer: Peer;
  now = 0;

  constructor(peer: Peer, now = 0) {
    this.peer = peer;
    this.now = now;
  }

  static restored(snapshot: PeerSnapshot, overrides: Partial<PeerConfig> = {}, now = 0): End {
    return new End(Peer.restore(peerConfig(overrides), 'sid', structuredClone(snapshot), now), now);
  }

  step(input: Input, now = this.now): Effect[] {
    this.now = now;
    return [...this.peer.step(input, now)];
  }

  get deadline(): number {
    const { deadline } = this.peer;
    if (deadline === undefined) throw new Error('there is no deadline');
    return deadline;
  }

  /** The timer fires `late` ms after the deadline. */
  due(late = 0): Effect[] {
    return this.step({ type: 'timeout' }, this.deadline + late);
  }

  hello(id: number, now = this.now): Effect[] {
    return this.step({ type: 'attach', id, jitter: 1 }, now);
  }

  resume(id: number, fields: Partial<Resume> = {}, now = this.now): Effect[] {
    return this.step({ type: 'attach', id, jitter: 1, resume: { ...RESUME, ...fields } }, now);
  }

  receives(id: number, data: Data, now = this.now): Effect[] {
    return this.step({ type: 'message-received', id, data }, now);
  }

  hears(id: number, frame: Control, now = this.now): Effect[] {
    return this.receives(id, encode(frame), now);
  }

  ends(id: number, end: object = {}, now = this.now): Effect[] {
    return this.step({ type: 'connection-close', id, ...CUT, ...end }, now);
  }

  send(data: Data, now = this.now): Effect[] {
    return this.step({ type: 'send', data }, now);
  }

  close(code = 4000, reason = 'bye', now = this.now): Effect[] {
    return this.step({ type: 'close', code, reason }, now);
  }

  listens(): this {
    this.step({ type: 'read', number: 0, pulls: false });
    return this;
  }
}

/** An end of which nothing has come yet. */
export function newEnd(overrides: Partial<PeerConfig> = {}, inner = ''): End {
  return new End(new Peer(peerConfig(overrides), 'sid', { inner, clientRetains: 1024 * 1024, key: 'key' }, 0));
}

/** One whose client has said HELLO on connection 1, and has confirmed its WELCOME. */
export function attached(overrides: Partial<PeerConfig> = {}): End {
  const end = newEnd(overrides).listens();
  end.hello(1);
  end.hears(1, { letter: 'A', c: 0 });
  return end;
}

/** The same, whose client is away. */
export function detached(overrides: Partial<PeerConfig> = {}): End {
  const end = attached(overrides);
  end.ends(1);
  return end;
}

/** What the server is told of a session that is over. */
export function remains(effects: readonly Effect[]): Remains[] {
  return effects.flatMap((effect) => (effect.type === 'ended' ? [effect.remains] : []));
}

export function events(effects: readonly Effect[]): Announcement['event'][] {
  return effects.flatMap((effect) => (effect.type === 'emit' ? [effect.event] : []));
}
