import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Line } from '../../src/core/line.js';
import type { Effect, HeartbeatConfig, Input, LineConfig, State } from '../../src/core/types.js';
import { announcing, config, probing } from './helpers/config.js';

// --- arbitrary configurations and inputs -----------------------------------------------------------------------------

const isReply = (data: unknown): boolean => data === 'pong';
const heartbeats: HeartbeatConfig[] = [
  { kind: 'none' },
  probing(),
  probing({ interval: 1, timeout: 1 }),
  probing({ message: () => 'ping', isReply }),
  probing({ message: () => 'ping' }),
  announcing({ message: () => 'pong', isReply }),
  announcing({ interval: 5000, timeout: 100, message: () => 'pong', isReply }),
];

const configs: fc.Arbitrary<Partial<LineConfig>> = fc.record({
  reconnect: fc.constantFrom(true, true, true, false),
  backoffBase: fc.constantFrom(0, 500),
  minUptime: fc.constantFrom(0, 5000),
  maxAttempts: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
  connectTimeout: fc.constantFrom(1, 10_000),
  closeTimeout: fc.constantFrom(0, 5000),
  heartbeat: fc.constantFrom(...heartbeats),
  maxBufferedMessages: fc.constantFrom(1, 3),
  overflow: fc.constantFrom('throw', 'drop-oldest', 'drop-newest'),
  greets: fc.boolean(),
  freshCredentials: fc.boolean(),
  random: fc.constantFrom(0, 0.5, 0.999).map((chance) => () => chance),
  shouldReconnect: fc.constantFrom(
    undefined,
    () => true,
    () => false,
    () => undefined,
  ),
});

/** An id is given relative to the last: 0 is the present one, others are of the past or the future. */
const id = fc.constantFrom(0, 0, 0, 0, 0, 0, -1, -2, 1, Number.NaN);
const text = fc.constantFrom('', 'x', 'pong', 'x'.repeat(2000));
const payload = fc.oneof(fc.nat({ max: 5 }).map(String), fc.constantFrom('-1', 'NaN', '', '1e9', '0.5', '\u0000'));
const code = fc.oneof(fc.constantFrom(0, 1000, 1002, 1006, 1008, 1013, 4000), fc.integer());
const retryAfter = fc.constantFrom(undefined, undefined, 0, 60_000);
const status = fc.constantFrom(undefined, 200, 401, 503, -1);

const of = <Type extends Input['type']>(type: Type, rest = {}): fc.Arbitrary<Input> =>
  fc.record({ type: fc.constant(type), ...rest }) as unknown as fc.Arbitrary<Input>;

const inputs: fc.Arbitrary<Input> = fc.oneof(
  { weight: 3, arbitrary: of('connect') },
  of('reconnect'),
  { weight: 6, arbitrary: of('send', { data: text }) },
  of('close', { code: fc.constant(4000), reason: text }),
  of('terminate'),
  of('adopt', { canPing: fc.boolean() }),
  of('greeting-send', { id, data: text }),
  { weight: 3, arbitrary: of('greeted', { id }) },
  of('greeting-failed', { id, error: fc.anything() }),
  { weight: 6, arbitrary: of('connection-open', { id, canPing: fc.boolean() }) },
  { weight: 2, arbitrary: of('message-received', { id, data: text }) },
  of('ping-received', { id }),
  of('pong-received', { id, payload }),
  of('connection-backed-up', { id }),
  of('connection-writable', { id }),
  {
    weight: 2,
    arbitrary: of('connection-close', { id, code, reason: text, wasClean: fc.boolean(), status, retryAfter }),
  },
  of('online'),
  of('offline'),
  of('wake'),
  of('freeze'),
  { weight: 6, arbitrary: of('timeout') },
);

/** When an input comes: so long after the last, or at the deadline and a bit. */
const moments = fc.oneof(
  fc.record({ after: fc.constantFrom(0, 1, 100, 2999, 3001, 60_000) }),
  fc.record({ atDeadline: fc.constantFrom(-1, 0, 1, 1000, 1001, 1e7) }),
);

// --- what must hold --------------------------------------------------------------------------------------------------

/** What a driver and the world would know: it is told every effect, and checks what it can. */
class Witness {
  readonly alive = new Set<number>();
  lastId = 0;
  state: State = { status: 'closed' };
  lives = 0;
  closes = 0;
  accepted = 0;
  written = 0;
  onConnection = 0;

