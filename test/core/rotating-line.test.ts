import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Effect, LineConfig } from '../../src/core/types.js';
import { probing } from './helpers/config.js';
import { brief, connected, type Machine, told, written } from './helpers/machine.js';

/** The table at the top of `rotating-line.ts`. */
const TABLE = readFileSync(new URL('../../src/core/rotating-line.ts', import.meta.url), 'utf8');

/** Connection 1 lives, connection 2 is dialed to take over. */
function rotating(overrides: Partial<LineConfig> = {}): Machine {
  const machine = connected(overrides);
  machine.step({ type: 'rotate' });
  return machine;
}

/** Connection 2 has taken over, connection 1 is to end. */
function draining(overrides: Partial<LineConfig> = {}): Machine {
  const machine = rotating(overrides);
  machine.opens(2);
  return machine;
}

const TERMINATED_1: Effect = { type: 'terminate', id: 1, code: 1000, reason: '' };
const TERMINATED_2: Effect = { type: 'terminate', id: 2, code: 1000, reason: '' };
const HUNG_UP_1: Effect = { type: 'hang-up', id: 1, code: 1000, reason: '' };

describe('a rotation in which all goes well', () => {
  test('opens the next connection beside the living one, which goes on both ways', () => {
    const machine = connected();
    expect(machine.step({ type: 'rotate' }, 100)).toEqual([
      { type: 'emit', event: 'rotating', detail: { cause: 'caller' } },
      { type: 'dial', id: 2, attempt: 1, reason: 'rotate' },
    ]);
    expect(machine.session.state).toEqual({ status: 'connected', closing: false });
    expect(machine.send('on the first')).toEqual([{ type: 'write', id: 1, data: 'on the first' }]);
    expect(machine.receives(1, 'in')).toEqual([{ type: 'message', data: 'in' }]);
  });

  test('says goodbye to the old one when the next is open, and writes on that from then on', () => {
    const machine = rotating();
    expect(machine.opens(2, 200)).toEqual([HUNG_UP_1, { type: 'emit', event: 'rotated', detail: { cause: 'caller' } }]);
    expect(machine.send('on the second')).toEqual([{ type: 'write', id: 2, data: 'on the second' }]);
    expect(machine.receives(2, 'in')).toEqual([{ type: 'message', data: 'in' }]);
  });

  test('hears the old one out', () => {
    const machine = draining();
    expect(machine.receives(1, 'late')).toEqual([{ type: 'message', data: 'late' }]);
    expect(machine.ends(1, { code: 1000, wasClean: true })).toEqual([]);
    expect(machine.receives(1, 'too late')).toEqual([]);
    expect(machine.session.deadline).toBeUndefined();
  });

  test('is nothing that the application sees as an interruption', () => {
    const machine = connected();
    const seen = [
      ...machine.step({ type: 'rotate' }),
      ...machine.opens(2),
      ...machine.ends(1, { code: 1000, wasClean: true }),
    ];
    expect(brief(seen)).toEqual(['rotating', 'dial 2', 'hang-up 1', 'rotated']);
  });

  test('carries over what waits, behind `rotated`', () => {
    const machine = rotating();
    machine.step({ type: 'connection-backed-up', id: 1 });
    machine.send('waits');
    expect(brief(machine.opens(2))).toEqual(['hang-up 1', 'rotated', 'write 2']);
  });

  test('can be followed by another', () => {
    const machine = draining();
    expect(machine.step({ type: 'rotate' })).toEqual([]);
    machine.ends(1, { code: 1000, wasClean: true });
    expect(brief(machine.step({ type: 'rotate' }))).toEqual(['rotating', 'dial 3']);
    expect(machine.step({ type: 'rotate' })).toEqual([]);
  });

  test('greets by the hook, as every connection', () => {
    const machine = connected({ greets: true });
    machine.step({ type: 'greeted', id: 1 });
    machine.step({ type: 'rotate' });
    expect(machine.opens(2)).toEqual([{ type: 'greet', id: 2, reconnected: true }]);
    expect(machine.step({ type: 'greeting-send', id: 2, data: 'token' })).toEqual([
      { type: 'write', id: 2, data: 'token' },
    ]);
    expect(machine.receives(2, 'welcome')).toEqual([{ type: 'greeting-message', data: 'welcome' }]);
    expect(written(machine.send('still on the first'))).toEqual(['still on the first']);
    expect(brief(machine.step({ type: 'greeted', id: 2 }))).toEqual(['hang-up 1', 'rotated']);
  });

  test('remembers that the hook’s words have filled the transport', () => {
    const machine = connected({ greets: true });
    machine.step({ type: 'greeted', id: 1 });
    machine.step({ type: 'rotate' });
    expect(machine.step({ type: 'connection-backed-up', id: 2 })).toEqual([]);
    machine.opens(2);
    machine.step({ type: 'connection-backed-up', id: 2 });
    machine.step({ type: 'greeted', id: 2 });
    expect(machine.send('waits')).toEqual([]);
    expect(written(machine.step({ type: 'connection-writable', id: 2 }))).toEqual(['waits']);
    expect(machine.step({ type: 'connection-writable', id: 1 })).toEqual([]);
  });

  test('is not asked for where there is no connection', () => {
    const machine = connected();
    machine.ends(1);
    expect(machine.step({ type: 'rotate' })).toEqual([]);
  });
});

