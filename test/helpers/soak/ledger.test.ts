import { expect, test } from 'vitest';
import { faultsOf, Ledger, message, numberOf } from './ledger.js';

/** What the ledger makes of these numbers, when so many were sent. */
function judge(numbers: readonly number[], sent: number): string[] {
  const ledger = new Ledger();
  for (const n of numbers) ledger.receive(message(n));
  return faultsOf(sent, ledger.account);
}

test('every message tells its number, as text and as bytes, with and without the head of a control frame', () => {
  const kinds = new Set<string>();
  for (let n = 1; n <= 500; n++) {
    const data = message(n);
    kinds.add(typeof data === 'string' ? data.slice(0, 2).replace(/\d.*/, '') : 'bytes');
    expect(numberOf(data)).toBe(n);
    if (typeof data !== 'string') expect(numberOf(data.buffer)).toBe(n);
  }
  expect(kinds).toEqual(new Set(['', '\u0010A', '\u0010\u0010', 'bytes']));
});

test('each message once and in order is no fault', () => {
  expect(judge([1, 2, 3, 4, 5, 6, 7], 7)).toEqual([]);
});

test.each([
  ['lost in the middle', [1, 2, 4, 5], 5, '1 of 5 lost'],
  ['lost at the end', [1, 2, 3], 5, '2 of 5 lost'],
  ['lost altogether', [], 5, '5 of 5 lost'],
  ['repeated', [1, 2, 2, 3], 3, '1 of 3 duplicated'],
  ['overtaken', [1, 3, 2, 4], 4, '1 of 4 out of order'],
  ['never sent', [1, 2, 3], 2, '1 of 2 never sent'],
])('finds what was %s', (_, numbers, sent, found) => {
  expect(judge(numbers, sent)[0]).toBe(found);
});

test('finds what was cut short, changed or unescaped', () => {
  const ledger = new Ledger();
  const bytes = message(7) as Uint8Array;
  for (const data of [
    bytes.slice(0, -1),
    bytes.map((byte, i) => (i === 20 ? byte + 1 : byte)),
    'x',
    new Uint8Array(),
  ]) {
    ledger.receive(data);
  }
  ledger.receive((message(22) as string).slice(1));
  expect(ledger.account).toMatchObject({ received: 5, damaged: 5, highest: 0 });
});
