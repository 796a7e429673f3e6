import { describe, expect, test } from 'vitest';
import type { CloseDetail } from '../../src/core/types.js';
import { Life } from '../../src/socket/life.js';
import { fateOf } from './simulated.js';

const END: CloseDetail = {
  phase: 'dial',
  cause: 'timeout',
  code: 1006,
  reason: '',
  wasClean: false,
  undelivered: 0,
  unconfirmed: 0,
};

describe('opened', () => {
  test('resolves with the first connection, asked for before or behind it', async () => {
    const life = new Life();
    life.begin();
    const before = life.opened;
    expect(await fateOf(before)).toBe('pending');
    life.open();
    expect(await fateOf(before)).toBe('resolved');
    expect(life.opened).toBe(before);
    const late = new Life();
    late.begin();
    late.open();
    expect(await fateOf(late.opened)).toBe('resolved');
  });

  test('rejects with what ended a life that never opened', async () => {
    const life = new Life();
    life.begin();
    const { opened } = life;
    life.finish(END);
    await expect(opened).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT', ending: END });
    await expect(life.opened).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' });
  });

  test('stays resolved when the life ends, asked for before or behind that', async () => {
    const life = new Life();
    life.begin();
    life.open();
    life.finish(END);
    expect(await fateOf(life.opened)).toBe('resolved');
  });
});

describe('closed', () => {
  test('resolves with the close event, asked for before or behind it', async () => {
    const life = new Life();
    life.begin();
    const { closed } = life;
    life.open();
    expect(await fateOf(closed)).toBe('pending');
    life.finish(END);
    expect(await closed).toBe(END);
    expect(life.closed).toBe(closed);
    expect(life.end).toBe(END);
  });
});

describe('a new life', () => {
  test('has new promises and no end', async () => {
    const life = new Life();
    life.begin();
    const { opened, closed } = life;
    life.finish(END);
    life.begin();
    expect(life.end).toBeUndefined();
    expect(life.opened).not.toBe(opened);
    expect(life.closed).not.toBe(closed);
    expect(await fateOf(life.opened)).toBe('pending');
    expect(await fateOf(life.closed)).toBe('pending');
  });

  test('after one that opened has not opened yet', async () => {
    const life = new Life();
    life.begin();
    life.open();
    life.finish(END);
    life.begin();
    expect(await fateOf(life.opened)).toBe('pending');
  });

  test('keeps the promises that were asked for before the first', async () => {
    const life = new Life();
    const { opened } = life;
    life.begin();
    life.open();
    expect(await fateOf(opened)).toBe('resolved');
  });
});

test('a rejection that nobody listens to does not end the process', async () => {
  const seen: unknown[] = [];
  const listener = (reason: unknown): number => seen.push(reason);
  process.on('unhandledRejection', listener);
  const life = new Life();
  life.begin();
  void life.opened;
  life.finish(END);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', listener);
  expect(seen).toEqual([]);
});
