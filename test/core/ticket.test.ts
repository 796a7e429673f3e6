import { expect, test } from 'vitest';
import { Ticket } from '../../src/core/ticket.js';
import { WELCOME } from './helpers/session.js';

test('a ticket asks for its session with a higher number each time', () => {
  const ticket = new Ticket(WELCOME);
  expect(ticket.id).toBe('sid');
  const frame = { letter: 'R', v: 1, s: 'sid', k: 'key', n: 1, r: 5, c: 4 };
  expect(ticket.resume({ r: 5, c: 4 }, false)).toEqual(frame);
  expect(ticket.resume({ r: 5, c: 4 }, true)).toEqual({ ...frame, n: 2, h: 1 });
  expect(ticket.resume({ r: 6, c: 6 }, false)).toEqual({ ...frame, n: 3, r: 6, c: 6 });
});

test('it holds what the last WELCOME said, and no limit before', () => {
  const ticket = new Ticket(WELCOME);
  const { POSITIVE_INFINITY } = Number;
  expect(ticket).toMatchObject({ inner: '', maxPayload: POSITIVE_INFINITY, maxSilence: POSITIVE_INFINITY });
  ticket.learn({ ...WELCOME, p: 'chat' });
  expect(ticket).toMatchObject({ inner: 'chat', maxPayload: 1000, maxSilence: 25_000 });
  ticket.learn({ ...WELCOME, z: 5, h: 6 });
  expect(ticket).toMatchObject({ inner: '', maxPayload: 5, maxSilence: 6 });
});

test('its key is nothing that a log would show', () => {
  expect(JSON.stringify(new Ticket(WELCOME))).not.toContain('key');
});
