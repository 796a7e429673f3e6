import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encode, parse, TOKEN } from '../../src/core/frames.js';
import { Session } from '../../src/core/session.js';
import type { Data, Effect, Input, LineConfig, State } from '../../src/core/types.js';
import { config, probing } from './helpers/config.js';
import { type Moment, moments, of, reports } from './helpers/inputs.js';
import { WELCOME } from './helpers/session.js';

const configs: fc.Arbitrary<Partial<LineConfig>> = fc.record({
  reconnect: fc.constantFrom(true, true, true, false),
  backoffBase: fc.constantFrom(0, 500),
  minUptime: fc.constantFrom(0, 5000),
  maxAttempts: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
  connectTimeout: fc.constantFrom(1, 10_000),
  closeTimeout: fc.constantFrom(0, 5000),
  heartbeat: fc.constantFrom(probing({ interval: Number.POSITIVE_INFINITY }), probing({ interval: 1, timeout: 1 })),
  maxBufferedBytes: fc.constantFrom(10, 5000),
  maxBufferedMessages: fc.constantFrom(2, 50),
  maxConnectionAge: fc.constantFrom(1, 5000, Number.POSITIVE_INFINITY),
  onLost: fc.constantFrom('new-session', 'close'),
  freshCredentials: fc.boolean(),
  random: fc.constantFrom(0, 0.5, 0.999).map((chance) => () => chance),
  shouldReconnect: fc.constantFrom(
    undefined,
    undefined,
    () => true,
    () => false,
  ),
});

/** Relative to the last connection: 0 is that, -1 the one before. */
const id = fc.constantFrom(0, 0, 0, 0, 0, -1, -1, -2, 1, Number.NaN);
const data = fc.constantFrom('', 'x', '\u0010x', 'x'.repeat(20));

/** `welcome`: the server does as it should, so that sessions live. */
type Act = Input | { readonly type: 'welcome'; readonly id: number };

const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: of('connect') },
  of('reconnect'),
  { weight: 8, arbitrary: of('send', { data }) },
  { weight: 2, arbitrary: of('rotate') },
  { weight: 2, arbitrary: of('read', { number: fc.nat({ max: 5 }), pulls: fc.boolean() }) },
  of('close', { code: fc.constant(4000), reason: fc.constant('bye') }),
  of('terminate'),
  of('flush'),
  {
    weight: 8,
    arbitrary: of('connection-open', {
      id,
      canPing: fc.boolean(),
      protocol: fc.constantFrom(TOKEN, TOKEN, TOKEN, TOKEN, 'chat', undefined),
    }),
  },
  { weight: 10, arbitrary: id.map((relative) => ({ type: 'welcome', id: relative }) as const) },
  { weight: 16, arbitrary: reports(id) },
  of('online'),
  of('offline'),
  of('wake'),
  of('freeze'),
  { weight: 6, arbitrary: of('timeout', { overslept: fc.boolean() }) },
);

/** What a driver and the world would know: it is told every effect, and checks what it can. */
class Witness {
  readonly alive = new Set<number>();
  readonly dialing = new Set<number>();
  lastId = 0;
  state: State = { status: 'closed' };
  lives = 0;
  closes = 0;
  /** The number of the last message that the application was given in this session. */
  number = 0;
  /** What each connection asked for with its RESUME. */
  readonly asked = new Map<number, { s: string; r: number }>();

  saw(effect: Effect): void {
    switch (effect.type) {
      case 'begin':
        expect(this.closes).toBe(this.lives++);
        this.number = 0;
        break;
      case 'dial':
        expect(effect.id).toBe(++this.lastId);
        expect(this.alive.size).toBe(effect.reason === 'rotate' ? 1 : 0);
        this.alive.add(effect.id);
        this.dialing.add(effect.id);
        break;
      case 'terminate':
        this.alive.delete(effect.id);
        expect(effect.code === 1000 || (effect.code >= 3000 && effect.code < 5000)).toBe(true);
        expect(effect.reason.length).toBeLessThan(100);
        break;
      case 'write':
        expect(this.dialing.has(effect.id)).toBe(false);
        if (effect.control) this.#saidControl(effect.id, effect.data);
        break;
      case 'message':
        expect(effect.number).toBe(++this.number);
        break;
      case 'emit':
        this.#told(effect);
    }
  }