  saw(effect: Effect, input: Input): void {
    switch (effect.type) {
      case 'begin':
        expect(this.closes).toBe(this.lives++);
        this.accepted = this.written = 0;
        if (input.type === 'adopt') this.alive.add(++this.lastId);
        break;
      case 'dial':
        expect([...this.alive]).toEqual([]);
        expect(effect.id).toBe(++this.lastId);
        this.alive.add(effect.id);
        break;
      case 'terminate':
        expect(this.alive.delete(effect.id)).toBe(true);
        break;
      case 'write':
        if (input.type !== 'greeting-send' && !effect.heartbeat) {
          this.written++;
          this.onConnection++;
        }
        expect([...this.alive]).toEqual([effect.id]);
        break;
      case 'greet':
      case 'ping':
      case 'hang-up':
        expect([...this.alive]).toEqual([effect.id]);
        break;
      case 'emit':
        this.heard(effect);
    }
  }

  heard(effect: Extract<Effect, { type: 'emit' }>): void {
    expect(this.closes).toBe(this.lives - 1);
    if (effect.event === 'state') this.state = effect.detail;
    if (effect.event === 'open') this.onConnection = 0;
    if (effect.event === 'reconnecting') expect(effect.detail.delay).toBeGreaterThanOrEqual(0);
    if (effect.event === 'interrupted' || effect.event === 'close') {
      expect(Number.isInteger(effect.detail.unconfirmed)).toBe(true);
      expect(effect.detail.unconfirmed).toBeGreaterThanOrEqual(0);
      expect(effect.detail.unconfirmed).toBeLessThanOrEqual(this.onConnection);
    }
    if (effect.event === 'close') {
      expect(effect.detail.undelivered).toBe(this.accepted - this.written);
      this.closes++;
      this.onConnection = 0;
    }
  }
}

class Trial {
  readonly session: Line;
  readonly witness = new Witness();
  #effects: readonly Effect[] | undefined;
  #now = 0;

  constructor(overrides: Partial<LineConfig>) {
    this.session = new Line(config(overrides));
  }

  /** As a driver does: `now` never decreases, and what is refused is not stepped. */
  step(given: Input, moment: { after: number } | { atDeadline: number }): void {
    const { session, witness } = this;
    const next = 'after' in moment ? this.#now + moment.after : (session.deadline ?? this.#now) + moment.atDeadline;
    this.#now = Math.max(this.#now, next);
    const input = 'id' in given ? { ...given, id: witness.lastId + given.id } : given;
    if (input.type === 'send') {
      const verdict = session.verdict(input.data, 0, 0);
      if (verdict === 'full' || verdict === 'dropped') return;
      // What comes behind `close()` had been accepted before it. In `closed` there is no life to count it in.
      if (session.state.status !== 'closed') witness.accepted++;
    }
    if (input.type === 'connection-close') witness.alive.delete(input.id);
    this.#perform(input);
    this.#expectInvariants();
  }

  #perform(input: Input): void {
    const effects = this.session.step(input, this.#now);
    this.#effects ??= effects;
    expect(effects).toBe(this.#effects);
    for (const effect of effects) this.witness.saw(effect, input);
  }

  #expectInvariants(): void {
    const { session, witness } = this;
    const { state, deadline } = session;
    expect(state).toEqual(witness.state);
    expect(witness.lives - witness.closes).toBe(state.status === 'closed' ? 0 : 1);
    expect(deadline).not.toBeNaN();
    if (state.status === 'closed') {
      expect(deadline).toBeUndefined();
      expect([...witness.alive]).toEqual([]);
      expect(session.queuedCount).toBe(0);
      expect(session.queuedBytes).toBe(0);
    } else if (state.status === 'connecting') {
      expect(deadline).toBeTypeOf('number');
      expect(state.attempt).toBeGreaterThanOrEqual(1);
    } else {
      expect(witness.alive.size).toBe(1);
      if (state.closing) expect(deadline).toBeTypeOf('number');
    }
  }

  /** Contract rule 6. */
  expectProgress(): void {
    const { session } = this;
    const late = (): boolean => session.deadline !== undefined && session.deadline <= this.#now;
    for (let steps = 0; late(); steps++) {
      expect(steps).toBeLessThan(5);
      this.step({ type: 'timeout' }, { after: 0 });
    }
  }

  expectEnd(): void {
    this.step({ type: 'close', code: 1000, reason: '' }, { after: 0 });
    this.step({ type: 'timeout' }, { atDeadline: 0 });
    expect(this.session.state.status).toBe('closed');
  }
}

test('whatever happens whenever: one connection at most, one close in each life, and always on its way', () => {
  const steps = fc.array(fc.tuple(inputs, moments), { minLength: 5, maxLength: 80, size: 'max' });
  fc.assert(
    fc.property(configs, steps, (overrides, happened) => {
      const trial = new Trial(overrides);
      for (const [input, moment] of happened) {
        trial.step(input, moment);
        // Once in a while, so that what is overdue also meets other inputs.
        if (input.type === 'timeout') trial.expectProgress();
      }
      trial.expectProgress();
      trial.expectEnd();
    }),
    { numRuns: 500 },
  );
});
