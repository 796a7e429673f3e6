import { describe, expect, test } from 'vitest';
import { Link } from '../../src/core/link.js';
import type { HeartbeatConfig } from '../../src/core/types.js';
import { announcing, probing } from './helpers/config.js';

function link(config: HeartbeatConfig, canPing = true): Link {
  return new Link(7, config, canPing, 100);
}

const asking = probing({ message: () => 'ping', isReply: (data) => data === 'pong' });

describe('the probe of a link', () => {
  test('is a ping that says how many messages went before it', () => {
    const subject = link(probing());
    subject.wrote(100);
    subject.wrote(100);
    expect(subject.probe(200)).toEqual({ payload: '2' });
  });

  test('is the message where one is given, even if there are pings', () => {
    expect(link(asking).probe(200)).toEqual({ message: 'ping' });
  });

  test('is never asked for where there is neither', () => {
    expect(link(probing(), false).heartbeat.deadline).toBeUndefined();
    expect(link(asking, false).heartbeat.deadline).toBe(25_100);
    expect(link(announcing(), false).heartbeat.deadline).toBe(5100);
  });

  test('that is a message counts as a write of one’s own; a ping does not', () => {
    const announced = link(announcing());
    announced.probe(4000);
    expect(announced.heartbeat.deadline).toBe(9000);
  });
});

describe('what is unconfirmed', () => {
  test('a reply confirms what was sent before its probe', () => {
    const subject = link(asking);
    subject.wrote(100);
    subject.probe(200);
    subject.wrote(300);
    expect(subject.received('pong', 400)).toBe('heartbeat');
    expect(subject.unconfirmed()).toBe(1);
  });

  test('each reply belongs to the oldest probe that has none', () => {
    const subject = link(asking);
    subject.wrote(100);
    subject.probe(200);
    subject.probe(300);
    subject.wrote(400);
    subject.received('pong', 500);
    subject.wrote(600);
    subject.probe(700);
    subject.received('pong', 800);
    // The second reply is that of the second probe, which went before the second message.
    expect(subject.unconfirmed()).toBe(2);
    subject.received('pong', 900);
    expect(subject.unconfirmed()).toBe(0);
  });

  test('a reply that nobody asked for confirms nothing', () => {
    const subject = link(asking);
    subject.wrote(100);
    expect(subject.received('pong', 200)).toBe('heartbeat');
    expect(subject.unconfirmed()).toBe(1);
    subject.wrote(300);
    subject.probe(400);
    subject.received('pong', 500);
    expect(subject.unconfirmed()).toBe(0);
  });

  test('a message is not confirmed by one that may have been under way before it', () => {
    const subject = link(probing({ message: () => 'ping' }));
    subject.wrote(100);
    subject.probe(200);
    expect(subject.received('anything', 300)).toBe('message');
    expect(subject.unconfirmed()).toBe(1);
  });

  test('a pong confirms up to the number it carries, and only numbers that a ping could have carried', () => {
    const subject = link(probing());
    for (let count = 0; count < 5; count++) subject.wrote(100);
    for (const payload of ['6', '-2', 'NaN', '', '2.5', '9'.repeat(400), 'Infinity', '{"x":1}']) {
      subject.pong(payload, 200);
      expect(subject.unconfirmed()).toBe(5);
    }
    subject.pong('2', 200);
    expect(subject.unconfirmed()).toBe(3);
    subject.pong('5', 200);
    expect(subject.unconfirmed()).toBe(0);
  });

  test('the answer to our own close frame came behind everything; a close of the peer’s proves nothing', () => {
    const subject = link(probing());
    subject.wrote(100);
    expect(subject.unconfirmed(true)).toBe(0);
    expect(subject.unconfirmed(false)).toBe(1);
  });
});

describe('life', () => {
  test('every frame is: messages, replies and pongs', () => {
    const subject = link(asking);
    subject.received('news', 1000);
    expect(subject.heartbeat.deadline).toBe(26_000);
    subject.received('pong', 2000);
    expect(subject.heartbeat.deadline).toBe(27_000);
    subject.pong('', 3000);
    expect(subject.heartbeat.deadline).toBe(28_000);
  });

  test('without a heartbeat every message is the application’s', () => {
    expect(link({ kind: 'none' }).received('pong', 200)).toBe('message');
  });
});

describe('a question', () => {
  test('has an id of its own, and only the answer to the last one says how long it took', () => {
    const subject = link(probing());
    expect(subject.answered(1, 100)).toBeUndefined();
    expect([subject.ask(100), subject.ask(200)]).toEqual([1, 2]);
    expect(subject.answered(1, 300)).toBeUndefined();
    expect(subject.answered(Number.NaN, 300)).toBeUndefined();
    expect(subject.answered(2, 350)).toBe(150);
  });
});

describe('a link that takes over', () => {
  test('inherits what the one before it may have lost, and proves nothing of that', () => {
    const subject = link(probing());
    subject.inherit(2);
    subject.wrote(100);
    expect(subject.unconfirmed()).toBe(3);
    subject.pong('1', 200);
    expect(subject.unconfirmed()).toBe(2);
    expect(subject.unconfirmed(true)).toBe(2);
    subject.inherit(0);
    expect(subject.unconfirmed()).toBe(0);
  });

  test('is open for the transport, and has no age that it may not exceed', () => {
    expect(link(probing())).toMatchObject({ id: 7, since: 100, backedUp: false, rotateAt: Number.POSITIVE_INFINITY });
  });
});
