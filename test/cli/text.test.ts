import { expect, test } from 'vitest';
import { bytesOfHex, duration, hexOf, jsonLine, jsonMessage, visible } from '../../src/cli/text.js';

test.each([
  ['plain, é, 漢, 😀', 'plain, é, 漢, 😀'],
  ['\x1b[2J\x07', '\\x1b[2J\\x07'],
  ['\x9b31m', '\\x9b31m'],
  ['a\u202eb', 'a\\u202eb'],
  ['a\nb\tc', 'a\\x0ab\tc'],
])('what a terminal would obey is shown: %j', (text, shown) => {
  expect(visible(text, '\t')).toBe(shown);
});

test('a line of JSON has no character in it that a terminal would obey, and means the same', () => {
  const value = { data: '\x1b[2J \x9b \u202e \u2028 \n 😀' };
  const line = jsonLine(value);
  expect(JSON.parse(line)).toEqual(value);
  expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Bidi_C}]/u);
});

test('bytes are hex and base64, those of a view alone', () => {
  const bytes = new Uint8Array([1, 0x68, 0x69, 2]).subarray(1, 3);
  expect(hexOf(bytes)).toBe('6869');
  expect(hexOf(bytes.slice().buffer)).toBe('6869');
  expect(jsonMessage(bytes)).toEqual({ base64: 'aGk=' });
  expect(jsonMessage('hi')).toEqual({ data: 'hi' });
});

test('hex is read with and without spaces, and nothing else is', () => {
  expect(bytesOfHex('68 69')).toEqual(new Uint8Array([0x68, 0x69]));
  expect(bytesOfHex('6A6b')).toEqual(new Uint8Array([0x6a, 0x6b]));
  expect(bytesOfHex('')).toEqual(new Uint8Array());
  for (const other of ['6', 'hi', '0x68']) expect(bytesOfHex(other)).toBeUndefined();
});

test('times are for people', () => {
  expect([0.4, 12.3, 999, 1000, 12_345].map(duration)).toEqual(['0 ms', '12 ms', '999 ms', '1.0 s', '12.3 s']);
});
