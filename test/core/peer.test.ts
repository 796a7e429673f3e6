import { describe, expect, test } from 'vitest';
import type { Control } from '../../src/core/frames.js';
import type { Effect, Input } from '../../src/core/types.js';
import { written } from './helpers/machine.js';
import { attached, detached, type End, newEnd } from './helpers/peer.js';
import { delivered, said } from './helpers/session.js';

const ACK_0: Control = { letter: 'A', c: 0 };

const terminated = (id: number, code: number): Effect => ({ type: 'terminate', id, code, reason: '' });

describe('messages', () => {
  test('arrive with their numbers', () => {
    const end = attached();
    expect(delivered(end.receives(1, 'a'))).toEqual([['a', 1]]);
    expect(delivered(end.receives(1, '\u0010\u0010A1'))).toEqual([['\u0010A1', 2]]);
    const bytes = new Uint8Array([0x10]);
    expect(delivered(end.receives(1, bytes))).toEqual([[bytes, 3]]);
  });

  test('go out as they come, and are retained until they are acked', () => {
    const end = attached();
    expect(written(end.send('a'))).toEqual(['a']);
    expect(written(end.send('\u0010b'))).toEqual(['\u0010\u0010b']);
    expect(end.peer).toMatchObject({ pending: 2, queuedCount: 0, retainedBytes: 4 });
    end.hears(1, { letter: 'A', c: 1 });
    expect(end.peer).toMatchObject({ pending: 1, retainedBytes: 3 });
  });

  test('wait while the transport is backed up, and while the client is away', () => {
    const end = attached();
    end.step({ type: 'connection-backed-up', id: 1 });
    expect(end.peer.verdict('x', 0, 0)).toBe('queued');
    expect(end.send('a')).toEqual([]);
    expect(end.peer.flushes).toBe(false);
    expect(written(end.step({ type: 'connection-writable', id: 1 }))).toEqual(['a']);
    end.ends(1);
    expect(end.send('b')).toEqual([]);
    expect(end.peer).toMatchObject({ pending: 2, queuedCount: 1, flushes: false });
  });

  test('go out a part at a time', () => {
    const end = attached();
    end.step({ type: 'connection-backed-up', id: 1 });
    for (let n = 0; n < 9; n++) end.send(n % 2 ? new Uint8Array(100 * 1024) : 'x'.repeat(100 * 1024));
    expect(written(end.step({ type: 'connection-writable', id: 1 }))).toHaveLength(3);
    expect(end.peer.flushes).toBe(true);
    expect(written(end.step({ type: 'flush' }))).toHaveLength(3);
    expect(written(end.step({ type: 'flush' }))).toHaveLength(3);
    expect(end.peer.flushes).toBe(false);
  });

  test('are bounded for each session, and for all together', () => {
    const ledger = { bytes: 0 };
    const end = attached({ maxBufferedBytes: 10, maxBufferedMessages: 2, ledger, maxRetainedBytes: 100 });
    expect(end.peer.verdict('x', 0, 0)).toBe('sent');
    expect(end.peer.verdict('x', 1, 1)).toBe('queued');
    end.send('123456');
    expect(ledger.bytes).toBe(6);
    expect(end.peer.verdict('12345', 0, 0)).toBe('full');
    expect(end.peer.verdict('1234', 0, 0)).toBe('sent');
    end.send('');
    expect(end.peer.verdict('', 0, 0)).toBe('full');
    // Whoever retains little may go on, whatever the others do.
    const other = attached({ ledger, maxRetainedBytes: 5 });
    other.send('x'.repeat(16 * 1024));
    expect(other.peer.verdict('', 0, 0)).toBe('sent');
    other.send('x');
    expect(other.peer.verdict('', 0, 0)).toBe('full');
  });

  test('are acked, and questions answered, when the transport takes more: who does not read gets no more', () => {
    const end = attached();
    end.step({ type: 'connection-backed-up', id: 1 });
    for (let n = 0; n < 40; n++) expect(said(end.receives(1, 'x'))).toEqual([]);
    expect(said(end.hears(1, { letter: 'P', id: 7, c: 0 }))).toEqual([]);
    expect(said(end.hears(1, { letter: 'P', id: 8, c: 0 }))).toEqual([]);
    expect(end.deadline).toBeGreaterThan(1000);
    expect(said(end.step({ type: 'connection-writable', id: 1 }))).toEqual([{ letter: 'O', id: 8, c: 40 }]);
  });

  test('are acked as the application has had them', () => {
    const end = attached();
    end.step({ type: 'read', number: 0, pulls: true });
    for (let n = 0; n < 40; n++) end.receives(1, 'x');
    expect(said(end.step({ type: 'read', number: 33, pulls: true }, 100))).toEqual([{ letter: 'A', c: 33 }]);
    end.step({ type: 'read', number: 34, pulls: true }, 200);
    expect(end.deadline).toBe(1200);
    expect(said(end.due())).toEqual([{ letter: 'A', c: 34 }]);
  });

  test('that come again are dropped, and acked', () => {
    const end = detached();
    end.resume(2);
    end.receives(2, 'a');
    end.ends(2);
    // The client has not heard that `a` arrived: it is told so, and yet a frame of it may be under way.
    end.resume(3, { n: 2, h: 1 });
    expect(said(end.hears(3, { letter: 'T', r: 0, c: 0, s: 1 }))).toEqual([]);
    const effects = end.receives(3, 'a');
    expect(delivered(effects)).toEqual([]);
    expect(said(effects)).toEqual([{ letter: 'A', c: 1 }]);
  });

  test('are refused by one that is over, and by one that closes', () => {
    const end = attached();
    end.close();
    expect(end.peer.verdict('x', 0, 0)).toBe('closed');
    end.step({ type: 'evict', why: 'evicted' });
    expect(end.peer.verdict('x', 0, 0)).toBe('closed');
  });
});

