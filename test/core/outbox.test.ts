import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteLength, detached, Outbox } from '../../src/core/outbox.js';
import type { Data } from '../../src/core/types.js';

describe('byteLength', () => {
  test('is that of UTF-8 for any string, lone surrogates included', () => {
    const anything = fc.string({ unit: 'binary' });
    const units = fc
      .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd700, max: 0xe0ff })))
      .map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(fc.oneof(anything, units), (text) => byteLength(text) === Buffer.byteLength(text)),
      { numRuns: 2000 },
    );
  });

  test.each([
    '',
    'a',
    '\x7f',
    '\x80',
    '\u07ff',
    '\u0800',
    '\uffff',
    '😀',
    '\ud83d',
    '\ude00',
    '\ude00\ud83d',
    '\ud83d😀',
    '\ud83dx',
  ])('of %o is what Node says', (text) => expect(byteLength(text)).toBe(Buffer.byteLength(text)));

  test('of bytes is their number, of a view that of the view', () => {
    expect(byteLength(new ArrayBuffer(9))).toBe(9);
    expect(byteLength(new Uint16Array(new ArrayBuffer(64), 8, 3))).toBe(6);
    expect(byteLength(new DataView(new ArrayBuffer(64), 60))).toBe(4);
  });
});

describe('detached', () => {
  test('text is itself', () => {
    expect(detached('text')).toBe('text');
  });

  test.each([
    ['an ArrayBuffer', (buffer: ArrayBuffer) => buffer, [1, 2, 3, 4, 5, 6, 7, 8]],
    ['a view', (buffer: ArrayBuffer) => new Uint8Array(buffer, 2, 3), [3, 4, 5]],
    ['a view of wider numbers', (buffer: ArrayBuffer) => new Uint16Array(buffer, 2, 2), [3, 4, 5, 6]],
    ['a DataView', (buffer: ArrayBuffer) => new DataView(buffer, 6), [7, 8]],
    ['a Buffer', (buffer: ArrayBuffer) => Buffer.from(buffer, 0, 2), [1, 2]],
  ] as const)('%s is copied: the caller may reuse it', (_, view, bytes) => {
    const buffer = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
    const copy = detached(view(buffer));
    new Uint8Array(buffer).fill(0);
    expect([...(copy as Uint8Array)]).toEqual(bytes);
    expect((copy as Uint8Array).buffer).not.toBe(buffer);
  });

  test('of a buffer that was transferred away, whose bytes are gone, is empty and no error', () => {
    const buffer = new ArrayBuffer(8);
    const view = new Uint8Array(buffer, 4);
    structuredClone(buffer, { transfer: [buffer] });
    expect((detached(view) as Uint8Array).byteLength).toBe(0);
    expect((detached(buffer) as Uint8Array).byteLength).toBe(0);
  });
});

type Bounds = ConstructorParameters<typeof Outbox>[0];

const bounds = (overrides: Partial<Bounds> = {}): Bounds => ({
  maxBufferedBytes: 100,
  maxBufferedMessages: 10,
  overflow: 'throw',
  ...overrides,
});

function filled(messages: readonly Data[], overrides?: Partial<Bounds>): Outbox {
  const outbox = new Outbox(bounds(overrides));
  for (const message of messages) outbox.push(message);
  return outbox;
}

const emptied = (outbox: Outbox): Data[] => Array.from({ length: outbox.count }, () => outbox.shift());

