import { expect, test } from 'vitest';
import { Link } from '../../src/core/link.js';
import { deadlineOf, idOf, isGreeting, linkOf, otherIdOf, type Phase, stageOf } from '../../src/core/phase.js';
import { probing } from './helpers/config.js';

const attempt = { id: 3, since: 0, deadline: 100, extended: false, takesOver: false };
const link = new Link(4, probing(), true, 0);
const phases: Record<Phase['name'], Phase> = {
  closed: { name: 'closed' },
  waiting: { name: 'waiting', until: 50, notBefore: 20 },
  dialing: { name: 'dialing', ...attempt },
  greeting: { name: 'greeting', ...attempt, canPing: true, backedUp: false },
  connected: { name: 'connected', link },
  rotating: { name: 'rotating', link, next: attempt, cause: 'age' },
  draining: { name: 'draining', link, old: new Link(5, probing(), true, 0), until: 70 },
  closing: { name: 'closing', link, deadline: 200, code: 1000, reason: '', hungUp: false },
};

test.each([
  ['closed', undefined, undefined, false, 'dial'],
  ['waiting', 50, undefined, false, 'dial'],
  ['dialing', 100, 3, false, 'dial'],
  ['greeting', 100, 3, false, 'greeting'],
  ['connected', 25_000, 4, true, 'open'],
  ['rotating', 100, 4, true, 'open'],
  ['draining', 70, 4, true, 'open'],
  ['closing', 200, 4, true, 'open'],
] as const)('%s: deadline %d, connection %d, link %s, stage %s', (name, deadline, id, hasLink, stage) => {
  const phase = phases[name];
  expect(deadlineOf(phase)).toBe(deadline);
  expect(idOf(phase)).toBe(id);
  expect(linkOf(phase)).toBe(hasLink ? link : undefined);
  expect(stageOf(phase)).toBe(stage);
});

test('there is a second connection while one takes over from another, and nowhere else', () => {
  const others = Object.values(phases).map((phase) => [phase.name, otherIdOf(phase)]);
  expect(others.filter(([, id]) => id !== undefined)).toEqual([
    ['rotating', 3],
    ['draining', 5],
  ]);
});

test('an age that may not be exceeded wakes a connected link, and no other phase', () => {
  const aging = new Link(6, { kind: 'none' }, true, 0);
  expect(deadlineOf({ name: 'connected', link: aging })).toBeUndefined();
  aging.rotateAt = 30;
  expect(deadlineOf({ name: 'connected', link: aging })).toBe(30);
  expect(deadlineOf({ name: 'rotating', link: aging, next: attempt, cause: 'age' })).toBe(100);
  expect(deadlineOf({ name: 'draining', link: aging, old: link, until: 70 })).toBe(70);
  expect(deadlineOf({ name: 'closing', link: aging, deadline: 200, code: 1000, reason: '', hungUp: false })).toBe(200);
});

test('an attempt greets once its connection is open', () => {
  expect(isGreeting(attempt)).toBe(false);
  expect(isGreeting({ ...attempt, canPing: false, backedUp: false })).toBe(true);
});
