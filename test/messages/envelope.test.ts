import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Data } from '../../src/core/types.js';
import { envelope, escaped, idsOf, type Kind, ordinary, parse } from '../../src/messages/envelope.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const buffer = (data: Uint8Array): ArrayBuffer => data.slice().buffer as ArrayBuffer;
const text = (data: Data | undefined): string | undefined =>
  data === undefined || typeof data === 'string'
    ? data
    : String.fromCharCode(...new Uint8Array(ArrayBuffer.isView(data) ? data.buffer.slice(data.byteOffset) : data));

describe('the wire form', () => {
  test.each<[Kind, string, Data | undefined, Data]>([
    ['Q', 'a-1', '{"get":1}', '\u0005Qa-1 {"get":1}'],
    ['Q', 'a-1', undefined, '\u0005Qa-1'],
    ['A', 'a-1', '', '\u0005Aa-1 '],
    ['E', 'a-1', 'handler it broke', '\u0005Ea-1 handler it broke'],
    ['C', 'a-1', undefined, '\u0005Ca-1'],
    ['H', 'a-1', 'a-2 a-3', '\u0005Ha-1 a-2 a-3'],
    ['A', 'a-1', bytes('\x01\x02'), bytes('\xc1Aa-1 \x01\x02')],
  ])('of %s %s %j is as documented, and read back', (kind, id, body, wire) => {
    expect(envelope(kind, id, body)).toEqual(wire);
    expect(ordinary(wire)).toBeUndefined();
    expect(parse(wire)).toEqual({ kind, id, body });
    if (typeof wire !== 'string') expect(text(parse(buffer(wire as Uint8Array)).body)).toBe('\x01\x02');
  });

  test('lists ids', () => {
    expect(idsOf(parse('\u0005Ha b c'))).toEqual(['a', 'b', 'c']);
    expect(idsOf(parse('\u0005Ha'))).toEqual(['a']);
  });

  test('lets messages be: JSON as it is, and what begins as an envelope escaped', () => {
    for (const data of ['', '{}', 'x\u0005', new Uint8Array(), bytes('x\xc1')]) {
      expect(escaped(data)).toBe(data);
      expect(ordinary(data)).toBe(data);
    }
    expect(escaped('\u0005Qa x')).toBe('\u0005=\u0005Qa x');
    expect(escaped(bytes('\xc1Qa'))).toEqual(bytes('\xc1=\xc1Qa'));
    expect(ordinary(buffer(bytes('\xc1=\xc1Qa')))).toEqual(buffer(bytes('\xc1Qa')));
  });

  test.each([
    '\u0005',
    '\u0005Q',
    '\u0005Q ',
    '\u0005Q body',
    '\u0005Za',
    '\u0005qa',
    `\u0005Q${'a'.repeat(65)}`,
    `\u0005Q${'a'.repeat(65)} x`,
    `\u0005Q${'a'.repeat(1_000_000)}`,
    '\u0005Qä x',
    '\u0005Qa\nb',
  ])('that is malformed is refused: %j', (wire) => {
    expect(() => parse(wire)).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE', data: wire }));
    const binary = bytes(wire.replace('\u0005', '\xc1'));
    expect(() => parse(binary)).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE', data: binary }));
  });

  test('takes ids of 64 characters', () => {
    const id = 'a'.repeat(64);
    expect(parse(`\u0005Q${id} x`)).toEqual({ kind: 'Q', id, body: 'x' });
    expect(parse(`\u0005Q${id}`)).toEqual({ kind: 'Q', id, body: undefined });
  });
});

const anyText = fc.oneof(
  fc.string(),
  fc.string().map((rest) => `\u0005${rest}`),
);
const anyBytes = fc.oneof(
  fc.uint8Array(),
  fc.uint8Array().map((rest) => Uint8Array.of(0xc1, ...rest)),
);

describe('whatever comes', () => {
  test('every message survives the way, and is never an envelope', () => {
    fc.assert(
      fc.property(fc.oneof<[typeof anyText, typeof anyBytes]>(anyText, anyBytes), (message) => {
        expect(ordinary(escaped(message))).toEqual(message);
      }),
    );
  });

  test('every envelope survives the way', () => {
    const id = fc.stringMatching(/^[\w.-]{1,64}$/);
    const kind = fc.constantFrom<Kind>('Q', 'A', 'E', 'C', 'H', 'L');
    fc.assert(
      fc.property(kind, id, fc.oneof(anyText, anyBytes, fc.constant(undefined)), (kind, id, body) => {
        const wire = envelope(kind, id, body);
        expect(ordinary(wire)).toBeUndefined();
        expect(parse(wire)).toEqual({ kind, id, body });
      }),
    );
  });

  test('what cannot be read is a typed error, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof<[typeof anyText, typeof anyBytes]>(anyText, anyBytes), (data) => {
        if (ordinary(data) !== undefined) return;
        try {
          expect(parse(data).id).toMatch(/^[\w.-]{1,64}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_MESSAGE', data });
        }
      }),
    );
  });
});