  #saidControl(connection: number, text: Data): void {
    const frame = parse(text as string);
    if (typeof frame !== 'object') throw new Error(`no peer can read ${String(text)}`);
    expect('HRTAPO').toContain(frame.letter);
    if (frame.letter === 'R') this.asked.set(connection, frame);
  }

  #told(effect: Extract<Effect, { type: 'emit' }>): void {
    expect(this.closes).toBe(this.lives - 1);
    if (effect.event === 'state') this.state = effect.detail;
    if (effect.event === 'interrupted') expect(effect.detail.unconfirmed).toBe(0);
    if (effect.event === 'lost') {
      const { undelivered, unknown, messages } = effect.detail;
      expect(undelivered + unknown).toBe(messages.length);
      expect(Math.min(undelivered, unknown)).toBe(0);
      this.number = 0;
    }
    if (effect.event !== 'close') return;
    for (const figure of [effect.detail.undelivered, effect.detail.unconfirmed]) {
      expect(Number.isInteger(figure) && figure >= 0).toBe(true);
    }
    this.closes++;
  }
}

class Trial {
  readonly session: Session;
  readonly witness = new Witness();
  #effects: readonly Effect[] | undefined;
  now = 0;

  constructor(overrides: Partial<LineConfig>) {
    this.session = new Session(config(overrides));
  }

  step(act: Act, moment: Moment): void {
    const { session, witness } = this;
    const next = 'after' in moment ? this.now + moment.after : (session.deadline ?? this.now) + moment.atDeadline;
    // A clock that counts fractions of a ms, too: nobody waits until the end of time.
    this.now = Math.max(this.now, Math.min(next, this.now + 1e9));
    const input = this.#inputOf(act);
    if (input.type === 'send' && !['sent', 'queued'].includes(session.verdict(input.data, 0, 0))) {
      // What comes behind `close()` in one step had been accepted before it.
      if (session.state.status === 'closed') return;
    }
    if (input.type === 'connection-close') witness.alive.delete(input.id);
    if (input.type === 'connection-open') witness.dialing.delete(input.id);
    const effects = session.step(input, this.now);
    this.#effects ??= effects;
    expect(effects).toBe(this.#effects);
    for (const effect of effects) witness.saw(effect);
    this.#expectInvariants();
  }

  #inputOf(act: Act): Input {
    if (!('id' in act)) return act;
    const connection = this.witness.lastId + act.id;
    if (act.type !== 'welcome') return { ...act, id: connection };
    const asked = this.witness.asked.get(connection);
    const { k, ...rest } = WELCOME;
    const frame = asked ? { ...rest, s: asked.s, f: asked.r + 1 } : WELCOME;
    return { type: 'message-received', id: connection, data: encode(frame) };
  }

  #expectInvariants(): void {
    const { session, witness } = this;
    const { state, deadline, pending, queuedCount, queuedBytes } = session;
    expect(state).toEqual(witness.state);
    expect(witness.lives - witness.closes).toBe(state.status === 'closed' ? 0 : 1);
    expect(deadline).not.toBeNaN();
    for (const figure of [pending, queuedCount, queuedBytes]) expect(figure).toBeGreaterThanOrEqual(0);
    expect(queuedCount).toBeLessThanOrEqual(pending);
    expect(witness.alive.size).toBeLessThanOrEqual(2);
    if (state.status === 'closed') {
      expect(deadline).toBeUndefined();
      expect([...witness.alive]).toEqual([]);
      expect([pending, queuedCount, queuedBytes, session.session]).toEqual([0, 0, 0, undefined]);
    } else if (state.status === 'connecting') {
      expect(deadline).toBeTypeOf('number');
      expect(witness.alive.size).toBeLessThanOrEqual(1);
    } else expect(witness.alive.size).toBeGreaterThanOrEqual(1);
  }

  /** Contract rule 6. */
  expectProgress(): void {
    const { session } = this;
    for (let steps = 0; session.deadline !== undefined && session.deadline <= this.now; steps++) {
      expect(steps).toBeLessThan(5);
      this.step({ type: 'timeout' }, { after: 0 });
    }
  }

  expectEnd(): void {
    this.step({ type: 'close', code: 1000, reason: '' }, { after: 0 });
    this.step({ type: 'timeout' }, { after: 5000 });
    expect(this.session.state.status).toBe('closed');
  }
}

test('whatever a server says whenever: nothing throws, each message comes once, and it is always on its way', () => {
  const steps = fc.array(fc.tuple(acts, moments), { minLength: 5, maxLength: 100, size: 'max' });
  fc.assert(
    fc.property(configs, steps, (overrides, happened) => {
      const trial = new Trial(overrides);
      trial.step({ type: 'connect' }, { after: 0 });
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
