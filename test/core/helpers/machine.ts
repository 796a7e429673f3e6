import { RotatingLine } from '../../../src/core/rotating-line.js';
import type { Announcement, ConnectionEnd, Effect, Input, LineConfig } from '../../../src/core/types.js';
import { config } from './config.js';

export const CUT: ConnectionEnd = { code: 1006, reason: '', wasClean: false };

type Detail<Event extends Announcement['event']> = Extract<Announcement, { event: Event }>['detail'];

/** A session with its time, and what its effects were: a driver that performs nothing. */
export class Machine {
  readonly session: RotatingLine;
  now = 0;

  constructor(overrides: Partial<LineConfig> = {}, Kind: new (config: LineConfig) => RotatingLine = RotatingLine) {
    this.session = new Kind(config(overrides));
  }

  /** Steps, and copies the effects, since their array is reused. */
  step(input: Input, now = this.now): Effect[] {
    this.now = now;
    return [...this.session.step(input, now)];
  }

  /** The timer fires `late` ms after the deadline. */
  due(late = 0): Effect[] {
    return this.step({ type: 'timeout' }, this.deadline + late);
  }

  get deadline(): number {
    const { deadline } = this.session;
    if (deadline === undefined) throw new Error('there is no deadline');
    return deadline;
  }

  connect(now = this.now): Effect[] {
    return this.step({ type: 'connect' }, now);
  }

  opens(id: number, now = this.now, canPing = true): Effect[] {
    return this.step({ type: 'connection-open', id, canPing }, now);
  }

  /** The connection ends: without a close frame, unless told otherwise. */
  ends(id: number, end: Partial<ConnectionEnd> = {}, now = this.now): Effect[] {
    return this.step({ type: 'connection-close', id, ...CUT, ...end }, now);
  }

  send(data: string | Uint8Array, now = this.now): Effect[] {
    return this.step({ type: 'send', data }, now);
  }

  receives(id: number, data: string, now = this.now): Effect[] {
    return this.step({ type: 'message-received', id, data }, now);
  }

  close(now = this.now, code = 1000, reason = ''): Effect[] {
    return this.step({ type: 'close', code, reason }, now);
  }
}

/** A machine whose first connection is open. */
export function connected(overrides: Partial<LineConfig> = {}): Machine {
  const machine = new Machine(overrides);
  machine.connect();
  machine.opens(1);
  return machine;
}

/** What the application is told by `event`. */
export function told<Event extends Announcement['event']>(effects: readonly Effect[], event: Event): Detail<Event>[] {
  return effects.flatMap((effect) =>
    effect.type === 'emit' && effect.event === event ? [effect.detail as Detail<Event>] : [],
  );
}

/** One word for each effect, such as `dial 2` or `state connecting`. */
export function brief(effects: readonly Effect[]): string[] {
  return effects.map((effect) => {
    if (effect.type === 'emit') return effect.event === 'state' ? `state ${effect.detail.status}` : effect.event;
    return 'id' in effect ? `${effect.type} ${effect.id}` : effect.type;
  });
}

export const dialed = (effects: readonly Effect[]): number[] =>
  effects.flatMap((effect) => (effect.type === 'dial' ? [effect.id] : []));

export const written = (effects: readonly Effect[]): unknown[] =>
  effects.flatMap((effect) => (effect.type === 'write' ? [effect.data] : []));
