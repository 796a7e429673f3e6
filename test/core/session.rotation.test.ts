import { describe, expect, test } from 'vitest';
import { brief, told, written } from './helpers/machine.js';
import { type Client, delivered, said, WELCOME, welcomed } from './helpers/session.js';

const held = (fields: object = {}): object => ({
  letter: 'R',
  v: 1,
  s: 'sid',
  k: 'key',
  n: 1,
  r: 0,
  c: 0,
  h: 1,
  ...fields,
});
const take = (r: number, c: number, s: number): object => ({ letter: 'T', r, c, s });

/** Connection 1 lives, connection 2 has said RESUME, and is to be held. */
function rotating(): Client {
  const client = welcomed();
  client.rotates(2);
  return client;
}

describe('a rotation in which all goes well', () => {
  test('says a RESUME that is held, and goes on both ways on the living connection', () => {
    const client = welcomed();
    client.send('a');
    client.receives(1, 'b');
    expect(brief(client.step({ type: 'rotate' }))).toEqual(['rotating', 'dial 2']);
    expect(said(client.opens(2), 2)).toEqual([held({ r: 1, c: 1 })]);
    expect(said(client.send('c'), 1)).toEqual(['c']);
    expect(delivered(client.receives(1, 'd'))).toEqual([['d', 2]]);
    expect(client.session.state).toEqual({ status: 'connected', closing: false });
  });

  test('switches with TAKE, which says where both directions go on', () => {
    const client = rotating();
    client.send('a');
    client.send('b');
    client.receives(1, 'x');
    const effects = client.resumed(2, { r: 1, c: 0, f: 1 });
    expect(brief(effects)).toEqual(['write 2', 'rotated', 'write 2']);
    expect(said(effects, 2)).toEqual([take(1, 1, 2), 'b']);
    expect(said(client.send('c'), 2)).toEqual(['c']);
  });

  test('counts from its own number on the next connection', () => {
    const client = rotating();
    client.receives(1, 'x');
    client.resumed(2);
    client.receives(1, 'y');
    expect(delivered(client.receives(2, 'y'))).toEqual([]);
    expect(delivered(client.receives(2, 'z'))).toEqual([['z', 3]]);
  });

  test('writes nothing on the old connection after TAKE, whatever that says', () => {
    const client = rotating();
    client.send('a');
    client.resumed(2, { r: 0, c: 0 });
    const effects = [
      ...client.hears(1, { letter: 'P', id: 1, c: 1 }),
      ...client.hears(1, { letter: 'A', c: 1 }),
      ...client.hears(1, { letter: 'G', d: 1, w: 1, why: '' }),
      ...client.hears(1, { letter: 'X', why: 'unknown' }),
      ...client.receives(1, '\u0010?'),
      ...client.send('b'),
      ...client.step({ type: 'wake' }),
    ];
    expect(effects.filter((effect) => 'id' in effect && effect.id === 1)).toEqual([]);
    expect(client.session.pending).toBe(2);
  });

  test('hears the old one out: what is next is accepted, the rest dropped, on both connections', () => {
    const client = rotating();
    client.resumed(2);
    expect(delivered(client.receives(1, 'a'))).toEqual([['a', 1]]);
    expect(delivered(client.receives(1, '\u0010\u0010b'))).toEqual([['\u0010b', 2]]);
    const again = client.receives(2, 'a');
    expect(delivered(again)).toEqual([]);
    expect(said(again, 2)).toEqual([{ letter: 'A', c: 2 }]);
    client.receives(2, '\u0010\u0010b');
    expect(delivered(client.receives(2, 'c'))).toEqual([['c', 3]]);
    expect(delivered(client.receives(1, 'c'))).toEqual([]);
  });

  test('ends when the server closes the old one, or after 5 s', () => {
    const closed = rotating();
    closed.resumed(2, {}, 100);
    expect(closed.ends(1, { code: 4900, wasClean: true })).toEqual([]);
    expect(closed.deadline).toBe(30_100);
    const silent = rotating();
    silent.resumed(2, {}, 100);
    expect(silent.deadline).toBe(5100);
    expect(silent.due()).toEqual([{ type: 'terminate', id: 1, code: 1000, reason: '' }]);
  });

  test('is shown as nothing but `rotating` and `rotated`', () => {
    const client = welcomed();
    const seen = [...client.step({ type: 'rotate' }), ...client.opens(2), ...client.resumed(2)];
    expect(brief(seen)).toEqual(['rotating', 'dial 2', 'write 2', 'write 2', 'rotated']);
    expect(told(seen, 'rotated')).toEqual([{ cause: 'caller' }]);
  });

  test('is not confused by acks that overtook WELCOME on the living connection', () => {
    const client = rotating();
    for (const data of ['a', 'b', 'c']) client.send(data);
    client.hears(1, { letter: 'A', c: 2 });
    expect(said(client.resumed(2, { r: 1, c: 0 }), 2)).toEqual([take(0, 0, 3), 'c']);
  });

  test('says RESUME with what is consumed, and leaves the ack to the living connection', () => {
    const client = welcomed();
    client.receives(1, 'a', 100);
    client.rotates(2);
    expect(client.deadline).toBe(1100);
    expect(said(client.due(), 1)).toEqual([{ letter: 'A', c: 1 }]);
  });

  test('carries with TAKE the ack that was due', () => {
    const client = rotating();
    client.receives(1, 'a');
    expect(said(client.resumed(2), 2)).toEqual([take(1, 1, 1)]);
    expect(client.deadline).toBe(5000);
  });

  test('remembers that the next transport is backed up', () => {
    const client = rotating();
    client.send('a');
    client.step({ type: 'connection-backed-up', id: 2 });
    expect(said(client.resumed(2), 2)).toEqual([take(0, 0, 1)]);
    expect(written(client.step({ type: 'connection-writable', id: 2 }))).toEqual(['a']);
  });
});

