import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Delivery, type DeliverySnapshot } from '../../src/core/delivery.js';
import { type Control, encode, MALFORMED } from '../../src/core/frames.js';
import { Link } from '../../src/core/link.js';
import type { OutboxBounds } from '../../src/core/outbox.js';
import type { Data } from '../../src/core/types.js';
import { probing } from './helpers/config.js';

const DLE = '\u0010';
const BOUNDS: OutboxBounds = { maxBufferedBytes: 1024, maxBufferedMessages: 16, overflow: 'throw' };
const AT_ONCE = Number.NEGATIVE_INFINITY;

/** A connection on which both directions go on behind these numbers. */
function link(sent = 0, received = 0, now = 0): Link {
  const subject = new Link(1, probing(), true, now);
  subject.cursor = sent + 1;
  subject.expected = received + 1;
  return subject;
}

function withMessages(...messages: readonly Data[]): Delivery {
  const delivery = new Delivery(BOUNDS);
  for (const data of messages) delivery.push(data, false);
  return delivery;
}

function transmitted(delivery: Delivery, on: Link, now = 0): Data[] {
  const all: Data[] = [];
  for (let data = delivery.transmit(on, now); data !== undefined; data = delivery.transmit(on, now)) all.push(data);
  return all;
}

/** An end whose application takes everything as it comes. */
function listening(): Delivery {
  const delivery = new Delivery(BOUNDS);
  delivery.read(0, false, 0);
  return delivery;
}

const hears = (delivery: Delivery, on: Link, frame: Control, now = 0) => delivery.receive(on, encode(frame), now);
const FIN: Control = { letter: 'F', c: 4000, m: 'bye' };

describe('sending', () => {
  test('each message goes out once on a connection, in order, and stays retained', () => {
    const delivery = withMessages('a', 'b');
    const on = link();
    expect(transmitted(delivery, on)).toEqual(['a', 'b']);
    delivery.push('c', false);
    expect(transmitted(delivery, on)).toEqual(['c']);
    expect(on.cursor).toBe(4);
    expect(delivery).toMatchObject({ last: 3, acked: 0, pending: 3, unsent: 0 });
  });

  test('another connection begins where it is told to', () => {
    const delivery = withMessages('a', 'b', 'c');
    transmitted(delivery, link());
    const next = link();
    delivery.sendOn(next, 2, 0);
    expect(transmitted(delivery, next)).toEqual(['b', 'c']);
  });

  test('text that begins with DLE goes out escaped, and counts so', () => {
    const delivery = withMessages(`${DLE}x`);
    expect(delivery.outbox.bytes).toBe(3);
    expect(transmitted(delivery, link())).toEqual([`${DLE}${DLE}x`]);
    expect(delivery.undelivered()).toEqual([`${DLE}x`]);
  });

  test('bytes are copied, unless nobody will change them', () => {
    const bytes = new Uint8Array([1]);
    const delivery = new Delivery(BOUNDS);
    delivery.push(bytes, false);
    delivery.push(bytes, true);
    bytes[0] = 9;
    expect(transmitted(delivery, link())).toEqual([new Uint8Array([1]), new Uint8Array([9])]);
  });
});

