import { describe, expect, test } from 'vitest';
import type { Effect } from '../../src/core/types.js';
import { brief, told, written } from './helpers/machine.js';
import { attached, detached, type End, newEnd, remains } from './helpers/peer.js';
import { delivered, said } from './helpers/session.js';

const WELCOME = {
  letter: 'W',
  s: 'sid',
  r: 0,
  c: 0,
  f: 1,
  t: 120_000,
  h: 25_000,
  b: 1024 * 1024,
  z: 1000,
};

const terminated = (id: number, code: number): Effect => ({ type: 'terminate', id, code, reason: '' });

describe('HELLO', () => {
  test('is answered with WELCOME and a key, before anything else', () => {
    const effects = newEnd().hello(1);
    expect(said(effects, 1)).toEqual([{ ...WELCOME, k: 'key' }]);
    expect(brief(effects)).toEqual(['write 1', 'state connected']);
    expect(effects[0]).toMatchObject({ control: true });
  });

  test('is told the age of connections and the inner subprotocol, where there are such', () => {
    const effects = newEnd({ maxConnectionAge: 3_600_000 }, 'chat').hello(1);
    expect(said(effects)).toEqual([{ ...WELCOME, k: 'key', m: 3_600_000, p: 'chat' }]);
  });

  test('is told numbers, whatever the bounds are', () => {
    const bounds = {
      maxPayload: Number.POSITIVE_INFINITY,
      maxBufferedBytes: Number.POSITIVE_INFINITY,
      ttl: 1.5,
      maxSilence: 0.5,
    };
    const [welcome] = said(newEnd(bounds).hello(1));
    expect(welcome).toMatchObject({ letter: 'W', z: Number.MAX_SAFE_INTEGER, b: Number.MAX_SAFE_INTEGER });
  });

  test('is followed by what waited for its client', () => {
    const end = newEnd();
    end.send('early');
    expect(end.peer).toMatchObject({ pending: 1, queuedCount: 1, queuedBytes: 5, retainedBytes: 5 });
    expect(written(end.hello(1)).slice(1)).toEqual(['early']);
  });

  test('whose client says nothing more may never have reached it: 10 s after its end it is forgotten', () => {
    const end = newEnd();
    end.hello(1);
    end.ends(1, {}, 1000);
    expect(end.deadline).toBe(11_000);
    expect(remains(end.due())).toMatchObject([{ why: 'expired' }]);
  });

  test('that nobody attaches is forgotten as soon', () => {
    expect(newEnd().deadline).toBe(10_000);
  });

  test('whose client says anything more is a session', () => {
    for (const data of ['text', '\u0010A0', '\u0010z']) {
      const end = newEnd();
      end.hello(1);
      end.receives(1, data);
      end.ends(1, {}, 1000);
      expect(end.deadline).toBe(121_000);
    }
  });
});

