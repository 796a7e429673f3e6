import { describe, expect, test } from 'vitest';
import { clampedShort, needArguments, shapeInterface, unsignedShort, usvString } from '../../src/websocket/web-idl.js';

describe('a USVString', () => {
  test.each([
    ['plain', 'plain'],
    ['a\uD83D\uDE00b', 'a\uD83D\uDE00b'],
    ['\uD83D', '\uFFFD'],
    ['\uDE00\uD83D', '\uFFFD\uFFFD'],
    ['\uD83D\uD83D\uDE00', '\uFFFD\uD83D\uDE00'],
    [null, 'null'],
    [undefined, 'undefined'],
    [12.5, '12.5'],
    [{ toString: () => 'me' }, 'me'],
  ])('of %j is %j', (value, text) => {
    expect(usvString(value)).toBe(text);
  });

  test('is the same without the help of the engine', () => {
    const { isWellFormed } = String.prototype as { isWellFormed?: unknown };
    Object.assign(String.prototype, { isWellFormed: undefined });
    try {
      expect(usvString('\uD83D\uDE00\uDE00\uD83Dx')).toBe('\uD83D\uDE00\uFFFD\uFFFDx');
    } finally {
      Object.defineProperty(String.prototype, 'isWellFormed', {
        value: isWellFormed,
        writable: true,
        configurable: true,
        enumerable: false,
      });
    }
  });

  test('of a symbol is a TypeError', () => {
    expect(() => usvString(Symbol())).toThrow(TypeError);
  });
});

describe('numbers', () => {
  test.each([
    [1000, 1000],
    ['3000', 3000],
    [null, 0],
    [undefined, 0],
    [Number.NaN, 0],
    [-5, 0],
    [70_000, 65_535],
    [Number.POSITIVE_INFINITY, 65_535],
    [999.5, 1000],
    [1000.5, 1000],
    [1000.6, 1001],
    [-0, 0],
  ])('%s, clamped, is %i', (value, clamped) => {
    expect(clampedShort(value)).toBe(clamped);
  });

  test('a bigint or a symbol is no number', () => {
    for (const value of [1000n, Symbol()]) expect(() => clampedShort(value)).toThrow(TypeError);
  });

  test('an unsigned short is taken modulo 65536', () => {
    expect([65_537, -1, 1.9, Number.NaN, 2 ** 32 + 5].map(unsignedShort)).toEqual([1, 65_535, 1, 0, 5]);
  });
});

test('too few arguments are a TypeError', () => {
  expect(() => needArguments(0, 1, 'send')).toThrow(new TypeError('send: 1 argument required, but only 0 present.'));
  expect(() => needArguments(1, 1, 'send')).not.toThrow();
});

test('an interface has enumerable members, constants that cannot change, and its name', () => {
  class Mangled {
    get size(): number {
      return 1;
    }
    empty(): void {}
  }
  shapeInterface(Mangled, 'Box', { FULL: 2 });
  const box = new Mangled() as Mangled & { FULL: number };
  expect([Mangled.name, String(box), box.FULL]).toEqual(['Box', '[object Box]', 2]);
  expect(Object.keys(Mangled.prototype).sort()).toEqual(['FULL', 'empty', 'size']);
  for (const holder of [Mangled, Mangled.prototype]) {
    expect(Object.getOwnPropertyDescriptor(holder, 'FULL')).toEqual({
      value: 2,
      enumerable: true,
      writable: false,
      configurable: false,
    });
  }
});