describe('a session that is on another server already', () => {
  test('goes on there at once, without TAKE', () => {
    const client = rotating();
    client.send('a');
    client.receives(1, 'x');
    const effects = client.resumed(2, { r: 0, c: 0, f: 1, x: 1 });
    expect(brief(effects)).toEqual(['rotated', 'write 2']);
    expect(said(effects, 2)).toEqual(['a']);
    expect(delivered(client.receives(2, 'x'))).toEqual([]);
    expect(delivered(client.receives(2, 'y'))).toEqual([['y', 2]]);
  });

  test('may not begin beyond what has arrived', () => {
    const client = rotating();
    expect(brief(client.resumed(2, { f: 2, x: 1 }))).toEqual(['terminate 2']);
    expect(said(client.send('goes on'), 1)).toEqual(['goes on']);
  });
});

describe('the cause of a rotation', () => {
  test('is GOAWAY, at a random moment of its window', () => {
    const client = welcomed({ random: () => 0.25 });
    expect(client.hears(1, { letter: 'G', d: 10_000, w: 4000, why: 'drain' })).toEqual([]);
    expect(client.deadline).toBe(1000);
    expect(told(client.due(), 'rotating')).toEqual([{ cause: 'goaway' }]);
    client.opens(2);
    expect(told(client.resumed(2), 'rotated')).toEqual([{ cause: 'goaway' }]);
  });

  test('is a GOAWAY whose window is longer than its deadline, before that', () => {
    const client = welcomed();
    client.hears(1, { letter: 'G', d: 1000, w: Number.MAX_SAFE_INTEGER, why: '' });
    expect(client.deadline).toBe(500);
  });

  test('is the earlier of two', () => {
    const client = welcomed();
    client.hears(1, { letter: 'G', d: 1000, w: 1000, why: '' });
    client.hears(1, { letter: 'G', d: 10_000, w: 10_000, why: '' });
    expect(client.deadline).toBe(500);
    client.hears(1, { letter: 'G', d: 1000, w: 100, why: '' });
    expect(client.deadline).toBe(50);
  });

  test('is the age that the server speaks of', () => {
    const client = welcomed({ random: () => 0 }, { m: 1_000_000, h: 1_000_000 });
    expect(client.deadline).toBe(800_000);
    expect(told(client.due(), 'rotating')).toEqual([{ cause: 'age' }]);
  });

  test('is the age at which three connections were cut', () => {
    const client = welcomed({ random: () => 0 });
    for (const id of [1, 2, 3]) {
      client.receives(id, 'talking', client.now + 25_000);
      client.ends(id, {}, client.now + 5000);
      client.redials(id + 1);
      client.resumed(id + 1, { f: id + 1 });
    }
    expect(client.deadline - client.now).toBe(15_000);
  });

  test('is nothing that a hostile age would make a storm of in one step', () => {
    const client = welcomed({}, { m: 1 });
    expect(client.deadline).toBe(0.5);
    client.due();
    expect(client.deadline).toBeGreaterThan(client.now);
  });
});

