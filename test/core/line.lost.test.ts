import { describe, expect, test } from 'vitest';
import type { Ending } from '../../src/core/types.js';
import { probing } from './helpers/config.js';
import { brief, connected, dialed, Machine, told } from './helpers/machine.js';

/** The delays of the first `count` retries of a server that refuses every dial. */
function delaysOf(machine: Machine, count: number): number[] {
  machine.connect();
  return Array.from({ length: count }, (_, index) => {
    const [scheduled] = told(machine.ends(index + 1), 'reconnecting');
    machine.due();
    return scheduled?.delay ?? Number.NaN;
  });
}

describe('a lost connection', () => {
  test('is told as interrupted, then when the next dial will be', () => {
    const machine = connected();
    machine.send('m');
    const effects = machine.ends(1, { code: 1001, reason: 'deploy' }, 100);
    const cause = { phase: 'open', cause: 'peer', code: 1001, reason: 'deploy', wasClean: false };
    expect(effects).toEqual([
      { type: 'emit', event: 'state', detail: { status: 'connecting', attempt: 2, delay: 250, cause } },
      { type: 'emit', event: 'interrupted', detail: { ...cause, unconfirmed: 1 } },
      { type: 'emit', event: 'error', detail: cause },
      { type: 'emit', event: 'reconnecting', detail: { attempt: 2, delay: 250, cause } },
    ]);
    expect(machine.deadline).toBe(350);
  });

  test('is no error when the peer closed it cleanly', () => {
    const effects = connected().ends(1, { code: 1000, wasClean: true });
    expect(brief(effects)).toEqual(['state connecting', 'interrupted', 'reconnecting']);
    const last = connected({ reconnect: false }).ends(1, { code: 1000, wasClean: true });
    expect(brief(last)).toEqual(['state closed', 'close']);
    const stopped = connected().ends(1, { code: 1002, wasClean: true });
    expect(brief(stopped)).toEqual(['failed', 'state closed', 'close']);
  });

  test('before it was the application’s is an error however cleanly it was closed', () => {
    const machine = new Machine({ greets: true });
    machine.connect();
    machine.opens(1);
    const effects = machine.ends(1, { code: 1000, wasClean: true });
    expect(brief(effects)).toEqual(['state connecting', 'error', 'reconnecting']);
  });

  test('a failed dial interrupts nothing', () => {
    const machine = new Machine();
    machine.connect();
    expect(brief(machine.ends(1))).toEqual(['state connecting', 'error', 'reconnecting']);
  });

  test('keeps messages, which are sent in their order by the next', () => {
    const machine = connected();
    machine.ends(1);
    for (const data of ['a', 'b', 'c']) machine.send(data);
    machine.due();
    expect(machine.opens(2).slice(-3)).toEqual([
      { type: 'write', id: 2, data: 'a' },
      { type: 'write', id: 2, data: 'b' },
      { type: 'write', id: 2, data: 'c' },
    ]);
  });
});

