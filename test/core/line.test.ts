import { describe, expect, test } from 'vitest';
import { Line } from '../../src/core/line.js';
import type { Input } from '../../src/core/types.js';
import { config, probing } from './helpers/config.js';
import { brief, connected, dialed, Machine, told, written } from './helpers/machine.js';

describe('the contract', () => {
  test('rule 1: nothing but step changes the machine', () => {
    const { session } = connected({ heartbeat: probing() });
    const look = () => [session.state, session.deadline, session.queuedCount, session.queuedBytes];
    const before = look();
    session.verdict('text', 100, 3);
    session.verdict(new Uint8Array(9), 0, 0);
    expect(look()).toEqual(before);
    expect(session.state).toBe(before[0]);
  });

  test('rule 1: the array of effects is reused, and holds those of the last step alone', () => {
    const session = new Line(config());
    const first = session.step({ type: 'connect' }, 0);
    expect(brief(first)).toEqual(['begin', 'state connecting', 'dial 1']);
    expect(session.step({ type: 'offline' }, 0)).toBe(first);
    expect(first).toEqual([]);
  });

  test('rule 2: a send that was held back while the queue was flushed goes behind it', () => {
    const machine = new Machine();
    machine.connect();
    machine.send('first');
    expect(written(machine.opens(1))).toEqual(['first']);
    expect(written(machine.send('second'))).toEqual(['second']);
  });

  test('rule 2: behind sends that the driver holds back, no send is called sent', () => {
    const { session } = connected();
    expect(session.verdict('x', 0, 0)).toBe('sent');
    expect(session.verdict('x', 1, 1)).toBe('queued');
  });

  test.each([
    ['waiting', (machine: Machine) => machine.ends(1)],
    ['dialing', () => {}],
    ['connected', (machine: Machine) => machine.opens(1)],
    [
      'closing',
      (machine: Machine) => {
        machine.opens(1);
        machine.close();
      },
    ],
  ] as const)('rule 3: an early timeout is harmless while %s', (_, arrange) => {
    const machine = new Machine({ heartbeat: probing() });
    machine.connect();
    arrange(machine);
    const { deadline } = machine;
    expect(machine.step({ type: 'timeout' }, deadline - 0.001)).toEqual([]);
    expect(machine.deadline).toBe(deadline);
    expect(machine.due()).not.toEqual([]);
  });

  test('rule 3: a timeout that comes twice acts once', () => {
    const machine = new Machine();
    machine.connect();
    machine.ends(1);
    expect(dialed(machine.due())).toEqual([2]);
    expect(machine.step({ type: 'timeout' })).toEqual([]);
  });

  test('rule 3: events of a forgotten connection are ignored', () => {
    const machine = connected();
    machine.ends(1);
    machine.due();
    machine.opens(2);
    const { state } = machine.session;
    const past: Input[] = [
      { type: 'connection-close', id: 1, code: 1002, reason: '', wasClean: true },
      { type: 'connection-open', id: 1, canPing: true },
      { type: 'message-received', id: 1, data: 'late' },
      { type: 'connection-backed-up', id: 1 },
      { type: 'greeting-failed', id: 1, error: 'late' },
    ];
    for (const input of past) expect(machine.step(input)).toEqual([]);
    expect(machine.session.state).toBe(state);
    expect(written(machine.send('still open'))).toEqual(['still open']);
  });

  test('rule 4: a close with a code outside the RFC, or none, is an ending like another', () => {
    for (const code of [0, -1, 999, 1005, 65_536, Number.NaN, 2.5]) {
      const machine = connected();
      expect(told(machine.ends(1, { code }), 'reconnecting')).toHaveLength(1);
    }
  });

  test('rule 5: the same inputs, times and chances give the same effects', () => {
    const run = () => {
      const chances = [0.1, 0.7, 0.4];
      const machine = new Machine({ random: () => chances.shift() ?? 0 });
      const log = [machine.connect(), machine.ends(1), machine.due(), machine.ends(2), machine.due()];
      return [log, machine.session.state, machine.deadline];
    };
    expect(run()).toEqual(run());
  });

  test('rule 6: closed has no deadline and no connection', () => {
    const machine = new Machine();
    expect(machine.session.deadline).toBeUndefined();
    machine.connect();
    expect(brief(machine.close())).toEqual(['terminate 1', 'state closed', 'close']);
    expect(machine.session.deadline).toBeUndefined();
    expect(machine.opens(1)).toEqual([]);
  });

  test('rule 6: a deadline that is long overdue moves past now within five steps', () => {
    const machine = new Machine({ backoffBase: 0, closeTimeout: 0, heartbeat: probing() });
    machine.connect();
    machine.now = 1e9;
    let steps = 0;
    for (; machine.deadline <= machine.now; steps++) machine.step({ type: 'timeout' });
    expect(steps).toBeLessThanOrEqual(5);
  });
});

