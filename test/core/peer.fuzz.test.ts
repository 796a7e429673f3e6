import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse, type Resume } from '../../src/core/frames.js';
import { Peer } from '../../src/core/peer.js';
import type { Data, Effect, Input, PeerSnapshot, State } from '../../src/core/types.js';
import { type Moment, moments, numbers, of, reports } from './helpers/inputs.js';
import { peerConfig } from './helpers/peer.js';

const configs = fc.record({
  ttl: fc.constantFrom(1, 120_000),
  maxSilence: fc.constantFrom(1, 25_000),
  probeTimeout: fc.constantFrom(0, 5000),
  helloTimeout: fc.constantFrom(1, 15_000),
  closeTimeout: fc.constantFrom(0, 5000),
  maxBufferedBytes: fc.constantFrom(10, 5000),
  maxBufferedMessages: fc.constantFrom(2, 50),
  maxRetainedBytes: fc.constantFrom(30, 1e6),
  maxStall: fc.constantFrom(1, 60_000, Number.POSITIVE_INFINITY),
});

/** Relative to the last connection: 0 is that, -1 the one before. */
const id = fc.constantFrom(0, 0, 0, 0, 0, -1, -1, -2, 1, Number.NaN);
const data = fc.constantFrom('', 'x', '\u0010x', 'x'.repeat(20));

/** `resume`: the next connection, with numbers that fit in most cases (`skew` is added to them). */
type Act =
  | Input
  | { readonly type: 'resume'; readonly held: boolean; readonly skew: readonly [number, number, number] }
  | { readonly type: 'take'; readonly skew: readonly [number, number, number] }
  | { readonly type: 'move' };

const off = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1, Number.MAX_SAFE_INTEGER);
const skew = fc.tuple(off, off, off);

const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: of('send', { data }) },
  { weight: 2, arbitrary: of('read', { number: numbers, pulls: fc.boolean() }) },
  of('close', { code: fc.constant(4000), reason: fc.constant('bye') }),
  of('terminate'),
  of('flush'),
  of('go-away', { deadline: fc.constantFrom(0, 5000), window: fc.constant(100), why: fc.constant('drain') }),
  { weight: 8, arbitrary: fc.record({ type: fc.constant('resume' as const), held: fc.boolean(), skew }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('take' as const), skew }) },
  { weight: 20, arbitrary: reports(id) },
  fc.constant({ type: 'move' as const }),
  of('wake'),
  of('online'),
  of('offline'),
  { weight: 6, arbitrary: of('timeout', { overslept: fc.boolean() }) },
);

/** What a server and the world would know of one session. */
class Witness {
  readonly alive = new Set<number>();
  lastId = 0;
  state: State = { status: 'connecting', attempt: 0, delay: 0 };
  ends = 0;
  closes = 0;
  number = 0;
  released: PeerSnapshot | undefined;

  saw(effect: Effect): void {
    switch (effect.type) {
      case 'terminate':
      case 'hang-up':
        expect(this.alive.delete(effect.id)).toBe(true);
        expect(effect.code === 1000 || (effect.code >= 4900 && effect.code < 4910)).toBe(true);
        expect(effect.reason.length).toBeLessThan(100);
        break;
      case 'write':
        expect(this.alive.has(effect.id)).toBe(true);
        if (effect.control) this.#saidControl(effect.data);
        break;
      case 'message':
        expect(effect.number).toBe(++this.number);
        break;
      case 'ended':
        this.ends++;
        break;
      case 'released':
        this.released = effect.snapshot;
        break;
      case 'emit':
        if (effect.event === 'state') this.state = effect.detail;
        if (effect.event === 'close') {
          this.closes++;
          const { undelivered, unconfirmed } = effect.detail;
          expect(Math.min(undelivered, unconfirmed)).toBeGreaterThanOrEqual(0);
        }
    }
  }

  #saidControl(text: Data): void {
    const frame = parse(text as string);
    if (typeof frame !== 'object') throw new Error(`no peer can read ${String(text)}`);
    expect('WAPOGX').toContain(frame.letter);
  }
}

class Trial {
  peer: Peer;
  witness = new Witness();
  now = 0;
  attempt = 0;
  readonly config: ReturnType<typeof peerConfig>;
  #effects: readonly Effect[] | undefined;

  constructor(overrides: object) {
    this.config = peerConfig({ ...overrides, ledger: { bytes: 0 } });
    this.peer = new Peer(this.config, 'sid', { inner: '', clientRetains: 1000, key: 'key' }, 0);
    this.#perform({ type: 'attach', id: this.#arrives(), jitter: 0 });
  }

