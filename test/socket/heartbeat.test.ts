import { describe, expect, test } from 'vitest';
import type { HeartbeatConfig } from '../../src/core/types.js';
import { guardWith } from '../../src/socket/guard.js';
import { type HeartbeatOptions, heartbeatConfig, shakeHands } from '../../src/socket/heartbeat.js';
import { simulated } from './simulated.js';

const TEXT = '{"Status":"OK", "Message":"This is shake hands message."}';

function configOf(options: HeartbeatOptions | false | undefined, report = (_: unknown): void => {}): HeartbeatConfig {
  return heartbeatConfig(options, guardWith(report));
}

describe('the machine’s view of the option', () => {
  test('is pings after 25 s, with 5 s to answer, by default', () => {
    const expected = { kind: 'probe', interval: 25_000, timeout: 5000, message: undefined, isReply: undefined };
    expect(configOf(undefined)).toEqual(expected);
    expect(configOf({})).toEqual(expected);
    expect(configOf(false)).toEqual({ kind: 'none' });
  });

  test('with announce is every 5 s, and three times that for the peer', () => {
    const announce = { announce: true, message: 'x', isReply: () => true };
    expect(configOf(announce)).toMatchObject({ kind: 'announce', interval: 5000, timeout: 15_000 });
    expect(configOf({ ...announce, interval: 100 })).toMatchObject({ interval: 100, timeout: 300 });
    expect(configOf({ ...announce, timeout: 7 })).toMatchObject({ interval: 5000, timeout: 7 });
  });

  test('takes a message as it is, or asks for it each time', () => {
    let count = 0;
    const fixed = configOf({ message: 'x' });
    const made = configOf({ message: () => `x${++count}` });
    if (fixed.kind !== 'probe' || made.kind !== 'probe') throw new Error('these are probes');
    expect([fixed.message?.(), fixed.message?.()]).toEqual(['x', 'x']);
    expect([made.message?.(), made.message?.()]).toEqual(['x1', 'x2']);
  });

  test('lets nothing out that the application’s functions throw', () => {
    const reported: unknown[] = [];
    const throwing = (): never => {
      throw 'thrown';
    };
    const config = configOf({ message: throwing, isReply: throwing }, (error) => reported.push(error));
    if (config.kind !== 'probe') throw new Error('this is a probe');
    expect(config.message?.()).toBe('');
    expect(config.isReply?.('x')).toBe(false);
    expect(reported).toEqual(['thrown', 'thrown']);
  });
});

describe('shakeHands', () => {
  test('is the original’s text, to the byte, and no other', () => {
    const config = configOf(shakeHands);
    if (config.kind !== 'announce') throw new Error('it announces');
    expect(config.message()).toBe(TEXT);
    expect(TEXT).toHaveLength(57);
    expect(config.isReply(TEXT)).toBe(true);
    for (const other of ['', TEXT.replace(', ', ','), `${TEXT}\n`, JSON.stringify(JSON.parse(TEXT))]) {
      expect(config.isReply(other)).toBe(false);
    }
    expect(config.isReply(new TextEncoder().encode(TEXT))).toBe(false);
    expect(config).toMatchObject({ interval: 5000, timeout: 15_000 });
  });

  test('is said after 5 s without a write of one’s own, answers nobody, and is kept from the application', () => {
    const { clock, server, received, details } = simulated({ heartbeat: shakeHands });
    clock.advance(20);
    server().send(TEXT);
    server().send('news');
    clock.advance(4990);
    expect(received).toEqual([]);
    clock.advance(30);
    expect(received).toEqual([TEXT]);
    expect(details('message')).toEqual(['news']);
    clock.advance(5000);
    expect(received).toEqual([TEXT, TEXT]);
  });

  test('takes 15 s of the peer’s silence for its death', () => {
    const { clock, server, details, network } = simulated({ heartbeat: shakeHands });
    clock.advance(20);
    server().send(TEXT);
    clock.advance(15_009);
    expect(details('interrupted')).toEqual([]);
    clock.advance(1);
    expect(details('interrupted')).toMatchObject([{ cause: 'dead-peer', unconfirmed: 0 }]);
    clock.advance(1000);
    expect(network.dialed).toBe(2);
  });
});