describe('an ack', () => {
  test('lets go of all up to its number', () => {
    const delivery = withMessages('a', 'b', 'c');
    const on = link();
    transmitted(delivery, on);
    expect(hears(delivery, on, { letter: 'A', c: 2 })).toBeUndefined();
    expect(delivery).toMatchObject({ acked: 2, pending: 1 });
    expect(delivery.outbox.bytes).toBe(1);
  });

  test.each(['A', 'P', 'O'] as const)('comes with a frame of letter %s', (letter) => {
    const delivery = withMessages('a');
    const on = link();
    transmitted(delivery, on);
    const frame = { letter, id: 1, c: 1 } as Control;
    expect(hears(delivery, on, frame)).toEqual(letter === 'P' ? frame : undefined);
    expect(delivery.pending).toBe(0);
  });

  test.each(['A', 'P', 'O'] as const)('of what was never sent is nonsense: %s', (letter) => {
    const delivery = withMessages('a', 'b');
    const on = link();
    delivery.transmit(on, 0);
    for (const c of [2, 3, Number.MAX_SAFE_INTEGER]) {
      expect(hears(delivery, on, { letter, id: 1, c } as Control)).toBe(MALFORMED);
      expect(delivery).toMatchObject({ acked: 0, pending: 2, last: 2 });
    }
  });

  test('is the highest there was: an older one, or the same again, changes nothing', () => {
    const delivery = withMessages('a', 'b', 'c');
    const on = link();
    transmitted(delivery, on);
    for (const c of [2, 1, 0, 2]) expect(hears(delivery, on, { letter: 'A', c })).toBeUndefined();
    expect(delivery).toMatchObject({ acked: 2, pending: 1 });
    delivery.push('d', false);
    expect(transmitted(delivery, on)).toEqual(['d']);
  });

  test('may speak of what the connection before has brought, which this one then only counts', () => {
    const delivery = withMessages('a', 'b', 'c', 'd');
    transmitted(delivery, link());
    const next = link();
    delivery.sendOn(next, 2, 0);
    expect(delivery.transmit(next, 0)).toBe('b');
    expect(hears(delivery, next, { letter: 'A', c: 3 })).toBeUndefined();
    expect(delivery.acked).toBe(3);
    // An empty frame in its place: the peer has number 3, and drops it.
    expect(transmitted(delivery, next)).toEqual(['', 'd']);
    expect(hears(delivery, next, { letter: 'A', c: 5 })).toBe(MALFORMED);
  });

  test('by word of a greeting is bounded by what it says was sent', () => {
    const delivery = withMessages('a', 'b');
    expect(delivery.acknowledge(2, 1, 0)).toBe(false);
    expect(delivery.acked).toBe(0);
    transmitted(delivery, link());
    expect(delivery.acknowledge(2, 2, 0)).toBe(true);
    expect(delivery.acked).toBe(2);
  });
});

describe('waiting for an ack', () => {
  const overdue = (delivery: Delivery, on: Link): number | undefined => delivery.overdueAt(on);

  test('is for nobody who has sent nothing, or all of whose messages are acked', () => {
    const delivery = withMessages('a');
    const on = link();
    expect(overdue(delivery, on)).toBeUndefined();
    transmitted(delivery, on, 100);
    expect(overdue(delivery, on)).toBe(1600);
    hears(delivery, on, { letter: 'A', c: 1 }, 200);
    expect(overdue(delivery, on)).toBeUndefined();
  });

  test('takes 1.5 s and four round trips from the first message, whatever follows', () => {
    const delivery = withMessages('a', 'b');
    const on = link();
    delivery.transmit(on, 100);
    delivery.transmit(on, 900);
    expect(overdue(delivery, on)).toBe(1600);
    delivery.measured(250);
    expect(overdue(delivery, on)).toBe(2600);
  });

  test('begins anew with each ack that advances, if something is left', () => {
    const delivery = withMessages('a', 'b');
    const on = link();
    transmitted(delivery, on, 100);
    hears(delivery, on, { letter: 'A', c: 1 }, 700);
    expect(overdue(delivery, on)).toBe(2200);
    hears(delivery, on, { letter: 'A', c: 1 }, 900);
    expect(overdue(delivery, on)).toBe(2200);
  });

  test('is over when the rest was never handed to a connection', () => {
    const delivery = withMessages('a', 'b');
    const on = link();
    delivery.transmit(on, 100);
    hears(delivery, on, { letter: 'A', c: 1 }, 200);
    expect(overdue(delivery, on)).toBeUndefined();
  });

  test('is put off by every sign of life', () => {
    const delivery = withMessages('a');
    const on = link();
    transmitted(delivery, on, 100);
    on.heartbeat.heard(1000);
    expect(overdue(delivery, on)).toBe(2500);
  });

  test('begins with another connection only if something was sent before', () => {
    const delivery = withMessages('a');
    delivery.sendOn(link(), 1, 500);
    expect(overdue(delivery, link())).toBeUndefined();
    transmitted(delivery, link());
    // It was received, but the application there has not had it yet.
    delivery.sendOn(link(1), 2, 500);
    expect(overdue(delivery, link(1))).toBe(2000);
  });

  test('is followed by a question that has 3 s, or four round trips where those are longer', () => {
    const delivery = withMessages('a');
    expect(delivery.patience).toBe(3000);
    delivery.measured(2000);
    expect(delivery.patience).toBe(8000);
  });

  test('knows the round trip from answers to the last question alone, and smooths it', () => {
    const delivery = withMessages('a');
    const on = link();
    const first = on.ask(0);
    const second = on.ask(100);
    hears(delivery, on, { letter: 'O', id: first, c: 0 }, 5000);
    hears(delivery, on, { letter: 'O', id: 99, c: 0 }, 5000);
    expect(delivery.patience).toBe(3000);
    hears(delivery, on, { letter: 'O', id: second, c: 0 }, 1100);
    expect(delivery.patience).toBe(4000);
    delivery.measured(9000);
    expect(delivery.patience).toBe(8000);
  });
});

