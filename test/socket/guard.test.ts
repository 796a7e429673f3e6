import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { dataOf, guardWith, isBoolean, isData } from '../../src/socket/guard.js';

test('data is text, buffers and their views', () => {
  for (const data of ['', new ArrayBuffer(0), new Uint8Array(1), new DataView(new ArrayBuffer(1)), Buffer.from('x')]) {
    expect(isData(data)).toBe(true);
  }
  for (const other of [undefined, null, 0, {}, [1], new Blob(['x']), new String('x')])
    expect(isData(other)).toBe(false);
});

test('a buffer of another realm is data as well: as a view of it, and its views as they are', () => {
  const view = runInNewContext('new Uint8Array([1, 2, 3])');
  expect(dataOf(view)).toBe(view);
  const data = dataOf(view.buffer) as Uint8Array;
  expect(data).toBeInstanceOf(Uint8Array);
  expect(data.buffer).toBe(view.buffer);
  for (const other of [undefined, {}, runInNewContext('new SharedArrayBuffer(1)')])
    expect(dataOf(other)).toBe(undefined);
});

test('a guarded function’s answer stands, falsy or not', () => {
  const guard = guardWith(() => expect.unreachable());
  expect(guard((n: number) => n === 1, isBoolean, undefined)(1)).toBe(true);
  expect(guard(() => false, isBoolean, true)(undefined)).toBe(false);
});

test('what it throws, or answers by mistake, is replaced; a throw is reported', () => {
  const reported: unknown[] = [];
  const guard = guardWith((error) => reported.push(error));
  const throwing = (): never => {
    throw 'thrown';
  };
  expect(guard(throwing, isBoolean, 'fallback')(undefined)).toBe('fallback');
  expect(guard(() => 1, isBoolean, 'fallback')(undefined)).toBe('fallback');
  expect(reported).toEqual(['thrown']);
});

test('an async function gives no answer in time, and its rejection is reported rather than unhandled', async () => {
  const reported: unknown[] = [];
  const guard = guardWith((error) => reported.push(error));
  expect(guard(() => Promise.reject('late'), isBoolean, false)(undefined)).toBe(false);
  await Promise.resolve();
  await Promise.resolve();
  expect(reported).toEqual(['late']);
});
