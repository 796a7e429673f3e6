import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RotatingLine } from '../../src/core/rotating-line.js';
import type { Effect, Input, LineConfig, State } from '../../src/core/types.js';
import { config, probing } from './helpers/config.js';
import { type Moment, moments, of, reports } from './helpers/inputs.js';

const configs: fc.Arbitrary<Partial<LineConfig>> = fc.record({
  reconnect: fc.constantFrom(true, true, true, false),
  backoffBase: fc.constantFrom(0, 500),
  minUptime: fc.constantFrom(0, 5000),
  maxAttempts: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
  connectTimeout: fc.constantFrom(1, 10_000),
  closeTimeout: fc.constantFrom(0, 5000),
  heartbeat: fc.constantFrom({ kind: 'none' as const }, probing(), probing({ interval: 1, timeout: 1 })),
  maxBufferedMessages: fc.constantFrom(1, 3),
  overflow: fc.constantFrom('throw', 'drop-oldest', 'drop-newest'),
  greets: fc.boolean(),
  freshCredentials: fc.boolean(),
  maxConnectionAge: fc.constantFrom(1, 5000, 60_000, Number.POSITIVE_INFINITY),
  random: fc.constantFrom(0, 0.5, 0.999).map((chance) => () => chance),
  shouldReconnect: fc.constantFrom(
    undefined,
    () => true,
    () => false,
  ),
});

/** Relative to the last connection: 0 is that, -1 the one before. */
const id = fc.constantFrom(0, 0, 0, 0, 0, -1, -1, -2, 1, Number.NaN);

const inputs: fc.Arbitrary<Input> = fc.oneof(
  { weight: 3, arbitrary: of('connect') },
  of('reconnect'),
  { weight: 6, arbitrary: of('rotate') },
  { weight: 6, arbitrary: of('send', { data: fc.constantFrom('', 'x', 'x'.repeat(600)) }) },
  of('close', { code: fc.constant(4000), reason: fc.constant('bye') }),
  of('terminate'),
  of('greeting-send', { id, data: fc.constant('token') }),
  { weight: 6, arbitrary: of('greeted', { id }) },
  of('greeting-failed', { id, error: fc.anything() }),
  { weight: 10, arbitrary: of('connection-open', { id, canPing: fc.boolean() }) },
  { weight: 8, arbitrary: reports(id) },
  of('online'),
  of('offline'),
  of('wake'),
  of('freeze'),
  { weight: 6, arbitrary: of('timeout', { overslept: fc.boolean() }) },
);

/** What a driver and the world would know. */
class Witness {
  readonly alive = new Set<number>();
  /** Those that were told goodbye: nothing is written on them any more. */
  readonly hungUp = new Set<number>();
  lastId = 0;
  state: State = { status: 'closed' };
  lives = 0;
  closes = 0;
  accepted = 0;
  written = 0;
  /** Rotations that were begun and are neither done nor given up. */
  rotations = 0;

  saw(effect: Effect, input: Input): void {
    switch (effect.type) {
      case 'begin':
        expect(this.closes).toBe(this.lives++);
        this.accepted = this.written = 0;
        break;
      case 'dial':
        expect(effect.id).toBe(++this.lastId);
        expect(this.alive.size).toBe(effect.reason === 'rotate' ? 1 : 0);
        this.alive.add(effect.id);
        break;
      case 'terminate':
        expect(this.alive.delete(effect.id)).toBe(true);
        break;
      case 'write':
        expect(this.alive.has(effect.id) && !this.hungUp.has(effect.id)).toBe(true);
        if (input.type !== 'greeting-send' && !effect.heartbeat) this.written++;
        break;
      case 'greet':
      case 'ping':
        expect(this.alive.has(effect.id)).toBe(true);
        break;
      case 'hang-up':
        expect(this.alive.has(effect.id) && !this.hungUp.has(effect.id)).toBe(true);
        this.hungUp.add(effect.id);
        break;
      case 'emit':
        this.#told(effect);
    }
  }

  #told(effect: Extract<Effect, { type: 'emit' }>): void {
    expect(this.closes).toBe(this.lives - 1);
    if (effect.event === 'state') this.state = effect.detail;
    if (effect.event === 'rotating') this.rotations++;
    if (effect.event === 'rotated') expect(this.rotations--).toBeGreaterThan(0);
    if (effect.event !== 'interrupted' && effect.event !== 'close') return;
    const { unconfirmed } = effect.detail;
    expect(Number.isInteger(unconfirmed) && unconfirmed >= 0 && unconfirmed <= this.written).toBe(true);
    if (effect.event !== 'close') return;
    expect(effect.detail.undelivered).toBe(this.accepted - this.written);
    this.closes++;
  }
}

class Trial {
  readonly line: RotatingLine;
  readonly witness = new Witness();
  now = 0;

  constructor(overrides: Partial<LineConfig>) {
    this.line = new RotatingLine(config(overrides));
  }

  step(given: Input, moment: Moment): void {
    const { line, witness } = this;
    const next = 'after' in moment ? this.now + moment.after : (line.deadline ?? this.now) + moment.atDeadline;
    this.now = Math.max(this.now, next);
    const input = 'id' in given ? { ...given, id: witness.lastId + given.id } : given;
    if (input.type === 'send') {
      const verdict = line.verdict(input.data, 0, 0);
      if (verdict === 'full' || verdict === 'dropped') return;
      if (line.state.status !== 'closed') witness.accepted++;
    }
    if (input.type === 'connection-close') witness.alive.delete(input.id);
    for (const effect of line.step(input, this.now)) witness.saw(effect, input);
    this.#expectInvariants();
  }

  #expectInvariants(): void {
    const { line, witness } = this;
    const { state, deadline } = line;
    expect(state).toEqual(witness.state);
    expect(witness.lives - witness.closes).toBe(state.status === 'closed' ? 0 : 1);
    expect(deadline).not.toBeNaN();
    expect(witness.alive.size).toBeLessThanOrEqual(2);
    if (state.status === 'closed') {
      expect(deadline).toBeUndefined();
      expect([...witness.alive]).toEqual([]);
    } else if (state.status === 'connecting') {
      expect(deadline).toBeTypeOf('number');
      expect(witness.alive.size).toBeLessThanOrEqual(1);
    } else {
      expect(witness.alive.size).toBeGreaterThanOrEqual(1);
      if (state.closing) expect(deadline).toBeTypeOf('number');
      if (witness.alive.size === 2) expect(deadline).toBeTypeOf('number');
    }
  }

  /** Contract rule 6. */
  expectProgress(): void {
    for (let steps = 0; this.line.deadline !== undefined && this.line.deadline <= this.now; steps++) {
      expect(steps).toBeLessThan(5);
      this.step({ type: 'timeout' }, { after: 0 });
    }
  }

  expectEnd(): void {
    this.step({ type: 'close', code: 1000, reason: '' }, { after: 0 });
    this.step({ type: 'timeout' }, { atDeadline: 0 });
    expect(this.line.state.status).toBe('closed');
  }
}

test('whatever happens whenever in a rotation: two connections at most, and nothing written behind a goodbye', () => {
  const steps = fc.array(fc.tuple(inputs, moments), { minLength: 5, maxLength: 80, size: 'max' });
  fc.assert(
    fc.property(configs, steps, (overrides, happened) => {
      const trial = new Trial(overrides);
      trial.step({ type: 'connect' }, { after: 0 });
      for (const [input, moment] of happened) {
        trial.step(input, moment);
        if (input.type === 'timeout') trial.expectProgress();
      }
      trial.expectProgress();
      trial.expectEnd();
    }),
    { numRuns: 500 },
  );
});
