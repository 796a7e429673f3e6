import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Control, encode } from '../../src/core/frames.js';
import type { Effect, PeerSnapshot } from '../../src/core/types.js';
import { brief, told, written } from './helpers/machine.js';
import { attached, detached, End, events, newEnd, remains } from './helpers/peer.js';
import { delivered, said } from './helpers/session.js';

const FIN: Control = { letter: 'F', c: 4001, m: 'theirs' };
const BYE: Control = { letter: 'F', c: 4000, m: 'bye' };
const HUNG_UP: Effect = { type: 'hang-up', id: 1, code: 1000, reason: '' };
const terminated = (id: number, code: number): Effect => ({ type: 'terminate', id, code, reason: '' });

test('the table of peer.ts has no row that is not tested here or in the files beside this one', () => {
  const source = readFileSync(new URL('../../src/core/peer.ts', import.meta.url), 'utf8');
  const rows = [...source.matchAll(/^ \* \| (.*?) *\|/gm)].map(([, row]) => row);
  expect(rows.slice(1)).toEqual([
    'attach, HELLO',
    'attach, RESUME',
    '– that is held',
    'send',
    'close',
    'connection-close',
    'go-away',
    'evict, terminate',
    'release',
    'timeout, when due',
    'timeout, 1 s too late',
  ]);
});

describe('close', () => {
  test('says FIN behind all that is retained', () => {
    const end = attached();
    end.step({ type: 'connection-backed-up', id: 1 });
    end.send('a');
    expect(brief(end.close())).toEqual(['state connected']);
    expect(end.peer.state).toEqual({ status: 'connected', closing: true });
    expect(end.peer).toMatchObject({ pending: 1, queuedCount: 1 });
    expect(said(end.step({ type: 'connection-writable', id: 1 }))).toEqual(['a', BYE]);
  });

  test('is over when both FINs have arrived, and both ends know: the client is told goodbye', () => {
    const end = attached();
    end.close();
    expect(end.hears(1, { letter: 'A', c: 1 })).toEqual([]);
    const effects = end.hears(1, FIN);
    expect(said(effects)).toEqual([{ letter: 'A', c: 1 }]);
    expect(effects).toContainEqual(HUNG_UP);
    expect(effects.filter(({ type }) => type === 'terminate')).toEqual([]);
    expect(remains(effects)).toEqual([{ why: 'closed', received: 1, code: 4000, reason: 'bye' }]);
    expect(told(effects, 'close')).toMatchObject([
      { cause: 'caller', code: 4000, reason: 'bye', wasClean: true, undelivered: 0, unconfirmed: 0 },
    ]);
    expect(end.peer.deadline).toBeUndefined();
  });

  test('waits for an application that pulls', () => {
    const end = attached();
    end.step({ type: 'read', number: 0, pulls: true });
    end.receives(1, 'unread');
    end.hears(1, FIN);
    expect(remains(end.hears(1, { letter: 'A', c: 1 }))).toEqual([]);
    expect(remains(end.step({ type: 'read', number: 1, pulls: true }))).toMatchObject([{ why: 'closed', received: 2 }]);
  });

  test('while the client is away waits for it until the ttl ends', () => {
    const end = detached();
    expect(end.close(4000, 'bye', 10_000)).toEqual([]);
    expect(end.deadline).toBe(120_000);
    const effects = end.due();
    expect(remains(effects)).toEqual([{ why: 'closed', received: 0, code: 4000, reason: 'bye' }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'caller', code: 4000, wasClean: false }]);
  });

  test('while the client is away is the first thing it hears', () => {
    const end = detached();
    end.close();
    const effects = end.resume(2);
    expect(said(effects)).toMatchObject([{ letter: 'W' }, BYE]);
    expect(end.peer.state).toEqual({ status: 'connected', closing: true });
  });

  test('waits for a client that says nothing for the ttl at most, asking whether it is there', () => {
    const end = attached();
    end.close(4000, 'bye', 1000);
    expect(said(end.due())).toMatchObject([{ letter: 'P' }]);
    for (let id = 1; end.now < 121_000 && end.peer.deadline !== undefined; id++) {
      end.hears(1, { letter: 'O', id, c: 0 });
      const effects = end.due();
      if (effects.some(({ type }) => type === 'ended')) {
        expect(end.now).toBe(121_000);
        expect(effects).toContainEqual(terminated(1, 1000));
        expect(remains(effects)).toMatchObject([{ why: 'closed', code: 4000 }]);
      }
    }
    expect(end.peer.state.status).toBe('closed');
  });

  test('is granted closeTimeout more if the server slept', () => {
    const end = attached({ ttl: 10_000 });
    end.close();
    expect(end.step({ type: 'timeout' }, 60_000)).toEqual([]);
    expect(said(end.step({ type: 'timeout' }, 60_000))).toMatchObject([{ letter: 'P' }]);
    end.hears(1, { letter: 'O', id: 1, c: 0 }, 64_000);
    expect(end.deadline).toBe(65_000);
    expect(remains(end.due())).toHaveLength(1);
  });

  test('comes once, and counts what was accepted in the same step', () => {
    const end = attached();
    end.close();
    expect(end.close(4002, 'again')).toEqual([]);
    end.send('too late');
    const effects = end.step({ type: 'evict', why: 'evicted' });
    expect(told(effects, 'close')).toMatchObject([{ undelivered: 1, unconfirmed: 0 }]);
  });
});

