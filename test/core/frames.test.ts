import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Control,
  encode,
  framed,
  isControl,
  isPlain,
  MALFORMED,
  parse,
  unframed,
  withoutKey,
} from '../../src/core/frames.js';

const DLE = '\u0010';
const MOST = Number.MAX_SAFE_INTEGER;

const WELCOME: Control = { letter: 'W', s: 'sid', k: 'key', r: 0, c: 0, f: 1, t: 120_000, h: 25_000, b: 1, z: 2 };
const RESUME: Control = { letter: 'R', v: 1, s: 'sid', k: 'key', n: 3, r: 2, c: 1 };

/** Each frame, with and without what may be missing, and as PROTOCOL.md §5 writes it. */
const EXAMPLES: readonly (readonly [string, Control])[] = [
  ['H{"v":1,"b":1048576}', { letter: 'H', v: 1, b: 1_048_576 }],
  ['W{"s":"sid","k":"key","r":0,"c":0,"f":1,"t":120000,"h":25000,"b":1,"z":2}', WELCOME],
  [
    'W{"s":"","r":9,"c":8,"f":7,"t":6,"h":5,"m":4,"b":3,"z":2,"p":"chat","x":1}',
    { letter: 'W', s: '', r: 9, c: 8, f: 7, t: 6, h: 5, m: 4, b: 3, z: 2, p: 'chat', x: 1 },
  ],
  ['R{"v":1,"s":"sid","k":"key","n":3,"r":2,"c":1}', RESUME],
  ['R{"v":1,"s":"sid","k":"key","n":3,"r":2,"c":1,"h":1}', { ...RESUME, h: 1 }],
  ['T3,2,1', { letter: 'T', r: 3, c: 2, s: 1 }],
  ['A0', { letter: 'A', c: 0 }],
  [`A${MOST}`, { letter: 'A', c: MOST }],
  ['P1,2', { letter: 'P', id: 1, c: 2 }],
  ['O1,2', { letter: 'O', id: 1, c: 2 }],
  ['G{"d":5000,"w":2500,"why":"drain"}', { letter: 'G', d: 5000, w: 2500, why: 'drain' }],
  ['X{"why":"busy","retry":200}', { letter: 'X', why: 'busy', retry: 200 }],
  ['X{"why":"closed","r":4,"c":4000,"m":"bye"}', { letter: 'X', why: 'closed', r: 4, c: 4000, m: 'bye' }],
  ['F{"c":1000,"m":""}', { letter: 'F', c: 1000, m: '' }],
];

const parsed = (text: string): unknown => parse(DLE + text);

describe('an application’s message on the wire', () => {
  test.each(['', 'text', `a${DLE}b`, '\u0011', '😀'])('is %o as it is', (text) => {
    expect(framed(text)).toBe(text);
    expect(unframed(text)).toBe(text);
    expect(isPlain(text)).toBe(true);
  });

  test.each([DLE, `${DLE}text`, `${DLE}${DLE}`, `${DLE}A0`, `${DLE}W{}`])('is %o with its DLE doubled', (text) => {
    expect(framed(text)).toBe(DLE + text);
    expect(isPlain(DLE + text)).toBe(false);
    expect(parse(DLE + text)).toBe(text);
    expect(unframed(DLE + text)).toBe(text);
  });

  test.each([
    ['an ArrayBuffer', new Uint8Array([0x10, 0x41]).buffer],
    ['a view', new Uint8Array([0x10, 0x10])],
  ])('as %s is never looked into', (_, bytes) => {
    expect(framed(bytes)).toBe(bytes);
    expect(unframed(bytes)).toBe(bytes);
  });

  test('comes back as it was, whatever it is, and however long', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((rest) => DLE + rest),
    );
    fc.assert(fc.property(text, (message) => unframed(framed(message)) === message));
    expect(parse(DLE + DLE + 'x'.repeat(1e6))).toBe(DLE + 'x'.repeat(1e6));
  });

  test('is no FIN: of that nothing is an application’s', () => {
    expect(unframed(encode({ letter: 'F', c: 1000, m: '' }))).toBeUndefined();
  });
});

