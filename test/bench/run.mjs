/**
 * `npm run bench`: the built package beside plain `ws` and the peers. Prints a Markdown table.
 *
 * The machine may be noisy, and one process may be luckier with its compiler than the next. So every round starts new
 * processes, a client and a server for each candidate; within a round the candidates take turns in slices; what is reported
 * is the median over the rounds of the ratio to plain `ws` in the same round.
 *
 * --quick: one short round, to see that it runs. --only=<text>: the scenarios whose name contains it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bundleSizes } from './bundles.mjs';
import { report } from './report.mjs';
import { scenarios } from './scenarios.mjs';

const quick = process.argv.includes('--quick');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length) ?? '';
const ROUNDS = quick ? 1 : 5;
const SLICES = quick ? 1 : 4;
const SLICE_MS = quick ? 60 : 150;
const WARM_UP_MS = quick ? 60 : 300;
const CONNECTIONS = quick ? 200 : 2000;

const names = ['ws', 'partysocket', 'reconnecting-websocket', 'longsocket'];

function start(file, args = [], execArgv = []) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ${args.join(' ')} exited with ${code}`);
  });
  failed.catch(() => {});
  const answer = async () => (await Promise.race([once(child, 'message'), failed]))[0];
  const ask = async (command) => {
    child.send(command);
    return (await answer()).result;
  };
  return { answer, ask, stop: () => child.disconnect() };
}

/** A server and a client for each candidate, all alive, one at work at a time. */
async function startPairs() {
  const pairs = [];
  for (const name of names) {
    const server = start('server.mjs');
    const { port } = await server.answer();
    const client = start('client.mjs', [name, port]);
    await client.answer();
    pairs.push({ name, client, server });
  }
  return pairs;
}

/** One scenario of one round: a total for each candidate. */
async function compare(pairs, scenario, round) {
  const totals = {};
  for (const { name, client } of pairs) {
    await client.ask({ type: 'open', scenario });
    await client.ask({ type: 'run', ms: WARM_UP_MS });
    totals[name] = { count: 0, seconds: 0, cpu: 0, p50s: [] };
  }
  for (let slice = 0; slice < SLICES; slice++) {
    for (let turn = 0; turn < pairs.length; turn++) {
      const { name, client } = pairs[(turn + slice + round) % pairs.length];
      const { count, seconds, cpu, p50 } = await client.ask({ type: 'run', ms: SLICE_MS });
      const total = totals[name];
      total.count += count;
      total.seconds += seconds;
      total.cpu += cpu;
      total.p50s.push(p50);
    }
  }
  for (const { client } of pairs) await client.ask({ type: 'shut' });
  return Object.fromEntries(
    Object.entries(totals).map(([name, { count, seconds, cpu, p50s }]) => [
      name,
      { rate: count / seconds, cpu: cpu / count, p50: median(p50s) },
    ]),
  );
}

async function loopback() {
  const chosen = scenarios.flatMap(({ name }, index) => (name.includes(only) ? [index] : []));
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const pairs = await startPairs();
    const results = {};
    for (const scenario of chosen) {
      results[scenarios[scenario].name] = await compare(pairs, scenario, round);
      process.stderr.write(`\rround ${round + 1} of ${ROUNDS}: ${scenarios[scenario].name.padEnd(40)}`);
    }
    for (const { client, server } of pairs) {
      client.stop();
      server.stop();
    }
    rounds.push(results);
  }
  return rounds;
}

/** Each candidate alone, in new processes, `rounds` times: the medians of what it answers. */
async function alone(rounds, candidates, measure) {
  const results = Object.fromEntries(candidates.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of candidates) {
      process.stderr.write(`\r${measure.name}, round ${round + 1} of ${rounds}: ${name.padEnd(40)}`);
      results[name].push(await measure(name));
    }
  }
  return results;
}

async function heap(name) {
  const server = start('server.mjs');
  const { port } = await server.answer();
  const { bytes } = await start('memory.mjs', [name, port, CONNECTIONS], ['--expose-gc']).answer();
  server.stop();
  return bytes;
}

const wrapper = (name) => start('wrapper.mjs', [name]).answer();

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const measured = {
  names,
  rounds: only === 'none' ? [] : await loopback(),
  heaps: await alone(Math.min(ROUNDS, 3), names, heap),
  wrappers: await alone(ROUNDS, ['none', ...names.slice(1)], wrapper),
  bundles: await bundleSizes(),
  median,
};
process.stderr.write(`\r${' '.repeat(70)}\r`);
process.stdout.write(report(measured));
