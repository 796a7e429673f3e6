import { describe, expect, test } from 'vitest';
import { Heartbeat, WAKE_LIMIT } from '../../src/core/heartbeat.js';
import { announcing, probing } from './helpers/config.js';

test('without a heartbeat nothing is ever due or asked', () => {
  const heartbeat = new Heartbeat({ kind: 'none' }, 0);
  expect(heartbeat.deadline).toBeUndefined();
  expect(heartbeat.check(1e9)).toBe('ok');
  expect(heartbeat.wake(1e9)).toBe('ok');
});

describe('probe', () => {
  test('is due after interval of silence, and is lost after timeout', () => {
    const heartbeat = new Heartbeat(probing(), 100);
    expect(heartbeat.deadline).toBe(25_100);
    expect(heartbeat.check(25_099)).toBe('ok');
    expect(heartbeat.check(25_100)).toBe('ping');
    expect(heartbeat.deadline).toBe(30_100);
    expect(heartbeat.check(30_099)).toBe('ok');
    expect(heartbeat.check(30_100)).toBe('half-open');
  });

  test('is put off by every frame heard, and by nothing written', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    heartbeat.heard(10_000);
    heartbeat.wrote(20_000);
    expect(heartbeat.deadline).toBe(35_000);
  });

  test('is answered by any frame', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    heartbeat.check(25_000);
    heartbeat.heard(26_000);
    expect(heartbeat.deadline).toBe(51_000);
    expect(heartbeat.check(51_000)).toBe('ping');
  });
});

describe('wake of a probe', () => {
  test('asks at once, with a limit of its own', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    expect(heartbeat.wake(1000)).toBe('ping');
    expect(heartbeat.deadline).toBe(1000 + WAKE_LIMIT);
  });

  test('keeps the shorter of the limits', () => {
    const patient = new Heartbeat(probing(), 0);
    patient.check(25_000);
    patient.wake(26_000);
    expect(patient.deadline).toBe(29_000);
    patient.wake(28_000);
    expect(patient.deadline).toBe(29_000);
    const hasty = new Heartbeat(probing({ timeout: 1000 }), 0);
    hasty.wake(0);
    expect(hasty.deadline).toBe(1000);
  });

  test('extends a limit that has passed, twice; the third time is death', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    heartbeat.check(25_000);
    expect(heartbeat.wake(30_000)).toBe('ping');
    expect(heartbeat.deadline).toBe(33_000);
    expect(heartbeat.wake(33_000)).toBe('ping');
    expect(heartbeat.deadline).toBe(36_000);
    expect(heartbeat.wake(36_000)).toBe('half-open');
  });

  test('a wake before the limit is no late probe', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    for (let now = 0; now < 100; now++) expect(heartbeat.wake(now)).toBe('ping');
    expect(heartbeat.check(WAKE_LIMIT)).toBe('half-open');
  });

  test('a frame makes the late ones forgotten', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    for (let round = 0; round < 5; round++) {
      const start = round * 1e6;
      heartbeat.wake(start);
      expect(heartbeat.wake(start + 1e5)).toBe('ping');
      expect(heartbeat.wake(start + 2e5)).toBe('ping');
      heartbeat.heard(start + 3e5);
    }
  });
});

describe('announce', () => {
  test('speaks after interval without a write, whatever was heard', () => {
    const heartbeat = new Heartbeat(announcing(), 0);
    heartbeat.heard(4000);
    expect(heartbeat.deadline).toBe(5000);
    expect(heartbeat.check(5000)).toBe('ping');
    heartbeat.wrote(5000);
    expect(heartbeat.deadline).toBe(10_000);
    expect(heartbeat.check(9999)).toBe('ok');
  });

  test('takes silence for death at timeout, however much is written', () => {
    const heartbeat = new Heartbeat(announcing(), 0);
    heartbeat.wrote(14_999);
    expect(heartbeat.deadline).toBe(15_000);
    expect(heartbeat.check(15_000)).toBe('half-open');
  });

  test('is put off by every frame heard', () => {
    const heartbeat = new Heartbeat(announcing(), 0);
    heartbeat.heard(10_000);
    heartbeat.wrote(24_000);
    expect(heartbeat.deadline).toBe(25_000);
  });
});