describe('a control frame', () => {
  test.each(EXAMPLES)('%s is written and read', (text, frame) => {
    expect(encode(frame)).toBe(DLE + text);
    expect(parsed(text)).toEqual(frame);
  });

  test('may hold what a later version adds, which is dropped', () => {
    expect(parsed('F{"c":1000,"m":"","later":{"x":[]},"letter":"W"}')).toEqual({ letter: 'F', c: 1000, m: '' });
    expect(parsed('F{"__proto__":{"c":1},"c":2000,"m":""}')).toEqual({ letter: 'F', c: 2000, m: '' });
  });

  test.each(['a', 'z', 'x{}', 'q,', `m${'x'.repeat(2000)}`])(
    'of a small letter is of a later version, and ignored: %s',
    (text) => {
      expect(parsed(text)).toBeUndefined();
    },
  );

  test.each(['', ' ', 'B', 'Z{}', 'É', '0', '{', '\u0000', '\u0011', '`', 'ä'])(
    'of no known letter is malformed: %o',
    (text) => {
      expect(parsed(text)).toBe(MALFORMED);
    },
  );

  test('has at most 2048 bytes, known or not', () => {
    const long = (count: number, filler = 'x'): string => `X{"why":"${filler.repeat(count)}"}`;
    const most = 2048 - 1 - long(0).length;
    expect(parsed(long(most))).toMatchObject({ letter: 'X' });
    expect(parsed(long(most + 1))).toBe(MALFORMED);
    expect(parsed(long(most / 2 + 1, 'é'))).toBe(MALFORMED);
    expect(parsed(`m${'x'.repeat(2047)}`)).toBe(MALFORMED);
  });
});

describe('a FIN', () => {
  test.each([
    [1000, '', true],
    [4999, 'x'.repeat(123), true],
    [999, '', false],
    [5000, '', false],
    [Number.MAX_SAFE_INTEGER, '', false],
    [1000, 'x'.repeat(124), false],
    [1000, 'é'.repeat(62), false],
  ])('holds what a close frame may hold: %d with %o', (c, m, holds) => {
    const frame = parsed(`F${JSON.stringify({ c, m })}`);
    expect(frame).toEqual(holds ? { letter: 'F', c, m } : MALFORMED);
  });
});