  #arrives(): number {
    this.witness.alive.add(++this.witness.lastId);
    return this.witness.lastId;
  }

  step(act: Act, moment: Moment): void {
    const next = 'after' in moment ? this.now + moment.after : (this.peer.deadline ?? this.now) + moment.atDeadline;
    // A clock that counts fractions of a ms, too: nobody waits until the end of time.
    this.now = Math.max(this.now, Math.min(next, this.now + 1e9));
    if (act.type === 'move') this.#move();
    else {
      const input = this.#inputOf(act);
      if (input.type === 'send' && this.peer.verdict(input.data, 0, 0) === 'full') return;
      if (input.type === 'connection-close') this.witness.alive.delete(input.id);
      this.#perform(input);
    }
    this.#expectInvariants();
  }

  #inputOf(act: Exclude<Act, { type: 'move' }>): Input {
    const { delivery } = this.peer.snapshot();
    if (act.type === 'resume') {
      const [n, r, c] = act.skew.map((by) => Math.max(0, by)) as [number, number, number];
      const base = act.skew[1] < 0 ? 0 : delivery.handed;
      const bounded = (number: number): number => Math.min(number, Number.MAX_SAFE_INTEGER);
      const numbers = { n: bounded(++this.attempt + n), r: bounded(base + r), c: bounded(delivery.acked + c) };
      const resume: Resume = { letter: 'R', v: 1, s: 'sid', k: 'key', ...numbers };
      return { type: 'attach', id: this.#arrives(), jitter: 0, resume: act.held ? { ...resume, h: 1 } : resume };
    }
    if (act.type === 'take') {
      const [r, c, s] = act.skew;
      const values = [delivery.handed + r, delivery.acked + c, delivery.consumed + 1 + s];
      return {
        type: 'message-received',
        id: this.witness.lastId,
        data: `\u0010T${values.map((value) => Math.max(0, value)).join()}`,
      };
    }
    return 'id' in act && act.type !== 'attach' ? { ...act, id: this.witness.lastId + act.id } : act;
  }

  #perform(input: Input): void {
    const effects = this.peer.step(input, this.now);
    this.#effects ??= effects;
    expect(effects).toBe(this.#effects);
    for (const effect of effects) this.witness.saw(effect);
  }

  /** The session goes to another server, and is all there. */
  #move(): void {
    if (this.peer.state.status === 'closed') return;
    const { pending } = this.peer;
    this.#perform({ type: 'release' });
    this.#expectInvariants();
    const snapshot = structuredClone(this.witness.released as PeerSnapshot);
    const { lastId } = this.witness;
    this.witness = new Witness();
    this.witness.lastId = lastId;
    this.witness.number = snapshot.delivery.consumed;
    this.#effects = undefined;
    this.peer = Peer.restore(this.config, 'sid', snapshot, this.now);
    expect(this.peer.pending).toBe(pending);
  }

  #expectInvariants(): void {
    const { peer, witness, config } = this;
    const { state, deadline, pending, queuedCount, queuedBytes, retainedBytes } = peer;
    expect(state).toEqual(witness.state);
    expect(deadline).not.toBeNaN();
    for (const figure of [pending, queuedCount, queuedBytes, retainedBytes]) expect(figure).toBeGreaterThanOrEqual(0);
    expect(queuedCount).toBeLessThanOrEqual(pending);
    expect(config.ledger.bytes).toBe(retainedBytes);
    expect(witness.alive.size).toBeLessThanOrEqual(2);
    const over = state.status === 'closed' ? 1 : 0;
    expect([witness.ends, witness.closes]).toEqual([over, over]);
    if (over) {
      expect(deadline).toBeUndefined();
      expect([...witness.alive]).toEqual([]);
      expect([pending, queuedCount, queuedBytes, retainedBytes]).toEqual([0, 0, 0, 0]);
    } else {
      expect(deadline).toBeTypeOf('number');
      if (state.status === 'connected') expect(witness.alive.size).toBeGreaterThanOrEqual(1);
      else expect(witness.alive.size).toBeLessThanOrEqual(1);
    }
  }

  /** Contract rule 6. */
  expectProgress(): void {
    for (let steps = 0; this.peer.deadline !== undefined && this.peer.deadline <= this.now; steps++) {
      expect(steps).toBeLessThan(5);
      this.step({ type: 'timeout' }, { after: 0 });
    }
  }

  /** Whose client is never heard of again is over some day. */
  expectEnd(): void {
    for (let steps = 0; this.peer.state.status !== 'closed'; steps++) {
      expect(steps).toBeLessThan(20);
      this.step({ type: 'timeout' }, { atDeadline: 0 });
    }
  }
}

test('whatever a client says whenever: nothing throws, each message comes once, and there is an end of it', () => {
  const steps = fc.array(fc.tuple(acts, moments), { minLength: 5, maxLength: 100, size: 'max' });
  fc.assert(
    fc.property(configs, steps, (overrides, happened) => {
      const trial = new Trial(overrides);
      for (const [act, moment] of happened) {
        trial.step(act, moment);
        if (act.type === 'timeout') trial.expectProgress();
      }
      trial.expectProgress();
      trial.expectEnd();
    }),
    { numRuns: 500 },
  );
});
