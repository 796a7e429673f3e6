import { describe, expect, test } from 'vitest';
import type { Control } from '../../src/core/frames.js';
import { brief, told } from './helpers/machine.js';
import { Client, delivered, greeting, said, welcomed } from './helpers/session.js';

const BYE: Control = { letter: 'F', c: 4000, m: 'bye' };
const FIN: Control = { letter: 'F', c: 4001, m: 'theirs' };
const HUNG_UP = { type: 'hang-up', id: 1, code: 1000, reason: '' };

function closing(): Client {
  const client = welcomed();
  client.close(0, 4000, 'bye');
  return client;
}

describe('close()', () => {
  test('says FIN behind all that waits, and takes nothing more', () => {
    const client = welcomed();
    client.step({ type: 'connection-backed-up', id: 1 });
    client.send('waits');
    expect(brief(client.close(0, 4000, 'bye'))).toEqual(['state connected']);
    expect(client.session.state).toEqual({ status: 'connected', closing: true });
    expect(client.session).toMatchObject({ pending: 1, queuedCount: 1, queuedBytes: 5 });
    expect(client.session.verdict('x', 0, 0)).toBe('closed');
    expect(said(client.step({ type: 'connection-writable', id: 1 }))).toEqual(['waits', BYE]);
  });

  test('that is cut short by terminate ends at once, and counts what is not acked', () => {
    const client = welcomed();
    client.send('sent');
    client.step({ type: 'connection-backed-up', id: 1 });
    client.send('waits');
    client.close(0, 4000, 'bye');
    const effects = client.step({ type: 'terminate' }, 100);
    expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 1000, reason: '' });
    expect(told(effects, 'close')).toMatchObject([
      { cause: 'caller', code: 1006, reason: '', wasClean: false, undelivered: 1, unconfirmed: 1 },
    ]);
    expect(client.session.deadline).toBeUndefined();
  });

  test('takes the connection down when both ends have said FIN and know that the other knows', () => {
    const client = closing();
    expect(said(client.hears(1, { letter: 'A', c: 1 }, 100))).toEqual([]);
    const effects = client.hears(1, FIN, 200);
    expect(said(effects)).toEqual([{ letter: 'A', c: 1 }]);
    expect(effects.at(-1)).toEqual(HUNG_UP);
    const end = client.ends(1, { code: 1000, wasClean: true }, 300);
    expect(brief(end)).toEqual(['state closed', 'close']);
    expect(told(end, 'close')).toMatchObject([
      { cause: 'caller', code: 4000, reason: 'bye', wasClean: true, undelivered: 0, unconfirmed: 0 },
    ]);
  });

  test('takes messages until the peer’s FIN', () => {
    const client = closing();
    expect(delivered(client.receives(1, 'last'))).toEqual([['last', 1]]);
  });

  test('waits for an application that pulls to have had all', () => {
    const client = welcomed();
    client.step({ type: 'read', number: 0, pulls: true });
    client.close();
    client.receives(1, 'unread');
    client.hears(1, FIN);
    expect(client.hears(1, { letter: 'A', c: 1 })).toEqual([]);
    const effects = client.step({ type: 'read', number: 1, pulls: true });
    expect(said(effects)).toEqual([{ letter: 'A', c: 2 }]);
    expect(effects.at(-1)).toEqual(HUNG_UP);
  });

  test('does not wait for longer than closeTimeout: what is not acked is counted', () => {
    const client = welcomed();
    client.send('unacked');
    client.step({ type: 'connection-backed-up', id: 1 });
    client.send('unsent');
    client.close(0, 4000, 'bye');
    client.step({ type: 'timeout' }, 4999);
    const effects = client.step({ type: 'timeout' }, 5000);
    expect(brief(effects)).toEqual(['terminate 1', 'state closed', 'close']);
    expect(effects[0]).toMatchObject({ code: 1000, reason: '' });
    expect(told(effects, 'close')).toMatchObject([
      { cause: 'caller', code: 4000, reason: 'bye', wasClean: false, undelivered: 1, unconfirmed: 1 },
    ]);
    expect(client.session).toMatchObject({ pending: 0, queuedCount: 0, queuedBytes: 0 });
  });

  test('does not wait for longer than that for the answer to its goodbye', () => {
    const client = closing();
    client.hears(1, { letter: 'A', c: 1 }, 100);
    client.hears(1, FIN, 200);
    expect(client.deadline).toBe(5000);
    expect(delivered(client.receives(1, 'behind'))).toEqual([]);
    const effects = client.due();
    expect(brief(effects)).toEqual(['terminate 1', 'state closed', 'close']);
    expect(told(effects, 'close')).toMatchObject([{ code: 4000, wasClean: true, undelivered: 0, unconfirmed: 0 }]);
  });

  test('counts what was accepted in the very step that began the end', () => {
    const client = closing();
    expect(client.send('too late')).toEqual([]);
    client.hears(1, { letter: 'A', c: 1 });
    client.hears(1, FIN);
    client.send('later still');
    expect(told(client.ends(1), 'close')).toMatchObject([{ undelivered: 2, unconfirmed: 0 }]);
  });

  test('comes once', () => {
    const client = closing();
    expect(client.close(0, 4002, 'again')).toEqual([]);
    expect(told(client.step({ type: 'timeout' }, 5000), 'close')).toMatchObject([{ code: 4000 }]);
    expect(client.close()).toEqual([]);
  });

  test('of nothing but a dial is the end at once', () => {
    const client = new Client();
    client.connect();
    const effects = client.close(0, 4000, 'bye');
    expect(brief(effects)).toEqual(['terminate 1', 'state closed', 'close']);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'caller', code: 4000, undelivered: 0, unconfirmed: 0 }]);
    expect(brief(greeting().close())).toEqual(['terminate 1', 'state closed', 'close']);
  });

  test('of a dial with messages gets them through first', () => {
    const client = greeting();
    client.send('a');
    expect(client.close(0, 4000, 'bye')).toEqual([]);
    const effects = client.welcomed(1);
    expect(said(effects)).toEqual([{ letter: 'A', c: 0 }, 'a', BYE]);
    expect(client.session.state).toEqual({ status: 'connected', closing: true });
  });
});