describe('an outbox', () => {
  test('hands over in order what it took, and knows its number and bytes', () => {
    const outbox = filled(['é', 'b', new Uint8Array([7])]);
    expect([outbox.count, outbox.bytes]).toEqual([3, 4]);
    expect(outbox.shift()).toBe('é');
    expect([outbox.count, outbox.bytes]).toEqual([2, 2]);
    expect(emptied(outbox)).toEqual(['b', new Uint8Array([7])]);
    expect([outbox.count, outbox.bytes]).toEqual([0, 0]);
  });

  test('copies bytes when it takes them', () => {
    const bytes = new Uint8Array([1]);
    const outbox = filled([bytes]);
    bytes[0] = 2;
    expect(outbox.shift()).toEqual(new Uint8Array([1]));
  });

  test('is bounded in bytes', () => {
    const outbox = filled(['x'.repeat(60)]);
    expect(outbox.fits(40)).toBe(true);
    expect(outbox.fits(41)).toBe(false);
  });

  test('is bounded in number', () => {
    expect(filled(['', ''], { maxBufferedMessages: 3 }).fits(0)).toBe(true);
    expect(filled(['', ''], { maxBufferedMessages: 3 }).fits(0, 2)).toBe(false);
    expect(filled(['', '', ''], { maxBufferedMessages: 3 }).fits(0)).toBe(false);
  });

  test('takes one message of any size when it is empty, and not a second', () => {
    const outbox = filled([]);
    expect(outbox.fits(1e9)).toBe(true);
    expect(outbox.fits(1e9, 2)).toBe(false);
    outbox.push('x'.repeat(101));
    expect(outbox.fits(0)).toBe(false);
  });

  test.each([
    ['throw', 'full'],
    ['drop-newest', 'dropped'],
    ['drop-oldest', 'queued'],
  ] as const)('with overflow %s, the verdict on what does not fit is %s', (overflow, verdict) => {
    const outbox = filled(['x'.repeat(60)], { overflow });
    expect(outbox.verdict('x'.repeat(40), 0, 0)).toBe('queued');
    expect(outbox.verdict('x'.repeat(41), 0, 0)).toBe(verdict);
    expect(outbox.verdict('é'.repeat(20), 1, 0)).toBe(verdict);
    expect(outbox.verdict('', 0, 9)).toBe(verdict);
    expect(outbox.verdict('', 40, 8)).toBe('queued');
  });

  test('drops the oldest until a new one fits, and counts them', () => {
    const outbox = filled(['a'.repeat(50), 'b'.repeat(30), 'c'.repeat(20)], { overflow: 'drop-oldest' });
    outbox.push('d'.repeat(70));
    expect(emptied(outbox)).toEqual(['c'.repeat(20), 'd'.repeat(70)]);
    expect(outbox.clear()).toBe(2);
  });

  test('drops all for one that is larger than its bound', () => {
    const outbox = filled(['a', 'b'], { overflow: 'drop-oldest' });
    outbox.push('x'.repeat(1000));
    expect(outbox.count).toBe(1);
    expect(outbox.clear()).toBe(3);
  });

  test('drops for the number of messages as well', () => {
    const outbox = filled(['a', 'b', 'c', 'd'], { overflow: 'drop-oldest', maxBufferedMessages: 3 });
    expect(emptied(outbox)).toEqual(['b', 'c', 'd']);
  });

  test('drops nothing that was accepted under another policy', () => {
    for (const overflow of ['throw', 'drop-newest'] as const) {
      expect(filled(['a', 'b', 'c'], { overflow, maxBufferedMessages: 2 }).count).toBe(3);
    }
  });

  test('forgets everything when cleared, and says how many will never be handed over', () => {
    const outbox = filled(['a', 'b', 'c']);
    outbox.shift();
    outbox.drop();
    expect(outbox.clear()).toBe(3);
    expect([outbox.count, outbox.bytes, outbox.clear()]).toEqual([0, 0, 0]);
  });

  test('is a bounded queue under any use, as a plain array is', () => {
    const action = fc.oneof(
      { weight: 3, arbitrary: fc.string({ maxLength: 20 }).map((data) => ({ push: data })) },
      { weight: 2, arbitrary: fc.constant({ shift: true as const }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 400, size: 'max' }), fc.boolean(), (actions, dropOldest) => {
        const outbox = new Outbox({
          maxBufferedBytes: 400,
          maxBufferedMessages: 60,
          overflow: dropOldest ? 'drop-oldest' : 'throw',
        });
        const model: string[] = [];
        const bytes = (): number => model.reduce((sum, data) => sum + Buffer.byteLength(data), 0);
        let dropped = 0;
        const fits = (data: string): boolean =>
          model.length === 0 || (model.length < 60 && bytes() + Buffer.byteLength(data) <= 400);
        for (const step of actions) {
          if ('shift' in step) {
            if (model.length > 0) expect(outbox.shift()).toBe(model.shift());
          } else {
            expect(outbox.fits(Buffer.byteLength(step.push))).toBe(fits(step.push));
            if (!dropOldest && !fits(step.push)) continue;
            for (; !fits(step.push); dropped++) model.shift();
            model.push(step.push);
            outbox.push(step.push);
          }
          expect([outbox.count, outbox.bytes]).toEqual([model.length, bytes()]);
        }
        expect(outbox.clear()).toBe(model.length + dropped);
      }),
      { numRuns: 50 },
    );
  });
});

