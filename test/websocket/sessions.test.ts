import { describe, expect, test } from 'vitest';
import { SessionServer } from '../sim/session-network.js';
import { withSession } from './facade.js';

const LOST = [1006, '', false];

function connected(...parameters: Parameters<typeof withSession>) {
  const given = withSession(...parameters);
  given.clock.advance(2000);
  return given;
}

describe('a WebSocket with a session', () => {
  test('stays open over interruptions, of which nothing is seen but that nothing is lost', () => {
    const { socket, clock, network, server, ends, entries } = connected();
    socket.send('a');
    network.cut();
    expect(socket.readyState).toBe(1);
    socket.send('b');
    // Both were sent in this task.
    expect(socket.bufferedAmount).toBe(2);
    server.socket.send('B');
    clock.advance(5000);
    expect(ends[0]?.messages()).toEqual(['a', 'b']);
    expect(entries).toEqual(['open', 'B']);
    expect([socket.readyState, socket.bufferedAmount, network.dialed]).toEqual([1, 0, 2]);
  });

  test('stays open while nobody answers, for as long as it takes', () => {
    const { socket, clock, network, ends, entries } = connected();
    network.dials = 'refuse';
    network.cut();
    clock.advance(60_000);
    socket.send('late');
    expect([socket.readyState, entries]).toEqual([1, ['open']]);
    network.dials = 'accept';
    clock.advance(40_000);
    expect(ends[0]?.messages()).toEqual(['late']);
    expect(ends).toHaveLength(1);
  });

  test('closes with code and reason, behind all that was sent, over as many connections as that takes', () => {
    const { socket, clock, network, ends, entries } = connected();
    network.cut();
    socket.send('a');
    socket.close(4000, 'bye');
    expect(socket.readyState).toBe(2);
    clock.advance(5000);
    expect(ends[0]?.messages()).toEqual(['a']);
    expect(ends[0]?.details('close')).toMatchObject([{ code: 4000, reason: 'bye', wasClean: true }]);
    expect(entries).toEqual(['open', [4000, 'bye', true]]);
    expect(network.open).toBe(0);
  });

  test('closes without a code, which the server is told as 1005', () => {
    const { socket, clock, ends, entries } = connected();
    socket.close();
    clock.advance(1000);
    expect(ends[0]?.details('close')).toMatchObject([{ code: 1005, reason: '', wasClean: true }]);
    expect(entries).toEqual(['open', [1005, '', true]]);
  });

  test('is closed by the server with its code, once it is there again', () => {
    const { clock, network, server, entries, socket } = connected();
    network.dials = 'refuse';
    network.cut();
    server.socket.close(4001, 'enough');
    clock.advance(5000);
    expect([socket.readyState, entries]).toEqual([1, ['open']]);
    network.dials = 'accept';
    clock.advance(30_000);
    expect(entries).toEqual(['open', [4001, 'enough', true]]);
    clock.advance(3_600_000);
    expect(clock.timers).toBe(0);
  });

  test('is closing as soon as the server closes: what is sent then goes nowhere', () => {
    const { socket, clock, server } = connected();
    server.socket.close(4001);
    for (let ms = 0; ms < 100 && socket.readyState === 1; ms++) clock.advance(1);
    expect(socket.readyState).toBe(2);
    socket.send('late');
    expect(socket.bufferedAmount).toBe(4);
  });

  test('is as cut when the server has lost it: no new session takes its place', () => {
    const { clock, network, server, entries, socket } = connected();
    socket.send('a');
    server.crash();
    const next = new SessionServer(network, {}, 'next-');
    network.serve(next.take);
    clock.advance(60_000);
    expect(entries).toEqual(['open', LOST]);
    expect(next.sockets).toEqual([]);
    expect([network.open, clock.timers]).toEqual([0, 0]);
  });

  test('fails when its first dial does, and when there is no session to be had', () => {
    const refused = withSession();
    refused.network.dials = 'refuse';
    const { network, clock } = refused;
    const second = withSession({ clock, dial: network.dial });
    clock.advance(60_000);
    expect(second.entries).toEqual(['error', LOST]);

    const stranger = withSession();
    stranger.network.serve((connection) => {
      connection.protocol = '';
    });
    let error: unknown;
    stranger.socket.onerror = (event) => {
      error = (event as ErrorEvent).error;
    };
    stranger.clock.advance(60_000);
    expect(stranger.entries).toEqual(['error', LOST]);
    expect(error).toMatchObject({ code: 'SESSION_UNSUPPORTED' });
    expect(stranger.network.dialed).toBe(1);
  });

  test('tells the subprotocol that was chosen in it, also when it is over', () => {
    const { socket, clock } = connected({}, ['chat', 'b']);
    expect(socket.protocol).toBe('chat');
    socket.close();
    clock.advance(1000);
    expect(socket.protocol).toBe('chat');
  });

  test('gives up after maxAttempts, if it is told to', () => {
    const { clock, network, entries } = connected({ maxAttempts: 3 });
    clock.advance(10_000);
    network.dials = 'refuse';
    network.cut();
    clock.advance(60_000);
    expect(entries).toEqual(['open', 'error', LOST]);
    expect(network.dialed).toBe(4);
  });

  test('asks its provider for the address of each dial, and shows the argument', () => {
    const asked: unknown[] = [];
    const { socket, clock, network } = withSession({
      url: ({ attempt, reason }) => {
        asked.push([attempt, reason]);
        return `ws://host/?token=${asked.length}`;
      },
    });
    return (async () => {
      await clock.advanceAsync(2000);
      network.cut();
      await clock.advanceAsync(5000);
      expect(asked).toEqual([
        [1, 'connect'],
        [2, 'retry'],
      ]);
      expect([socket.readyState, socket.url]).toEqual([1, 'ws://host/']);
    })();
  });

  test('fails when 16 MiB are not acked, and counts them', () => {
    const { socket, clock, network, entries } = connected();
    network.cut();
    const MiB = new Uint8Array(1024 * 1024);
    for (let n = 0; n < 16; n++) socket.send(MiB);
    expect([socket.readyState, socket.bufferedAmount]).toEqual([1, 16 * 1024 * 1024]);
    socket.send('x');
    expect(socket.readyState).toBe(2);
    clock.advance(0);
    expect(entries).toEqual(['open', 'error', LOST]);
    expect(socket.bufferedAmount).toBe(16 * 1024 * 1024 + 1);
    expect([network.open, clock.timers]).toEqual([0, 2]);
  });
});