describe('the age of a connection', () => {
  test('is the cause of a rotation before its limit, at random', () => {
    const machine = connected({ maxConnectionAge: 1_000_000, random: () => 0.5 });
    expect(machine.deadline).toBeCloseTo(860_000, 6);
    expect(machine.due()).toEqual([
      { type: 'emit', event: 'rotating', detail: { cause: 'age' } },
      { type: 'dial', id: 2, attempt: 1, reason: 'rotate' },
    ]);
    expect(told(machine.opens(2), 'rotated')).toEqual([{ cause: 'age' }]);
    machine.ends(1, { code: 1000, wasClean: true });
    expect(machine.deadline).toBeCloseTo(860_000 + 860_000, 6);
  });

  test('never matters without a limit', () => {
    expect(connected().session.deadline).toBeUndefined();
  });

  test('leaves a quarter of itself for the next dial', () => {
    const machine = connected({ maxConnectionAge: 5000 });
    expect(machine.deadline).toBe(2500);
    machine.due();
    expect(machine.deadline).toBe(2500 + 1250);
  });

  test('is learned where it is of interest: from three connections that were cut at the same', () => {
    const machine = connected({ maxConnectionAge: 1_000_000, random: () => 0 });
    for (const id of [1, 2, 3]) {
      machine.receives(id, 'still talking', machine.now + 30_000);
      machine.ends(id, {}, machine.now + 1);
      machine.due();
      machine.opens(id + 1);
    }
    // As long as two dials take is half of it at least.
    expect(machine.deadline - machine.now).toBeCloseTo(15_000, -1);
  });

  test('is not learned from ends of our own, or of this library’s', () => {
    for (const code of [4901, 3000]) {
      const machine = connected({ maxConnectionAge: 1_000_000 });
      for (const id of [1, 2, 3]) {
        machine.ends(id, { code }, machine.now + 30_000);
        machine.due();
        machine.opens(id + 1);
      }
      expect(machine.deadline - machine.now).toBeCloseTo(860_000, 6);
    }
  });
});

describe(row('the next connection fails'), () => {
  test.each([
    ['is refused', (machine: Machine) => machine.ends(2, { status: 503 }, 100), []],
    ['takes longer than connectTimeout', (machine: Machine) => machine.due(), [TERMINATED_2]],
  ] as const)('when it %s, nothing is told, and another is dialed later', (_, fail, effects) => {
    const machine = rotating();
    expect(fail(machine)).toEqual(effects);
    expect(machine.session.state).toEqual({ status: 'connected', closing: false });
    expect(machine.deadline - machine.now).toBe(250);
    expect(written(machine.send('goes on'))).toEqual(['goes on']);
    expect(machine.due().at(-1)).toEqual({ type: 'dial', id: 3, attempt: 2, reason: 'rotate' });
    expect(brief(machine.opens(3))).toEqual(['hang-up 1', 'rotated']);
  });

  test('waits longer and longer, and begins anew after a rotation that was done', () => {
    const machine = rotating({ random: () => 1 - 2 ** -53 });
    const waits = [2, 3, 4].map((id) => {
      machine.ends(id);
      const wait = machine.deadline - machine.now;
      machine.due();
      return Math.round(wait);
    });
    expect(waits).toEqual([500, 1000, 2000]);
    machine.opens(5);
    machine.ends(1, { code: 1000, wasClean: true });
    machine.step({ type: 'rotate' });
    machine.ends(6);
    expect(Math.round(machine.deadline - machine.now)).toBe(500);
  });

  test('waits as long as the server asks for', () => {
    const machine = rotating();
    machine.ends(2, { status: 503, retryAfter: 60_000 });
    expect(machine.deadline).toBe(60_250);
  });

  test('by its hook, or before that is done', () => {
    const machine = connected({ greets: true });
    machine.step({ type: 'greeted', id: 1 });
    machine.step({ type: 'rotate' });
    machine.opens(2);
    expect(machine.step({ type: 'greeting-failed', id: 2, error: 'no' })).toEqual([
      { type: 'terminate', id: 2, code: 1011, reason: '' },
    ]);
    machine.due();
    machine.opens(3);
    expect(machine.ends(3)).toEqual([]);
    expect(written(machine.send('goes on'))).toEqual(['goes on']);
  });

  test('costs no attempt of those that are counted', () => {
    const machine = rotating();
    machine.ends(2);
    expect(told(machine.ends(1, {}, 100), 'reconnecting')).toMatchObject([{ attempt: 2 }]);
  });
});

