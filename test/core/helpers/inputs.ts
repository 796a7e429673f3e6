import fc from 'fast-check';
import { type Control, encode } from '../../../src/core/frames.js';
import type { Input } from '../../../src/core/types.js';

// What a hostile or unlucky world may say, for the fuzz tests of the machines.

const MOST = Number.MAX_SAFE_INTEGER;

/** Numbers of messages: mostly such as there are, and those at the ends. */
export const numbers: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 6 }) },
  fc.constantFrom(100, MOST - 1, MOST),
);

const words = fc.constantFrom(
  '',
  'busy',
  'stale',
  'principal',
  'unknown',
  'expired',
  'version',
  'closed',
  'x'.repeat(1200),
);
const times = fc.constantFrom(0, 1, 1000, 25_000, MOST);
const optional = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const ofLetter = (letter: Control['letter'], fields: object): fc.Arbitrary<string> =>
  fc
    .record({ letter: fc.constant(letter), ...fields })
    .map((frame) => encode(JSON.parse(JSON.stringify(frame)) as Control));

const session = fc.constantFrom('sid', 'sid', 'sid', 'other');
const key = fc.constantFrom('key', 'key', 'key', 'wrong');
const one = optional(fc.constant(1));

/** Frames that can be read, with any numbers. */
export const frames: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: ofLetter('A', { c: numbers }) },
  { weight: 2, arbitrary: ofLetter('P', { id: numbers, c: numbers }) },
  { weight: 2, arbitrary: ofLetter('O', { id: numbers, c: numbers }) },
  { weight: 2, arbitrary: ofLetter('T', { r: numbers, c: numbers, s: numbers }) },
  { weight: 2, arbitrary: ofLetter('F', { c: numbers, m: words }) },
  ofLetter('H', { v: fc.constantFrom(0, 1, 2), b: times }),
  ofLetter('R', { v: fc.constantFrom(1, 1, 1, 2), s: session, k: key, n: numbers, r: numbers, c: numbers, h: one }),
  {
    weight: 8,
    arbitrary: ofLetter('W', {
      s: session,
      k: optional(key),
      r: numbers,
      c: numbers,
      f: numbers,
      t: times,
      h: times,
      m: optional(times),
      b: times,
      z: fc.constantFrom(0, 3, MOST),
      p: optional(fc.constant('chat')),
      x: one,
    }),
  },
  ofLetter('G', { d: times, w: times, why: words }),
  {
    weight: 2,
    arbitrary: ofLetter('X', {
      why: words,
      r: optional(numbers),
      retry: optional(times),
      c: optional(numbers),
      m: optional(words),
    }),
  },
);

/** Frames that cannot, or only in part. */
const broken = fc.oneof(
  fc.constantFrom(
    '\u0010',
    '\u0010z',
    '\u0010q{}',
    '\u0010W',
    '\u0010A-1',
    '\u0010F{"c":1}',
    '\u0010\u0010',
    '\u0010\u0010A1',
  ),
  fc.tuple(frames, fc.nat({ max: 40 })).map(([frame, length]) => frame.slice(0, length)),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => `\u0010${text}`),
);

/** Whatever may arrive on a connection. */
export const arriving: fc.Arbitrary<string | Uint8Array<ArrayBuffer>> = fc.oneof(
  { weight: 6, arbitrary: frames },
  { weight: 2, arbitrary: broken },
  { weight: 4, arbitrary: fc.constantFrom('', 'x', 'text', 'x'.repeat(3000)) },
  fc.constant(new Uint8Array([0x10, 0x41])),
);

export const of = <Type extends Input['type']>(type: Type, fields: object = {}): fc.Arbitrary<Input> =>
  fc.record({ type: fc.constant(type), ...fields }) as unknown as fc.Arbitrary<Input>;

/** When an input comes: so long after the last, or at the deadline and a bit. */
export type Moment = { readonly after: number } | { readonly atDeadline: number };

export const moments: fc.Arbitrary<Moment> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ after: fc.constantFrom(0, 0, 1, 100, 2999, 60_000) }) },
  fc.record({ atDeadline: fc.constantFrom(-1, 0, 0, 1, 1000, 1001, 1e7) }),
);

/** What connections report, but for their opening. `id` may be of any connection, past, present or future. */
export const reports = (id: fc.Arbitrary<number>): fc.Arbitrary<Input> => {
  const code = fc.oneof(fc.constantFrom(0, 1000, 1006, 1008, 1009, 4900, 4903), fc.integer());
  const reason = fc.constantFrom('', 'bye');
  const payload = fc.constantFrom('0', '5', '-1', 'NaN', '');
  return fc.oneof(
    { weight: 12, arbitrary: of('message-received', { id, data: arriving }) },
    { weight: 3, arbitrary: of('connection-close', { id, code, reason, wasClean: fc.boolean() }) },
    of('ping-received', { id }),
    of('pong-received', { id, payload }),
    of('connection-backed-up', { id }),
    { weight: 2, arbitrary: of('connection-writable', { id }) },
  );
};
