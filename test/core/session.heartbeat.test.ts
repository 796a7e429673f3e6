import { describe, expect, test } from 'vitest';
import type { LineConfig } from '../../src/core/types.js';
import { probing } from './helpers/config.js';
import { brief, told } from './helpers/machine.js';
import { type Client, delivered, greeting, said, welcomed } from './helpers/session.js';

const ping = (id: number, c = 0): object => ({ letter: 'P', id, c });
const ack = (c: number): object => ({ letter: 'A', c });

/** A client whose application pulls, and has had nothing yet. */
function pulling(overrides: Partial<LineConfig> = {}): Client {
  const client = welcomed(overrides);
  client.step({ type: 'read', number: 0, pulls: true });
  return client;
}

describe('silence', () => {
  test('is asked about 5 s after the longest that the server promised, by a frame, on every platform', () => {
    for (const canPing of [true, false]) {
      const client = greeting();
      client.ends(1);
      client.step({ type: 'timeout' }, client.deadline);
      client.opens(2, 1000, canPing);
      client.welcomed(2, { h: 20_000 });
      expect(client.deadline).toBe(26_000);
      expect(client.due()).toEqual([{ type: 'write', id: 2, data: '\u0010P1,0', control: true }]);
      expect(client.deadline).toBe(31_000);
    }
  });

  test('is asked about sooner if an option says so', () => {
    expect(welcomed({ heartbeat: probing({ interval: 10_000 }) }).deadline).toBe(10_000);
    expect(welcomed({ heartbeat: probing({ interval: 60_000 }) }).deadline).toBe(30_000);
  });

  test('is asked about sooner if silent connections were cut before', () => {
    const client = welcomed({ random: () => 0 });
    for (const id of [1, 2, 3]) {
      client.ends(id, {}, client.now + 20_000);
      client.redials(id + 1);
      client.resumed(id + 1);
    }
    expect(client.deadline - client.now).toBe(16_000);
  });

  test('is ended by every frame, even one of a later version', () => {
    const client = welcomed();
    client.due();
    client.receives(1, '\u0010q', 31_000);
    expect(client.deadline).toBe(61_000);
    client.step({ type: 'ping-received', id: 1 }, 32_000);
    expect(client.deadline).toBe(62_000);
    client.step({ type: 'pong-received', id: 1, payload: '0' }, 33_000);
    expect(client.deadline).toBe(63_000);
  });

  test('that nobody ends within 5 s of the question is death: the connection is left at once', () => {
    const client = welcomed();
    client.due();
    const effects = client.due();
    expect(brief(effects)).toEqual(['terminate 1', 'state connecting', 'interrupted', 'error', 'reconnecting']);
    expect(effects[0]).toEqual({ type: 'terminate', id: 1, code: 4901, reason: 'dead peer' });
    expect(told(effects, 'interrupted')).toMatchObject([{ cause: 'dead-peer', unconfirmed: 0 }]);
  });

  test('of a server that promises none is asked about all the same', () => {
    expect(welcomed({}, { h: 0 }).deadline).toBe(5000);
  });
});

describe('a question of the server', () => {
  test('is answered at once, with what is consumed, even in the end', () => {
    const client = welcomed();
    client.receives(1, 'a');
    expect(said(client.hears(1, { letter: 'P', id: 7, c: 0 }, 100))).toEqual([{ letter: 'O', id: 7, c: 1 }]);
    expect(client.deadline).toBe(30_100);
    client.close();
    expect(said(client.hears(1, { letter: 'P', id: 8, c: 0 }))).toEqual([{ letter: 'O', id: 8, c: 1 }]);
  });

  test('carries an ack', () => {
    const client = welcomed();
    client.send('a');
    client.hears(1, { letter: 'P', id: 1, c: 1 });
    expect(client.session.pending).toBe(0);
  });
});