describe('a malformed frame', () => {
  test.each([
    'A',
    'A-1',
    'A+1',
    'A1.0',
    'A1e3',
    'A0x10',
    'A 1',
    'A1 ',
    'A1\n',
    'A١',
    'A1,2',
    'A,',
    'A9007199254740992',
    'A90071992547409919',
    `A${'9'.repeat(400)}`,
    'ANaN',
    'AInfinity',
    'Anull',
    'P1',
    'P1,',
    'P,1',
    'P1,2,3',
    'P1;2',
    'O',
    'T1,2',
    'T1,2,3,4',
    'T1,2,-3',
    'T1,,3',
  ])('with other numbers than whole ones up to 2^53 - 1, or another count of them: %s', (text) => {
    expect(parsed(text)).toBe(MALFORMED);
  });

  test.each([
    '',
    'null',
    'true',
    '1',
    '"c"',
    '[]',
    '[1,""]',
    '{',
    '{"c":1,"m":"}',
    '{c:1}',
    'undefined',
    '{"c":1,"m":""} x',
  ])('that is no object: F%s', (text) => expect(parsed(`F${text}`)).toBe(MALFORMED));

  test('without one of its fields', () => {
    for (const [, frame] of EXAMPLES) {
      const { letter, ...fields } = frame as unknown as Record<string, unknown>;
      if (['A', 'P', 'O', 'T'].includes(String(letter))) continue;
      for (const name of Object.keys(fields)) {
        const rest: Record<string, unknown> = { ...fields };
        delete rest[name];
        const optional = ['k', 'm', 'p', 'x'].includes(name) && letter === 'W';
        const may = optional || name === 'h' || (letter === 'X' && name !== 'why');
        if (may && !(letter === 'W' && name === 'h'))
          expect(parsed(letter + JSON.stringify(rest))).toEqual({ letter, ...rest });
        else expect(parsed(letter + JSON.stringify(rest))).toBe(MALFORMED);
      }
    }
  });

  const wrong: unknown[] = [null, true, -1, 0.5, 2 ** 53, 1e300, '1', '', [], [1], {}, { toString: 1 }];

  test('with a wrong kind of field', () => {
    for (const [, frame] of EXAMPLES) {
      const { letter, ...fields } = frame as unknown as Record<string, unknown>;
      if (['A', 'P', 'O', 'T'].includes(String(letter))) continue;
      for (const [name, right] of Object.entries(fields)) {
        for (const value of wrong) {
          if (typeof value === typeof right && typeof value === 'string') continue;
          expect(parsed(letter + JSON.stringify({ ...fields, [name]: value }))).toBe(MALFORMED);
        }
      }
    }
  });

  test.each([0, 2, '1', true, null])('with a flag that is not 1, but %o', (value) => {
    expect(parsed(`R${JSON.stringify({ ...RESUME, letter: undefined, h: value })}`)).toBe(MALFORMED);
    expect(parsed(`W${JSON.stringify({ ...WELCOME, letter: undefined, x: value })}`)).toBe(MALFORMED);
  });

  test('with a field that is everybody’s, not its own', () => {
    const { letter, ...fields } = RESUME as unknown as Record<string, unknown>;
    expect(parsed(`R${JSON.stringify({ ...fields, s: undefined })}`)).toBe(MALFORMED);
    expect(parsed('X{"__proto__":{"why":"busy"}}')).toBe(MALFORMED);
    expect(letter).toBe('R');
  });

  test('is no text: what the application may send is told apart', () => {
    expect(typeof MALFORMED).toBe('object');
    expect(parsed(`${DLE}?`)).toBe(`${DLE}?`);
  });

  test('whatever comes, reading never throws, and knows only frames there are', () => {
    const json = fc.json().map((value) => value.slice(0, 2100));
    const letters = fc.constantFrom(...'HWRTAPOGXFabz?é\u0010'.split(''));
    const numbers = fc.array(fc.oneof(fc.nat(), fc.constantFrom(MOST, MOST + 1, -1, Number.NaN))).map(String);
    const rest = fc.oneof(json, numbers, fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(letters, rest, (letter, text) => {
        const frame = parse(DLE + letter + text);
        if (letter === DLE) expect(frame).toBe(DLE + text);
        else if (/^[a-z]$/.test(letter)) expect([undefined, MALFORMED]).toContain(frame);
        else if (frame !== MALFORMED) expect(parse(encode(frame as Control))).toEqual(frame);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a frame for a log', () => {
  test.each([WELCOME, RESUME])('$letter has no key', (frame) => {
    const text = withoutKey(encode(frame));
    expect(text).not.toContain('key');
    expect(parse(text)).toEqual({ ...frame, k: '…' });
  });

  test('has none either if another library wrote it', () => {
    for (const body of [
      '{"k": "secret", "s":"sid"}',
      '{ "k" :\n"sec\\"ret" }',
      '{"k":"secret","k":"secret"}',
      '{"k":"secret',
    ]) {
      expect(withoutKey(`${DLE}R${body}`)).not.toMatch(/secret|ret/);
    }
  });

  test.each(['text "k":"v"', `${DLE}${DLE}W{"k":"v"}`, `${DLE}X{"why":"key"}`, `${DLE}A1`, '', DLE, '{"k":"v"}'])(
    '%o is shown as it is',
    (text) => expect(withoutKey(text)).toBe(text),
  );
});

test('control frames are those that are neither the application’s nor numbered', () => {
  for (const text of ['A0', 'P1,0', '', '?', 'W{}', 'q']) expect(isControl(DLE + text)).toBe(true);
  for (const data of ['A0', '', `${DLE}${DLE}A0`, `${DLE}F{}`, new Uint8Array([0x10, 0x41])]) {
    expect(isControl(data)).toBe(false);
  }
});