describe('dialing', () => {
  test('a dial says which it is, and why', () => {
    const machine = new Machine();
    expect(machine.connect()).toEqual([
      { type: 'begin' },
      { type: 'emit', event: 'state', detail: { status: 'connecting', attempt: 1, delay: 0 } },
      { type: 'dial', id: 1, attempt: 1, reason: 'connect' },
    ]);
    machine.ends(1);
    expect(machine.due().at(-1)).toEqual({ type: 'dial', id: 2, attempt: 2, reason: 'retry' });
    expect(machine.step({ type: 'reconnect' }).at(-1)).toEqual({
      type: 'dial',
      id: 3,
      attempt: 1,
      reason: 'reconnect',
    });
  });

  test('the state goes on naming the cause while the next dial is under way', () => {
    const machine = new Machine();
    machine.connect();
    machine.ends(1, { status: 503 });
    const cause = { phase: 'dial', cause: 'status', code: 1006, reason: '', wasClean: false, status: 503 };
    expect(machine.session.state).toEqual({ status: 'connecting', attempt: 2, delay: 2500, cause });
    machine.due();
    expect(machine.session.state).toEqual({ status: 'connecting', attempt: 2, delay: 0, cause });
  });

  test('what never opens is given up at connectTimeout, and terminated', () => {
    const machine = new Machine({ connectTimeout: 7000 });
    machine.connect(100);
    expect(machine.deadline).toBe(7100);
    const effects = machine.due();
    expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 1000, reason: '' });
    expect(told(effects, 'error')).toEqual([
      { phase: 'dial', cause: 'timeout', code: 1006, reason: '', wasClean: false },
    ]);
  });

  test('connectTimeout is extended once when it was found to have passed in sleep', () => {
    const machine = new Machine();
    machine.connect();
    expect(machine.due(1001)).toEqual([]);
    expect(machine.deadline).toBe(11_001 + 3000);
    const effects = machine.due(1001);
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'error', 'reconnecting']);
  });

  test('a timer that is a second late is not yet sleep', () => {
    const machine = new Machine();
    machine.connect();
    expect(told(machine.due(1000), 'error')).toMatchObject([{ cause: 'timeout' }]);
  });

  test('connectTimeout covers the greeting, and its extension is not granted again there', () => {
    const machine = new Machine({ greets: true });
    machine.connect();
    machine.due(5000);
    machine.opens(1);
    expect(machine.deadline).toBe(18_000);
    expect(told(machine.due(5000), 'error')).toMatchObject([{ phase: 'greeting', cause: 'timeout' }]);
  });

  test('a greeting whose timeout passed in sleep gets the same extension', () => {
    const machine = new Machine({ greets: true });
    machine.connect();
    machine.opens(1);
    expect(machine.due(2000)).toEqual([]);
    expect(machine.deadline).toBe(15_000);
    expect(brief(machine.step({ type: 'greeted', id: 1 }))).toEqual(['state connected', 'open']);
  });
});

describe('greeting', () => {
  const greeting = (): Machine => {
    const machine = new Machine({ greets: true });
    machine.connect();
    machine.send('queued');
    expect(machine.opens(1)).toEqual([{ type: 'greet', id: 1, reconnected: false }]);
    return machine;
  };

  test('the hook speaks and is spoken to before anything of the application', () => {
    const machine = greeting();
    expect(machine.step({ type: 'greeting-send', id: 1, data: 'token' })).toEqual([
      { type: 'write', id: 1, data: 'token' },
    ]);
    expect(machine.receives(1, 'welcome')).toEqual([{ type: 'greeting-message', data: 'welcome' }]);
    expect(brief(machine.step({ type: 'greeted', id: 1 }))).toEqual(['state connected', 'open', 'write 1']);
  });

  test('a hook that fails gives the connection up with 1011 and is retried', () => {
    const machine = greeting();
    const error = new Error('wrong token');
    const effects = machine.step({ type: 'greeting-failed', id: 1, error });
    expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 1011, reason: '' });
    expect(told(effects, 'error')).toEqual([
      { phase: 'greeting', cause: 'hook', code: 1006, reason: '', wasClean: false, error },
    ]);
    expect(told(effects, 'interrupted')).toEqual([]);
    expect(machine.session.queuedCount).toBe(1);
  });

  test('a connection lost while greeting was not open for the application', () => {
    const effects = greeting().ends(1, { code: 1001, wasClean: true });
    expect(told(effects, 'reconnecting')).toMatchObject([{ cause: { phase: 'greeting', cause: 'peer', code: 1001 } }]);
    expect(told(effects, 'interrupted')).toEqual([]);
  });

  test('the hook is told that it is not the first connection', () => {
    const machine = greeting();
    machine.step({ type: 'greeted', id: 1 });
    machine.ends(1);
    machine.due();
    expect(machine.opens(2)).toEqual([{ type: 'greet', id: 2, reconnected: true }]);
    expect(told(machine.step({ type: 'greeted', id: 2 }), 'open')).toEqual([{ reconnected: true }]);
  });

  test('a first greeting that failed does not make the next a reconnection', () => {
    const machine = greeting();
    machine.ends(1);
    machine.due();
    expect(machine.opens(2)).toEqual([{ type: 'greet', id: 2, reconnected: false }]);
  });

  test('messages handed over while greeting are not the application’s, and not counted as unconfirmed', () => {
    const machine = greeting();
    machine.step({ type: 'greeting-send', id: 1, data: 'token' });
    machine.step({ type: 'greeted', id: 1 });
    expect(told(machine.ends(1), 'interrupted')).toMatchObject([{ unconfirmed: 1 }]);
  });
});