describe('`close()` while there is no connection', () => {
  test('dials at once, resumes, and gets all through', () => {
    const client = welcomed();
    client.ends(1);
    client.send('a');
    const effects = client.close(0, 4000, 'bye');
    expect(brief(effects)).toEqual(['state connecting', 'dial 2']);
    client.opens(2);
    expect(said(client.resumed(2))).toEqual(['a', BYE]);
    expect(client.session.state).toEqual({ status: 'connected', closing: true });
    client.hears(2, { letter: 'A', c: 2 });
    expect(client.hears(2, FIN).at(-1)).toMatchObject({ type: 'hang-up', id: 2 });
  });

  test('does not dial before the server wants it to', () => {
    const client = welcomed();
    client.ends(1);
    client.redials(2);
    client.hears(2, { letter: 'X', why: 'busy', retry: 2000 });
    expect(client.close()).toEqual([]);
    expect(brief(client.step({ type: 'timeout' }, client.now + 4000))).toEqual(['state connecting', 'dial 3']);
  });

  test('does not try for longer than closeTimeout: what did not get through is counted', () => {
    const client = welcomed();
    client.send('sent');
    client.ends(1);
    client.send('unsent');
    client.close(1000, 4000, 'bye');
    const effects = client.step({ type: 'timeout' }, 6000);
    expect(brief(effects)).toEqual(['terminate 2', 'state closed', 'close']);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'caller', code: 4000, undelivered: 1, unconfirmed: 1 }]);
  });

  test('goes on trying when a dial fails', () => {
    const client = welcomed();
    client.ends(1);
    client.close();
    client.ends(2);
    expect(client.session.state.status).toBe('connecting');
    client.redials(3);
    expect(said(client.resumed(3))).toEqual([{ letter: 'F', c: 1000, m: '' }]);
  });

  test('is the end when the server has lost the session, and the messages are the application’s', () => {
    const client = welcomed();
    client.send('a');
    client.ends(1);
    client.close(0, 4000, 'bye');
    client.opens(2);
    const effects = client.hears(2, { letter: 'X', why: 'expired', r: 0 });
    expect(told(effects, 'lost')).toMatchObject([{ undelivered: 1, messages: ['a'] }]);
    expect(told(effects, 'close')).toMatchObject([{ cause: 'caller', code: 4000 }]);
  });

  test('a connection that is lost while closing is resumed', () => {
    const client = closing();
    const effects = client.ends(1);
    expect(brief(effects)).toEqual(['state connecting', 'interrupted', 'error', 'reconnecting']);
    client.redials(2);
    expect(said(client.resumed(2))).toEqual([BYE]);
    expect(client.deadline).toBeLessThanOrEqual(5000);
  });
});