describe('wake of an announce', () => {
  test('speaks only if it is time to, and grants the peer one interval', () => {
    const heartbeat = new Heartbeat(announcing(), 0);
    heartbeat.wrote(60_000 - 4999);
    expect(heartbeat.wake(60_000)).toBe('ok');
    heartbeat.wrote(60_000);
    expect(heartbeat.deadline).toBe(65_000);
    expect(heartbeat.check(65_000)).toBe('half-open');
    expect(new Heartbeat(announcing(), 0).wake(5000)).toBe('ping');
  });

  test('takes nothing away from a peer that has spoken since', () => {
    const heartbeat = new Heartbeat(announcing(), 0);
    heartbeat.heard(20_000);
    heartbeat.wrote(20_000);
    heartbeat.wake(21_000);
    heartbeat.wrote(34_000);
    expect(heartbeat.deadline).toBe(35_000);
  });

  test('is death the third time that the peer let its interval pass', () => {
    const heartbeat = new Heartbeat(announcing(), 0);
    heartbeat.wake(100_000);
    heartbeat.wake(200_000);
    expect(heartbeat.wake(300_000)).toBe('half-open');
  });
});

describe('freeze', () => {
  test.each([probing(), announcing()])('judges no more until a wake: $kind', (config) => {
    const heartbeat = new Heartbeat(config, 0);
    heartbeat.freeze();
    expect(heartbeat.deadline).toBeUndefined();
    expect(heartbeat.check(1e9)).toBe('ok');
    expect(heartbeat.wake(1e9)).toBe('ping');
    expect(heartbeat.deadline).toBeGreaterThan(0);
  });

  test('ends with a frame', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    heartbeat.freeze();
    heartbeat.heard(1000);
    expect(heartbeat.deadline).toBe(26_000);
  });
});

describe('a probe that keeps the way open', () => {
  test('speaks up after so much silence of its own, too', () => {
    const heartbeat = new Heartbeat(probing({ keepsOpen: true }), 0);
    heartbeat.heard(20_000);
    expect(heartbeat.deadline).toBe(25_000);
    expect(heartbeat.check(24_999)).toBe('ok');
    expect(heartbeat.check(25_000)).toBe('ping');
    heartbeat.wrote(25_000);
    heartbeat.heard(25_100);
    expect(heartbeat.deadline).toBe(50_000);
  });

  test('is not put off by what it writes while nothing is heard', () => {
    const heartbeat = new Heartbeat(probing({ keepsOpen: true }), 0);
    heartbeat.wrote(20_000);
    expect(heartbeat.deadline).toBe(25_000);
  });

  test('is an interval after the older of the two', () => {
    const heartbeat = new Heartbeat(probing({ keepsOpen: true }), 0);
    heartbeat.wrote(10_000);
    heartbeat.heard(11_000);
    expect(heartbeat.deadline).toBe(35_000);
  });
});

describe('a question out of turn', () => {
  test('has a limit of its own, and is answered by any frame', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    expect(heartbeat.asking).toBe(false);
    heartbeat.ask(1000, 3000);
    expect(heartbeat.asking).toBe(true);
    expect(heartbeat.deadline).toBe(4000);
    expect(heartbeat.check(3999)).toBe('ok');
    heartbeat.heard(3999);
    expect(heartbeat.asking).toBe(false);
    expect(heartbeat.deadline).toBe(28_999);
  });

  test('that nobody answers is death', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    heartbeat.ask(1000, 3000);
    expect(heartbeat.check(4000)).toBe('half-open');
  });

  test('is one like the others: a check asks, too', () => {
    const heartbeat = new Heartbeat(probing(), 0);
    heartbeat.check(25_000);
    expect(heartbeat.asking).toBe(true);
  });
});

test('what was heard last is known', () => {
  const heartbeat = new Heartbeat(probing(), 100);
  expect(heartbeat.heardAt).toBe(100);
  heartbeat.heard(200);
  heartbeat.wrote(300);
  expect(heartbeat.heardAt).toBe(200);
});
