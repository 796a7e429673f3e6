/** One candidate's heap per idle open connection, in a process of its own. */
import { candidates } from './candidates.mjs';

const [, , name, port, number] = process.argv;
const N = Number(number);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function heap() {
  for (let i = 0; i < 4; i++) {
    await pause(50);
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}

let messages = 0;
const kept = [];

async function open(count) {
  for (let left = count; left > 0; left -= 100) {
    const group = Array.from({ length: Math.min(100, left) }, () => candidates[name](`ws://127.0.0.1:${port}/none`));
    await Promise.all(
      group.map(({ opened, onMessage }) => {
        onMessage(() => messages++);
        return opened;
      }),
    );
    // What the wrapper of this benchmark itself holds is not the candidate's.
    for (const { close } of group) kept.push(close);
  }
}

await open(100); // Code, shapes and pools are not per connection.
const before = await heap();
await open(N);
const after = await heap();
process.send({ bytes: (after - before) / N });
process.exit();
