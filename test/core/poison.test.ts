import { expect, test } from 'vitest';
import { ownEnding } from '../../src/core/close-code.js';
import { Poison } from '../../src/core/poison.js';

const ending = (code: number) => ownEnding('open', 'peer', code);

/** What is said of each of these endings, with one message at the head of all. */
function suspected(poison: Poison, number: number, ...codes: readonly number[]): (string | undefined)[] {
  return codes.map((code) => poison.suspect(number, ending(code)));
}

const times = (count: number, code: number): number[] => Array<number>(count).fill(code);

test('ten connections in a row that end with the same message are no accident', () => {
  const said = suspected(new Poison(), 7, ...times(10, 1006));
  expect(said.slice(0, 9)).toEqual(times(9, 0).map(() => undefined));
  expect(said[9]).toBe('message 7 of the session ended 10 connections in a row');
});

test('three are enough if they say that it is too big, whatever lies between', () => {
  expect(suspected(new Poison(), 1, 1009, 1006, 1009, 1001, 1009)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    'message 1 of the session ended 5 connections in a row',
  ]);
});

test('another message at the head begins the count anew, also of too big ones', () => {
  const poison = new Poison();
  suspected(poison, 1, ...times(9, 1006));
  expect(suspected(poison, 2, ...times(9, 1006))).not.toContain(expect.any(String));
  suspected(poison, 3, 1009, 1009);
  expect(suspected(poison, 4, 1009, 1009)).toEqual([undefined, undefined]);
  expect(suspected(poison, 3, 1009, 1009)).toEqual([undefined, undefined]);
});

test('a message that has arrived is none', () => {
  const poison = new Poison();
  suspected(poison, 5, ...times(9, 1006));
  poison.arrived(4);
  expect(poison.suspect(5, ending(1006))).toContain('10 connections');
  poison.arrived(5);
  expect(suspected(poison, 5, ...times(9, 1009)).slice(0, 2)).toEqual([undefined, undefined]);
  poison.arrived(99);
  expect(suspected(poison, 5, ...times(9, 1006))[8]).toBeUndefined();
});
