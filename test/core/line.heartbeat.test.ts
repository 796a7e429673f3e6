import { describe, expect, test } from 'vitest';
import { announcing, probing } from './helpers/config.js';
import { brief, connected, type Machine, told } from './helpers/machine.js';

const PING = { type: 'ping', id: 1, payload: '0' };

/** What reaches the machine when it is found dead. */
function expectDead(machine: Machine, late = 0): void {
  const effects = machine.due(late);
  expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 4901, reason: 'dead peer' });
  expect(told(effects, 'interrupted')).toMatchObject([{ phase: 'open', cause: 'dead-peer', code: 1006 }]);
  expect(machine.session.state.status).toBe('connecting');
}

describe('a heartbeat that asks', () => {
  test('pings after interval of silence, and finds death when timeout passes without a frame', () => {
    const machine = connected({ heartbeat: probing() });
    expect(machine.deadline).toBe(25_000);
    expect(machine.due()).toEqual([PING]);
    expect(machine.deadline).toBe(30_000);
    expectDead(machine);
  });

  test('never finds death on silence alone, however long: somebody has to be asked', () => {
    const machine = connected({ heartbeat: probing() });
    expect(machine.due(3_600_000)).toEqual([PING]);
  });

  test.each([
    ['a message', { type: 'message-received', id: 1, data: 'x' }],
    ['a ping', { type: 'ping-received', id: 1 }],
    ['a pong', { type: 'pong-received', id: 1, payload: 'anything' }],
  ] as const)('%s is life, and answers the probe', (_, frame) => {
    const machine = connected({ heartbeat: probing() });
    machine.due();
    machine.step(frame, 29_999);
    expect(machine.deadline).toBe(29_999 + 25_000);
    expect(machine.due()).toEqual([PING]);
  });

  test('one’s own writes are no life', () => {
    const machine = connected({ heartbeat: probing() });
    machine.send('x', 20_000);
    expect(machine.deadline).toBe(25_000);
  });

  test('asks with the message where one is given, marks it, and keeps the answer', () => {
    let asked = 0;
    const heartbeat = probing({ message: () => `ping ${++asked}`, isReply: (data) => data === 'pong' });
    const machine = connected({ heartbeat });
    expect(machine.due()).toEqual([{ type: 'write', id: 1, data: 'ping 1', heartbeat: true }]);
    expect(machine.receives(1, 'pong')).toEqual([]);
    expect(machine.due()).toEqual([{ type: 'write', id: 1, data: 'ping 2', heartbeat: true }]);
    expect(machine.receives(1, 'news')).toEqual([{ type: 'message', data: 'news' }]);
  });

  test('delivers every message where no answer can be recognised', () => {
    const machine = connected({ heartbeat: probing({ message: () => 'ping' }) });
    machine.due();
    expect(machine.receives(1, 'pong')).toEqual([{ type: 'message', data: 'pong' }]);
    expect(machine.deadline).toBe(50_000);
  });

  test('is silent where there is neither a ping nor a message', () => {
    const machine = connected();
    const browser = connected({ heartbeat: probing() });
    browser.ends(1);
    browser.due();
    browser.opens(2, browser.now, false);
    for (const { session } of [machine, browser]) expect(session.deadline).toBeUndefined();
    expect(browser.step({ type: 'wake' })).toEqual([]);
  });

  test('an own probe is no message that could be unconfirmed', () => {
    const machine = connected({ heartbeat: probing({ message: () => 'ping' }) });
    machine.due();
    expect(told(machine.ends(1), 'interrupted')).toMatchObject([{ unconfirmed: 0 }]);
  });
});

describe('a heartbeat that comes late', () => {
  test('asks again instead of judging', () => {
    const machine = connected({ heartbeat: probing() });
    machine.due();
    expect(machine.due(1001)).toEqual([PING]);
    expect(machine.deadline).toBe(machine.now + 3000);
    expectDead(machine);
  });

  test('a second is not yet late', () => {
    const machine = connected({ heartbeat: probing() });
    machine.due();
    expectDead(machine, 1000);
  });

  test('three unanswered in a row are death, though each was late', () => {
    const machine = connected({ heartbeat: probing() });
    expect(machine.due(60_000)).toEqual([PING]);
    expect(machine.due(60_000)).toEqual([PING]);
    expect(machine.due(60_000)).toEqual([PING]);
    expectDead(machine, 60_000);
  });

  test('any answer begins the row anew', () => {
    const machine = connected({ heartbeat: probing() });
    for (let round = 0; round < 10; round++) {
      machine.due(60_000);
      machine.due(60_000);
      machine.due(60_000);
      machine.step({ type: 'pong-received', id: 1, payload: '0' });
    }
    expect(machine.session.state.status).toBe('connected');
  });
});