describe('a FIN of the server', () => {
  test('is answered with ours and its ack, behind all that waits, and then taken down', () => {
    const client = welcomed();
    client.step({ type: 'connection-backed-up', id: 1 });
    client.send('waits');
    expect(said(client.hears(1, FIN))).toEqual([]);
    expect(client.session.state).toEqual({ status: 'connected', closing: true });
    expect(said(client.step({ type: 'connection-writable', id: 1 }))).toEqual(['waits', FIN, { letter: 'A', c: 1 }]);
    expect(client.hears(1, { letter: 'A', c: 2 })).toEqual([HUNG_UP]);
    const effects = client.ends(1, { code: 1000, wasClean: true });
    expect(told(effects, 'close')).toEqual([
      expect.objectContaining({
        cause: 'peer',
        code: 4001,
        reason: 'theirs',
        wasClean: true,
        undelivered: 0,
        unconfirmed: 0,
      }),
    ]);
  });

  test('comes behind all data, in its order', () => {
    const client = welcomed();
    expect(delivered([...client.receives(1, 'a'), ...client.hears(1, FIN)])).toEqual([['a', 1]]);
    expect(client.session.verdict('x', 0, 0)).toBe('closed');
  });

  test('is not redialed for when the connection ends, if all is done', () => {
    const client = welcomed();
    client.hears(1, FIN);
    client.hears(1, { letter: 'A', c: 1 });
    expect(brief(client.ends(1))).toEqual(['state closed', 'close']);
  });

  test('is resumed for when our own has not arrived', () => {
    const client = welcomed();
    client.hears(1, FIN);
    client.ends(1);
    expect(said(client.redials(2))).toMatchObject([{ letter: 'R', r: 1, c: 1 }]);
    expect(said(client.resumed(2, { f: 2 }))).toEqual([FIN]);
  });

  test('that comes again is dropped, and acked', () => {
    const client = welcomed();
    client.hears(1, FIN);
    client.ends(1);
    client.redials(2);
    client.resumed(2);
    expect(said(client.hears(2, FIN))).toEqual([{ letter: 'A', c: 1 }]);
  });

  test('is waited out for closeTimeout, and whatever code it had, our goodbye is an ordinary one', () => {
    for (const c of [1000, 4001, 1011]) {
      const client = welcomed();
      client.hears(1, { letter: 'F', c, m: 'x'.repeat(123) });
      const effects = client.step({ type: 'timeout' }, 5000);
      expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 1000, reason: '' });
      expect(told(effects, 'close')).toMatchObject([{ cause: 'peer', code: c, wasClean: false }]);
    }
  });

  test('crosses ours: the cause is who spoke first here', () => {
    const client = closing();
    client.hears(1, FIN);
    client.hears(1, { letter: 'A', c: 1 });
    expect(told(client.ends(1), 'close')).toMatchObject([{ cause: 'caller', code: 4000, reason: 'bye' }]);
  });
});

describe('the server closes while we are away', () => {
  test('its code and reason have waited for us, and what it never got is counted', () => {
    const client = welcomed();
    client.send('a');
    client.send('b');
    client.ends(1);
    client.redials(2);
    const effects = client.hears(2, { letter: 'X', why: 'closed', r: 1, c: 4001, m: 'shop is closed' });
    expect(brief(effects)).toEqual(['terminate 2', 'state closed', 'close']);
    expect(told(effects, 'close')).toMatchObject([
      {
        cause: 'peer',
        phase: 'open',
        code: 4001,
        reason: 'shop is closed',
        wasClean: true,
        undelivered: 1,
        unconfirmed: 0,
      },
    ]);
    expect(told(effects, 'lost')).toEqual([]);
  });

  test('even if it says no more than that', () => {
    const client = welcomed();
    client.send('sent');
    client.ends(1);
    client.send('unsent');
    client.redials(2);
    const effects = client.hears(2, { letter: 'X', why: 'closed' });
    expect(told(effects, 'close')).toMatchObject([{ code: 1000, reason: '', undelivered: 1, unconfirmed: 1 }]);
  });

  test('while we close, too', () => {
    const client = welcomed();
    client.ends(1);
    client.close(0, 4000, 'bye');
    client.opens(2);
    const effects = client.hears(2, { letter: 'X', why: 'closed', r: 1, c: 4001, m: 'theirs' });
    expect(told(effects, 'close')).toMatchObject([{ cause: 'peer', code: 4001, undelivered: 0, unconfirmed: 0 }]);
  });

  test('is a word on a living connection as well', () => {
    const client = welcomed();
    client.step({ type: 'rotate' });
    const effects = client.hears(1, { letter: 'X', why: 'closed', r: 0, c: 4001, m: '' });
    expect(brief(effects)).toEqual(['terminate 1', 'terminate 2', 'state closed', 'close']);
  });
});