describe('a FIN of the client', () => {
  test('is answered with ours behind all that is retained, and its ack', () => {
    const end = attached();
    const effects = end.hears(1, FIN);
    expect(said(effects)).toEqual([FIN, { letter: 'A', c: 1 }]);
    const last = end.hears(1, { letter: 'A', c: 1 });
    expect(last).toContainEqual(HUNG_UP);
    expect(told(last, 'close')).toMatchObject([{ cause: 'peer', code: 4001, reason: 'theirs', wasClean: true }]);
  });

  test('is waited out for closeTimeout', () => {
    const end = attached();
    end.step({ type: 'connection-backed-up', id: 1 });
    end.send('never sent');
    end.hears(1, FIN, 1000);
    end.step({ type: 'timeout' }, 5999);
    const effects = end.step({ type: 'timeout' }, 6000);
    expect(effects[0]).toEqual(terminated(1, 1000));
    expect(remains(effects)).toEqual([{ why: 'closed', received: 1, code: 4001, reason: 'theirs' }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'peer', wasClean: false, undelivered: 1 }]);
  });

  test('shortens the wait of one who closes', () => {
    const end = attached();
    end.step({ type: 'connection-backed-up', id: 1 });
    end.close();
    end.hears(1, FIN, 1000);
    expect(remains(end.step({ type: 'timeout' }, 6000))).toMatchObject([{ why: 'closed', code: 4000 }]);
  });

  test('whose client goes before it has ours is closed for it when it comes back too late', () => {
    const end = attached();
    end.hears(1, FIN);
    end.ends(1);
    expect(remains(end.due())).toMatchObject([{ why: 'closed', code: 4001 }]);
  });

  test('may hold what a close frame may; our goodbye is an ordinary one', () => {
    const end = attached();
    expect(end.hears(1, { letter: 'F', c: 99_999, m: '' })[0]).toEqual(terminated(1, 4903));
    const other = attached();
    other.hears(1, { letter: 'F', c: 1001, m: 'x'.repeat(123) });
    expect(other.hears(1, { letter: 'A', c: 1 })).toContainEqual(HUNG_UP);
  });
});