describe(row('the old one is lost before the change'), () => {
  test('the dial that is under way goes on as the application’s', () => {
    const machine = rotating();
    machine.send('m');
    const effects = machine.ends(1, { code: 1006 }, 100);
    const cause = { phase: 'open', cause: 'lost', code: 1006, reason: '', wasClean: false };
    expect(effects).toEqual([
      { type: 'emit', event: 'state', detail: { status: 'connecting', attempt: 2, delay: 0, cause } },
      { type: 'emit', event: 'interrupted', detail: { ...cause, unconfirmed: 1 } },
      { type: 'emit', event: 'error', detail: cause },
    ]);
    expect(machine.send('waits')).toEqual([]);
    expect(brief(machine.opens(2))).toEqual(['state connected', 'open', 'write 2']);
    expect(written(machine.send('goes on'))).toEqual(['goes on']);
  });

  test('and so does its greeting', () => {
    const machine = connected({ greets: true });
    machine.step({ type: 'greeted', id: 1 });
    machine.step({ type: 'rotate' });
    machine.opens(2);
    expect(brief(machine.ends(1))).toEqual(['state connecting', 'interrupted', 'error']);
    expect(machine.receives(2, 'welcome')).toEqual([{ type: 'greeting-message', data: 'welcome' }]);
    expect(brief(machine.step({ type: 'greeted', id: 2 }))).toEqual(['state connected', 'open']);
  });

  test('its own time limit stays', () => {
    const machine = rotating({ connectTimeout: 7000 });
    machine.ends(1, {}, 3000);
    expect(machine.deadline).toBe(7000);
    expect(brief(machine.due())).toEqual(['terminate 2', 'state connecting', 'error', 'reconnecting']);
  });

  test('by an unanswered probe as well', () => {
    const machine = connected({ heartbeat: probing(), connectTimeout: 1e6 });
    machine.due();
    machine.step({ type: 'rotate' });
    expect(brief(machine.due())).toEqual(['terminate 1', 'state connecting', 'interrupted', 'error']);
    expect(brief(machine.opens(2))).toEqual(['state connected', 'open']);
  });

  test('whatever becomes of the next is an attempt like others', () => {
    const machine = rotating();
    machine.ends(1);
    expect(told(machine.ends(2), 'reconnecting')).toMatchObject([{ attempt: 3, cause: { phase: 'dial' } }]);
  });

  test('but an ending that means the end is the end: the next is given up', () => {
    for (const overrides of [{ reconnect: false }, { shouldReconnect: () => false }, {}]) {
      const machine = rotating(overrides);
      const effects = machine.ends(1, { code: Object.keys(overrides).length > 0 ? 1006 : 1002 });
      expect(effects).toContainEqual(TERMINATED_2);
      expect(brief(effects).slice(-2)).toEqual(['state closed', 'close']);
      expect(machine.opens(2)).toEqual([]);
    }
  });

  test('events of the old one are of the past then', () => {
    const machine = rotating();
    machine.ends(1);
    expect(machine.receives(1, 'late')).toEqual([]);
    expect(machine.ends(1)).toEqual([]);
  });
});

