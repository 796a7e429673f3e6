import { describe, expect, test } from 'vitest';
import type { Control } from '../../src/core/frames.js';
import { brief, told, written } from './helpers/machine.js';
import { Client, delivered, greeting, said, WELCOME, welcomed } from './helpers/session.js';

const HELLO: Control = { letter: 'H', v: 1, b: 1024 * 1024 };

/** The RESUME of a session that has had nothing, with what differs. */
const resume = (fields: object = {}): object => ({
  letter: 'R',
  v: 1,
  s: 'sid',
  k: 'key',
  n: 1,
  r: 0,
  c: 0,
  ...fields,
});

/** A client whose connection 1 was lost, and whose connection 2 has said RESUME. */
function resuming(client: Client): Client {
  client.ends(1);
  client.redials(2);
  return client;
}

describe('a new session', () => {
  test('begins with HELLO, which says how much this end retains', () => {
    const client = new Client({ maxBufferedBytes: 4096 });
    client.connect();
    const effects = client.opens(1);
    expect(said(effects, 1)).toEqual([{ ...HELLO, b: 4096 }]);
    expect(effects).toHaveLength(1);
    expect(effects[0]).toMatchObject({ control: true });
    expect(client.session.state.status).toBe('connecting');
  });

  test('is there with WELCOME, which the client confirms before anything else', () => {
    const client = greeting();
    client.send('queued');
    const effects = client.welcomed(1);
    expect(brief(effects)).toEqual(['write 1', 'state connected', 'open', 'write 1']);
    expect(said(effects, 1)).toEqual([{ letter: 'A', c: 0 }, 'queued']);
    expect(told(effects, 'open')).toEqual([{ reconnected: false, resumed: false, replayed: 0, gapMs: 0 }]);
  });

  test('sends nothing of the application before WELCOME', () => {
    const client = greeting();
    expect(client.send('early')).toEqual([]);
    expect(client.session).toMatchObject({ queuedCount: 1, queuedBytes: 5, pending: 1, flushes: false });
  });

  test('has an id and an inner subprotocol that everybody may know', () => {
    const client = greeting();
    expect([client.session.session, client.session.inner]).toEqual([undefined, '']);
    client.welcomed(1, { p: 'chat' });
    expect([client.session.session, client.session.inner]).toEqual(['sid', 'chat']);
  });

  test('says HELLO again when its WELCOME was lost', () => {
    const client = greeting();
    client.ends(1);
    expect(said(client.redials(2))).toEqual([HELLO]);
    expect(told(client.welcomed(2), 'open')).toMatchObject([{ reconnected: false, resumed: false }]);
  });

  test('has a greeting that may not take longer than connectTimeout', () => {
    const client = greeting({ connectTimeout: 7000 });
    expect(client.deadline).toBe(7000);
    const effects = client.due();
    expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 1000, reason: '' });
    expect(told(effects, 'reconnecting')).toMatchObject([{ cause: { phase: 'greeting', cause: 'timeout' } }]);
  });

  test('that is busy is asked for again, after the wait it says', () => {
    const client = greeting();
    const effects = client.hears(1, { letter: 'X', why: 'busy', retry: 2000 });
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'error', 'reconnecting']);
    expect(told(effects, 'reconnecting')).toMatchObject([
      { delay: 2250, cause: { cause: 'refused', reason: 'busy', code: 4904 } },
    ]);
    expect(said(client.redials(2))).toEqual([HELLO]);
  });

  test.each(['unknown', 'evicted', 'what a later version says'])('that is refused as %s is asked for again', (why) => {
    const effects = greeting().hears(1, { letter: 'X', why });
    expect(told(effects, 'lost')).toEqual([]);
    expect(told(effects, 'reconnecting')).toMatchObject([{ cause: { cause: 'refused', reason: why } }]);
  });
});

