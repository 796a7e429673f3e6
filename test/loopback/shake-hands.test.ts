/**
 * Interworking with the original longsocket, played by an independent program: our client with its server, our server end
 * with its client. And its bugs, of which ours has none.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { LongSocket, type LongSocketOptions, respond, shakeHands } from '../../src/index.js';
import { type AcceptedSocket, accept, type SocketOptions } from '../../src/server.js';
import { findPython, OriginalPeer } from '../helpers/original-peer.js';
import { type Recorder, record } from '../helpers/recorder.js';
import { WsServer } from '../helpers/ws-server.js';

const python = findPython();
/** The original's 5 s, scaled down. */
const interval = 300;
const quick = { ...shakeHands, interval };
const origin = 'http://127.0.0.1:1234/test?user=qianlnk&password=123456';
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function startServer(...args: string[]): Promise<{ peer: OriginalPeer; url: string }> {
  const peer = new OriginalPeer(python as string, ['server', '--interval', `${interval / 1000}`, ...args]);
  const { port } = await peer.nth('listening');
  return { peer, url: `ws://127.0.0.1:${port}/test` };
}

function dial(url: string, options: LongSocketOptions = {}): { socket: LongSocket; seen: Recorder } {
  const socket = new LongSocket(url, { backoffBase: 20, heartbeat: quick, node: { origin }, ...options });
  return { socket, seen: record(socket) };
}