describe('receiving', () => {
  test('what is next is accepted and counted', () => {
    const delivery = new Delivery(BOUNDS);
    const on = link();
    const bytes = new Uint8Array([0x10, 0x10]);
    expect(delivery.receive(on, 'a', 0)).toBe('a');
    expect(delivery.receive(on, bytes, 0)).toBe(bytes);
    expect(delivery.receive(on, `${DLE}${DLE}A1`, 0)).toBe(`${DLE}A1`);
    expect(delivery).toMatchObject({ rcvd: 3, consumed: 0 });
  });

  test('what was there before is dropped, and an ack is due at once', () => {
    const delivery = listening();
    delivery.receive(link(), 'a', 0);
    delivery.report();
    const again = link();
    expect(delivery.receive(again, 'a', 100)).toBeUndefined();
    expect(delivery.ackDueAt).toBe(AT_ONCE);
    expect(delivery.report()).toBe(1);
    expect(delivery.ackDueAt).toBeUndefined();
    expect(delivery.receive(again, 'b', 100)).toBe('b');
    expect(delivery.rcvd).toBe(2);
  });

  test('many duplicates in a row are acked once in 50 ms', () => {
    const delivery = listening();
    const first = link();
    for (const data of ['a', 'b', 'c']) delivery.receive(first, data, 0);
    delivery.report();
    const again = link();
    delivery.receive(again, 'a', 100);
    expect(delivery.ackDueAt).toBe(AT_ONCE);
    delivery.report();
    delivery.receive(again, 'b', 110);
    expect(delivery.ackDueAt).toBe(150);
    delivery.receive(again, 'c', 120);
    expect(delivery.ackDueAt).toBe(150);
    expect(delivery.report()).toBe(3);
    expect(delivery.ackDueAt).toBeUndefined();
  });

  test('each connection counts for itself', () => {
    const delivery = listening();
    const [old, next] = [link(), link()];
    expect([delivery.receive(old, 'a', 0), delivery.receive(next, 'a', 0)]).toEqual(['a', undefined]);
    expect([delivery.receive(next, 'b', 0), delivery.receive(old, 'b', 0)]).toEqual(['b', undefined]);
    expect(delivery.rcvd).toBe(2);
  });

  test('a gap cannot happen: it is nonsense, and nothing is accepted', () => {
    const delivery = listening();
    expect(delivery.receive(link(0, 1), 'c', 0)).toBe(MALFORMED);
    expect(delivery.receive(link(0, 1), encode(FIN), 0)).toBe(MALFORMED);
    expect(delivery).toMatchObject({ rcvd: 0, consumed: 0, peerFin: undefined });
  });

  test('a FIN is numbered, and the last: what comes behind it is nonsense', () => {
    const delivery = listening();
    const on = link();
    delivery.receive(on, 'a', 0);
    expect(hears(delivery, on, FIN)).toEqual(FIN);
    expect(delivery).toMatchObject({ rcvd: 2, consumed: 2, peerFin: FIN });
    expect(delivery.receive(on, 'b', 0)).toBe(MALFORMED);
    expect(hears(delivery, on, FIN)).toBe(MALFORMED);
    expect(delivery.rcvd).toBe(2);
  });

  test('a FIN that comes again is a duplicate like any other', () => {
    const delivery = listening();
    hears(delivery, link(), FIN);
    delivery.report();
    expect(hears(delivery, link(), FIN)).toBeUndefined();
    expect(delivery.ackDueAt).toBe(AT_ONCE);
  });

  test.each(['A', 'A-1', 'F', 'F{}', 'B', 'T1,2', `A${2 ** 53}`])(
    'what is no frame is nonsense, and not counted: %s',
    (text) => {
      const delivery = listening();
      const on = link();
      expect(delivery.receive(on, DLE + text, 0)).toBe(MALFORMED);
      expect([delivery.rcvd, on.expected]).toEqual([0, 1]);
    },
  );

  test('a frame of a later version is nothing, and not counted', () => {
    const delivery = listening();
    const on = link();
    expect(delivery.receive(on, `${DLE}q{}`, 0)).toBeUndefined();
    expect([delivery.rcvd, on.expected]).toEqual([0, 1]);
  });

  test.each<Control>([
    { letter: 'H', v: 1, b: 1 },
    { letter: 'T', r: 0, c: 0, s: 1 },
    { letter: 'G', d: 1, w: 1, why: '' },
    { letter: 'X', why: 'busy' },
  ])('frames of no number are the machine’s: $letter', (frame) => {
    const delivery = listening();
    const on = link();
    expect(hears(delivery, on, frame)).toEqual(frame);
    expect([delivery.rcvd, on.expected]).toEqual([0, 1]);
  });
});

