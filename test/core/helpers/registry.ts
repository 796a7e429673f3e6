import { type Control, encode, type Hello, type Resume } from '../../../src/core/frames.js';
import type { Peer } from '../../../src/core/peer.js';
import {
  Registry,
  type RegistryConfig,
  type RegistryEffect,
  type RegistryInput,
  type SessionSnapshot,
} from '../../../src/core/registry.js';
import type { Data, Effect, Input } from '../../../src/core/types.js';
import { CUT } from './machine.js';
import { peerConfig } from './peer.js';

/** Who arrives. */
export interface Visitor {
  readonly inner?: string;
  readonly principal?: string | undefined;
  readonly source?: string | undefined;
}

/** A server's registry and its sessions, which are told what it says of them; its sessions are s1, s2, … with keys k1, k2, … */
export class Reception {
  readonly registry: Registry;
  readonly peers = new Map<string, Peer>();
  now = 0;
  #sessions = 0;
  #lastId = 0;

  constructor(overrides: Partial<RegistryConfig> = {}) {
    const config: RegistryConfig = {
      peer: peerConfig(),
      helloTimeout: 15_000,
      maxSessions: 1000,
      maxSessionsPerPrincipal: 20,
      hasStore: false,
      entropy: () => ({ session: `s${++this.#sessions}`, key: `k${this.#sessions}` }),
      hash: (key) => `#${key}`,
      ...overrides,
    };
    this.registry = new Registry(config);
  }

  step(input: RegistryInput, now = this.now): RegistryEffect[] {
    this.now = now;
    const effects = [...this.registry.step(input, now)];
    for (const effect of effects) this.#perform(effect);
    return effects;
  }

  #perform(effect: RegistryEffect): void {
    if (effect.type === 'admit' || effect.type === 'restore') this.peers.set(effect.peer.session, effect.peer);
    if (effect.type === 'admit') this.tell(effect.peer.session, { type: 'attach', id: effect.id, jitter: 0 });
    if (effect.type === 'attach') this.tell(effect.session, { ...effect, jitter: 0 });
    if (effect.type === 'evict') this.tell(effect.session, { type: 'evict', why: 'evicted' });
  }

  /** A session is told something, and the registry if that was its end. */
  tell(session: string, input: Input, now = this.now): Effect[] {
    const effects = [...(this.peers.get(session)?.step(input, now) ?? [])];
    for (const effect of effects) {
      if (effect.type === 'ended') this.step({ type: 'ended', session, remains: effect.remains }, now);
    }
    return effects;
  }

  /** A connection comes; its id. */
  arrives({ inner = '', principal, source }: Visitor = {}, now = this.now): number {
    const id = ++this.#lastId;
    this.step({ type: 'arrived', id, inner, principal, source }, now);
    return id;
  }

  greets(id: number, frame: Control | Data, now = this.now): RegistryEffect[] {
    const data = typeof frame === 'object' && 'letter' in frame ? encode(frame) : frame;
    return this.step({ type: 'greeting', id, data }, now);
  }

  hello(visitor: Visitor = {}, fields: Partial<Hello> = {}): RegistryEffect[] {
    return this.greets(this.arrives(visitor), { letter: 'H', v: 1, b: 1024, ...fields });
  }

  /** A RESUME of session s1. */
  resume(visitor: Visitor = {}, fields: Partial<Resume> = {}, now = this.now): RegistryEffect[] {
    const resume: Resume = { letter: 'R', v: 1, s: 's1', k: 'k1', n: 1, r: 0, c: 0, ...fields };
    return this.greets(this.arrives(visitor, now), resume, now);
  }

  /** The connection of a session ends. */
  leaves(session: string, now = this.now): void {
    this.now = now;
    const id = Number(session.slice(1));
    this.tell(session, { type: 'message-received', id, data: '\u0010A0' }, now);
    this.tell(session, { type: 'connection-close', id, ...CUT }, now);
  }

  /** Releases a session to another server. */
  releases(session: string): SessionSnapshot {
    const belongings = this.registry.belongings(session);
    const released = this.tell(session, { type: 'release' }).find((effect) => effect.type === 'released');
    if (!belongings || released?.type !== 'released') throw new Error(`${session} is not here`);
    const { keyHash, principal } = belongings;
    return { session, keyHash, principal, peer: structuredClone(released.snapshot) };
  }
}

/** What those who are refused are told: why, and the rest where there is any. */
export function refusals(effects: readonly RegistryEffect[]): object[] {
  return effects.flatMap((effect) => {
    if (effect.type !== 'refuse') return [];
    const { letter, ...gone } = effect.gone;
    return [{ id: effect.id, ...gone, code: effect.code }];
  });
}

export const types = (effects: readonly RegistryEffect[]): string[] => effects.map(({ type }) => type);
