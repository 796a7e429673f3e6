import { describe, expect, test } from 'vitest';
import { Line } from '../../src/core/line.js';
import type { Effect, LineConfig } from '../../src/core/types.js';
import type { Clock } from '../../src/io/clock.js';
import { Driver, type Inspection } from '../../src/io/driver.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { announcing, config, probing } from '../core/helpers/config.js';
import { brief, CUT } from '../core/helpers/machine.js';

function drive(overrides: Partial<LineConfig> = {}, clock: Clock = new VirtualClock()) {
  const performed: Effect[] = [];
  const inspections: Inspection[] = [];
  const host = { reaction: (_: Effect): void => {}, settlements: 0 };
  const driver = new Driver(new Line(config(overrides)), {
    clock,
    perform: (effect) => {
      performed.push(effect);
      host.reaction(effect);
    },
    settled: () => {
      host.settlements++;
    },
    inspect: (inspection) => inspections.push(inspection),
    drawn: () => [],
  });
  return { driver, performed, inspections, host, clock: clock as VirtualClock };
}

function driveOpen(overrides: Partial<LineConfig> = {}) {
  const driven = drive(overrides);
  driven.driver.dispatch({ type: 'connect' });
  driven.driver.dispatch({ type: 'connection-open', id: 1, canPing: true });
  driven.performed.length = 0;
  return driven;
}

describe('performing', () => {
  test('effects are performed in order, all of them, before the next input is stepped', () => {
    const { driver, performed, host } = drive();
    host.reaction = (effect) => {
      if (effect.type === 'begin' && effect === performed[0]) {
        driver.dispatch({ type: 'close', code: 4000, reason: '' });
        driver.dispatch({ type: 'connect' });
      }
    };
    driver.dispatch({ type: 'connect' });
    const life = ['begin', 'state connecting'];
    expect(brief(performed)).toEqual([...life, 'dial 1', 'terminate 1', 'state closed', 'close', ...life, 'dial 2']);
  });

  test('a listener that sends on open does not overtake what waits', () => {
    const { driver, performed, host } = drive();
    driver.dispatch({ type: 'connect' });
    driver.send('queued before');
    host.reaction = (effect) => {
      if (effect.type === 'emit' && effect.event === 'open') driver.send('sent in the listener');
    };
    driver.dispatch({ type: 'connection-open', id: 1, canPing: true });
    expect(performed.slice(-2)).toEqual([
      { type: 'write', id: 1, data: 'queued before' },
      { type: 'write', id: 1, data: 'sent in the listener' },
    ]);
  });

  test('the host hears that all has settled once for each input from outside', () => {
    const { driver, host } = drive();
    host.reaction = (effect) => {
      if (effect.type === 'begin') driver.dispatch({ type: 'offline' });
    };
    driver.dispatch({ type: 'connect' });
    expect(host.settlements).toBe(1);
  });
});

describe('sending', () => {
  test('says what becomes of a message', () => {
    const { driver, performed } = drive();
    expect(driver.send('a')).toBe('closed');
    driver.dispatch({ type: 'connect' });
    expect(driver.send('b')).toBe('queued');
    expect([driver.queuedCount, driver.queuedBytes]).toEqual([1, 1]);
    driver.dispatch({ type: 'connection-open', id: 1, canPing: true });
    expect(driver.send('c')).toBe('sent');
    expect(performed.at(-1)).toEqual({ type: 'write', id: 1, data: 'c' });
    expect([driver.queuedCount, driver.queuedBytes]).toEqual([0, 0]);
  });

  test('what is refused never reaches the machine', () => {
    const { driver, inspections } = drive({ maxBufferedMessages: 1 });
    driver.dispatch({ type: 'connect' });
    driver.send('fits');
    const { length } = inspections;
    expect(driver.send('too many')).toBe('full');
    expect(inspections).toHaveLength(length);
  });

  test('from within a listener counts against the bounds, and is a copy', () => {
    const { driver, performed, host } = driveOpen({ maxBufferedMessages: 2 });
    const bytes = new Uint8Array([1, 2]);
    const verdicts: unknown[] = [];
    host.reaction = (effect) => {
      if (effect.type !== 'message') return;
      verdicts.push(driver.send(bytes), driver.queuedCount, driver.queuedBytes);
      verdicts.push(driver.send(bytes), driver.queuedCount, driver.queuedBytes);
      verdicts.push(driver.send('one too many'));
      bytes.fill(9);
    };
    driver.dispatch({ type: 'message-received', id: 1, data: 'go' });
    expect(verdicts).toEqual(['queued', 1, 2, 'queued', 2, 4, 'full']);
    expect(performed.slice(1)).toEqual([
      { type: 'write', id: 1, data: new Uint8Array([1, 2]) },
      { type: 'write', id: 1, data: new Uint8Array([1, 2]) },
    ]);
    expect([driver.queuedCount, driver.queuedBytes]).toEqual([0, 0]);
  });
});