describe('a server without the protocol', () => {
  const noSession = /does not speak longsocket\.v1 \(use LongSocketServer/;

  test.each([
    [undefined, 'chose no subprotocol'],
    ['', 'chose no subprotocol'],
    ['chat', 'chose the subprotocol "chat"'],
    ['longsocket.v2', 'chose the subprotocol "longsocket.v2"'],
  ])('that chose %o is a final error that says so', (protocol, words) => {
    const client = new Client();
    client.connect();
    client.send('unsent');
    const effects = client.step({ type: 'connection-open', id: 1, canPing: true, protocol });
    expect(brief(effects)).toEqual(['terminate 1', 'error', 'failed', 'state closed', 'close']);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'no-session', undelivered: 1, unconfirmed: 0 }]);
    const message = String(told(effects, 'close')[0]?.error);
    expect(message).toContain(words);
    expect(message).toMatch(noSession);
  });

  test.each([
    ['text', 'welcome, stranger'],
    ['bytes', new Uint8Array([1])],
    ['escaped text', '\u0010\u0010W{}'],
    ['another frame', '\u0010A0'],
    ['a malformed frame', '\u0010W{"s":1}'],
    ['nonsense', '\u0010'],
  ])('that says %s first is a final error', (_, data) => {
    const client = greeting();
    const effects = client.step({ type: 'message-received', id: 1, data });
    expect(brief(effects)).toEqual(['terminate 1', 'error', 'failed', 'state closed', 'close']);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'no-session' }]);
    expect(delivered(effects)).toEqual([]);
  });

  test('of another version of the protocol is a final error', () => {
    const effects = greeting().hears(1, { letter: 'X', why: 'version' });
    expect(told(effects, 'close')).toMatchObject([{ cause: 'no-session' }]);
  });

  test('is not dialed again, even if shouldReconnect would', () => {
    const client = new Client({ shouldReconnect: () => true });
    client.connect();
    expect(brief(client.opens(1, 0, true, 'chat')).at(-1)).toBe('close');
  });

  test('that says what a later version might say first is waited for', () => {
    const client = greeting();
    expect(client.step({ type: 'message-received', id: 1, data: '\u0010w{}' })).toEqual([]);
    expect(brief(client.welcomed(1))).toContain('open');
  });
});

describe('messages', () => {
  test('go out as they come, and are numbered by their position alone', () => {
    const client = welcomed();
    const bytes = new Uint8Array([0x10]);
    expect(client.send('a')).toEqual([{ type: 'write', id: 1, data: 'a' }]);
    expect(written(client.send(bytes))).toEqual([bytes]);
    expect(written(client.send('\u0010A9'))).toEqual(['\u0010\u0010A9']);
    expect(client.session).toMatchObject({ pending: 3, queuedCount: 0, queuedBytes: 0 });
    client.hears(1, { letter: 'A', c: 2 });
    expect(client.session.pending).toBe(1);
  });

  test('arrive with their numbers, control frames among them', () => {
    const client = welcomed();
    expect(delivered(client.receives(1, 'a'))).toEqual([['a', 1]]);
    client.hears(1, { letter: 'P', id: 1, c: 0 });
    expect(delivered(client.receives(1, '\u0010\u0010b'))).toEqual([['\u0010b', 2]]);
  });

  test('wait while the transport is backed up', () => {
    const client = welcomed();
    client.step({ type: 'connection-backed-up', id: 1 });
    expect(client.session.verdict('x', 0, 0)).toBe('queued');
    expect(client.send('waits')).toEqual([]);
    expect(client.session.flushes).toBe(false);
    expect(client.session.queuedCount).toBe(1);
    expect(written(client.step({ type: 'connection-writable', id: 1 }))).toEqual(['waits']);
  });

  test('wait behind those that the greeting has filled the transport with', () => {
    const client = greeting();
    client.send('waits');
    client.step({ type: 'connection-backed-up', id: 1 });
    expect(said(client.welcomed(1))).toEqual([{ letter: 'A', c: 0 }]);
    expect(written(client.step({ type: 'connection-writable', id: 1 }))).toEqual(['waits']);
  });

  test('go out a part at a time', () => {
    const client = greeting({ maxBufferedBytes: 10_000_000 });
    for (let n = 0; n < 9; n++) client.send(String(n).repeat(100 * 1024));
    const parts = [said(client.welcomed(1, { z: 1e9 })).slice(1), written(client.step({ type: 'flush' }))];
    expect(parts.map((part) => part.length)).toEqual([3, 3]);
    expect(client.session.flushes).toBe(true);
    expect(written(client.step({ type: 'flush' }))).toHaveLength(3);
    expect(client.session.flushes).toBe(false);
  });

  test('are bounded in bytes and number until they are acked', () => {
    const client = welcomed({ maxBufferedBytes: 10, maxBufferedMessages: 3 });
    expect(client.session.verdict('x', 0, 0)).toBe('sent');
    client.send('12345');
    expect(client.session.verdict('123456', 0, 0)).toBe('full');
    expect(client.session.verdict('12345', 0, 0)).toBe('sent');
    expect(client.session.verdict('1', 5, 1)).toBe('full');
    expect(client.session.verdict('1', 4, 1)).toBe('queued');
    client.send('');
    client.send('');
    expect(client.session.verdict('', 0, 0)).toBe('full');
    client.hears(1, { letter: 'A', c: 1 });
    expect(client.session.verdict('1234567890', 0, 0)).toBe('sent');
  });

  test('longer than what the server takes are refused, by what they are on the wire', () => {
    const client = welcomed({}, { z: 10 });
    expect(client.session.verdict('1234567890', 0, 0)).toBe('sent');
    expect(client.session.verdict('12345678901', 0, 0)).toBe('too-big');
    expect(client.session.verdict('ééééé', 0, 0)).toBe('sent');
    expect(client.session.verdict('ééééé1', 0, 0)).toBe('too-big');
    expect(client.session.verdict(new Uint8Array(10), 0, 0)).toBe('sent');
    expect(client.session.verdict(new Uint8Array(11), 0, 0)).toBe('too-big');
    expect(client.session.verdict('\u0010123456789', 0, 0)).toBe('too-big');
    expect(client.session.verdict('\u001012345678', 0, 0)).toBe('sent');
  });

  test('are refused by one who is closed, and counted', () => {
    const client = new Client();
    expect(client.session.verdict('x', 0, 0)).toBe('closed');
    expect(client.send('x')).toEqual([]);
    expect(client.session.pending).toBe(0);
  });

  test('are queued before the first connection, and while there is none', () => {
    const client = new Client();
    client.connect();
    expect(client.session.verdict('x', 0, 0)).toBe('queued');
    const open = welcomed();
    open.ends(1);
    expect(open.session.verdict('x', 0, 0)).toBe('queued');
    expect(open.session.verdict('x', 0, 1)).toBe('queued');
  });
});