describe('the wait before the next dial', () => {
  test('has ceilings of 500, 1000, 2000 … 30000 ms, and full jitter below them', () => {
    const almostOne = 1 - 2 ** -53;
    const ceilings = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
    expect(delaysOf(new Machine({ random: () => 0 }), 8)).toEqual(ceilings.map(() => 0));
    for (const [index, delay] of delaysOf(new Machine({ random: () => almostOne }), 8).entries()) {
      expect(delay).toBeCloseTo(ceilings[index] as number, 6);
      expect(delay).toBeLessThanOrEqual(ceilings[index] as number);
    }
  });

  test('is drawn anew from random at each use, once', () => {
    const chances = [0.25, 0.5, 0.75];
    let draws = 0;
    const machine = new Machine({ random: () => chances[draws++] ?? 0 });
    expect(delaysOf(machine, 3)).toEqual([125, 500, 1500]);
    expect(draws).toBe(3);
  });

  test('is below 250 ms after a connection that held for minUptime, whose attempts are counted from 1 again', () => {
    const machine = new Machine();
    delaysOf(machine, 3);
    machine.opens(4);
    const effects = machine.ends(4, {}, machine.now + 5000);
    expect(told(effects, 'reconnecting')).toMatchObject([{ attempt: 1, delay: 125 }]);
    expect(machine.due().at(-1)).toMatchObject({ type: 'dial', attempt: 1 });
  });

  test('goes on growing behind a connection that did not hold for minUptime', () => {
    const machine = new Machine();
    delaysOf(machine, 3);
    machine.opens(4);
    const effects = machine.ends(4, {}, machine.now + 4999);
    expect(told(effects, 'reconnecting')).toMatchObject([{ attempt: 5, delay: 2000 }]);
  });

  test('is spread over 5 s when the server is restarting or overloaded', () => {
    for (const end of [{ code: 1012 }, { code: 1013 }, { status: 429 }, { status: 503 }]) {
      const machine = new Machine();
      machine.connect();
      expect(told(machine.ends(1, end), 'reconnecting')).toMatchObject([{ delay: 2500 }]);
    }
  });

  test('comes behind what Retry-After asks for', () => {
    const machine = new Machine();
    machine.connect();
    expect(told(machine.ends(1, { status: 503, retryAfter: 60_000 }), 'reconnecting')).toMatchObject([
      { delay: 62_500 },
    ]);
  });

  test.each(['online', 'wake'] as const)('is cut short by %s', (type) => {
    const machine = new Machine();
    machine.connect();
    machine.ends(1);
    expect(machine.step({ type }).at(-1)).toEqual({ type: 'dial', id: 2, attempt: 2, reason: 'retry' });
  });

  test('is not cut short by offline or freeze', () => {
    const machine = new Machine();
    machine.connect();
    machine.ends(1);
    const { deadline } = machine;
    expect(machine.step({ type: 'offline' })).toEqual([]);
    expect(machine.step({ type: 'freeze' })).toEqual([]);
    expect(machine.deadline).toBe(deadline);
  });

  test('is cut short by online, but for the part that Retry-After asked for', () => {
    const machine = new Machine();
    machine.connect();
    machine.ends(1, { status: 503, retryAfter: 60_000 }, 0);
    expect(machine.step({ type: 'online' }, 59_999)).toEqual([]);
    expect(machine.deadline).toBe(62_500);
    expect(dialed(machine.step({ type: 'online' }, 60_000))).toEqual([2]);
  });

  test('is none for a connection that is lost within 3 s of a wake: it died in someone’s sleep', () => {
    const machine = connected();
    machine.step({ type: 'wake' }, 1000);
    expect(told(machine.ends(1, {}, 4000), 'reconnecting')).toMatchObject([{ delay: 0 }]);
    expect(dialed(machine.due())).toEqual([2]);
  });

  test('is the usual one for a connection that is lost later, or behind offline', () => {
    const late = connected();
    late.step({ type: 'wake' }, 1000);
    expect(told(late.ends(1, {}, 4001), 'reconnecting')).toMatchObject([{ delay: 250 }]);
    const offline = connected();
    offline.step({ type: 'offline' }, 1000);
    expect(told(offline.ends(1, {}, 1001), 'reconnecting')).toMatchObject([{ delay: 250 }]);
  });

  test('a server that drops every connection is not dialed in a loop after a wake', () => {
    const machine = connected();
    machine.step({ type: 'wake' }, 1000);
    machine.ends(1, {}, 1001);
    for (let id = 2; id < 20; id++) {
      machine.due();
      machine.opens(id, machine.now + 1);
      const [scheduled] = told(machine.ends(id, {}, machine.now + 1), 'reconnecting');
      expect(scheduled?.delay).toBe(Math.min(30_000, 500 * 2 ** (id - 1)) / 2);
    }
  });

  test('a wake found by a late heartbeat counts as one', () => {
    const machine = connected({ heartbeat: probing() });
    machine.due(60_000);
    expect(told(machine.ends(1, {}, machine.now + 10), 'reconnecting')).toMatchObject([{ delay: 0 }]);
  });
});

describe('giving up', () => {
  test('after maxAttempts dials without a connection that held', () => {
    const machine = new Machine({ maxAttempts: 3 });
    machine.connect();
    machine.ends(1);
    machine.due();
    machine.ends(2);
    machine.due();
    const effects = machine.ends(3);
    expect(brief(effects)).toEqual(['error', 'failed', 'state closed', 'close']);
    const cause = { phase: 'dial', cause: 'dial', code: 1006, reason: '', wasClean: false };
    expect(told(effects, 'failed')).toEqual([cause]);
    expect(machine.session.state).toEqual({ status: 'closed', cause });
  });

  test('a connection that held allows all of maxAttempts again', () => {
    const machine = new Machine({ maxAttempts: 1 });
    machine.connect();
    machine.opens(1);
    expect(told(machine.ends(1, {}, 5000), 'reconnecting')).toHaveLength(1);
    machine.due();
    machine.opens(2);
    expect(told(machine.ends(2, {}, machine.now + 4999), 'failed')).toHaveLength(1);
  });

  test('with reconnect: false the first ending is the last, and nothing is given up', () => {
    const machine = connected({ reconnect: false, shouldReconnect: () => true });
    machine.send('m');
    const effects = machine.ends(1, { code: 1001, wasClean: false });
    expect(brief(effects)).toEqual(['error', 'state closed', 'close']);
    expect(told(effects, 'close')).toEqual([
      { phase: 'open', cause: 'peer', code: 1001, reason: '', wasClean: false, undelivered: 0, unconfirmed: 1 },
    ]);
  });

  test('what waits is counted as undelivered', () => {
    const machine = new Machine({ maxAttempts: 1 });
    machine.connect();
    machine.send('a');
    machine.send('b');
    expect(told(machine.ends(1), 'close')).toMatchObject([{ undelivered: 2, unconfirmed: 0 }]);
    expect(machine.session.queuedBytes).toBe(0);
  });
});