describe('silence', () => {
  test('is asked about after what WELCOME promises, by a frame; no answer within 5 s leaves the session waiting', () => {
    const end = attached();
    expect(end.deadline).toBe(25_000);
    expect(said(end.due())).toEqual([{ letter: 'P', id: 1, c: 0 }]);
    expect(end.deadline).toBe(30_000);
    const effects = end.due();
    expect(effects[0]).toEqual(terminated(1, 4901));
    expect(told(effects, 'interrupted')).toMatchObject([{ cause: 'dead-peer' }]);
    expect(end.peer.detachedSince).toBe(30_000);
  });

  test.each([
    [0, 22_500],
    [0.5, 23_750],
  ])('is asked about in no step with others: jitter %d, %i ms', (jitter, moment) => {
    const end = newEnd();
    end.step({ type: 'attach', id: 1, jitter });
    expect(end.deadline).toBe(moment);
  });

  test('of our own is broken as well: proxies listen to that', () => {
    const end = attached();
    end.receives(1, 'a', 10_000);
    end.due();
    for (let n = 0; n < 3; n++) end.hears(1, { letter: 'A', c: 0 }, 20_000 + n);
    // The ack of `a` was written at 11 s, and nothing since.
    expect(end.deadline).toBe(36_000);
    expect(said(end.due())).toMatchObject([{ letter: 'P' }]);
  });

  test('is ended by whatever comes', () => {
    const end = attached();
    end.due();
    end.step({ type: 'pong-received', id: 1, payload: '' }, 26_000);
    expect(end.deadline).toBe(50_000);
    end.step({ type: 'ping-received', id: 1 }, 27_000);
    end.send('a', 40_000);
    end.hears(1, { letter: 'A', c: 1 }, 41_000);
    expect(end.deadline).toBe(65_000);
  });

  test('is answered for: a question gets its answer at once', () => {
    const end = attached();
    end.receives(1, 'a');
    expect(said(end.hears(1, { letter: 'P', id: 9, c: 0 }, 100))).toEqual([{ letter: 'O', id: 9, c: 1 }]);
  });

  test('after our messages is asked about after 1.5 s and four round trips', () => {
    const end = attached();
    end.send('a', 100);
    expect(end.deadline).toBe(1600);
    expect(said(end.due())).toMatchObject([{ letter: 'P', id: 1 }]);
    expect(end.deadline).toBe(4600);
    end.hears(1, { letter: 'O', id: 1, c: 0 }, 2600);
    expect(end.deadline).toBe(2600 + 1500 + 4000);
    expect(said(end.due())).toMatchObject([{ letter: 'P', id: 2 }]);
    expect(told(end.due(), 'interrupted')).toMatchObject([{ cause: 'dead-peer' }]);
  });

  test('while the server slept is asked about, and nobody is killed for it', () => {
    const end = attached();
    expect(said(end.due(1001))).toMatchObject([{ letter: 'P' }]);
    expect(end.deadline).toBe(end.now + 3000);
    expect(said(end.due(1001))).toMatchObject([{ letter: 'P' }]);
    expect(end.peer.state.status).toBe('connected');
    expect(said(end.step({ type: 'timeout', overslept: true }))).toMatchObject([{ letter: 'P' }]);
    expect(said(end.step({ type: 'wake' }))).toMatchObject([{ letter: 'P' }]);
    expect(said(end.step({ type: 'online' }))).toMatchObject([{ letter: 'P' }]);
    expect(detached().step({ type: 'wake' })).toEqual([]);
    expect(detached().step({ type: 'timeout', overslept: true })).toEqual([]);
  });

  test('of a link that three late checks found silent is death', () => {
    const end = attached();
    for (let n = 0; n < 3; n++) end.due(2000);
    expect(events(end.due(2000))).toContain('interrupted');
  });
});

describe('a client that consumes nothing', () => {
  const stalled = (): End => {
    const end = attached({ maxStall: 60_000 });
    end.send('a', 1000);
    return end;
  };

  /** Answers all questions until `moment`. */
  function answers(end: End, moment: number, on = 1): Effect[] {
    for (let id = 1; ; id++) {
      const effects = end.due();
      if (end.now >= moment || end.peer.deadline === undefined) return effects;
      if (said(effects).some((frame) => (frame as Control).letter === 'P')) end.hears(on, { letter: 'O', id, c: 0 });
    }
  }

  test('is evicted after maxStall, and told', () => {
    const end = stalled();
    const effects = answers(end, 61_000);
    expect(end.now).toBe(61_000);
    expect(said(effects, 1)).toEqual([{ letter: 'X', why: 'evicted', r: 0 }]);
    expect(effects).toContainEqual({ type: 'hang-up', id: 1, code: 4904, reason: 'evicted' });
    expect(remains(effects)).toMatchObject([{ why: 'evicted' }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'evicted', unconfirmed: 1 }]);
  });

  test('is not granted it again by coming back', () => {
    const end = stalled();
    answers(end, 31_000);
    end.ends(1, {}, 31_000);
    end.resume(2, { n: 1 }, 100_000);
    expect(remains(answers(end, 130_000, 2))).toMatchObject([{ why: 'evicted' }]);
    expect(end.now).toBe(130_000);
  });

  test('is granted that again with each ack that advances', () => {
    const end = stalled();
    end.send('b', 30_000);
    end.hears(1, { letter: 'A', c: 1 }, 40_000);
    end.hears(1, { letter: 'A', c: 1 }, 41_000);
    answers(end, 100_000);
    expect(end.now).toBe(100_000);
    expect(end.peer.state.status).toBe('closed');
  });

  test('is none whose messages are all acked, or who has had none', () => {
    const end = stalled();
    end.hears(1, { letter: 'A', c: 1 }, 2000);
    answers(end, 200_000);
    expect(end.peer.state.status).toBe('connected');
  });

  test('is none while it is away', () => {
    const end = stalled();
    end.ends(1, {}, 2000);
    expect(end.deadline).toBe(122_000);
    end.resume(2, {}, 100_000);
    answers(end, 155_000, 2);
    expect(end.peer.state.status).toBe('connected');
  });

  test('is granted it again if the server slept', () => {
    const end = stalled();
    answers(end, 55_000);
    expect(end.step({ type: 'timeout' }, 200_000)).toEqual([]);
    expect(end.peer.state.status).toBe('connected');
  });
});