describe('an application that does not read', () => {
  const flood = (delivery: Delivery, count: number, size: number): unknown[] => {
    const on = link(0, delivery.rcvd);
    const data = 'x'.repeat(size);
    return Array.from({ length: count }, () => delivery.receive(on, data, 0));
  };

  test('is sent at most twice what its peer retains, or itself', () => {
    const delivery = new Delivery(BOUNDS);
    expect(flood(delivery, 20, 103).filter((frame) => frame !== MALFORMED)).toHaveLength(20);
    expect(flood(delivery, 1, 1)).toEqual([MALFORMED]);
    const generous = new Delivery(BOUNDS);
    generous.peerRetains = 10_000;
    expect(flood(generous, 200, 100)).not.toContain(MALFORMED);
    expect(flood(generous, 2, 100)).toContain(MALFORMED);
  });

  test('of a peer that promises to retain the moon, at most 32 MiB', () => {
    const delivery = new Delivery(BOUNDS);
    delivery.peerRetains = Number.MAX_SAFE_INTEGER;
    expect(flood(delivery, 33, 1024 * 1024)).not.toContain(MALFORMED);
    expect(flood(delivery, 1, 1)).toEqual([MALFORMED]);
  });

  test('of empty messages, at most 131072', () => {
    const delivery = new Delivery(BOUNDS);
    expect(flood(delivery, 131_073, 0)).not.toContain(MALFORMED);
    expect(flood(delivery, 1, 0)).toEqual([MALFORMED]);
  });

  test('takes one message of any size, and one more', () => {
    const delivery = new Delivery(BOUNDS);
    expect(flood(delivery, 3, 1_000_000).map((frame) => frame === MALFORMED)).toEqual([false, false, true]);
  });

  test('makes room by reading', () => {
    const delivery = new Delivery(BOUNDS);
    flood(delivery, 20, 103);
    delivery.read(20, true, 0);
    delivery.report();
    expect(flood(delivery, 20, 103)).not.toContain(MALFORMED);
  });

  test('is not who listens: there nothing waits', () => {
    expect(flood(listening(), 1000, 1000)).not.toContain(MALFORMED);
  });
});

