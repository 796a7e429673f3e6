import { describe, expect, test } from 'vitest';
import { announcing, probing } from './helpers/config.js';
import { brief, connected, Machine, told, written } from './helpers/machine.js';

const CLEAN = { code: 1000, reason: '', wasClean: true };

describe('close()', () => {
  test('hangs up with the caller’s code and reason, and ends with the peer’s', () => {
    const machine = connected();
    const effects = machine.close(100, 4000, 'bye');
    expect(effects).toEqual([
      { type: 'emit', event: 'state', detail: { status: 'connected', closing: true } },
      { type: 'hang-up', id: 1, code: 4000, reason: 'bye' },
    ]);
    expect(machine.ends(1, { code: 4001, reason: 'you too', wasClean: true })).toEqual([
      {
        type: 'emit',
        event: 'state',
        detail: {
          status: 'closed',
          cause: { phase: 'open', cause: 'caller', code: 4001, reason: 'you too', wasClean: true },
        },
      },
      {
        type: 'emit',
        event: 'close',
        detail: {
          phase: 'open',
          cause: 'caller',
          code: 4001,
          reason: 'you too',
          wasClean: true,
          undelivered: 0,
          unconfirmed: 0,
        },
      },
    ]);
  });

  test('that is cut short by terminate counts what waits, and waits for nobody', () => {
    const machine = connected();
    machine.step({ type: 'connection-backed-up', id: 1 });
    machine.send('waits');
    machine.close(100, 4000, 'bye');
    const effects = machine.step({ type: 'terminate' });
    expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 1001, reason: '' });
    expect(told(effects, 'close')).toMatchObject([{ cause: 'caller', code: 1006, wasClean: false, undelivered: 1 }]);
    expect(machine.session.deadline).toBeUndefined();
  });

  test('hands over all that waits before it hangs up', () => {
    const machine = connected();
    machine.step({ type: 'connection-backed-up', id: 1 });
    machine.send('a');
    machine.send('b');
    expect(brief(machine.close())).toEqual(['state connected']);
    expect(machine.step({ type: 'connection-writable', id: 1 })).toEqual([
      { type: 'write', id: 1, data: 'a' },
      { type: 'write', id: 1, data: 'b' },
      { type: 'hang-up', id: 1, code: 1000, reason: '' },
    ]);
    expect(machine.step({ type: 'connection-writable', id: 1 })).toEqual([]);
  });

  test('gives up at closeTimeout, which the flush is part of', () => {
    const machine = connected();
    machine.step({ type: 'connection-backed-up', id: 1 });
    machine.send('waits');
    machine.close(100, 4000, 'bye');
    machine.step({ type: 'connection-backed-up', id: 1 }, 3000);
    expect(machine.deadline).toBe(5100);
    const effects = machine.due();
    expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 4000, reason: 'bye' });
    expect(told(effects, 'close')).toEqual([
      {
        phase: 'open',
        cause: 'caller',
        code: 4000,
        reason: 'bye',
        wasClean: false,
        undelivered: 1,
        unconfirmed: 0,
      },
    ]);
    expect(machine.ends(1)).toEqual([]);
  });

  test('is not kept waiting by a timer that is late', () => {
    const machine = connected();
    machine.close();
    expect(brief(machine.due(60_000))).toEqual(['terminate 1', 'state closed', 'close']);
  });

  test('delivers what still arrives, and sends nothing more', () => {
    const machine = connected({ heartbeat: announcing() });
    machine.close();
    expect(machine.receives(1, 'last words')).toEqual([{ type: 'message', data: 'last words' }]);
    expect(machine.receives(1, 'alive')).toEqual([]);
    expect(machine.session.verdict('x', 0, 0)).toBe('closed');
    expect(machine.step({ type: 'wake' })).toEqual([]);
  });

  test('a message accepted before it and handed to the machine behind it is undelivered', () => {
    const machine = connected();
    machine.close();
    expect(machine.send('too late')).toEqual([]);
    expect(machine.step({ type: 'connection-writable', id: 1 })).toEqual([]);
    expect(told(machine.ends(1, CLEAN), 'close')).toMatchObject([{ undelivered: 1 }]);
  });

  test.each([
    ['waiting', 'dial', []],
    ['dialing', 'dial', ['terminate 1']],
    ['greeting', 'greeting', ['terminate 1']],
  ] as const)('while %s ends at once', (name, phase, first) => {
    const machine = new Machine({ greets: true });
    machine.connect();
    if (name === 'waiting') machine.ends(1);
    if (name === 'greeting') machine.opens(1);
    machine.send('waits');
    const effects = machine.close(0, 4000, 'bye');
    expect(brief(effects)).toEqual([...first, 'state closed', 'close']);
    if (first.length > 0) expect(effects[0]).toMatchObject({ code: 4000, reason: 'bye' });
    const detail = { phase, cause: 'caller', code: 4000, reason: 'bye', wasClean: false };
    expect(told(effects, 'close')).toEqual([{ ...detail, undelivered: 1, unconfirmed: 0 }]);
    expect(machine.session.state).toEqual({ status: 'closed', cause: detail });
  });

  test('happens once in a life, however often it is called', () => {
    const machine = connected();
    const all = [
      ...machine.close(),
      ...machine.close(1, 4001),
      ...machine.ends(1, CLEAN),
      ...machine.close(),
      ...machine.ends(1),
    ];
    expect(told(all, 'close')).toHaveLength(1);
    expect(told(all, 'close')).toMatchObject([{ code: 1000 }]);
  });

  test('a connection that is lost while closing is not retried', () => {
    const machine = connected();
    machine.send('m');
    machine.close();
    const effects = machine.ends(1);
    expect(brief(effects)).toEqual(['state closed', 'close']);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'caller', wasClean: false, unconfirmed: 1 }]);
  });
});

