import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RegistryConfig, RegistryEffect, SessionSnapshot } from '../../src/core/registry.js';
import { arriving } from './helpers/inputs.js';
import { Reception } from './helpers/registry.js';

const configs: fc.Arbitrary<Partial<RegistryConfig>> = fc.record({
  helloTimeout: fc.constantFrom(1, 15_000),
  maxSessions: fc.constantFrom(1, 3, 1000),
  maxSessionsPerPrincipal: fc.constantFrom(1, 2),
  hasStore: fc.boolean(),
});

const principal = fc.constantFrom(undefined, 'ann', 'bob');
const source = fc.constantFrom(undefined, 'office');
const session = fc.constantFrom('s1', 's2', 's3', 'nobody');
const nth = fc.nat({ max: 8 });

const acts = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('hello' as const), principal }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('resume' as const),
      principal,
      source,
      session,
      keyOf: fc.constantFrom('own', 'own', 'own', 'k1', 'wrong'),
      n: fc.nat({ max: 9 }),
      held: fc.boolean(),
    }),
  },
  fc.record({ type: fc.constant('arrives' as const), principal }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('says' as const), nth, data: arriving }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('left' as const), nth }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('loses' as const), session, nth }) },
  fc.record({ type: fc.constant('evicts' as const), session }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('moves' as const), session }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('answers' as const), session, failed: fc.boolean() }) },
  fc.constant({ type: 'pressure' as const }),
  fc.record({ type: fc.constant('drain' as const), rate: fc.constantFrom(0, 1, 1000) }),
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('waits' as const), ms: fc.constantFrom(0, 1, 200, 60_000, 1e6) }),
  },
);
type Act = typeof acts extends fc.Arbitrary<infer Value> ? Value : never;

/** What a server would know: who is on his way, and who was answered. */
class Trial {
  readonly reception: Reception;
  readonly #waiting = new Set<number>();
  readonly #asked = new Set<string>();
  readonly #elsewhere = new Map<string, SessionSnapshot>();
  #lastId = 0;

  constructor(overrides: Partial<RegistryConfig>) {
    this.reception = new Reception(overrides);
  }

  act(act: Act): void {
    this.#saw(this.#effectsOf(act));
    this.#expectInvariants();
  }

  #effectsOf(act: Act): readonly RegistryEffect[] {
    const { reception } = this;
    switch (act.type) {
      case 'hello':
        this.#waiting.add(++this.#lastId);
        return reception.hello(act);
      case 'resume': {
        this.#waiting.add(++this.#lastId);
        // Ids are unpredictable: nobody asks for a session that is still to come.
        const session = reception.peers.has(act.session) ? act.session : 'nobody';
        const k = act.keyOf === 'own' ? `k${session.slice(1)}` : act.keyOf;
        return reception.resume(act, { s: session, k, n: act.n, ...(act.held && { h: 1 }) });
      }
      case 'arrives':
        this.#waiting.add(++this.#lastId);
        reception.arrives(act);
        return [];
      case 'says':
        return reception.greets(this.#lastId - act.nth, act.data);
      case 'left':
        this.#waiting.delete(this.#lastId - act.nth);
        return reception.step({ type: 'left', id: this.#lastId - act.nth });
      case 'loses':
        reception.tell(act.session, {
          type: 'connection-close',
          id: this.#lastId - act.nth,
          code: 1006,
          reason: '',
          wasClean: false,
        });
        return [];
      case 'evicts':
        reception.tell(act.session, { type: 'evict', why: 'evicted' });
        return [];
      case 'moves':
        if (reception.registry.belongings(act.session))
          this.#elsewhere.set(act.session, reception.releases(act.session));
        return [];
      case 'answers': {
        if (!this.#asked.delete(act.session)) return [];
        const snapshot = act.failed ? undefined : this.#elsewhere.get(act.session);
        if (snapshot) this.#elsewhere.delete(act.session);
        return reception.step({ type: 'claimed', session: act.session, snapshot, failed: act.failed });
      }
      case 'pressure':
        return reception.step({ type: 'pressure' });
      case 'drain':
        return reception.step({ type: 'drain', within: 5000, rate: act.rate });
      case 'waits':
        for (const peer of reception.peers.keys()) reception.tell(peer, { type: 'timeout' }, reception.now + act.ms);
        return reception.step({ type: 'timeout' }, reception.now);
    }
  }

  #saw(effects: readonly RegistryEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'claim') {
        const { session } = effect.claim;
        // One question at a time, and never for what is here.
        expect(this.#asked.has(session)).toBe(false);
        expect(this.reception.registry.belongings(session)).toBeUndefined();
        this.#asked.add(session);
      } else if (effect.type === 'go-away') {
        expect(effect.window).toBeLessThanOrEqual(effect.deadline);
      } else if (
        effect.type === 'admit' ||
        effect.type === 'attach' ||
        effect.type === 'refuse' ||
        effect.type === 'close'
      ) {
        // Each is answered once, and nobody who has gone.
        expect(this.#waiting.delete(effect.id)).toBe(true);
      }
    }
  }

  #expectInvariants(): void {
    const { registry, peers, now } = this.reception;
    const alive = [...peers.values()].filter(({ state }) => state.status !== 'closed');
    expect(registry.sessions).toBe(alive.length);
    expect(registry.attached).toBeLessThanOrEqual(registry.sessions);
    expect(registry.deadline).not.toBeNaN();
    for (const { session } of alive) expect(registry.belongings(session)).toBeDefined();
    expect(now).toBeGreaterThanOrEqual(0);
  }

  /** What is due is done in one step; without visitors and sessions, nothing is left to wait for. */
  expectEnd(): void {
    const { reception } = this;
    for (const session of reception.peers.keys()) reception.tell(session, { type: 'evict', why: 'lost' });
    reception.step({ type: 'timeout' }, reception.now + 600_000);
    expect(reception.registry).toMatchObject({ sessions: 0, attached: 0, tombs: 0, deadline: undefined });
  }
}

test('whoever comes whenever is answered once, and what is over is forgotten some day', () => {
  fc.assert(
    fc.property(configs, fc.array(acts, { minLength: 5, maxLength: 100, size: 'max' }), (overrides, happened) => {
      const trial = new Trial(overrides);
      for (const act of happened) trial.act(act);
      trial.expectEnd();
    }),
    { numRuns: 500 },
  );
});