describe('an ack of our own', () => {
  test('is due 1 s after the first message that was consumed and not reported', () => {
    const delivery = listening();
    const on = link();
    delivery.receive(on, 'a', 100);
    delivery.receive(on, 'b', 900);
    expect(delivery.ackDueAt).toBe(1100);
    expect(delivery.report()).toBe(2);
    expect(delivery.ackDueAt).toBeUndefined();
    delivery.receive(on, 'c', 2000);
    expect(delivery.ackDueAt).toBe(3000);
  });

  test('is due at once after 32 messages', () => {
    const delivery = listening();
    const on = link();
    for (let n = 0; n < 31; n++) delivery.receive(on, '', 0);
    expect(delivery.ackDueAt).toBe(1000);
    delivery.receive(on, '', 0);
    expect(delivery.ackDueAt).toBe(AT_ONCE);
  });

  test.each([
    [1024 * 1024, 256 * 1024],
    [64 * 1024, 16 * 1024],
    [4096, 1024],
    [Number.MAX_SAFE_INTEGER, 256 * 1024],
  ])('of a peer that retains %i bytes is due at once after %i bytes', (retains, bytes) => {
    const delivery = listening();
    delivery.peerRetains = retains;
    const on = link();
    delivery.receive(on, new Uint8Array(bytes - 1), 0);
    expect(delivery.ackDueAt).toBe(1000);
    delivery.receive(on, 'x', 0);
    expect(delivery.ackDueAt).toBe(AT_ONCE);
  });

  test('is due for what was consumed, not for what arrived', () => {
    const delivery = new Delivery(BOUNDS);
    const on = link();
    for (let n = 0; n < 40; n++) delivery.receive(on, 'x', 0);
    expect(delivery.ackDueAt).toBeUndefined();
    delivery.read(3, true, 500);
    expect(delivery.ackDueAt).toBe(1500);
    expect(delivery.report()).toBe(3);
    delivery.read(35, true, 600);
    expect(delivery.ackDueAt).toBe(AT_ONCE);
  });

  test('counts the consumed share of the bytes', () => {
    const delivery = new Delivery({ ...BOUNDS, maxBufferedBytes: 1e6 });
    delivery.peerRetains = 64 * 1024;
    const on = link();
    for (let n = 0; n < 10; n++) delivery.receive(on, 'x'.repeat(4096), 0);
    delivery.read(3, true, 0);
    expect(delivery.ackDueAt).toBe(1000);
    delivery.read(4, true, 0);
    expect(delivery.ackDueAt).toBe(AT_ONCE);
    delivery.report();
    delivery.read(7, true, 0);
    expect(delivery.ackDueAt).toBe(1000);
  });

  test('of the end comes at once', () => {
    const delivery = listening();
    hears(delivery, link(), FIN);
    expect(delivery.ackDueAt).toBe(AT_ONCE);
  });

  test('that was due for a duplicate is off when another connection takes over, whose greeting says it', () => {
    const delivery = listening();
    delivery.receive(link(), 'a', 0);
    delivery.receive(link(), 'a', 0);
    delivery.report();
    delivery.receive(link(), 'a', 0);
    delivery.sendOn(link(), 1, 0);
    expect(delivery.ackDueAt).toBeUndefined();
  });
});

describe('reading', () => {
  test('one who pulls has consumed what it says, and at most what there is', () => {
    const delivery = new Delivery(BOUNDS);
    const on = link();
    delivery.receive(on, 'a', 0);
    delivery.receive(on, 'b', 0);
    delivery.read(1, true, 0);
    expect(delivery.consumed).toBe(1);
    delivery.read(99, true, 0);
    expect(delivery.consumed).toBe(2);
  });

  test('nothing is ever unread again', () => {
    const delivery = listening();
    const on = link();
    delivery.receive(on, 'a', 0);
    delivery.read(0, true, 0);
    expect(delivery.consumed).toBe(1);
    delivery.receive(on, 'b', 0);
    expect(delivery.consumed).toBe(1);
  });

  test('one who listens has consumed all that is there, and what comes', () => {
    const delivery = new Delivery(BOUNDS);
    const on = link();
    delivery.receive(on, 'a', 0);
    delivery.read(0, false, 200);
    expect(delivery.consumed).toBe(1);
    expect(delivery.ackDueAt).toBe(1200);
    delivery.receive(on, 'b', 0);
    expect(delivery.consumed).toBe(2);
  });

  test('a FIN needs no reading, but all before it does', () => {
    const delivery = new Delivery(BOUNDS);
    const on = link();
    delivery.receive(on, 'a', 0);
    hears(delivery, on, FIN);
    expect(delivery.consumed).toBe(0);
    delivery.read(1, true, 0);
    expect(delivery.consumed).toBe(2);
    const empty = new Delivery(BOUNDS);
    hears(empty, link(), FIN);
    expect(empty.consumed).toBe(1);
  });
});

