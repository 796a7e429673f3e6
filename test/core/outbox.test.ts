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