/** Our server end, and the original's client that dialed it. */
async function acceptOriginal(
  args: string[] = [],
  options: SocketOptions = {},
  onAccepted?: (socket: AcceptedSocket) => void,
) {
  const ends: { socket: AcceptedSocket; seen: Recorder; origin: string | undefined }[] = [];
  const server = await WsServer.listen({
    onSocket: (ws, request) => {
      const socket = accept(ws, request, { heartbeat: quick, ...options });
      ends.push({ socket, seen: record(socket), origin: request.headers.origin });
      onAccepted?.(socket);
    },
  });
  const scaled = ['--interval', `${interval / 1000}`, '--origin', origin];
  const peer = new OriginalPeer(python as string, ['client', `${server.url}test`, ...scaled, ...args]);
  await peer.nth('open');
  const end = ends[0];
  if (!end) throw new Error('nothing was accepted');
  return { peer, ...end };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe.skipIf(!python)('with the original server', () => {
  test('it refuses an upgrade without Origin, finally, and takes the credentials from the query of a given one', async () => {
    const { peer, url } = await startServer();
    const without = dial(url, { node: {} });
    expect(await without.socket.closed).toMatchObject({ cause: 'status', status: 403 });
    const { socket } = dial(url);
    await socket.opened;
    await peer.nth('upgrade', 2);
    expect(peer.all('upgrade')).toMatchObject([{ origin: null }, { origin, user: 'qianlnk', password: '123456' }]);
  });

  test('messages go both ways as text, the empty one and those larger than its buffers whole', async () => {
    const { peer, url } = await startServer();
    const { socket, seen } = dial(url);
    const long = 'é€😀 '.repeat(100_000);
    const sent = ['hello', '', 'x'.repeat(3000), long];
    for (const message of sent) socket.send(message);
    await seen.nth('message', 4);
    expect(seen.all('message')).toEqual(sent);
    await vi.waitFor(() => expect(peer.messages.map((message) => message.sha256)).toEqual(sent.map(sha256)));
    peer.say('unasked');
    expect(await seen.nth('message', 5)).toBe('unasked');
  });

  test('each end says its heartbeat after an interval without a write; it is kept from the application, and unanswered', async () => {
    const { peer, url } = await startServer('--handler', 'silent');
    const { socket, seen } = dial(url);
    await socket.opened;
    await vi.waitFor(() => expect(peer.heartbeats.length).toBeGreaterThanOrEqual(4), { timeout: 5000 });
    // Ours answers none of theirs: between two lies a whole interval, give or take what the machine was late.
    const times = peer.heartbeats.map(({ at }) => at * 1000);
    const span = (times.at(-1) as number) - (times[0] as number);
    expect(span / (times.length - 1)).toBeGreaterThan(interval * 0.7);
    expect(peer.all('heartbeat-sent').length).toBeGreaterThanOrEqual(3);
    expect(seen.names).toEqual(['open']);

    // Who writes has no need to say that it lives.
    const before = peer.heartbeats.length;
    for (const start = performance.now(); performance.now() < start + interval * 2.5; await sleep(interval / 10)) {
      socket.send('speaks');
    }
    expect(peer.heartbeats.length).toBe(before);
  });

  test('its echo handler sends our heartbeat back: the application sees nothing of it, and no echo of an echo follows', async () => {
    const { peer, url } = await startServer('--handler', 'echo');
    const { socket, seen } = dial(url);
    await socket.opened;
    const since = performance.now();
    await sleep(interval * 4.5);
    const most = (performance.now() - since) / interval;
    expect(peer.heartbeats.length).toBeGreaterThanOrEqual(3);
    expect(peer.heartbeats.length).toBeLessThanOrEqual(most + 1);
    expect(seen.names).toEqual(['open']);
  });

  test('three intervals of silence are death: the connection is given up and another dialed', async () => {
    const { peer, url } = await startServer('--handler', 'silent');
    const { socket, seen } = dial(url, { connectTimeout: 200, maxAttempts: 2 });
    await socket.opened;
    await peer.nth('heartbeat-sent');
    const frozen = performance.now();
    peer.freeze();
    expect(await seen.nth('interrupted')).toMatchObject({ cause: 'dead-peer' });
    const [found = 0] = seen.times('interrupted');
    expect(found - frozen).toBeGreaterThan(interval * 1.5);
    expect(found - frozen).toBeLessThan(interval * 3 + 200);
    expect(seen.all('reconnecting')).toHaveLength(1);
  });

  test('a server that says nothing but a heartbeat is alive; one that goes mute is not', async () => {
    const { peer, url } = await startServer('--handler', 'silent');
    const { socket, seen } = dial(url);
    await socket.opened;
    await peer.nth('heartbeat-sent', 4);
    expect(seen.all('interrupted')).toEqual([]);
    peer.mute();
    expect((await seen.nth('interrupted')).cause).toBe('dead-peer');
    await seen.nth('open', 2);
  });

  test('when it is killed, dials are spaced, what is sent meanwhile waits, and its successor gets it', async () => {
    const first = await startServer();
    const { port } = new URL(first.url);
    const { socket, seen } = dial(first.url, { backoffBase: 500 });
    await socket.opened;
    first.peer.kill();
    await seen.nth('interrupted');
    const sent = Array.from({ length: 150 }, (_, i) => `${i}`);
    for (const message of sent) expect(socket.send(message)).toBe('queued');
    await sleep(700);
    // The original dials some thousand times in this time.
    expect(seen.all('reconnecting').length).toBeLessThanOrEqual(10);
    const successor = await startOn(Number(port));
    await vi.waitFor(() => expect(successor.received).toHaveLength(150), { timeout: 5000 });
    expect(successor.received).toEqual(sent);
  });

  test('at its own interval of 5 s, the heartbeat is the 57 bytes that the original says', async () => {
    const peer = new OriginalPeer(python as string, ['server', '--handler', 'silent']);
    const { port } = await peer.nth('listening');
    const { socket, seen } = dial(`ws://127.0.0.1:${port}/test`, { heartbeat: shakeHands });
    socket.send('the last write');
    const [written, heartbeat] = [await peer.nth('message'), await peer.nth('message', 2, 7000)];
    expect(heartbeat).toMatchObject({
      binary: false,
      bytes: 57,
      text: '{"Status":"OK", "Message":"This is shake hands message."}',
    });
    expect(heartbeat.at - written.at).toBeGreaterThan(4.9);
    expect(heartbeat.at - written.at).toBeLessThan(5.6);
    await peer.nth('heartbeat-sent');
    await sleep(100);
    expect([seen.names, peer.all('message').length]).toEqual([['open'], 2]);
  });
});

/** An ordinary server on the port of one that was killed. */
async function startOn(port: number): Promise<{ received: string[] }> {
  const received: string[] = [];
  await WsServer.listen({ port, onSocket: (ws) => ws.on('message', (data) => received.push(String(data))) });
  return { received };
}

describe.skipIf(!python)('with the original client', () => {
  test('our server end answers its messages and keeps its heartbeats to itself', async () => {
    const {
      peer,
      socket,
      seen,
      origin: given,
    } = await acceptOriginal(['--handler', 'silent'], {}, (accepted) => {
      respond(accepted, (message) => `echo ${message}`);
    });
    expect(given).toBe(origin);
    peer.say('hello');
    await vi.waitFor(() => expect(peer.messages.map(({ text }) => text)).toEqual(['echo hello']));
    await peer.nth('heartbeat-sent', 3);
    await vi.waitFor(() => expect(peer.heartbeats.length).toBeGreaterThanOrEqual(3));
    expect(peer.heartbeats[0]?.bytes).toBe(57);
    expect([seen.all('message'), socket.state.status]).toEqual([['hello'], 'connected']);
  });

  test('its silence of three intervals is found dead', async () => {
    const { peer, socket } = await acceptOriginal(['--handler', 'silent']);
    await peer.nth('heartbeat-sent');
    const frozen = performance.now();
    peer.freeze();
    expect(await socket.closed).toMatchObject({ cause: 'dead-peer', code: 1006, wasClean: false });
    expect(performance.now() - frozen).toBeLessThan(interval * 3 + 200);
  });

  test('its end is told with code and reason, and our handler is not called with nothing', async () => {
    const handled: unknown[] = [];
    const { peer, socket } = await acceptOriginal(['--handler', 'silent'], {}, (accepted) => {
      respond(accepted, (message) => {
        handled.push(message);
      });
    });
    peer.say('one');
    await vi.waitFor(() => expect(handled).toHaveLength(1));
    peer.close(4000, 'done here');
    expect(await socket.closed).toMatchObject({ cause: 'peer', code: 4000, reason: 'done here', wasClean: true });
    await sleep(20);
    expect(handled).toEqual(['one']);
  });

  test('close() returns though it has stopped reading, and so does a write that waits', async () => {
    const { peer, socket } = await acceptOriginal([], { closeTimeout: 150, heartbeat: false });
    peer.freeze();
    const writing = (async () => {
      for (;;) await socket.write('x'.repeat(500_000));
    })();
    await sleep(200);
    const asked = performance.now();
    socket.close();
    await expect(writing).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await socket.closed).toMatchObject({ cause: 'caller', wasClean: false });
    expect(performance.now() - asked).toBeLessThan(400);
  });

  test('two handlers that fail on each other do not go on for ever, though both report their errors', async () => {
    const errors: unknown[] = [];
    const { peer } = await acceptOriginal(['--handler', 'fail'], {}, (accepted) => {
      const fail = (): never => {
        throw new Error('ours failed');
      };
      respond(accepted, fail, { reportErrors: true, onError: (error) => errors.push(error) });
    });
    peer.say('start');
    await sleep(500);
    // Three of ours and then no more; each heartbeat of ours makes the peer's handler fail once again.
    expect(peer.messages.map(({ text }) => text)).toEqual(Array(3).fill('ours failed'));
    expect(errors.length).toBeLessThanOrEqual(4 + peer.heartbeats.length);
  });
});

test('a handler error stays at home unless it is to be reported', async () => {
  const errors: unknown[] = [];
  const server = await WsServer.listen({
    onSocket: (ws, request) => {
      const socket = accept(ws, request);
      const fail = (): never => {
        throw new Error('internals');
      };
      respond(socket, fail, { onError: (error) => errors.push(error) });
    },
  });
  const client = new WebSocket(server.url);
  const received: unknown[] = [];
  client.on('message', (data) => received.push(data));
  client.on('open', () => client.send('hello'));
  await vi.waitFor(() => expect(errors).toHaveLength(1));
  await sleep(20);
  expect(received).toEqual([]);
  client.terminate();
});
