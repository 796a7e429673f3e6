/** The other entries of the package. */
import { LongSocket } from 'longsocket';
import { SimulatedNetwork, seededRandom, VirtualClock } from 'longsocket/testing';
import { type Case, equal } from '../harness.js';

export const entries: readonly Omit<Case, 'group'>[] = [
  {
    name: 'longsocket/testing: an hour of faults passes in no time',
    async run() {
      const clock = new VirtualClock();
      const network = new SimulatedNetwork({ clock, latency: 20 });
      network.serve((connection) => {
        connection.onmessage = (data) => connection.send(`you said: ${data}`);
      });
      const socket = new LongSocket('ws://anywhere', {
        clock,
        random: seededRandom(1),
        dial: network.dial,
        heartbeat: { message: 'ping' },
      });
      clock.advance(1000);
      network.silence();
      const causes: unknown[] = [];
      socket.on('interrupted', ({ cause }) => causes.push(cause));
      clock.advance(3_600_000);
      equal(causes, ['dead-peer'], 'interruptions');
      socket.close();
      clock.advance(1000);
      equal([clock.timers, network.open], [0, 0], 'timers and connections left');
    },
  },
];