describe('the contract', () => {
  const dead = (): End => {
    const end = attached();
    end.step({ type: 'evict', why: 'evicted' });
    return end;
  };

  test('rule 1: nothing but step changes the machine, and its effects are one array', () => {
    const end = attached();
    const { peer } = end;
    const look = () => [peer.state, peer.deadline, peer.pending, peer.queuedBytes, peer.resumes, peer.snapshot()];
    const before = look();
    peer.verdict('text', 0, 0);
    expect(look()).toEqual(before);
    expect(peer.state).toBe(before[0]);
    const first = peer.step({ type: 'send', data: 'a' }, 0);
    expect(peer.step({ type: 'offline' }, 0)).toBe(first);
    expect(first).toEqual([]);
  });

  test('rule 3: a timeout that comes early or twice is harmless', () => {
    for (const end of [attached(), detached(), newEnd()]) {
      const { deadline } = end;
      expect(end.step({ type: 'timeout' }, deadline - 1)).toEqual([]);
      expect(end.deadline).toBe(deadline);
      end.step({ type: 'timeout' }, deadline);
      expect(end.step({ type: 'timeout' }, deadline)).toEqual([]);
    }
  });

  test('rule 3: what a connection of the past or of nobody brings is ignored', () => {
    const inputs: Input[] = [
      { type: 'message-received', id: 7, data: 'x' },
      { type: 'message-received', id: 7, data: '\u0010T0,0,1' },
      { type: 'ping-received', id: 7 },
      { type: 'pong-received', id: 7, payload: '' },
      { type: 'connection-backed-up', id: 7 },
      { type: 'connection-writable', id: 7 },
      { type: 'connection-close', id: 7, code: 1006, reason: '', wasClean: false },
    ];
    for (const end of [attached(), detached(), dead()]) {
      for (const input of inputs) expect(end.step(input)).toEqual([]);
    }
  });

  test('rule 6: dead has no deadline and no connection, and shows whoever comes the door', () => {
    const end = dead();
    expect(end.peer.deadline).toBeUndefined();
    expect(end.peer.state.status).toBe('closed');
    expect(end.resume(2, { n: 9 })).toEqual([terminated(2, 4904)]);
    expect(end.hello(3)).toEqual([terminated(3, 4904)]);
    expect(end.send('x')).toEqual([]);
    for (const type of ['timeout', 'wake', 'flush', 'release'] as const) expect(end.step({ type })).toEqual([]);
    expect(end.close()).toEqual([]);
    expect(end.step({ type: 'evict', why: 'lost' })).toEqual([]);
  });

  test('a client’s inputs are nothing to a server’s end', () => {
    const end = attached();
    for (const type of ['connect', 'reconnect', 'rotate', 'offline', 'freeze'] as const) {
      expect(end.step({ type })).toEqual([]);
    }
    expect(end.step({ type: 'connection-open', id: 1, canPing: true })).toEqual([]);
  });

  test('the first confirmation is one word, which needs no answer', () => {
    const end = newEnd();
    end.hello(1);
    expect(end.hears(1, ACK_0)).toEqual([]);
  });
});