describe('resuming', () => {
  test('says who it is, which attempt this is, and what has arrived', () => {
    const client = welcomed();
    client.receives(1, 'a');
    client.receives(1, 'b');
    client.ends(1);
    expect(said(client.redials(2))).toEqual([resume({ r: 2, c: 2 })]);
  });

  test('tells apart what has arrived and what the application has had', () => {
    const client = welcomed();
    client.step({ type: 'read', number: 0, pulls: true });
    for (const data of ['a', 'b', 'c']) client.receives(1, data);
    client.step({ type: 'read', number: 1, pulls: true });
    client.ends(1);
    expect(said(client.redials(2))).toEqual([resume({ r: 3, c: 1 })]);
  });

  test('sends again from where the server is, and is one `open`', () => {
    const client = welcomed();
    for (const data of ['a', 'b', 'c']) client.send(data);
    client.ends(1, {}, 1000);
    client.send('d');
    client.redials(2);
    const effects = client.resumed(2, { r: 1, c: 1 }, 3000);
    expect(brief(effects)).toEqual(['state connected', 'open', 'write 2', 'write 2', 'write 2']);
    expect(said(effects)).toEqual(['b', 'c', 'd']);
    expect(told(effects, 'open')).toEqual([{ reconnected: true, resumed: true, replayed: 2, gapMs: 2000 }]);
    expect(client.session.pending).toBe(3);
  });

  test('sends nothing again that the server has received, and retains what its application has not had', () => {
    const client = welcomed();
    for (const data of ['a', 'b', 'c']) client.send(data);
    resuming(client);
    const effects = client.resumed(2, { r: 3, c: 1 });
    expect(said(effects)).toEqual([]);
    expect(told(effects, 'open')).toMatchObject([{ replayed: 0 }]);
    expect(client.session.pending).toBe(2);
    client.hears(2, { letter: 'A', c: 3 });
    expect(client.session.pending).toBe(0);
  });

  test('goes on receiving from where the server says it does', () => {
    const client = welcomed();
    client.receives(1, 'a');
    client.receives(1, 'b');
    resuming(client);
    client.resumed(2, { f: 2 });
    const again = client.receives(2, 'b', 500);
    expect(delivered(again)).toEqual([]);
    expect(said(again)).toEqual([{ letter: 'A', c: 2 }]);
    expect(delivered(client.receives(2, 'c'))).toEqual([['c', 3]]);
  });

  test('has a higher attempt number each time', () => {
    const client = welcomed();
    client.ends(1);
    expect(said(client.redials(2))).toEqual([resume({ n: 1 })]);
    client.ends(2);
    expect(said(client.redials(3))).toEqual([resume({ n: 2 })]);
    client.resumed(3);
    client.ends(3);
    expect(said(client.redials(4))).toEqual([resume({ n: 3 })]);
  });

  test.each([1000, 1001, 1002, 1003, 1006, 1007, 1009, 1010, 1011, 4900, 4999])(
    'follows the close code %i: none ends a session',
    (code) => {
      const client = welcomed();
      client.send('m');
      const effects = client.ends(1, { code, wasClean: code !== 1006 });
      expect(told(effects, 'interrupted')).toMatchObject([{ code, unconfirmed: 0 }]);
      expect(said(client.redials(2))).toEqual([resume()]);
      expect(said(client.resumed(2))).toEqual(['m']);
    },
  );

  test.each([1008, 4401, 4403])('follows %i only with other credentials', (code) => {
    expect(told(welcomed().ends(1, { code, wasClean: true }), 'close')).toHaveLength(1);
    const fresh = welcomed({ freshCredentials: true });
    fresh.ends(1, { code, wasClean: true });
    expect(said(fresh.redials(2))).toEqual([resume()]);
  });

  test.each(['busy', 'stale'])('that is refused as %s is tried again', (why) => {
    const client = resuming(welcomed());
    client.send('kept');
    const effects = client.hears(2, { letter: 'X', why });
    expect(told(effects, 'lost')).toEqual([]);
    expect(told(effects, 'reconnecting')).toMatchObject([{ cause: { cause: 'refused', reason: why } }]);
    expect(said(client.redials(3))).toEqual([resume({ n: 2 })]);
    expect(said(client.resumed(3))).toEqual(['kept']);
  });

  test('that is refused for its principal is tried again once, with other credentials', () => {
    const client = resuming(welcomed({ freshCredentials: true }));
    expect(told(client.hears(2, { letter: 'X', why: 'principal' }), 'lost')).toEqual([]);
    expect(said(client.redials(3))).toEqual([resume({ n: 2 })]);
    expect(told(client.hears(3, { letter: 'X', why: 'principal' }), 'lost')).toMatchObject([{ reason: 'principal' }]);
  });

  test('that was trusted in between may be distrusted once more', () => {
    const client = resuming(welcomed({ freshCredentials: true }));
    client.hears(2, { letter: 'X', why: 'principal' });
    client.redials(3);
    client.resumed(3);
    client.ends(3);
    client.redials(4);
    expect(told(client.hears(4, { letter: 'X', why: 'principal' }), 'lost')).toEqual([]);
  });

  test('that is refused for its principal is the end without other credentials', () => {
    const effects = resuming(welcomed()).hears(2, { letter: 'X', why: 'principal' });
    expect(told(effects, 'lost')).toHaveLength(1);
  });

  test('learns anew what the server takes, and how it calls the inner subprotocol', () => {
    const client = resuming(welcomed({}, { p: 'chat' }));
    client.resumed(2, { z: 5 });
    expect(client.session.verdict('123456', 0, 0)).toBe('too-big');
    expect(client.session.inner).toBe('');
  });

  test('of a session that is idle says nothing more than it must', () => {
    const client = resuming(welcomed());
    expect(brief(client.resumed(2))).toEqual(['state connected', 'open']);
  });

  test('counts its attempts from 1 again when an ack advances', () => {
    const client = welcomed();
    client.send('a');
    for (let id = 1; id < 6; id++) {
      client.ends(id);
      client.redials(id + 1);
    }
    client.resumed(6);
    client.hears(6, { letter: 'A', c: 0 });
    expect(told(client.ends(6), 'reconnecting')).toMatchObject([{ attempt: 7 }]);
    client.redials(7);
    client.resumed(7);
    client.hears(7, { letter: 'A', c: 1 });
    expect(told(client.ends(7), 'reconnecting')).toMatchObject([{ attempt: 1, delay: 125 }]);
  });
});