describe('the next connection fails before TAKE', () => {
  const unharmed = (client: Client): void => {
    expect(client.session.state).toEqual({ status: 'connected', closing: false });
    expect(said(client.send('goes on'), 1)).toEqual(['goes on']);
    expect(delivered(client.receives(1, 'in'))).toEqual([['in', 1]]);
    client.step({ type: 'timeout' }, client.now + 250);
    expect(said(client.opens(3), 3)).toEqual([held({ n: 2, r: 1, c: 1 })]);
    expect(said(client.resumed(3, { r: 0 }), 3)).toEqual([take(1, 1, 1), 'goes on']);
  };

  test('since it was cut', () => {
    const client = rotating();
    expect(client.ends(2)).toEqual([]);
    unharmed(client);
  });

  test.each([
    'busy',
    'stale',
    'principal',
    'expired',
    'unknown',
    'evicted',
    'range',
    'key',
    'lost',
    'closed',
    'version',
  ])('since it is refused: %s', (why) => {
    const client = rotating();
    expect(client.hears(2, { letter: 'X', why })).toEqual([
      { type: 'terminate', id: 2, code: expect.any(Number), reason: '' },
    ]);
    unharmed(client);
  });

  test.each([
    ['data', 'text'],
    ['bytes', new Uint8Array(3)],
    ['a malformed frame', '\u0010W'],
    ['an ack', '\u0010A0'],
  ])('since it says %s before WELCOME', (_, data) => {
    const client = rotating();
    const effects = client.step({ type: 'message-received', id: 2, data });
    expect(effects).toEqual([{ type: 'terminate', id: 2, code: 4903, reason: '' }]);
    unharmed(client);
  });

  test.each([
    ['of another session', { s: 'other' }],
    ['that has received what was never sent', { r: 1 }],
    ['that has received more than there can be', { r: Number.MAX_SAFE_INTEGER, c: Number.MAX_SAFE_INTEGER }],
    ['that has consumed more than received', { c: 1 }],
    ['that goes on from nowhere', { f: 2 }],
    ['that goes on from before the beginning', { f: 0 }],
  ])('since its WELCOME is one %s', (_, fields) => {
    const client = rotating();
    const effects = client.resumed(2, fields);
    expect(effects).toEqual([{ type: 'terminate', id: 2, code: 4903, reason: '' }]);
    unharmed(client);
  });

  test('since it chose another protocol', () => {
    const client = welcomed();
    client.step({ type: 'rotate' });
    expect(brief(client.opens(2, 0, true, 'chat'))).toEqual(['terminate 2']);
    client.step({ type: 'timeout' }, client.now + 250);
    expect(said(client.opens(3), 3)).toEqual([held()]);
  });

  test('since it takes too long', () => {
    const client = rotating();
    expect(client.due()).toEqual([{ type: 'terminate', id: 2, code: 1000, reason: '' }]);
    unharmed(client);
  });

  test('and is asked to wait', () => {
    const client = rotating();
    client.hears(2, { letter: 'X', why: 'busy', retry: 5000 });
    expect(client.deadline).toBe(5250);
  });
});