describe('shouldReconnect', () => {
  test('is told the true code, phase and cause of each ending', () => {
    const asked: Ending[] = [];
    const machine = new Machine({
      greets: true,
      heartbeat: probing(),
      shouldReconnect: (ending) => {
        asked.push(ending);
        return true;
      },
    });
    machine.connect();
    machine.ends(1, { status: 401, reason: 'no' });
    machine.due();
    machine.due();
    machine.due();
    machine.opens(3);
    machine.step({ type: 'greeting-failed', id: 3, error: 'hook' });
    machine.due();
    machine.opens(4);
    machine.ends(4, { code: 4007, reason: 'later', wasClean: true });
    machine.due();
    machine.opens(5);
    machine.step({ type: 'greeted', id: 5 });
    machine.ends(5, { code: 1002, wasClean: true });
    machine.due();
    machine.opens(6);
    machine.step({ type: 'greeted', id: 6 });
    machine.due();
    machine.due();
    const ending = { code: 1006, reason: '', wasClean: false };
    expect(asked).toEqual([
      { ...ending, phase: 'dial', cause: 'status', status: 401, reason: 'no' },
      { ...ending, phase: 'dial', cause: 'timeout' },
      { ...ending, phase: 'greeting', cause: 'hook', error: 'hook' },
      { phase: 'greeting', cause: 'peer', code: 4007, reason: 'later', wasClean: true },
      { phase: 'open', cause: 'peer', code: 1002, reason: '', wasClean: true },
      { ...ending, phase: 'open', cause: 'dead-peer' },
    ]);
  });

  test.each([
    [true, 1002, true],
    [true, 1001, true],
    [false, 1001, false],
    [undefined, 1001, true],
    [undefined, 1002, false],
  ] as const)('answering %s to code %d makes retrying %s', (answer, code, retries) => {
    const machine = connected({ shouldReconnect: () => answer });
    expect(told(machine.ends(1, { code, wasClean: true }), 'reconnecting')).toHaveLength(retries ? 1 : 0);
    expect(machine.session.state.status).toBe(retries ? 'connecting' : 'closed');
  });

  test('cannot overrule maxAttempts', () => {
    const machine = connected({ shouldReconnect: () => true, maxAttempts: 1 });
    expect(told(machine.ends(1), 'failed')).toHaveLength(1);
  });

  test('is not asked about what the caller ended', () => {
    const machine = connected({
      shouldReconnect: () => {
        throw new Error('asked');
      },
    });
    machine.step({ type: 'reconnect' });
    machine.opens(2);
    machine.close();
    expect(told(machine.ends(2, { code: 1000, wasClean: true }), 'close')).toHaveLength(1);
  });
});

test('a dial begun before the network came back says nothing of it: when it fails, the next one does not wait', () => {
  const machine = new Machine({ random: () => 0.99 });
  machine.connect();
  machine.step({ type: 'online' }, 1000);
  const [first] = told(machine.ends(1, {}, 9000), 'reconnecting');
  expect(first?.delay).toBe(0);
  machine.due();
  const [second] = told(machine.ends(2, {}, 9500), 'reconnecting');
  expect(second?.delay).toBeGreaterThan(500);
});

test('no hurry overhears what the server asks for: Retry-After, and the spread of an overloaded one', () => {
  const refused = new Machine({ random: () => 0.5 });
  refused.connect();
  refused.step({ type: 'wake' }, 1000);
  const [asked] = told(refused.ends(1, { status: 503, retryAfter: 60_000 }, 2000), 'reconnecting');
  expect(asked?.delay).toBe(62_500);
  const overloaded = connected({ random: () => 0.9 });
  overloaded.step({ type: 'wake' }, 6000);
  const [spread] = told(overloaded.ends(1, { code: 1013, wasClean: true }, 6100), 'reconnecting');
  expect(spread?.delay).toBe(4500);
});
