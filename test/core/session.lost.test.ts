import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { LineConfig } from '../../src/core/types.js';
import { brief, told } from './helpers/machine.js';
import { type Client, delivered, greeting, said, WELCOME, welcomed } from './helpers/session.js';

/** The table at the top of `session.ts`: each row is a `describe` here or in the files beside this one. */
const TABLE = [
  ...readFileSync(new URL('../../src/core/session.ts', import.meta.url), 'utf8').matchAll(/^ \* \| (.*?) +\|/gm),
]
  .map(([, event]) => event)
  .slice(1)
  .filter((event) => !/^-+$/.test(event as string));

test('the table has the rows that are tested here, and in the files named', () => {
  expect(TABLE).toEqual([
    'the connection ends, by whatever close code', // session.test.ts
    'RESUME or WELCOME is lost',
    'the peer dies without a word', // session.heartbeat.test.ts
    'the next connection fails before TAKE, or GONE', // session.rotation.test.ts
    'the living one fails before TAKE', // session.rotation.test.ts
    'the next one fails after TAKE', // session.rotation.test.ts
    'the old one still brings messages after TAKE', // session.rotation.test.ts
    'the server has lost the session',
    'the same message ends every connection',
    '`close()` while there is no connection', // session.closing.test.ts
    'the server closes while we are away', // session.closing.test.ts
  ]);
});

/** Three messages are sent, connection 1 is lost, and connection 2 has said RESUME. */
function resuming(overrides: Partial<LineConfig> = {}): Client {
  const client = welcomed(overrides);
  for (const data of ['a', '\u0010b', 'c']) client.send(data);
  client.hears(1, { letter: 'A', c: 1 });
  client.ends(1);
  client.send('d');
  client.redials(2);
  return client;
}

const HELLO = { letter: 'H', v: 1, b: 1024 * 1024 };

describe('RESUME or WELCOME is lost', () => {
  test('the next RESUME has a higher attempt number, and nothing is lost', () => {
    const client = resuming();
    const effects = client.step({ type: 'timeout' }, client.now + 10_000);
    expect(told(effects, 'reconnecting')).toMatchObject([{ cause: { cause: 'timeout', phase: 'greeting' } }]);
    expect(said(client.redials(3))).toMatchObject([{ letter: 'R', n: 2 }]);
    expect(client.resumed(2)).toEqual([]);
    expect(said(client.resumed(3, { r: 1, c: 1 }))).toEqual(['\u0010b', 'c', 'd']);
  });

  test('a timer that slept through the greeting grants it 3 s more', () => {
    const client = resuming();
    expect(client.due(60_000)).toEqual([]);
    expect(client.deadline).toBe(client.now + 3000);
    expect(brief(client.resumed(2, { r: 1, c: 1 }))).toContain('open');
  });
});

describe('the server has lost the session', () => {
  test.each(['expired', 'unknown', 'evicted', 'range', 'key', 'lost', 'what a later version says'])(
    'for the reason it gives: %s',
    (reason) => {
      const effects = resuming().hears(2, { letter: 'X', why: reason });
      expect(told(effects, 'lost')).toMatchObject([{ reason }]);
      expect(told(effects, 'reconnecting')).toMatchObject([{ cause: { cause: 'session-lost', code: 4904, reason } }]);
    },
  );

  test('and says what it has received: exactly the rest did not arrive', () => {
    for (const [r, messages] of [
      [1, ['\u0010b', 'c', 'd']],
      [2, ['c', 'd']],
      [4, []],
      [0, ['\u0010b', 'c', 'd']],
      [Number.MAX_SAFE_INTEGER, []],
    ] as const) {
      const effects = resuming().hears(2, { letter: 'X', why: 'expired', r });
      expect(told(effects, 'lost')).toEqual([
        { reason: 'expired', undelivered: messages.length, unknown: 0, messages },
      ]);
    }
  });

  test('and does not know: at most all that is not acked did not arrive', () => {
    const effects = resuming().hears(2, { letter: 'X', why: 'unknown' });
    expect(told(effects, 'lost')).toEqual([
      { reason: 'unknown', undelivered: 0, unknown: 3, messages: ['\u0010b', 'c', 'd'] },
    ]);
  });

  test('`lost` is told before anything else, and the connection is left', () => {
    const effects = resuming().hears(2, { letter: 'X', why: 'unknown' });
    expect(brief(effects)).toEqual(['lost', 'terminate 2', 'state connecting', 'error', 'reconnecting']);
  });

  test('a new session follows, and nothing is sent again by itself', () => {
    const client = resuming();
    client.hears(2, { letter: 'X', why: 'unknown' });
    expect(client.session).toMatchObject({ pending: 0, queuedCount: 0, session: undefined });
    client.send('for the next');
    expect(said(client.redials(3))).toEqual([HELLO]);
    const effects = client.welcomed(3, { s: 'another' });
    expect(said(effects)).toEqual([{ letter: 'A', c: 0 }, 'for the next']);
    expect(told(effects, 'open')).toMatchObject([{ reconnected: true, resumed: false, replayed: 0 }]);
    expect(delivered(client.receives(3, 'x'))).toEqual([['x', 1]]);
  });

  test('with onLost `close`, it is the end', () => {
    const client = resuming({ onLost: 'close' });
    const effects = client.hears(2, { letter: 'X', why: 'expired', r: 2 });
    expect(brief(effects)).toEqual(['lost', 'terminate 2', 'error', 'failed', 'state closed', 'close']);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'session-lost', reason: 'expired' }]);
    expect(client.session.deadline).toBeUndefined();
  });

  test('while the connection lives', () => {
    const client = welcomed();
    client.send('a');
    const effects = client.hears(1, { letter: 'X', why: 'evicted', r: 0 });
    expect(told(effects, 'lost')).toEqual([{ reason: 'evicted', undelivered: 1, unknown: 0, messages: ['a'] }]);
    expect(brief(effects)).toEqual(['lost', 'terminate 1', 'state connecting', 'interrupted', 'error', 'reconnecting']);
    expect(said(client.redials(2))).toEqual([HELLO]);
  });

  test('since the numbers of both ends do not fit together', () => {
    for (const fields of [
      { r: 0, c: 0 },
      { r: 4, c: 1 },
      { r: 99, c: 99 },
    ]) {
      const effects = resuming().resumed(2, fields);
      expect(told(effects, 'lost')).toMatchObject([{ reason: 'range', undelivered: 0, unknown: 3 }]);
    }
  });
});