describe('the timer', () => {
  test('is one, and none when nothing is waited for', () => {
    const { driver, clock } = drive();
    expect(clock.timers).toBe(0);
    driver.dispatch({ type: 'connect' });
    expect(clock.timers).toBe(1);
    driver.dispatch({ type: 'connection-open', id: 1, canPing: true });
    expect(clock.timers).toBe(0);
    driver.dispatch({ type: 'close', code: 1000, reason: '' });
    expect(clock.timers).toBe(1);
    driver.dispatch({ type: 'connection-close', id: 1, ...CUT });
    expect(clock.timers).toBe(0);
  });

  test('steps at the deadline, not before', () => {
    const { driver, clock, performed } = drive({ connectTimeout: 12_000 });
    driver.dispatch({ type: 'connect' });
    clock.advance(11_999);
    expect(brief(performed)).not.toContain('terminate 1');
    clock.advance(1);
    expect(brief(performed)).toContain('terminate 1');
  });

  test('is set anew for an earlier deadline', () => {
    const { driver, clock, performed } = drive({ connectTimeout: 5000, random: () => 0.2 });
    driver.dispatch({ type: 'connect' });
    driver.dispatch({ type: 'connection-close', id: 1, ...CUT });
    expect(clock.timers).toBe(1);
    clock.advance(100);
    expect(brief(performed)).toContain('dial 2');
  });

  test('is not touched while deadlines move away', () => {
    let sets = 0;
    class CountingClock extends VirtualClock {
      override setTimer(callback: () => void, ms: number): unknown {
        sets++;
        return super.setTimer(callback, ms);
      }
    }
    const { driver, clock } = drive({ heartbeat: probing() }, new CountingClock());
    driver.dispatch({ type: 'connect' });
    driver.dispatch({ type: 'connection-open', id: 1, canPing: true });
    const before = sets;
    for (let message = 0; message < 1000; message++) {
      clock.advance(1);
      driver.dispatch({ type: 'message-received', id: 1, data: 'x' });
    }
    expect(sets).toBe(before);
  });

  test('is asked for whole milliseconds that do not end before the deadline', () => {
    const asked: number[] = [];
    const clock: Clock = { now: () => 0.4, setTimer: (_, ms) => asked.push(ms), clearTimer: () => {} };
    const { driver } = drive({ connectTimeout: 100.3 }, clock);
    driver.dispatch({ type: 'connect' });
    expect(asked).toEqual([101]);
  });
});

describe('sleep', () => {
  test('is noticed by a nap that took a second too long, though no deadline has passed', () => {
    const { clock, performed, inspections } = driveOpen({ heartbeat: probing() });
    clock.sleep(20_000);
    expect(inspections.at(-1)?.input).toEqual({ type: 'timeout', overslept: true });
    expect(brief(performed)).toEqual(['ping 1']);
  });

  test('of less than that is none', () => {
    const { clock, performed } = driveOpen({ heartbeat: probing() });
    clock.sleep(6000);
    expect(performed).toEqual([]);
    clock.advance(18_999);
    expect(performed).toEqual([]);
    clock.advance(1);
    expect(brief(performed)).toEqual(['ping 1']);
  });

  test('through a deadline is for the machine to judge', () => {
    const { clock, performed, inspections } = driveOpen({ heartbeat: announcing() });
    clock.sleep(60_000);
    expect(inspections.at(-1)?.input).toEqual({ type: 'timeout', overslept: true });
    expect(brief(performed)).toEqual(['write 1']);
  });

  test('that ends right behind a deadline does not make it punctual', () => {
    const { clock, performed } = driveOpen({ heartbeat: probing({ timeout: 10_000 }) });
    clock.advance(25_000);
    expect(brief(performed)).toEqual(['ping 1']);
    clock.sleep(10_200);
    expect(brief(performed)).toEqual(['ping 1', 'ping 1']);
  });
});

describe('time', () => {
  test('never decreases for the machine, whatever the clock does', () => {
    let now = 1000;
    const clock: Clock = { now: () => now, setTimer: () => 0, clearTimer: () => {} };
    const { driver, inspections } = drive({}, clock);
    driver.dispatch({ type: 'connect' });
    now = 10;
    driver.dispatch({ type: 'online' });
    now = 1001;
    driver.dispatch({ type: 'online' });
    expect(inspections.map(({ at }) => at)).toEqual([1000, 1000, 1001]);
  });
});

describe('inspect', () => {
  test('sees each step before it is performed, with a copy of its effects', () => {
    const { driver, inspections, performed } = drive();
    driver.dispatch({ type: 'connect' });
    driver.dispatch({ type: 'offline' });
    expect(inspections).toEqual([
      {
        at: 0,
        input: { type: 'connect' },
        effects: performed,
        deadline: 10_000,
        state: { status: 'connecting', attempt: 1, delay: 0 },
        random: [],
      },
      {
        at: 0,
        input: { type: 'offline' },
        effects: [],
        deadline: 10_000,
        state: driver.machine.state,
        random: [],
      },
    ]);
  });
});