describe('back-pressure', () => {
  test('what is sent while the transport is full waits, in order, for it to be writable', () => {
    const machine = connected();
    machine.step({ type: 'connection-backed-up', id: 1 });
    expect(machine.session.verdict('a', 0, 0)).toBe('queued');
    expect(machine.send('a')).toEqual([]);
    expect(machine.send('b')).toEqual([]);
    expect(machine.session.queuedBytes).toBe(2);
    expect(written(machine.step({ type: 'connection-writable', id: 1 }))).toEqual(['a', 'b']);
    expect(machine.session.verdict('c', 0, 0)).toBe('sent');
  });

  test('a new connection is not held back by the fullness of the last', () => {
    const machine = connected();
    machine.step({ type: 'connection-backed-up', id: 1 });
    machine.ends(1);
    machine.due();
    machine.opens(2);
    expect(written(machine.send('m'))).toEqual(['m']);
  });
});

describe('the verdict on a message', () => {
  const full = (overflow: 'throw' | 'drop-oldest' | 'drop-newest'): Machine => {
    const machine = new Machine({ overflow, maxBufferedMessages: 2 });
    machine.connect();
    machine.send('a');
    machine.send('b');
    return machine;
  };

  test('is closed before the first connect() and after the end', () => {
    const machine = new Machine();
    expect(machine.session.verdict('x', 0, 0)).toBe('closed');
    machine.connect();
    expect(machine.session.verdict('x', 0, 0)).toBe('queued');
    machine.close();
    expect(machine.session.verdict('x', 0, 0)).toBe('closed');
  });

  test('on a full buffer is what the option says', () => {
    expect(full('throw').session.verdict('c', 0, 0)).toBe('full');
    expect(full('drop-newest').session.verdict('c', 0, 0)).toBe('dropped');
    expect(full('drop-oldest').session.verdict('c', 0, 0)).toBe('queued');
  });

  test('counts the sends that the driver still holds', () => {
    const machine = new Machine({ maxBufferedMessages: 3, maxBufferedBytes: 10 });
    machine.connect();
    machine.send('aaaa');
    expect(machine.session.verdict('bb', 4, 1)).toBe('queued');
    expect(machine.session.verdict('bbb', 4, 1)).toBe('full');
    expect(machine.session.verdict('b', 2, 2)).toBe('full');
  });

  test('drop-oldest drops the oldest, and counts them as undelivered', () => {
    const machine = full('drop-oldest');
    machine.send('c');
    expect(machine.session.queuedCount).toBe(2);
    expect(written(machine.opens(1))).toEqual(['b', 'c']);
    machine.close();
    expect(told(machine.ends(1, CLEAN), 'close')).toMatchObject([{ undelivered: 1, unconfirmed: 0 }]);
  });
});

describe('unconfirmed', () => {
  /** Three messages and a ping, which says so. */
  const probed = (): Machine => {
    const machine = connected({ heartbeat: probing() });
    for (const data of ['a', 'b', 'c']) machine.send(data);
    expect(machine.due()).toEqual([{ type: 'ping', id: 1, payload: '3' }]);
    return machine;
  };
  const unconfirmed = (machine: Machine): number | undefined => told(machine.ends(1), 'interrupted')[0]?.unconfirmed;

  test('is what no pong has proven to have arrived', () => {
    const machine = probed();
    machine.send('d');
    machine.step({ type: 'pong-received', id: 1, payload: '3' });
    expect(unconfirmed(machine)).toBe(1);
  });

  test('is all while no probe is answered', () => {
    expect(unconfirmed(probed())).toBe(3);
  });

  test('is nothing after the answer to close(), and as before after a close of the peer’s', () => {
    const machine = probed();
    expect(told(machine.ends(1, { code: 1001, wasClean: true }), 'interrupted')).toMatchObject([{ unconfirmed: 3 }]);
    const closing = probed();
    closing.close();
    expect(told(closing.ends(1, { code: 1000, wasClean: true }), 'close')).toMatchObject([{ unconfirmed: 0 }]);
  });

  test.each(['-1', 'NaN', '', 'x', '4', '1e300', 'Infinity', '-Infinity', '1.5', '3.0000001', '0'])(
    'is not changed by a forged pong of %o',
    (payload) => {
      const machine = probed();
      expect(machine.step({ type: 'pong-received', id: 1, payload })).toEqual([]);
      expect(unconfirmed(machine)).toBe(3);
    },
  );

  test('never grows: an older pong takes nothing back', () => {
    const machine = probed();
    machine.step({ type: 'pong-received', id: 1, payload: '3' });
    machine.step({ type: 'pong-received', id: 1, payload: '1' });
    expect(unconfirmed(machine)).toBe(0);
  });

  test('belongs to one connection', () => {
    const machine = probed();
    machine.ends(1);
    machine.due();
    machine.opens(2);
    machine.send('d');
    expect(told(machine.ends(2), 'interrupted')).toMatchObject([{ unconfirmed: 1 }]);
  });
});