describe('a server that breaks the protocol in its greeting', () => {
  test.each([
    ['speaks of another session', { s: 'other' }],
    ['has consumed more than received', { r: 1, c: 2 }],
    ['goes on from nowhere', { r: 1, f: 2 }],
    ['goes on from before the beginning', { r: 1, f: 0 }],
  ])('%s is left, and asked again', (_, fields) => {
    const client = resuming();
    const effects = client.resumed(2, fields);
    expect(effects[0]).toEqual({ type: 'terminate', id: 2, code: 4903, reason: '' });
    expect(told(effects, 'lost')).toEqual([]);
    expect(told(effects, 'reconnecting')).toMatchObject([
      { cause: { cause: 'protocol', phase: 'greeting', code: 4903 } },
    ]);
    expect(said(client.redials(3))).toMatchObject([{ letter: 'R', n: 2 }]);
    expect(said(client.resumed(3, { r: 1, c: 1 }))).toHaveLength(3);
  });

  test.each([
    ['without a key', { k: undefined }],
    ['that has received something', { r: 1 }],
    ['that has received and consumed something', { r: 1, c: 1 }],
    ['that does not begin at 1', { f: 2 }],
    ['that begins at 0', { f: 0 }],
  ])('so does a WELCOME to a new session %s', (_, fields) => {
    const client = greeting();
    const { k, ...rest } = WELCOME;
    const effects = client.hears(1, 'k' in fields ? rest : { ...WELCOME, ...fields });
    expect(told(effects, 'reconnecting')).toMatchObject([{ cause: { cause: 'protocol' } }]);
    expect(said(client.redials(2))).toEqual([HELLO]);
  });

  test.each(['text', '\u0010A1', '\u0010W{}', '\u0010\u0010W', '\u0010F{"c":1,"m":""}', '\u0010'])(
    'data and other frames before WELCOME are a violation: %o',
    (data) => {
      const effects = resuming().receives(2, data);
      expect(delivered(effects)).toEqual([]);
      expect(told(effects, 'reconnecting')).toMatchObject([{ cause: { cause: 'protocol' } }]);
    },
  );
});

describe('a server that breaks the protocol later', () => {
  const nonsense = [
    '\u0010',
    '\u0010?',
    '\u0010A',
    '\u0010A1',
    `\u0010A${Number.MAX_SAFE_INTEGER}`,
    '\u0010P1,1',
    '\u0010O1,1',
    '\u0010P-1,0',
    '\u0010H{"v":1,"b":1}',
    '\u0010T0,0,1',
    '\u0010R{"v":1,"s":"sid","k":"key","n":1,"r":0,"c":0}',
    `\u0010W${'x'.repeat(3000)}`,
    '\u0010G{"d":-1,"w":0,"why":""}',
    '\u0010F{"c":"1000","m":""}',
  ];

  test.each(nonsense)('is left at once, and resumed: %o', (data) => {
    const client = welcomed();
    const effects = client.receives(1, data.slice(0, 4000));
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'interrupted', 'error', 'reconnecting']);
    expect(effects[0]).toMatchObject({ code: 4903 });
    expect(told(effects, 'interrupted')).toMatchObject([{ phase: 'open', cause: 'protocol', code: 4903 }]);
    expect(said(client.redials(2))).toMatchObject([{ letter: 'R' }]);
    expect(brief(client.resumed(2))).toContain('open');
  });

  test('ignores what a later version may say', () => {
    expect(welcomed().receives(1, '\u0010z{}')).toEqual([]);
  });

  test('floods an application that does not read: it is left before it fills the memory', () => {
    const client = welcomed({ maxBufferedBytes: 1000 }, { b: 1000 });
    client.step({ type: 'read', number: 0, pulls: true });
    const data = 'x'.repeat(500);
    const kept = Array.from({ length: 100 }, () => delivered(client.receives(1, data)).length);
    expect(kept.filter((count) => count > 0)).toHaveLength(5);
    expect(client.session.state).toMatchObject({ status: 'connecting', cause: { cause: 'protocol' } });
  });

  test('says nothing about messages behind its FIN but is left', () => {
    const client = welcomed();
    client.hears(1, { letter: 'F', c: 1000, m: '' });
    expect(brief(client.receives(1, 'behind'))[0]).toBe('terminate 1');
  });
});