describe('a client that breaks the protocol', () => {
  test.each([
    '\u0010',
    '\u0010?',
    '\u0010A',
    '\u0010A2',
    `\u0010A${Number.MAX_SAFE_INTEGER}`,
    '\u0010P1,2',
    '\u0010O1,2',
    '\u0010T0,0,1',
    '\u0010H{"v":1,"b":1}',
    '\u0010R{"v":1,"s":"sid","k":"key","n":1,"r":0,"c":0}',
    '\u0010W{}',
    '\u0010G{"d":1,"w":1,"why":""}',
    '\u0010X{"why":"busy"}',
    '\u0010F{"c":-1,"m":""}',
    `\u0010F{"c":1,"m":"${'x'.repeat(2048)}"}`,
  ])('loses its connection, and not its session: %o', (data) => {
    const end = attached();
    end.send('kept');
    const effects = end.receives(1, data);
    expect(effects[0]).toEqual(terminated(1, 4903));
    expect(told(effects, 'interrupted')).toMatchObject([{ cause: 'protocol', code: 4903 }]);
    expect(delivered(effects)).toEqual([]);
    expect(end.receives(1, 'late')).toEqual([]);
    expect(said(end.resume(2))).toMatchObject([{ letter: 'W', r: 0, c: 0 }, 'kept']);
  });

  test('behind its FIN loses it too', () => {
    const end = attached();
    end.hears(1, FIN);
    expect(end.receives(1, 'behind')[0]).toEqual(terminated(1, 4903));
  });

  test('floods an application that does not read', () => {
    const end = attached({ maxBufferedBytes: 1000 });
    end.step({ type: 'read', number: 0, pulls: true });
    let kept = 0;
    while (end.peer.state.status === 'connected') kept += delivered(end.receives(1, 'x'.repeat(100_000))).length;
    // Twice what it retains itself, which is more.
    expect(kept).toBe(21);
  });

  test('with more than 50 control frames a second loses its connection', () => {
    const end = attached();
    for (let n = 0; n < 49; n++) expect(end.hears(1, { letter: 'A', c: 0 }, 500)).toEqual([]);
    expect(end.hears(1, { letter: 'A', c: 0 }, 999)[0]).toEqual(terminated(1, 4903));
  });

  test('may say as many in the next second', () => {
    const end = attached();
    for (let second = 1; second < 4; second++) {
      for (let n = 0; n < 50; n++) {
        const effects = end.hears(1, { letter: 'P', id: n, c: 0 }, second * 1000);
        expect(said(effects)).toEqual([{ letter: 'O', id: n, c: 0 }]);
      }
    }
  });

  test('may ack as much as there is to ack', () => {
    const end = attached();
    for (let n = 1; n < 200; n++) {
      end.send('x');
      expect(end.hears(1, { letter: 'A', c: n })).toEqual([]);
    }
  });

  test('is none who sends text that begins with DLE, however much', () => {
    const end = attached();
    const numbers = Array.from({ length: 200 }, () => delivered(end.receives(1, '\u0010\u0010x'))[0]?.[1]);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  test('with frames of a later version floods as well, and is ignored until then', () => {
    const end = attached();
    for (let n = 0; n < 49; n++) expect(end.receives(1, '\u0010q')).toEqual([]);
    expect(end.receives(1, '\u0010q')[0]).toEqual(terminated(1, 4903));
  });

  test('whose 51st frame is its FIN loses nothing by that', () => {
    const end = attached();
    for (let n = 0; n < 49; n++) end.hears(1, { letter: 'A', c: 0 });
    expect(said(end.hears(1, FIN))).toContainEqual({ letter: 'A', c: 1 });
  });
});

describe('go-away', () => {
  const goAway = { type: 'go-away', deadline: 10_000, window: 4000, why: 'drain' } as const;

  test('tells the client, and closes what is still there at the deadline', () => {
    const end = attached();
    expect(said(end.step(goAway, 1000))).toEqual([{ letter: 'G', d: 10_000, w: 4000, why: 'drain' }]);
    expect(end.deadline).toBe(11_000);
    const effects = end.due();
    expect(effects[0]).toEqual(terminated(1, 4902));
    expect(told(effects, 'interrupted')).toMatchObject([{ code: 4902 }]);
    expect(end.deadline).toBe(131_000);
  });

  test('is over for a client that has gone to another connection', () => {
    const end = attached();
    end.step(goAway);
    end.resume(2, { h: 1 }, 1000);
    end.hears(2, { letter: 'T', r: 0, c: 0, s: 1 }, 1000);
    expect(end.deadline).toBe(26_000);
  });

  test('is over with the connection', () => {
    const end = attached();
    end.step(goAway);
    end.ends(1);
    end.resume(2);
    expect(end.deadline).toBe(25_000);
  });

  test('is nothing to a client that is away', () => {
    expect(detached().step(goAway)).toEqual([]);
  });
});

describe('evict', () => {
  test('tells a client that is there, with what has arrived, and is the end', () => {
    const end = attached();
    end.receives(1, 'a');
    end.send('b');
    const effects = end.step({ type: 'evict', why: 'evicted' });
    expect(said(effects, 1)).toEqual([{ letter: 'X', why: 'evicted', r: 1 }]);
    expect(effects).toContainEqual({ type: 'hang-up', id: 1, code: 4904, reason: 'evicted' });
    expect(effects.filter(({ type }) => type === 'terminate')).toEqual([]);
    expect(remains(effects)).toMatchObject([{ why: 'evicted', received: 1 }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'evicted', unconfirmed: 1 }]);
  });

  test('is the end of one whose client is away, and of the connection that is held', () => {
    const end = detached();
    end.resume(2, { h: 1 });
    const effects = end.step({ type: 'evict', why: 'evicted' });
    expect(effects[0]).toEqual(terminated(2, 4904));
    expect(remains(effects)).toHaveLength(1);
  });

  test('for a server that is shut down says that the session is lost', () => {
    const effects = attached().step({ type: 'evict', why: 'lost' });
    expect(said(effects)).toEqual([{ letter: 'X', why: 'lost', r: 0 }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'session-lost' }]);
  });

  test('by the application, with terminate, is told to the client in the same words', () => {
    const end = attached();
    end.send('a');
    const effects = end.step({ type: 'terminate' });
    expect(said(effects, 1)).toEqual([{ letter: 'X', why: 'evicted', r: 0 }]);
    expect(remains(effects)).toMatchObject([{ why: 'evicted' }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'caller', code: 1006, wasClean: false, unconfirmed: 1 }]);
    expect(end.step({ type: 'terminate' })).toEqual([]);
  });

  test('gives back what was retained', () => {
    const ledger = { bytes: 0 };
    const end = attached({ ledger });
    end.send('abc');
    end.step({ type: 'evict', why: 'evicted' });
    expect(ledger.bytes).toBe(0);
  });
});