describe('signals', () => {
  test.each(['wake', 'online', 'offline'] as const)('%s asks at once, for at most 3 s', (type) => {
    const machine = connected({ heartbeat: probing() });
    expect(machine.step({ type }, 100)).toEqual([PING]);
    expect(machine.deadline).toBe(3100);
    expectDead(machine);
  });

  test('a shorter timeout of one’s own holds', () => {
    const machine = connected({ heartbeat: probing({ timeout: 800 }) });
    machine.step({ type: 'online' }, 100);
    expect(machine.deadline).toBe(900);
  });

  test('a probe under way is not given more time', () => {
    const machine = connected({ heartbeat: probing() });
    machine.due();
    machine.step({ type: 'online' }, 28_000);
    expect(machine.deadline).toBe(30_000);
  });

  test('freeze judges no more until a wake, or a frame', () => {
    const machine = connected({ heartbeat: probing() });
    machine.due();
    machine.step({ type: 'freeze' });
    expect(machine.session.deadline).toBeUndefined();
    expect(machine.step({ type: 'timeout' }, 1e6)).toEqual([]);
    expect(machine.step({ type: 'wake' }, 1e6)).toEqual([PING]);
    machine.step({ type: 'freeze' });
    machine.receives(1, 'x', 2e6);
    expect(machine.deadline).toBe(2e6 + 25_000);
  });
});

describe('a heartbeat that announces', () => {
  const spoken = { type: 'write', id: 1, data: 'alive', heartbeat: true };

  test('speaks after interval without a write of its own', () => {
    const machine = connected({ heartbeat: announcing() });
    expect(machine.deadline).toBe(5000);
    machine.send('x', 3000);
    expect(machine.step({ type: 'timeout' }, 5000)).toEqual([]);
    expect(machine.deadline).toBe(8000);
    expect(machine.due()).toEqual([spoken]);
    expect(machine.deadline).toBe(13_000);
  });

  test('takes the silence of a peer that promised to speak for its death', () => {
    const machine = connected({ heartbeat: announcing() });
    expect([machine.due(), machine.due()]).toEqual([[spoken], [spoken]]);
    expect(machine.deadline).toBe(15_000);
    expectDead(machine);
  });

  test('keeps the peer’s heartbeats from the application, answers none, and counts any frame', () => {
    const machine = connected({ heartbeat: announcing() });
    expect(machine.receives(1, 'alive', 4000)).toEqual([]);
    expect(machine.receives(1, 'alive!', 4500)).toEqual([{ type: 'message', data: 'alive!' }]);
    machine.due();
    machine.due();
    machine.due();
    expect(machine.deadline).toBe(19_500);
  });

  test('after a sleep grants the peer one interval', () => {
    const machine = connected({ heartbeat: announcing() });
    expect(machine.due(60_000)).toEqual([spoken]);
    expect(machine.deadline).toBe(machine.now + 5000);
    machine.step({ type: 'timeout' }, machine.deadline);
    expect(machine.session.state.status).toBe('connecting');
  });

  test('a peer’s own heartbeat proves nothing about what it was sent', () => {
    const machine = connected({ heartbeat: announcing() });
    machine.send('m');
    machine.due();
    machine.receives(1, 'alive');
    expect(told(machine.ends(1), 'interrupted')).toMatchObject([{ unconfirmed: 1 }]);
  });
});

test('the dead are not waited for: the next dial is scheduled in the step that finds them', () => {
  const machine = connected({ heartbeat: probing() });
  machine.due();
  expect(brief(machine.due())).toEqual(['terminate 1', 'state connecting', 'interrupted', 'error', 'reconnecting']);
});