describe('the contract', () => {
  test('rule 1: nothing but step changes the machine', () => {
    const client = welcomed();
    client.send('a');
    client.receives(1, 'b');
    const { session } = client;
    const look = () => [session.state, session.deadline, session.pending, session.queuedBytes, session.flushes];
    const before = look();
    for (const data of ['text', 'x'.repeat(2000), new Uint8Array(9)]) session.verdict(data, 0, 0);
    expect(look()).toEqual(before);
    expect(session.state).toBe(before[0]);
  });

  test('rule 1: the array of effects is reused', () => {
    const { session } = new Client();
    const first = session.step({ type: 'connect' }, 0);
    expect(session.step({ type: 'offline' }, 0)).toBe(first);
    expect(first).toEqual([]);
  });

  test('rule 2: what is sent while messages are sent again goes behind them', () => {
    const client = welcomed();
    client.send('first');
    resuming(client);
    expect(said(client.resumed(2))).toEqual(['first']);
    expect(said(client.send('second'))).toEqual(['second']);
  });

  test('rule 2: behind sends that the driver holds back, no send is called sent', () => {
    const { session } = welcomed();
    expect(session.verdict('x', 0, 0)).toBe('sent');
    expect(session.verdict('x', 1, 1)).toBe('queued');
  });

  test('rule 3: a timeout that comes early or twice is harmless', () => {
    const client = welcomed();
    client.send('a');
    client.receives(1, 'b');
    const { deadline } = client;
    expect(client.step({ type: 'timeout' }, deadline - 1)).toEqual([]);
    expect(client.step({ type: 'timeout' }, deadline)).not.toEqual([]);
    const before = client.deadline;
    expect(client.step({ type: 'timeout' }, deadline)).toEqual([]);
    expect(client.deadline).toBe(before);
  });

  test('rule 3: what a forgotten connection brings is ignored', () => {
    const client = resuming(welcomed());
    expect(client.receives(1, 'late')).toEqual([]);
    expect(client.hears(1, WELCOME)).toEqual([]);
    expect(client.hears(1, { letter: 'X', why: 'unknown' })).toEqual([]);
    expect(client.ends(1)).toEqual([]);
    expect(said(client.resumed(2))).toEqual([]);
  });

  test('rule 6: closed has no deadline, and no connection', () => {
    const client = welcomed();
    client.send('a');
    client.givesUp();
    expect(client.session.deadline).toBeUndefined();
    expect(client.session).toMatchObject({ pending: 0, queuedCount: 0, queuedBytes: 0, session: undefined });
    expect(client.receives(1, 'late')).toEqual([]);
  });

  test('inputs of a server’s end are nothing to a client', () => {
    const client = welcomed();
    expect(client.step({ type: 'attach', id: 1, jitter: 0 })).toEqual([]);
    expect(client.step({ type: 'go-away', deadline: 1, window: 1, why: '' })).toEqual([]);
    expect(client.step({ type: 'evict', why: 'lost' })).toEqual([]);
    expect(client.step({ type: 'release' })).toEqual([]);
  });
});