describe('an outbox of which messages are let go when they are acked', () => {
  const BOUNDS = { maxBufferedBytes: 100, maxBufferedMessages: 10, overflow: 'throw' } as const;

  function retaining(...messages: readonly string[]): Outbox {
    const outbox = new Outbox(BOUNDS);
    for (const data of messages) outbox.retain(data, data.length);
    return outbox;
  }

  const figures = (outbox: Outbox): unknown => {
    const { released, handed, last, count, bytes, waitingCount, waitingBytes } = outbox;
    return { released, handed, last, count, bytes, waitingCount, waitingBytes };
  };

  test('numbers them from 1, and gives each as often as it is asked for', () => {
    const outbox = retaining('a', 'bb', 'ccc');
    expect([outbox.at(1), outbox.at(2), outbox.at(1)]).toEqual(['a', 'bb', 'a']);
    const figured = { released: 0, handed: 2, last: 3, count: 3, bytes: 6, waitingCount: 1, waitingBytes: 3 };
    expect(figures(outbox)).toEqual(figured);
  });

  test('lets go of all up to a number, of which some may never have been handed over', () => {
    const outbox = retaining('a', 'bb', 'ccc', 'dddd');
    outbox.at(1);
    outbox.release(2);
    const figured = { released: 2, handed: 2, last: 4, count: 2, bytes: 7, waitingCount: 2, waitingBytes: 7 };
    expect(figures(outbox)).toEqual(figured);
    expect(outbox.at(3)).toBe('ccc');
    outbox.release(1);
    outbox.release(3);
    expect(figures(outbox)).toMatchObject({
      released: 3,
      handed: 3,
      count: 1,
      bytes: 4,
      waitingCount: 1,
      waitingBytes: 4,
    });
    expect(outbox.retained()).toEqual(['dddd']);
  });

  test('keeps its numbers when the spent part is cut off', () => {
    const outbox = retaining(...Array.from({ length: 200 }, (_, index) => String(index + 1)));
    for (let number = 1; number <= 150; number++) {
      expect(outbox.at(number)).toBe(String(number));
      outbox.release(number);
    }
    expect(outbox.at(151)).toBe('151');
    expect(outbox.at(200)).toBe('200');
    outbox.retain('201', 3);
    expect(outbox.last).toBe(201);
    expect(outbox.retained()).toEqual(Array.from({ length: 51 }, (_, index) => String(index + 151)));
  });

  test('takes what is free of charge', () => {
    const outbox = retaining('x'.repeat(100));
    outbox.retain('end', 0);
    expect(figures(outbox)).toMatchObject({ count: 2, bytes: 100, waitingBytes: 100, waitingCount: 2 });
  });

  test('goes on where another one was', () => {
    const outbox = new Outbox(BOUNDS);
    outbox.startAfter(7);
    outbox.retain('h', 1);
    expect(figures(outbox)).toEqual({
      released: 7,
      handed: 7,
      last: 8,
      count: 1,
      bytes: 1,
      waitingCount: 1,
      waitingBytes: 1,
    });
    expect(outbox.at(8)).toBe('h');
  });

  test('begins at 1 again when it is cleared, and says what was never handed over', () => {
    const outbox = retaining('a', 'b', 'c');
    outbox.at(1);
    outbox.release(1);
    outbox.at(2);
    expect(outbox.clear()).toBe(1);
    expect(figures(outbox)).toEqual({
      released: 0,
      handed: 0,
      last: 0,
      count: 0,
      bytes: 0,
      waitingCount: 0,
      waitingBytes: 0,
    });
  });

  test('counts in a ledger that others share', () => {
    const ledger = { bytes: 1000 };
    const [one, two] = [new Outbox({ ...BOUNDS, ledger }), new Outbox({ ...BOUNDS, ledger })];
    one.retain('abc', 3);
    two.push('de');
    expect(ledger.bytes).toBe(1005);
    one.release(1);
    expect(ledger.bytes).toBe(1002);
    two.clear();
    expect(ledger.bytes).toBe(1000);
  });

  test('is as a plain array of numbered messages, under any use', () => {
    const action = fc.oneof(
      { weight: 3, arbitrary: fc.nat({ max: 20 }).map((size) => ({ retain: size })) },
      { weight: 2, arbitrary: fc.nat().map((at) => ({ at })) },
      { weight: 2, arbitrary: fc.nat({ max: 40 }).map((release) => ({ release })) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300, size: 'max' }), (actions) => {
        const outbox = new Outbox(BOUNDS);
        const all: number[] = [];
        let [released, handed] = [0, 0];
        const sum = (from: number): number => all.slice(from).reduce((total, size) => total + size, 0);
        for (const step of actions) {
          if ('retain' in step) {
            all.push(step.retain);
            outbox.retain(`${all.length}`, step.retain);
          } else if ('at' in step && released < all.length) {
            const number = released + 1 + (step.at % (all.length - released));
            // Connections are handed messages in order.
            const next = Math.min(number, handed + 1);
            expect(outbox.at(next)).toBe(`${next}`);
            handed = Math.max(handed, next);
          } else if ('release' in step) {
            released = Math.max(released, Math.min(step.release, all.length));
            outbox.release(released);
            handed = Math.max(handed, released);
          }
          expect(figures(outbox)).toEqual({
            released,
            handed,
            last: all.length,
            count: all.length - released,
            bytes: sum(released),
            waitingCount: all.length - handed,
            waitingBytes: sum(handed),
          });
        }
      }),
      { numRuns: 100 },
    );
  });
});