describe('the end', () => {
  test('is a FIN behind everything, numbered, and free', () => {
    const delivery = withMessages('a');
    const before = delivery.outbox.bytes;
    delivery.end(4000, 'bye');
    expect(delivery.outbox.bytes).toBe(before);
    expect(delivery).toMatchObject({ last: 2, pending: 1, unsent: 1, endAcked: false });
    expect(transmitted(delivery, link())).toEqual(['a', encode(FIN)]);
    expect(delivery).toMatchObject({ pending: 1, unsent: 0 });
  });

  test('comes once', () => {
    const delivery = withMessages();
    delivery.end(4000, 'bye');
    delivery.end(1000, 'again');
    expect(transmitted(delivery, link())).toEqual([encode(FIN)]);
  });

  test('has arrived when it is acked, and nothing before', () => {
    const delivery = withMessages('a');
    delivery.end(4000, 'bye');
    const on = link();
    transmitted(delivery, on);
    hears(delivery, on, { letter: 'A', c: 1 });
    expect(delivery).toMatchObject({ endAcked: false, pending: 0, unsent: 0 });
    hears(delivery, on, { letter: 'A', c: 2 });
    expect(delivery).toMatchObject({ endAcked: true, pending: 0, unsent: 0 });
  });

  test('is none when nobody has said it', () => {
    expect(withMessages().endAcked).toBe(false);
  });
});

describe('what was not delivered', () => {
  test('is all that is not acked, or what the peer is known not to have received', () => {
    const delivery = withMessages('a', `${DLE}b`, 'c');
    delivery.end(1000, '');
    const on = link();
    transmitted(delivery, on);
    hears(delivery, on, { letter: 'A', c: 1 });
    expect(delivery.undelivered()).toEqual([`${DLE}b`, 'c']);
    expect(delivery.undelivered(2)).toEqual(['c']);
    expect(delivery.undelivered(3)).toEqual([]);
    expect(delivery.undelivered(4)).toEqual([]);
  });

  test('is nothing stranger for a strange number', () => {
    const delivery = withMessages('a', 'b');
    transmitted(delivery, link());
    delivery.acknowledge(1, 2, 0);
    expect(delivery.undelivered(0)).toEqual(['b']);
    expect(delivery.undelivered(Number.MAX_SAFE_INTEGER)).toEqual([]);
  });

  test('is let go of by clear, and nothing is left to wait for', () => {
    const delivery = withMessages('a');
    delivery.end(1000, '');
    transmitted(delivery, link());
    delivery.clear();
    expect([delivery.pending, delivery.unsent, delivery.last]).toEqual([0, 0, 0]);
    expect(delivery.undelivered()).toEqual([]);
    expect(delivery.overdueAt(link())).toBeUndefined();
  });

  test('is given back to the ledger of all', () => {
    const ledger = { bytes: 0 };
    const delivery = new Delivery({ ...BOUNDS, ledger });
    delivery.push('abc', false);
    delivery.push('d', false);
    expect(ledger.bytes).toBe(4);
    const on = link();
    transmitted(delivery, on);
    hears(delivery, on, { letter: 'A', c: 1 });
    expect(ledger.bytes).toBe(1);
    delivery.clear();
    expect(ledger.bytes).toBe(0);
  });
});

describe('a snapshot', () => {
  /** Three messages sent, of which one is acked; three received, of which two are consumed. */
  function busy(): Delivery {
    const delivery = withMessages('a', `${DLE}b`, 'c', 'd');
    const on = link();
    for (let n = 0; n < 3; n++) delivery.transmit(on, 0);
    hears(delivery, on, { letter: 'A', c: 1 });
    for (const data of ['x', 'y', 'z']) delivery.receive(on, data, 0);
    delivery.read(2, true, 0);
    return delivery;
  }

  const restored = (snapshot: DeliverySnapshot, bounds = BOUNDS): Delivery =>
    Delivery.restore(bounds, structuredClone(snapshot));

  test('is plain data, from which the other end goes on', () => {
    const ledger = { bytes: 0 };
    const delivery = restored(busy().snapshot(), { ...BOUNDS, ledger });
    expect(delivery).toMatchObject({ acked: 1, last: 4, pending: 3, unsent: 1 });
    expect(ledger.bytes).toBe(5);
    const on = link(1, delivery.rcvd);
    expect(transmitted(delivery, on)).toEqual([`${DLE}${DLE}b`, 'c', 'd']);
    hears(delivery, on, { letter: 'A', c: 4 });
    expect([delivery.pending, ledger.bytes]).toEqual([0, 0]);
  });

  test('knows what was sent, since the client may have received that', () => {
    const delivery = restored(busy().snapshot());
    expect(delivery.outbox.handed).toBe(3);
    expect(delivery.acknowledge(3, delivery.outbox.handed, 0)).toBe(true);
    expect(delivery.outbox.waitingBytes).toBe(1);
  });

  test('leaves behind what was not consumed, which the peer sends again', () => {
    const delivery = restored(busy().snapshot());
    expect(delivery).toMatchObject({ rcvd: 2, consumed: 2 });
    expect(delivery.ackDueAt).toBeUndefined();
    expect(delivery.receive(link(0, 2), 'z', 0)).toBe('z');
  });

  test('remembers both FINs', () => {
    const delivery = busy();
    delivery.end(4000, 'bye');
    const on = link(0, 3);
    hears(delivery, on, FIN);
    const partly = restored(delivery.snapshot());
    expect(partly).toMatchObject({ endAcked: false, pending: 3, peerFin: undefined, rcvd: 2 });
    expect(partly.outbox.bytes).toBe(5);
    delivery.read(3, true, 0);
    const all = restored(delivery.snapshot());
    expect(all).toMatchObject({ peerFin: FIN, rcvd: 4, consumed: 4 });
    expect(all.receive(link(0, 4), 'late', 0)).toBe(MALFORMED);
  });

  test('remembers a FIN that is acked', () => {
    const delivery = withMessages();
    delivery.end(4000, 'bye');
    const on = link();
    transmitted(delivery, on);
    hears(delivery, on, { letter: 'A', c: 1 });
    expect(restored(delivery.snapshot())).toMatchObject({ endAcked: true, pending: 0 });
  });
});