describe(row('the next one is lost after the change'), () => {
  test('the old one is given up too, and what both may have lost is counted', () => {
    const machine = connected();
    machine.send('on the first');
    machine.step({ type: 'rotate' });
    machine.opens(2);
    machine.send('on the second');
    const effects = machine.ends(2, {}, 100);
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'interrupted', 'error', 'reconnecting']);
    expect(effects[0]).toEqual(TERMINATED_1);
    expect(told(effects, 'interrupted')).toMatchObject([{ unconfirmed: 2 }]);
    expect(machine.receives(1, 'late')).toEqual([]);
  });

  test('what the old one is proven to have got is not', () => {
    const machine = connected();
    machine.send('on the first');
    machine.step({ type: 'rotate' });
    machine.opens(2);
    machine.ends(1, { code: 1000, wasClean: true });
    expect(told(machine.ends(2), 'interrupted')).toMatchObject([{ unconfirmed: 0 }]);
  });

  test('an old one that was cut off proves nothing', () => {
    const machine = connected();
    machine.send('on the first');
    machine.step({ type: 'rotate' });
    machine.opens(2);
    machine.ends(1);
    expect(told(machine.ends(2), 'interrupted')).toMatchObject([{ unconfirmed: 1 }]);
  });
});

describe(row('the old one does not end'), () => {
  test('it is given up after 5 s, and the next one lives on', () => {
    const machine = rotating();
    machine.opens(2, 100);
    expect(machine.deadline).toBe(5100);
    expect(machine.due()).toEqual([TERMINATED_1]);
    expect(machine.session.deadline).toBeUndefined();
    expect(written(machine.send('goes on'))).toEqual(['goes on']);
  });

  test('the heartbeat of the next one goes on meanwhile', () => {
    const machine = draining({ heartbeat: probing({ interval: 1000 }) });
    expect(machine.deadline).toBe(1000);
    expect(brief(machine.due())).toEqual(['ping 2']);
    expect(machine.step({ type: 'pong-received', id: 1, payload: '0' }, 1500)).toEqual([]);
    expect(machine.deadline).toBe(5000);
    machine.step({ type: 'pong-received', id: 2, payload: '0' }, 4500);
    expect(machine.deadline).toBe(5000);
    machine.step({ type: 'ping-received', id: 1 }, 4600);
    expect(machine.deadline).toBe(5000);
  });
});

describe('in the middle of a rotation', () => {
  test.each([
    ['rotating', rotating, TERMINATED_2],
    ['draining', draining, TERMINATED_1],
  ] as const)('close() while %s leaves one connection to say goodbye on', (_, arrange, terminated) => {
    const machine = arrange();
    const live = arrange === rotating ? 1 : 2;
    const effects = machine.close(0, 4000, 'bye');
    expect(effects).toContainEqual(terminated);
    expect(effects.at(-1)).toEqual({ type: 'hang-up', id: live, code: 4000, reason: 'bye' });
    expect(brief(machine.ends(live, { code: 4000, wasClean: true }))).toEqual(['state closed', 'close']);
  });

  test.each([
    ['rotating', rotating],
    ['draining', draining],
  ] as const)('reconnect() while %s gives both up', (_, arrange) => {
    const machine = arrange();
    const effects = machine.step({ type: 'reconnect' });
    expect(effects).toContainEqual(TERMINATED_1);
    expect(effects).toContainEqual(TERMINATED_2);
    expect(brief(effects).slice(2)).toEqual(['state connecting', 'dial 3', 'interrupted']);
  });

  test.each([
    ['rotating', rotating, ['ping 1']],
    ['draining', draining, ['ping 2']],
  ] as const)('a wake while %s asks the living one', (_, arrange, effects) => {
    expect(brief(arrange({ heartbeat: probing() }).step({ type: 'wake' }))).toEqual(effects);
  });

  test('a timer that comes late kills nothing but the attempt whose time is over', () => {
    const machine = rotating({ heartbeat: probing() });
    expect(brief(machine.due(60_000))).toEqual(['terminate 2', 'ping 1']);
    expect(machine.session.state.status).toBe('connected');
  });

  test('a life that ends takes the count of its failed rotations with it', () => {
    const machine = rotating();
    machine.ends(2);
    machine.close();
    machine.ends(1, { code: 1000, wasClean: true });
    machine.connect();
    machine.opens(3);
    expect(machine.step({ type: 'rotate' }).at(-1)).toMatchObject({ type: 'dial', id: 4, attempt: 1 });
  });
});

/** A row of the table, by how it begins. */
function row(event: string): string {
  if (!TABLE.includes(`| ${event} `)) throw new Error(`the table does not say what happens when ${event}`);
  return event;
}
