/** A dead connection is found, wherever there is a way to ask. */
import { assert, type Case, equal, sleep } from '../harness.js';

const soon = { backoffBase: 10, minUptime: 0 } as const;

export const liveness: readonly Omit<Case, 'group'>[] = [
  {
    name: 'a dead connection is found by a heartbeat message, and replaced',
    async run(tools) {
      const room = await tools.room();
      const heartbeat = { message: 'ping', isReply: (data: unknown) => data === 'pong', interval: 300, timeout: 1000 };
      const client = tools.open(room.url(), { heartbeat, ...soon });
      await client.next('open');
      await room.do('silence');
      equal((await client.next('interrupted')).cause, 'dead-peer', 'why it ended');
      await client.next('open', 2);
      client.socket.send('alive');
      equal(await client.next('message'), 'alive', 'the first message: replies are kept from the application');
    },
  },
  {
    name: 'a living connection is not given up for being silent',
    async run(tools) {
      const room = await tools.room();
      const heartbeat = { message: 'ping', isReply: (data: unknown) => data === 'pong', interval: 50, timeout: 5000 };
      const client = tools.open(room.url(), { heartbeat, ...soon });
      await client.next('open');
      await sleep(800);
      assert((await room.seen()).messages.length > 1, 'it has not asked');
      equal(client.events.interrupted, [], 'interruptions');
    },
  },
];

export const pings: readonly Omit<Case, 'group'>[] = [
  {
    name: 'a dead connection is found by protocol pings, without a heartbeat message',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url(), { heartbeat: { interval: 300, timeout: 1000 }, ...soon });
      await client.next('open');
      if (!tools.place.ws) {
        // Nothing can be asked, so nothing may be concluded from silence.
        await sleep(1500);
        equal(client.events.interrupted, [], 'interruptions');
        equal((await room.seen()).messages, [], 'messages that nobody sent');
        tools.gap =
          'No protocol pings: a plain connection needs a `heartbeat` with a `message` to be found dead. Sessions bring their own.';
        return;
      }
      await room.do('silence');
      equal((await client.next('interrupted')).cause, 'dead-peer', 'why it ended');
      await client.next('open', 2);
    },
  },
];