describe('the living connection fails before TAKE', () => {
  test('the next one steps in with its held RESUME, and TAKE works without the other', () => {
    const client = rotating();
    client.send('a');
    const effects = client.ends(1, {}, 1000);
    expect(brief(effects)).toEqual(['state connecting', 'interrupted', 'error']);
    const open = client.resumed(2, { r: 0 }, 1500);
    expect(said(open, 2)).toEqual([take(0, 0, 1), 'a']);
    expect(told(open, 'open')).toEqual([{ reconnected: true, resumed: true, replayed: 1, gapMs: 500 }]);
  });

  test('the dial goes on, and resumes', () => {
    const client = welcomed();
    client.step({ type: 'rotate' });
    client.ends(1);
    client.opens(2);
    expect(brief(client.resumed(2))).toContain('open');
    expect(delivered(client.receives(2, 'a'))).toEqual([['a', 1]]);
  });

  test('a refusal of the next one is followed by an ordinary RESUME at once', () => {
    const client = rotating();
    client.ends(1);
    const effects = client.hears(2, { letter: 'X', why: 'unknown' });
    expect(told(effects, 'lost')).toEqual([]);
    expect(told(effects, 'reconnecting')).toMatchObject([{ delay: 0 }]);
    const { h, ...ordinary } = held({ n: 2 }) as { h: 1 };
    expect(said(client.redials(3))).toEqual([ordinary]);
    expect(told(client.hears(3, { letter: 'X', why: 'unknown' }), 'lost')).toHaveLength(1);
  });

  test('a failure of the next one is one like others', () => {
    const client = rotating();
    client.ends(1);
    expect(brief(client.ends(2))).toEqual(['state connecting', 'error', 'reconnecting']);
  });

  test('its session is lost: the next connection is given up, and another says HELLO', () => {
    for (const greets of [true, false]) {
      const client = welcomed();
      client.send('a');
      client.step({ type: 'rotate' });
      if (greets) client.opens(2);
      const effects = client.hears(1, { letter: 'X', why: 'evicted', r: 1 });
      expect(told(effects, 'lost')).toEqual([{ reason: 'evicted', undelivered: 0, unknown: 0, messages: [] }]);
      expect(effects).toContainEqual({ type: 'terminate', id: 2, code: 1000, reason: '' });
      expect(client.resumed(2)).toEqual([]);
      expect(said(client.redials(3))).toEqual([{ letter: 'H', v: 1, b: 1024 * 1024 }]);
      expect(said(client.welcomed(3))).toEqual([{ letter: 'A', c: 0 }]);
    }
  });

  test('its session is lost, and that was to be the end', () => {
    const client = welcomed({ onLost: 'close' });
    client.rotates(2);
    const effects = client.hears(1, { letter: 'X', why: 'evicted', r: 0 });
    expect(brief(effects).slice(-2)).toEqual(['state closed', 'close']);
    expect(effects).toContainEqual({ type: 'terminate', id: 2, code: 1000, reason: '' });
  });

  test('it broke the protocol: the next one steps in', () => {
    const client = rotating();
    const effects = client.receives(1, '\u0010?');
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'interrupted', 'error']);
    expect(brief(client.resumed(2))).toContain('open');
  });
});