describe('a new life', () => {
  test('knows nothing of the session before', () => {
    const client = welcomed();
    client.send('of the old life');
    client.receives(1, 'a');
    client.givesUp();
    client.connect();
    expect(said(client.opens(2))).toEqual([HELLO]);
    const effects = client.welcomed(2, { s: 'another' });
    expect(said(effects)).toEqual([{ letter: 'A', c: 0 }]);
    expect(told(effects, 'open')).toEqual([{ reconnected: false, resumed: false, replayed: 0, gapMs: 0 }]);
    expect(delivered(client.receives(2, 'b'))).toEqual([['b', 1]]);
    client.ends(2);
    expect(said(client.redials(3))).toEqual([resume({ s: 'another', r: 1, c: 1 })]);
  });

  test('still knows whether the application pulls', () => {
    const client = welcomed();
    client.step({ type: 'read', number: 0, pulls: true });
    client.givesUp();
    client.connect();
    client.opens(2);
    client.welcomed(2);
    client.receives(2, 'a');
    expect(client.deadline).toBe(client.now + 30_000);
  });

  test.each(['connect', 'reconnect'] as const)('begins with %s() even while the old one is closing', (type) => {
    const client = welcomed();
    client.close();
    const effects = client.step({ type });
    expect(brief(effects)).toEqual(['terminate 1', 'state closed', 'close', 'begin', 'state connecting', 'dial 2']);
    expect(said(client.opens(2))).toEqual([HELLO]);
  });

  test('is none for reconnect() while connected, which resumes', () => {
    const client = welcomed();
    client.send('m');
    const effects = client.step({ type: 'reconnect' });
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'dial 2', 'interrupted']);
    expect(told(effects, 'interrupted')).toMatchObject([{ unconfirmed: 0, cause: 'caller' }]);
    expect(said(client.opens(2))).toEqual([resume()]);
    expect(said(client.resumed(2))).toEqual(['m']);
  });
});

test('bounds without limit, and fractions, are numbers on the wire all the same', () => {
  const client = new Client({ maxBufferedBytes: Number.POSITIVE_INFINITY });
  client.connect();
  expect(said(client.opens(1))).toEqual([{ ...HELLO, b: Number.MAX_SAFE_INTEGER }]);
});