describe('the same message ends every connection', () => {
  /** Connections 1 … `times` end with the same message at their head. */
  function poisoned(client: Client, code: number, times: number): unknown[] {
    const endings: unknown[] = [];
    for (let id = 1; id <= times; id++) {
      const effects = client.ends(id, { code, wasClean: true });
      endings.push(told(effects, 'close')[0]);
      if (endings.at(-1)) break;
      client.redials(id + 1);
      client.resumed(id + 1);
    }
    return endings;
  }

  test('is given up with its number, after three that say it is too big', () => {
    const client = welcomed();
    client.send('big');
    client.send('behind it');
    const endings = poisoned(client, 1009, 9);
    expect(endings).toHaveLength(3);
    expect(endings.at(-1)).toMatchObject({
      cause: 'undeliverable',
      code: 1009,
      phase: 'open',
      undelivered: 0,
      unconfirmed: 2,
    });
    expect(String((endings.at(-1) as { error: Error }).error)).toContain(
      'message 1 of the session ended 3 connections',
    );
  });

  test('is given up after ten that say nothing', () => {
    const client = welcomed();
    client.send('poison');
    const endings = poisoned(client, 1006, 19);
    expect(endings).toHaveLength(10);
    expect(String((endings.at(-1) as { error: Error }).error)).toContain(
      'message 1 of the session ended 10 connections',
    );
  });

  test('whatever the application thinks of dialing again', () => {
    const client = welcomed({ shouldReconnect: () => true });
    client.send('poison');
    expect(poisoned(client, 1006, 19)).toHaveLength(10);
  });

  test('is no such thing if none was sent', () => {
    expect(poisoned(welcomed(), 1009, 12)).toHaveLength(12);
  });

  test('is no such thing if it has not been handed to the connection', () => {
    const client = welcomed();
    client.step({ type: 'connection-backed-up', id: 1 });
    client.send('waits');
    for (let id = 1; id < 13; id++) {
      client.ends(id);
      client.redials(id + 1);
      client.step({ type: 'connection-backed-up', id: id + 1 });
      expect(brief(client.resumed(id + 1))).toContain('open');
    }
  });

  test('is another with each ack, or once the server has received it', () => {
    for (const progress of ['acked', 'received']) {
      const client = welcomed();
      for (let id = 1; id < 40; id++) {
        client.send(`${id}`);
        if (progress === 'acked' && id % 2 === 0) client.hears(id, { letter: 'A', c: id });
        expect(told(client.ends(id, { code: 1009 }), 'close')).toEqual([]);
        client.redials(id + 1);
        client.resumed(id + 1, { r: id, c: id - (id % 2) });
      }
    }
  });

  test('is not the fault of what we ended ourselves, nor of a silent peer', () => {
    const client = welcomed();
    client.send('a');
    for (let id = 1; id < 13; id++) {
      client.step({ type: 'reconnect' });
      client.opens(id + 1);
      expect(brief(client.resumed(id + 1))).toContain('open');
    }
  });

  test('ends a session that is rotating as well', () => {
    const client = welcomed();
    client.send('big');
    poisoned(client, 1009, 2);
    client.step({ type: 'rotate' });
    const effects = client.ends(3, { code: 1009 });
    expect(told(effects, 'close')).toMatchObject([{ cause: 'undeliverable' }]);
    expect(effects).toContainEqual({ type: 'terminate', id: 4, code: 1000, reason: '' });
  });

  test('is begun anew in a new session', () => {
    const client = welcomed();
    client.send('big');
    poisoned(client, 1009, 2);
    client.hears(3, { letter: 'X', why: 'unknown' });
    client.redials(4);
    client.welcomed(4);
    client.send('big');
    expect(told(client.ends(4, { code: 1009 }), 'close')).toEqual([]);
  });
});

test('without reconnecting, a lost connection is the end, and what is not acked is counted', () => {
  const client = welcomed({ reconnect: false });
  for (const data of ['a', 'b']) client.send(data);
  client.hears(1, { letter: 'A', c: 1 });
  client.step({ type: 'connection-backed-up', id: 1 });
  client.send('unsent');
  const effects = client.ends(1);
  expect(brief(effects)).toEqual(['error', 'state closed', 'close']);
  expect(told(effects, 'close')).toMatchObject([{ cause: 'lost', undelivered: 1, unconfirmed: 1 }]);
});
