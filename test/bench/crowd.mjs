/** Many connections of one candidate, in a process of its own. Its parent says how many, and asks what they cost. */
import { candidates } from './candidates.mjs';
import { heapUsed } from './heap.mjs';

const [, , name, port] = process.argv;

let received = 0;
let expected = Number.POSITIVE_INFINITY;
let onArrived = () => {};
// What the wrapper of this benchmark itself holds is not the candidate's.
const kept = [];

function onMessage() {
  if (++received % expected === 0) onArrived();
}

const commands = {
  async open({ count, path }) {
    for (let left = count; left > 0; left -= 100) {
      const group = Array.from({ length: Math.min(100, left) }, () => candidates[name](port, path));
      await Promise.all(
        group.map((socket) => {
          socket.onMessage(onMessage);
          return socket.opened;
        }),
      );
      for (const { close } of group) kept.push(close);
    }
  },

  heap: async () => ({ bytes: await heapUsed() }),

  /** From now on the server is told whenever so many messages have arrived. */
  async report({ messages }) {
    const arrived = candidates[name](port, '/arrived');
    await arrived.opened;
    received = 0;
    expected = messages;
    onArrived = () => arrived.send('');
  },
};

process.on('message', async (command) => {
  process.send({ result: (await commands[command.type](command)) ?? {} });
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