describe('messages that stay unacked', () => {
  test('are a reason to ask after 1.5 s and four round trips; no answer within 3 s is death', () => {
    const client = welcomed();
    client.send('a', 100);
    expect(client.deadline).toBe(1600);
    expect(said(client.due())).toEqual([ping(1)]);
    expect(client.deadline).toBe(4600);
    expect(told(client.due(), 'interrupted')).toMatchObject([{ cause: 'dead-peer' }]);
  });

  test('are known to take as long as the greeting did', () => {
    const client = greeting();
    client.welcomed(1, {}, 1000);
    client.listens();
    client.send('a');
    expect(client.deadline).toBe(1000 + 1500 + 4000);
    client.due();
    expect(client.deadline).toBe(6500 + 4000);
  });

  test('are asked about once; the answer may well say that they are not consumed yet', () => {
    const client = welcomed();
    client.send('a');
    client.due();
    expect(client.hears(1, { letter: 'O', id: 1, c: 0 }, 1600)).toEqual([]);
    expect(client.deadline).toBe(1600 + 1500 + 400);
    expect(said(client.due())).toEqual([ping(2)]);
  });

  test('are no reason while none is there', () => {
    const client = welcomed();
    client.send('a');
    client.hears(1, { letter: 'A', c: 1 }, 10);
    expect(client.deadline).toBe(30_010);
  });

  test('are a reason on the next connection too, if it was sent before that', () => {
    const client = welcomed();
    client.send('a');
    client.ends(1);
    client.redials(2);
    client.resumed(2, { r: 1, c: 0 });
    expect(client.deadline).toBe(client.now + 1500);
  });
});

describe('an ack', () => {
  test('is due 1 s after the first message, and told once', () => {
    const client = welcomed();
    expect(said(client.receives(1, 'a', 100))).toEqual([]);
    client.receives(1, 'b', 600);
    expect(client.deadline).toBe(1100);
    expect(said(client.due())).toEqual([ack(2)]);
    expect(client.deadline).toBe(30_600);
  });

  test('is due after 32 messages, behind the last of them', () => {
    const client = welcomed();
    for (let n = 1; n < 32; n++) expect(said(client.receives(1, ''))).toEqual([]);
    expect(brief(client.receives(1, ''))).toEqual(['message', 'write 1']);
  });

  test('is due after a quarter of what the server retains', () => {
    const client = welcomed({}, { b: 400 });
    expect(said(client.receives(1, 'x'.repeat(99)))).toEqual([]);
    expect(said(client.receives(1, 'x'))).toEqual([ack(2)]);
  });

  test('speaks of what the application has had', () => {
    const client = pulling();
    for (let n = 0; n < 40; n++) expect(said(client.receives(1, 'x'))).toEqual([]);
    expect(said(client.step({ type: 'read', number: 33, pulls: true }))).toEqual([ack(33)]);
    client.step({ type: 'read', number: 34, pulls: true }, 100);
    expect(client.deadline).toBe(1100);
    expect(said(client.due())).toEqual([ack(34)]);
    expect(said(client.step({ type: 'read', number: 34, pulls: false }))).toEqual([]);
    expect(said(client.due())).toEqual([ack(40)]);
  });

  test('does not run while there is no connection', () => {
    const client = welcomed();
    client.receives(1, 'a');
    client.ends(1);
    expect(client.deadline).toBe(250);
    expect(client.step({ type: 'read', number: 1, pulls: true })).toEqual([]);
  });

  test('is carried by questions, so that none of its own follows', () => {
    const client = welcomed();
    client.send('a');
    client.receives(1, 'b', 600);
    expect(said(client.step({ type: 'timeout' }, 2100))).toEqual([ping(1, 1)]);
    client.receives(1, 'c', 3000);
    expect(said(client.step({ type: 'wake' }, 3100))).toEqual([ping(2, 2)]);
    expect(client.step({ type: 'timeout' }, 4000)).toEqual([]);
  });
});

describe('sleep', () => {
  test.each(['wake', 'online', 'offline'] as const)('%s asks at once, with 3 s for the answer', (type) => {
    const client = welcomed();
    expect(said(client.step({ type }, 1000))).toEqual([ping(1)]);
    expect(client.deadline).toBe(4000);
  });

  test('a timer that is a second late asks, and kills nobody', () => {
    const client = welcomed();
    client.due();
    expect(said(client.due(1001))).toEqual([ping(2)]);
    expect(client.session.state.status).toBe('connected');
    expect(said(client.step({ type: 'timeout', overslept: true }))).toEqual([ping(3)]);
  });

  test('one that overslept before its deadline asks as well', () => {
    expect(said(welcomed().step({ type: 'timeout', overslept: true }, 1000))).toEqual([ping(1)]);
  });

  test('after freeze nothing is judged until something is heard', () => {
    const client = welcomed();
    client.step({ type: 'freeze' });
    expect(client.session.deadline).toBeUndefined();
    expect(delivered(client.receives(1, 'a', 1e6))).toHaveLength(1);
    expect(client.deadline).toBe(1e6 + 1000);
  });
});