describe('the living connection is closed since the session has moved (4900) before the next one says so', () => {
  /** Connection 1 is closed by the server that had the session; connection 2 greets the one that has it. */
  function moved(): Client {
    const client = rotating();
    client.send('a');
    expect(client.ends(1, { code: 4900, wasClean: true }, 1000)).toEqual([]);
    return client;
  }

  test('nothing is told: what is sent is kept, and goes out on the next', () => {
    const client = moved();
    expect(client.session.state).toEqual({ status: 'connected', closing: false });
    client.send('b');
    expect(client.session.pending).toBe(2);
    const effects = client.resumed(2, { x: 1 });
    expect(brief(effects)).toEqual(['rotated', 'write 2', 'write 2']);
    expect(said(effects, 2)).toEqual(['a', 'b']);
  });

  test('nothing is told either if the next one is held', () => {
    expect(said(moved().resumed(2), 2)).toEqual([take(0, 0, 1), 'a']);
  });

  test('if the next one fails, that was the last: it is an interruption', () => {
    const client = moved();
    const effects = client.ends(2);
    expect(brief(effects)).toEqual(['state connecting', 'interrupted', 'reconnecting']);
    expect(told(effects, 'interrupted')).toMatchObject([{ code: 4900, unconfirmed: 0 }]);
    client.redials(3);
    expect(said(client.resumed(3))).toEqual(['a']);
  });

  test('if the next one takes too long, too', () => {
    const client = moved();
    const effects = client.step({ type: 'timeout' }, 10_000);
    expect(effects).toContainEqual({ type: 'terminate', id: 2, code: 1000, reason: '' });
    expect(told(effects, 'interrupted')).toHaveLength(1);
  });

  test('any other code is an interruption at once', () => {
    expect(told(rotating().ends(1, { code: 4902, wasClean: true }), 'interrupted')).toHaveLength(1);
  });
});

test('a next connection that says twice that it is open is greeted once', () => {
  expect(rotating().opens(2)).toEqual([]);
});

describe('the next connection fails after TAKE', () => {
  test('both are given up, and an ordinary RESUME goes on', () => {
    const client = rotating();
    client.resumed(2);
    client.send('a');
    const effects = client.ends(2);
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'interrupted', 'error', 'reconnecting']);
    expect(delivered(client.receives(1, 'late'))).toEqual([]);
    expect(said(client.redials(3))).toEqual([{ letter: 'R', v: 1, s: 'sid', k: 'key', n: 2, r: 0, c: 0 }]);
    expect(said(client.resumed(3))).toEqual(['a']);
  });

  test('the old one breaks the protocol: it is left, and nothing else happens', () => {
    for (const nonsense of ['\u0010F', '\u0010F{"c":1}']) {
      const client = rotating();
      client.resumed(2);
      expect(client.receives(1, nonsense)).toEqual([{ type: 'terminate', id: 1, code: 4903, reason: '' }]);
      expect(said(client.send('goes on'), 2)).toEqual(['goes on']);
    }
  });
});

describe('the end in the middle of a rotation', () => {
  test('close() before TAKE says FIN where the session lives, and on the next when that takes over', () => {
    const client = rotating();
    const effects = client.close(0, 4000, 'bye');
    expect(said(effects, 1)).toEqual([{ letter: 'F', c: 4000, m: 'bye' }]);
    expect(said(client.resumed(2), 2)).toEqual([take(0, 0, 1), { letter: 'F', c: 4000, m: 'bye' }]);
  });

  test('a FIN that the old connection still brings ends the session on the new one', () => {
    const client = rotating();
    client.resumed(2);
    const effects = client.hears(1, { letter: 'F', c: 4000, m: 'bye' });
    expect(said(effects, 2)).toEqual([
      { letter: 'F', c: 4000, m: 'bye' },
      { letter: 'A', c: 1 },
    ]);
    expect(brief(client.hears(2, { letter: 'A', c: 1 }))).toEqual(['terminate 1', 'hang-up 2']);
  });

  test('the next one is given up when all is said', () => {
    const client = rotating();
    client.close();
    client.hears(1, { letter: 'F', c: 1000, m: '' });
    expect(brief(client.hears(1, { letter: 'A', c: 1 }))).toEqual(['terminate 2', 'hang-up 1']);
  });
});

test('a WELCOME to nobody is out of place', () => {
  const client = welcomed();
  expect(brief(client.hears(1, WELCOME))[0]).toBe('terminate 1');
});