describe('connecting by hand', () => {
  test('reconnect() while connected terminates the connection before it dials', () => {
    const machine = connected();
    machine.send('m');
    const effects = machine.step({ type: 'reconnect' });
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'dial 2', 'interrupted']);
    expect(told(effects, 'interrupted')).toEqual([
      { phase: 'open', cause: 'caller', code: 1000, reason: '', wasClean: false, unconfirmed: 1 },
    ]);
    expect(machine.session.state).toEqual({ status: 'connecting', attempt: 1, delay: 0 });
  });

  test('reconnect() keeps what waits', () => {
    const machine = connected();
    machine.step({ type: 'connection-backed-up', id: 1 });
    machine.send('waits');
    machine.step({ type: 'reconnect' });
    expect(written(machine.opens(2))).toEqual(['waits']);
  });

  test.each(['dialing', 'greeting'])('reconnect() while %s terminates the attempt and counts from 1', (phase) => {
    const machine = new Machine({ greets: true });
    machine.connect();
    machine.ends(1);
    machine.due();
    if (phase === 'greeting') machine.opens(2);
    expect(brief(machine.step({ type: 'reconnect' }))).toEqual(['terminate 2', 'state connecting', 'dial 3']);
    expect(machine.session.state).toMatchObject({ attempt: 1 });
  });

  test('reconnect() in a wait dials at once and counts from 1; connect() goes on counting', () => {
    for (const [type, attempt] of [
      ['reconnect', 1],
      ['connect', 3],
    ] as const) {
      const machine = new Machine();
      machine.connect();
      machine.ends(1);
      machine.due();
      machine.ends(2, { status: 503, retryAfter: 60_000 });
      expect(machine.step({ type }).at(-1)).toEqual({ type: 'dial', id: 3, attempt, reason: type });
    }
  });

  test.each(['connect', 'reconnect'] as const)('%s() while closing ends that life, then begins one', (type) => {
    const machine = connected();
    machine.close(0, 4000, 'bye');
    const effects = machine.step({ type }, 10);
    expect(brief(effects)).toEqual(['terminate 1', 'state closed', 'close', 'begin', 'state connecting', 'dial 2']);
    expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 4000, reason: 'bye' });
    expect(told(effects, 'close')).toMatchObject([{ code: 4000, reason: 'bye', cause: 'caller', wasClean: false }]);
    expect(machine.ends(1)).toEqual([]);
  });

  test('a new life knows nothing of the last: attempts, reconnection and queue begin anew', () => {
    const machine = connected();
    machine.ends(1);
    machine.due();
    machine.send('of the old life');
    expect(told(machine.close(), 'close')).toMatchObject([{ undelivered: 1 }]);
    expect(machine.connect().at(-1)).toMatchObject({ type: 'dial', id: 3, attempt: 1, reason: 'connect' });
    const effects = machine.opens(3);
    expect(told(effects, 'open')).toEqual([{ reconnected: false }]);
    expect(written(effects)).toEqual([]);
    expect(machine.session.state).toEqual({ status: 'connected', closing: false });
  });

  test('a connection that was accepted elsewhere is adopted as the first', () => {
    const machine = new Machine({ reconnect: false, heartbeat: probing() });
    const effects = machine.step({ type: 'adopt', canPing: true }, 50);
    expect(brief(effects)).toEqual(['begin', 'state connected', 'open']);
    expect(machine.deadline).toBe(25_050);
    expect(machine.receives(1, 'm')).toEqual([{ type: 'message', data: 'm' }]);
  });
});