describe('RESUME', () => {
  test('is answered with what has arrived, what the application has had, and where we go on', () => {
    const end = attached();
    end.step({ type: 'read', number: 0, pulls: true });
    for (const data of ['a', 'b']) end.receives(1, data);
    end.step({ type: 'read', number: 1, pulls: true });
    for (const data of ['x', 'y', 'z']) end.send(data);
    end.ends(1);
    const effects = end.resume(2, { r: 1, c: 1 });
    expect(said(effects)).toEqual([{ ...WELCOME, r: 2, c: 1, f: 2 }, 'y', 'z']);
    expect(end.peer.pending).toBe(2);
  });

  test('continues the session: one `open`, and no key', () => {
    const end = detached();
    end.send('a');
    const effects = end.resume(2, {}, 3000);
    expect(brief(effects)).toEqual(['write 2', 'state connected', 'open', 'write 2']);
    expect(told(effects, 'open')).toEqual([{ reconnected: true, resumed: true, replayed: 0, gapMs: 3000 }]);
  });

  test('says how much is sent again', () => {
    const end = attached();
    for (const data of ['a', 'b', 'c']) end.send(data);
    end.ends(1);
    end.send('d');
    expect(told(end.resume(2, { r: 1 }), 'open')).toMatchObject([{ replayed: 2 }]);
  });

  test('supersedes the connection there is, which the server had not noticed to be dead', () => {
    const end = attached();
    end.send('a');
    const effects = end.resume(2);
    expect(effects).toContainEqual(terminated(1, 4900));
    expect(said(effects, 2)).toEqual([WELCOME, 'a']);
    expect(told(effects, 'interrupted')).toEqual([]);
    expect(end.ends(1)).toEqual([]);
    expect(end.receives(1, 'late')).toEqual([]);
    expect(written(end.send('b'))).toEqual(['b']);
  });

  test('is believed about what it has consumed', () => {
    const end = attached();
    for (const data of ['a', 'b', 'c']) end.send(data);
    end.ends(1);
    end.resume(2, { r: 3, c: 2 });
    expect(end.peer).toMatchObject({ pending: 1, retainedBytes: 1 });
  });

  test('of the past is stale, and touches nothing', () => {
    const end = attached();
    end.resume(2, { n: 3 });
    expect(end.peer.resumes).toBe(3);
    for (const n of [3, 2, 0]) {
      const effects = end.resume(9, { n });
      expect(said(effects, 9)).toEqual([{ letter: 'X', why: 'stale' }]);
      expect(effects.at(-1)).toEqual({ type: 'hang-up', id: 9, code: 4907, reason: 'stale' });
      expect(effects).toHaveLength(2);
    }
    expect(written(end.send('goes on'))).toEqual(['goes on']);
  });

  test.each([
    ['has received what was never sent', { r: 4 }],
    ['has received more than there can be', { r: Number.MAX_SAFE_INTEGER }],
    ['has consumed more than received', { r: 2, c: 3 }],
    ['has received less than it has consumed', { r: 0 }],
  ])('that %s is out of range, and touches nothing', (_, fields) => {
    const end = attached();
    for (const data of ['a', 'b', 'c']) end.send(data);
    end.hears(1, { letter: 'A', c: 1 });
    const effects = end.resume(2, fields);
    expect(said(effects, 2)).toMatchObject([{ letter: 'X', why: 'range' }]);
    expect(effects.at(-1)).toEqual({ type: 'hang-up', id: 2, code: 4904, reason: 'range' });
    expect(effects).toHaveLength(2);
    expect(end.peer.resumes).toBe(0);
    expect(end.receives(2, 'x')).toEqual([]);
    expect(written(end.send('goes on'))).toEqual(['goes on']);
  });

  test('may come with the highest numbers there are', () => {
    const end = detached();
    expect(said(end.resume(2, { n: Number.MAX_SAFE_INTEGER }))).toEqual([WELCOME]);
    expect(said(end.resume(3, { n: Number.MAX_SAFE_INTEGER }))).toEqual([{ letter: 'X', why: 'stale' }]);
  });

  test('confirms a session whose HELLO had no other word', () => {
    const end = newEnd();
    end.hello(1);
    end.ends(1);
    end.resume(2);
    end.ends(2, {}, 1000);
    expect(end.deadline).toBe(121_000);
  });
});