describe('moving to another server', () => {
  function snapshotOf(end: End): PeerSnapshot {
    const effects = end.step({ type: 'release' });
    const [released] = effects.flatMap((effect) => (effect.type === 'released' ? [effect.snapshot] : []));
    return released as PeerSnapshot;
  }

  /** Three sent, one of them acked; two received, one of them consumed; attempt 4. */
  function busy(): End {
    const end = detached();
    end.resume(2, { n: 4 });
    for (const data of ['a', 'b', 'c']) end.send(data);
    end.hears(2, { letter: 'A', c: 1 });
    end.step({ type: 'read', number: 0, pulls: true });
    end.receives(2, 'x');
    end.receives(2, 'y');
    end.step({ type: 'read', number: 1, pulls: true });
    return end;
  }

  test('leaves every connection once, and says nothing was lost', () => {
    const end = attached();
    end.send('a');
    end.resume(2, { h: 1 });
    const effects = end.step({ type: 'release' });
    expect(effects.filter(({ type }) => type === 'terminate')).toEqual([terminated(1, 4900), terminated(2, 4900)]);
    expect(remains(effects)).toEqual([{ why: 'moved', received: 0, code: 4900, reason: '' }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'moved', undelivered: 0, unconfirmed: 0 }]);
    expect(end.peer.state.status).toBe('closed');
  });

  test('goes on there with the next RESUME: what had arrived, and what is to be sent again', () => {
    const end = End.restored(snapshotOf(busy()));
    expect(end.peer).toMatchObject({ resumes: 4, pending: 2, session: 'sid', inner: '' });
    expect(end.deadline).toBe(120_000);
    expect(said(end.resume(1, { n: 4 }))).toEqual([{ letter: 'X', why: 'stale' }]);
    const effects = end.resume(2, { n: 5, r: 2, c: 1 });
    expect(said(effects, 2)).toMatchObject([{ letter: 'W', r: 1, c: 1, f: 3 }, 'c']);
    expect(told(effects, 'open')).toMatchObject([{ reconnected: true, resumed: true, replayed: 1 }]);
    expect(delivered(end.receives(2, 'y'))).toEqual([['y', 2]]);
  });

  test('can hold no RESUME the first time: it says so, and has taken over', () => {
    const end = End.restored(snapshotOf(busy()));
    const effects = end.resume(2, { n: 5, r: 1, c: 1, h: 1 });
    expect(said(effects, 2)).toMatchObject([{ letter: 'W', x: 1, f: 2 }, 'b', 'c']);
    expect(end.peer.state.status).toBe('connected');
    const next = end.resume(3, { n: 6, r: 1, c: 1, h: 1 });
    expect(said(next)).toEqual([expect.not.objectContaining({ x: 1 })]);
  });

  test('is out of range there for what would be out of range here', () => {
    const end = End.restored(snapshotOf(busy()));
    expect(said(end.resume(2, { n: 5, r: 4 }))).toMatchObject([{ why: 'range' }]);
    expect(said(end.resume(2, { n: 5, r: 0 }))).toMatchObject([{ why: 'range' }]);
  });

  test('takes the end along that had begun', () => {
    const closing = detached();
    closing.close();
    const end = End.restored(snapshotOf(closing), {}, 1000);
    expect(end.peer.verdict('x', 0, 0)).toBe('closed');
    const effects = end.resume(2);
    expect(said(effects)).toMatchObject([{ letter: 'W' }, BYE]);
    end.hears(2, { letter: 'A', c: 1 });
    expect(remains(end.hears(2, FIN))).toEqual([{ why: 'closed', received: 1, code: 4000, reason: 'bye' }]);
  });

  test('takes along how much the client retains', () => {
    const small = newEnd().listens();
    const end = End.restored({ ...snapshotOf(small), clientRetains: 40 }).listens();
    end.resume(2);
    expect(said(end.receives(2, 'x'.repeat(10)))).toEqual([{ letter: 'A', c: 1 }]);
  });

  test('can be done again and again', () => {
    let snapshot = snapshotOf(busy());
    for (let n = 5; n < 10; n++) {
      const end = End.restored(snapshot);
      end.resume(1, { n, r: 1, c: 1 });
      snapshot = snapshotOf(end);
    }
    const last = End.restored(snapshot);
    expect(written(last.resume(1, { n: 10, r: 1, c: 1 })).slice(1)).toEqual(['b', 'c']);
  });

  test('does not take along what the application has not had', () => {
    const end = busy();
    expect(snapshotOf(end).delivery).toMatchObject({ consumed: 1, acked: 1, handed: 3, retained: ['b', 'c'] });
    expect(JSON.stringify(encode(FIN))).toContain('theirs');
  });

  test('gives back what was retained, and counts it there', () => {
    const [here, there] = [{ bytes: 0 }, { bytes: 0 }];
    const end = attached({ ledger: here });
    end.send('abc');
    End.restored(snapshotOf(end), { ledger: there });
    expect([here.bytes, there.bytes]).toEqual([0, 3]);
  });
});
