import { expect, test } from 'vitest';
import { LongSocketError } from '../../src/core/errors.js';
import { seededRandom } from '../../src/testing/random.js';
import { sessionPair } from '../helpers/session-pair.js';
import { settle } from '../socket/simulated.js';

/** An application that calls whatever there is to call, in any order, over a network that does the same. */
async function liveWildly(seed: number, session: boolean) {
  const random = seededRandom(seed);
  const pair = sessionPair(
    {
      random,
      session,
      connectTimeout: 3000,
      maxBufferedMessages: 20,
      ...(random() < 0.3 && { maxAttempts: 3 }),
      ...(random() < 0.3 && { maxConnectionAge: 20_000 }),
      ...(random() < 0.3 && { protocols: () => (random() < 0.3 ? Promise.reject(new Error('no token')) : 'chat') }),
      ...(random() < 0.3 &&
        !session && { onConnect: () => (random() < 0.3 ? Promise.reject(new Error('no')) : undefined) }),
      ...(random() < 0.3 && session && { onLost: 'close' as const }),
    },
    { network: { random, latency: [5, 50] } },
  );
  const { socket, clock, network, server, client } = pair;
  if (!session) network.serve((connection) => connection.send('hello'));
  const promises: Promise<unknown>[] = [];
  const surprises: unknown[] = [];
  const attempt = (call: () => unknown): void => {
    try {
      const result = call();
      if (result instanceof Promise) promises.push(result.catch((error: unknown) => surprises.push(error)));
    } catch (error) {
      surprises.push(error);
    }
  };
  const calls: (() => unknown)[] = [
    () => socket.connect(),
    () => socket.reconnect(),
    () => socket.rotate(),
    () => socket.close(random() < 0.5 ? 1000 : 4000, 'bye'),
    () => socket.send('x'),
    () => socket.send(new Uint8Array(3), { owned: true }),
    () => socket.write('w'),
    () => socket.drain(),
    () => socket.delivered(),
    () => socket.opened,
    () => socket.closed,
    () => socket[Symbol.asyncIterator]().next(),
    () => network.cut(),
    () => network.silence(),
    () => {
      network.dials = random() < 0.6 ? 'accept' : random() < 0.5 ? 'refuse' : 'hang';
    },
    () => server.sockets.at(-1)?.close(4001, 'enough'),
    () => server.sockets.at(-1)?.offer('y'),
  ];
  // What is called from inside an event is called in the middle of a step.
  for (const event of ['open', 'interrupted', 'close', 'state', 'rotating', 'rotated', 'lost'] as const) {
    socket.on(event, () => {
      if (random() < 0.2) attempt(calls[Math.floor(random() * 11)] as () => unknown);
    });
  }
  for (let turn = 0; turn < 150; turn++) {
    attempt(calls[Math.floor(random() * calls.length)] as () => unknown);
    if (random() < 0.4) await clock.advanceAsync(random() * 200);
    else if (random() < 0.1) await clock.advanceAsync(random() * 30_000);
    else if (random() < 0.5) await settle();
  }
  // A listener may have begun another life.
  for (let tries = 0; tries < 30 && socket.state.status !== 'closed'; tries++) {
    socket.close();
    await clock.advanceAsync(20_000);
  }
  const closed = server.host.close();
  await clock.advanceAsync(200_000);
  await closed;
  let settled = false;
  void Promise.all(promises).then(() => {
    settled = true;
  });
  await settle();
  return { socket, clock, network, client, surprises, settled };
}

test.each([true, false])(
  'whatever is called in whatever order, nothing is left behind; session: %s',
  async (session) => {
    for (let seed = 1; seed <= 60; seed++) {
      const { socket, clock, network, client, surprises, settled } = await liveWildly(seed, session);
      expect([seed, socket.state.status, network.open, clock.timers]).toEqual([seed, 'closed', 0, 0]);
      // Each life ends once: with `close` and nothing behind it.
      const states = client.details('state').map(({ status }) => status);
      expect([seed, client.details('close').length]).toEqual([
        seed,
        states.filter((status) => status === 'closed').length,
      ]);
      expect([seed, client.names().at(-1)]).toEqual([seed, 'close']);
      expect([seed, surprises.filter((error) => !(error instanceof LongSocketError))]).toEqual([seed, []]);
      expect([seed, settled]).toEqual([seed, true]);
    }
  },
);