describe('a RESUME that is held', () => {
  function held(): End {
    const end = attached();
    end.send('a');
    end.resume(2, { h: 1 });
    return end;
  }

  test('is answered, and nothing else changes: the living connection goes on both ways', () => {
    const end = attached();
    end.send('a');
    const effects = end.resume(2, { h: 1 });
    expect(said(effects, 2)).toEqual([WELCOME]);
    expect(effects).toHaveLength(1);
    expect(said(end.send('b'))).toEqual(['b']);
    expect(end.send('c')).toEqual([{ type: 'write', id: 1, data: 'c' }]);
    expect(delivered(end.receives(1, 'in'))).toEqual([['in', 1]]);
  });

  test('takes over with TAKE, from where that says, both ways', () => {
    const end = held();
    end.receives(1, 'x');
    end.send('b');
    end.send('c');
    const effects = end.hears(2, { letter: 'T', r: 2, c: 1, s: 2 });
    expect(effects[0]).toEqual(terminated(1, 4900));
    expect(said(effects, 2)).toEqual(['c']);
    expect(told(effects, 'rotated')).toHaveLength(1);
    expect(told(effects, 'open')).toEqual([]);
    expect(end.peer.pending).toBe(2);
    expect(delivered(end.receives(2, 'y'))).toEqual([['y', 2]]);
    expect(end.receives(1, 'late')).toEqual([]);
  });

  test('takes over what came twice, by its number', () => {
    const end = held();
    end.receives(1, 'x');
    end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 });
    expect(delivered(end.receives(2, 'x'))).toEqual([]);
    expect(delivered(end.receives(2, 'y'))).toEqual([['y', 2]]);
  });

  test('is not out of range if acks have overtaken it', () => {
    const end = attached();
    for (const data of ['a', 'b', 'c']) end.send(data);
    end.hears(1, { letter: 'A', c: 3 });
    expect(said(end.resume(2, { r: 1, c: 0, h: 1 }))).toMatchObject([{ letter: 'W', f: 4 }]);
    expect(said(end.hears(2, { letter: 'T', r: 3, c: 3, s: 1 }), 2)).toEqual([]);
    expect(written(end.send('d'))).toEqual(['d']);
  });

  test('takes over without the other, if that is gone by then', () => {
    const end = held();
    const gone = end.ends(1, {}, 1000);
    expect(brief(gone)).toEqual(['state connecting', 'interrupted', 'error']);
    const effects = end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 }, 1500);
    expect(told(effects, 'open')).toEqual([{ reconnected: true, resumed: true, replayed: 1, gapMs: 500 }]);
    expect(said(effects, 2)).toEqual(['a']);
  });

  test('remembers that its transport is backed up', () => {
    const end = held();
    end.step({ type: 'connection-backed-up', id: 2 });
    expect(said(end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 }))).toEqual([]);
    expect(written(end.step({ type: 'connection-writable', id: 2 }))).toEqual(['a']);
  });

  test.each([
    ['data', 'text'],
    ['bytes', new Uint8Array(2)],
    ['escaped text', '\u0010\u0010T0,0,1'],
    ['an ack', '\u0010A0'],
    ['a question', '\u0010P1,0'],
    ['FIN', '\u0010F{"c":1000,"m":""}'],
    ['a second RESUME', '\u0010R{"v":1,"s":"sid","k":"key","n":2,"r":0,"c":0}'],
    ['a malformed TAKE', '\u0010T0,0'],
    ['nonsense', '\u0010'],
  ])('may say nothing but TAKE, not %s: it is closed, and the living one never notices', (_, data) => {
    const end = held();
    expect(end.receives(2, data)).toEqual([terminated(2, 4903)]);
    expect(end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 })).toEqual([]);
    expect(end.send('b')).toEqual([{ type: 'write', id: 1, data: 'b' }]);
  });

  test('may say what a later version says', () => {
    expect(held().receives(2, '\u0010t')).toEqual([]);
  });

  test.each([
    ['has received what was never sent', { r: 2, c: 0, s: 1 }],
    ['has consumed more than received', { r: 0, c: 1, s: 1 }],
    ['goes on from nowhere', { r: 0, c: 0, s: 2 }],
    ['goes on from the number 0', { r: 0, c: 0, s: 0 }],
    [
      'has the highest numbers there are',
      { r: Number.MAX_SAFE_INTEGER, c: Number.MAX_SAFE_INTEGER, s: Number.MAX_SAFE_INTEGER },
    ],
  ])('whose TAKE %s is refused, and the living one never notices', (_, numbers) => {
    const end = held();
    const effects = end.hears(2, { letter: 'T', ...numbers });
    expect(said(effects, 2)).toMatchObject([{ letter: 'X', why: 'range' }]);
    expect(effects.at(-1)).toEqual({ type: 'hang-up', id: 2, code: 4904, reason: 'range' });
    expect(end.send('b')).toEqual([{ type: 'write', id: 1, data: 'b' }]);
    expect(end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 })).toEqual([]);
  });

  test('whose TAKE has received less than was acked is refused', () => {
    const end = held();
    end.hears(1, { letter: 'A', c: 1 });
    expect(said(end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 }))).toMatchObject([{ why: 'range' }]);
  });

  test('is closed if no TAKE comes within helloTimeout', () => {
    const end = held();
    expect(end.due()).not.toContainEqual(terminated(2, 4905));
    end.hears(1, { letter: 'A', c: 1 }, 14_000);
    expect(end.deadline).toBe(15_000);
    expect(end.due()).toEqual([terminated(2, 4905)]);
    expect(end.send('b')).toEqual([{ type: 'write', id: 1, data: 'b' }]);
  });

  test('is gone when its connection is, and nothing else', () => {
    const end = held();
    expect(end.ends(2)).toEqual([]);
    expect(end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 })).toEqual([]);
    expect(end.send('b')).toEqual([{ type: 'write', id: 1, data: 'b' }]);
  });

  test('makes way for the next one', () => {
    const end = held();
    expect(end.resume(3, { n: 2, h: 1 })).toContainEqual(terminated(2, 4907));
    expect(end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 })).toEqual([]);
    expect(end.hears(3, { letter: 'T', r: 0, c: 0, s: 1 })).toContainEqual(terminated(1, 4900));
  });

  test('makes way for an ordinary one', () => {
    const end = held();
    const effects = end.resume(3, { n: 2 });
    expect(effects.filter(({ type }) => type === 'terminate').map((effect) => 'id' in effect && effect.id)).toEqual([
      2, 1,
    ]);
    expect(end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 })).toEqual([]);
  });

  test('keeps no client from being called away', () => {
    const end = held();
    expect(end.peer.detachedSince).toBeUndefined();
    end.ends(1, {}, 1000);
    expect(end.peer.detachedSince).toBeUndefined();
    end.ends(2, {}, 2000);
    expect(end.peer.detachedSince).toBe(1000);
    expect(end.deadline).toBe(121_000);
  });
});