describe('two ends and any number of connections', () => {
  type Move = 'send' | 'carry' | 'ack' | 'cut' | 'read';
  const moves = fc.array(fc.constantFrom<Move>('send', 'send', 'carry', 'carry', 'ack', 'cut', 'read'), {
    minLength: 10,
    maxLength: 200,
    size: 'max',
  });

  test('every message arrives exactly once and in order, whatever is cut whenever', () => {
    fc.assert(
      fc.property(moves, fc.boolean(), (happened, pulls) => {
        const [ours, theirs] = [new Delivery(BOUNDS), new Delivery(BOUNDS)];
        theirs.read(0, pulls, 0);
        let [out, into] = [link(), link()];
        let wire: Data[] = [];
        const said: Data[] = [];
        const heard: Data[] = [];
        const carry = (): void => {
          const data = wire.shift();
          const got = data === undefined ? undefined : theirs.receive(into, data, 0);
          expect(got).not.toBe(MALFORMED);
          if (got !== undefined) heard.push(got as Data);
        };
        const act: Record<Move, () => void> = {
          send: () => {
            if (!ours.outbox.fits(2)) return;
            const data = said.length % 3 === 0 ? `${DLE}${said.length % 10}` : String(said.length % 100);
            said.push(data);
            ours.push(data, false);
            wire.push(...transmitted(ours, out));
          },
          carry,
          ack: () => expect(hears(ours, out, { letter: 'A', c: theirs.report() })).toBeUndefined(),
          read: () => theirs.read(theirs.consumed + 1, pulls, 0),
          cut: () => {
            wire = [];
            expect(ours.acknowledge(theirs.consumed, ours.outbox.handed, 0)).toBe(true);
            out = link();
            into = link(0, theirs.rcvd);
            ours.sendOn(out, theirs.rcvd + 1, 0);
            wire.push(...transmitted(ours, out));
          },
        };
        for (const move of happened) act[move]();
        act.cut();
        while (wire.length > 0) carry();
        expect(heard).toEqual(said);
        theirs.read(theirs.rcvd, true, 0);
        act.ack();
        expect([ours.pending, ours.outbox.bytes]).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('patience', () => {
  test('doubles with each connection that was given up as dead, up to 32 times, until an ack comes', () => {
    const delivery = withMessages('a');
    transmitted(delivery, link());
    expect([delivery.patience, delivery.leniency]).toEqual([3000, 1]);
    delivery.foundDead();
    expect([delivery.patience, delivery.leniency]).toEqual([6000, 2]);
    for (let n = 0; n < 9; n++) delivery.foundDead();
    expect([delivery.patience, delivery.leniency]).toEqual([96_000, 32]);
    delivery.acknowledge(1, 1, 0);
    expect([delivery.patience, delivery.leniency]).toEqual([3000, 1]);
  });
});
