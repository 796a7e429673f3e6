import type { HeartbeatConfig, LineConfig } from '../../../src/core/types.js';

/** The defaults of a client in Node, without heartbeat, and with a chance of exactly one half. */
export function config(overrides: Partial<LineConfig> = {}): LineConfig {
  return {
    reconnect: true,
    backoffBase: 500,
    backoffCap: 30_000,
    minUptime: 5000,
    maxAttempts: Number.POSITIVE_INFINITY,
    connectTimeout: 10_000,
    closeTimeout: 5000,
    heartbeat: { kind: 'none' },
    maxBufferedBytes: 1024,
    maxBufferedMessages: 16,
    overflow: 'throw',
    greets: false,
    freshCredentials: false,
    maxConnectionAge: Number.POSITIVE_INFINITY,
    random: () => 0.5,
    ...overrides,
  };
}

type Kind<Name> = Extract<HeartbeatConfig, { kind: Name }>;

/** Asks after 25 s of silence, waits 5 s for the answer. */
export function probing(overrides: Partial<Kind<'probe'>> = {}): Kind<'probe'> {
  return { kind: 'probe', interval: 25_000, timeout: 5000, ...overrides };
}

/** Speaks every 5 s, expects the same of the peer within 15 s. */
export function announcing(overrides: Partial<Kind<'announce'>> = {}): Kind<'announce'> {
  return {
    kind: 'announce',
    interval: 5000,
    timeout: 15_000,
    message: () => 'alive',
    isReply: (data) => data === 'alive',
    ...overrides,
  };
}