describe('a connection that ends', () => {
  test('by whatever code leaves the session waiting for its client', () => {
    for (const code of [1000, 1001, 1006, 4999]) {
      const end = attached();
      const effects = end.ends(1, { code, wasClean: code !== 1006 }, 1000);
      expect(brief(effects).slice(0, 2)).toEqual(['state connecting', 'interrupted']);
      expect(told(effects, 'interrupted')).toMatchObject([{ code, unconfirmed: 0, phase: 'open' }]);
      expect(told(effects, 'error')).toHaveLength(code === 1006 ? 1 : 0);
      expect(end.peer.state).toMatchObject({ status: 'connecting', attempt: 0, delay: 0 });
      expect(end.peer.detachedSince).toBe(1000);
    }
  });

  test('is told apart by itself, not by its session: an old one’s end is nothing', () => {
    const end = attached();
    end.resume(2);
    expect(end.ends(1)).toEqual([]);
    expect(end.peer.state.status).toBe('connected');
  });

  test('and does not come back is expired after the ttl, and the application is told what did not arrive', () => {
    const end = attached();
    for (const data of ['a', 'b']) end.send(data);
    end.ends(1, {}, 1000);
    end.send('c');
    expect(end.deadline).toBe(121_000);
    const effects = end.due();
    expect(remains(effects)).toEqual([{ why: 'expired', received: 0, code: 1006, reason: '' }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'expired', undelivered: 1, unconfirmed: 2 }]);
    expect(end.peer).toMatchObject({ pending: 0, queuedCount: 0, retainedBytes: 0, deadline: undefined });
  });

  test('is granted 20 s more if the server slept', () => {
    const end = detached();
    expect(end.due(1001)).toEqual([]);
    expect(end.deadline).toBe(121_001 + 20_000);
    expect(remains(end.due())).toHaveLength(1);
    const short = detached({ ttl: 5000 });
    short.due(60_000);
    expect(short.deadline - short.now).toBe(5000);
  });
});
