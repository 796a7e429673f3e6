/**
 * `npm run bench`: the built package beside plain `ws` and the peers. Prints Markdown tables.
 *
 * The machine may be noisy, and one process may be luckier with its compiler than the next. So every round starts new
 * processes, a client and a server for each candidate; within a round the candidates take turns in slices; the first round
 * does not count; what is reported is the median over the others of the ratio to plain `ws` in the same round.
 *
 * --quick: short rounds, to see that it runs. --part=<name>: one of `parts` below. --only=<text>: of the messages, the
 * scenarios whose name contains it. --names=<a,b>: these candidates beside `ws`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bundleSizes } from './bundles.mjs';
import { losses, wires } from './loss.mjs';
import { report } from './report.mjs';
import { STEADY, scenarios } from './scenarios.mjs';

const given = (name) => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 6;
const SLICES = quick ? 1 : 4;
const SLICE_MS = quick ? 60 : 150;
/** Time of the CPU, in µs: on a busy machine a process gets little of the clock's, and its code would stay unoptimised. */
const WARM_UP = quick ? 50_000 : 400_000;
const CONNECTIONS = quick ? 200 : 2000;
const SESSION = 'longsocket session';

const all = ['ws', 'partysocket', 'reconnecting-websocket', 'longsocket', SESSION, 'socket.io'];
const names = given('names') ? ['ws', ...given('names').split(',')] : all;
/** Those that differ from `ws` at the server's end as well. */
const withServer = names.filter((name) => ['ws', SESSION, 'socket.io'].includes(name));

function start(file, args = [], execArgv = []) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ${args.join(' ')} exited with ${code}`);
  });
  failed.catch(() => {});
  const answer = async () => (await Promise.race([once(child, 'message'), failed]))[0];
  const ask = async (type, details) => {
    child.send({ type, ...details });
    return (await answer()).result;
  };
  return { answer, ask, stop: () => child.connected && child.disconnect() };
}

/** New processes for one candidate: its server, and what dials it. */
async function startPair(name, file, execArgv) {
  const server = start('server.mjs', [name], execArgv);
  const { port } = await server.answer();
  const client = start(file, [name, port], execArgv);
  await client.answer();
  const stop = () => {
    client.stop();
    server.stop();
  };
  return { name, client, server, stop };
}

/** A server and a client for each candidate, all alive, one at work at a time. */
async function startPairs(candidates, file) {
  const pairs = [];
  for (const name of candidates) pairs.push(await startPair(name, file));
  return pairs;
}

/** What `round` resolves with, for each round that counts. */
async function repeat(what, rounds, round) {
  const results = [];
  for (let index = 0; index < rounds; index++) {
    process.stderr.write(`\r${`${what}, round ${index + 1} of ${rounds}`.padEnd(60)}`);
    results.push(await round(index));
  }
  return results.slice(1);
}

/** The candidates take turns, each round in another order. */
async function inTurns(pairs, round, slices, run) {
  for (let slice = 0; slice < slices; slice++) {
    for (let turn = 0; turn < pairs.length; turn++) await run(pairs[(turn + slice + round) % pairs.length]);
  }
}

async function warmUp(client) {
  for (let run = 0, used = 0; run < 20 && used < WARM_UP; run++) used += (await client.ask('run', { ms: 100 })).cpu;
}

/** One scenario of one round: a total for each candidate. */
async function compare(pairs, scenario, round) {
  const totals = {};
  for (const { name, client } of pairs) {
    await client.ask('open', { scenario });
    await warmUp(client);
    totals[name] = { count: 0, seconds: 0, cpu: 0, serverCpu: 0, p50s: [] };
  }
  await inTurns(pairs, round, SLICES, async ({ name, client, server }) => {
    const before = await server.ask('cpu');
    const { count, seconds, cpu, p50 } = await client.ask('run', { ms: SLICE_MS });
    const total = totals[name];
    total.count += count;
    total.seconds += seconds;
    total.cpu += cpu;
    total.serverCpu += (await server.ask('cpu')) - before;
    total.p50s.push(p50);
  });
  for (const { client } of pairs) await client.ask('shut');
  return Object.fromEntries(
    Object.entries(totals).map(([name, { count, seconds, cpu, serverCpu, p50s }]) => [
      name,
      { rate: count / seconds, cpu: cpu / count, serverCpu: serverCpu / count, p50: median(p50s) },
    ]),
  );
}

function messages() {
  const only = given('only') ?? '';
  const chosen = scenarios.flatMap(({ name }, index) => (name.includes(only) ? [index] : []));
  return repeat('messages', ROUNDS, async (round) => {
    const pairs = await startPairs(names, 'client.mjs');
    const results = {};
    for (const index of chosen) {
      const { name, only: few } = scenarios[index];
      const candidates = pairs.filter((pair) => !few || few.includes(pair.name));
      results[name] = await compare(candidates, index, round);
    }
    for (const { stop } of pairs) stop();
    return results;
  });
}

/** The server's CPU time per message of 100 B to each of 1000 receivers, in µs. */
function broadcasts() {
  const receivers = quick ? 100 : 1000;
  return repeat('broadcasts', ROUNDS, async (round) => {
    const pairs = await startPairs(withServer, 'crowd.mjs');
    const results = {};
    for (const { client } of pairs) await client.ask('open', { count: receivers, path: '/crowd' });
    for (const perTick of [1, 10]) {
      const totals = Object.fromEntries(withServer.map((name) => [name, []]));
      const run = { perTick, size: 100, ms: 2 * SLICE_MS };
      for (const { client, server } of pairs) {
        await client.ask('report', { messages: receivers * perTick });
        await server.ask('broadcast', run);
      }
      await inTurns(pairs, round, SLICES, async ({ name, server }) => {
        totals[name].push((await server.ask('broadcast', run)).cpu);
      });
      results[perTick] = Object.fromEntries(withServer.map((name) => [name, median(totals[name])]));
    }
    for (const { stop } of pairs) stop();
    return results;
  });
}

/** How long messages are on their way in one session, a message each ms, without rotations and with one each second. */
function rotations() {
  const ms = quick ? 1500 : 5000;
  return repeat('rotations', ROUNDS, async (round) => {
    const { client, stop } = await startPair(SESSION, 'client.mjs');
    await client.ask('open', { scenario: STEADY });
    await client.ask('run', { ms: 1500, rotateEvery: 500 });
    const run = (rotateEvery) => client.ask('run', { ms, rotateEvery });
    const results = {};
    for (const kind of round % 2 ? ['steady', 'rotating'] : ['rotating', 'steady']) {
      results[kind] = await run(kind === 'rotating' ? 1000 : undefined);
    }
    stop();
    const { rotations } = results.rotating;
    if (rotations < ms / 1000 - 2) throw new Error(`rotated ${rotations} times in ${ms} ms`);
    return results;
  });
}

/** Bytes of heap per idle connection, at both ends. */
function heaps() {
  return repeat('heap', Math.min(ROUNDS, 4), async () => {
    const results = {};
    for (const name of names) {
      const { client, server, stop } = await startPair(name, 'crowd.mjs', ['--expose-gc']);
      const used = async () => ({ client: (await client.ask('heap')).bytes, server: (await server.ask('heap')).bytes });
      await client.ask('open', { count: 100, path: '/none' }); // Code, shapes and pools are not per connection.
      const before = await used();
      await client.ask('open', { count: CONNECTIONS, path: '/none' });
      const after = await used();
      results[name] = {
        client: (after.client - before.client) / CONNECTIONS,
        server: (after.server - before.server) / CONNECTIONS,
      };
      stop();
    }
    return results;
  });
}

/** The share of a core that a server uses for connections on which nothing happens but heartbeats, one each 25 s. */
async function idle() {
  const results = {};
  const count = quick ? 200 : 5000;
  for (const name of withServer) {
    process.stderr.write(`\r${`idle: ${name}`.padEnd(60)}`);
    const { client, server, stop } = await startPair(name, 'crowd.mjs');
    await client.ask('open', { count, path: '/none' });
    await server.ask('heartbeat');
    await server.ask('idle', { ms: quick ? 100 : 5000 });
    results[name] = (await server.ask('idle', { ms: quick ? 500 : 25_000 })).share;
    stop();
  }
  return { count, results };
}

function wrappers() {
  return repeat('wrappers', ROUNDS, async () => {
    const results = {};
    for (const name of ['none', ...names.filter((name) => name !== 'ws' && name !== 'socket.io')]) {
      results[name] = await start('wrapper.mjs', [name]).answer();
    }
    return results;
  });
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const parts = {
  messages,
  broadcasts,
  rotations,
  heaps,
  idle,
  wrappers,
  bundles: bundleSizes,
  wires: () => wires({}),
  losses: () => losses(quick ? { seeds: [1], seconds: 5, patience: 5 } : {}),
};

const measured = { names, withServer, session: SESSION, median };
for (const [part, measure] of Object.entries(parts)) {
  if ((given('part') ?? part) === part) measured[part] = await measure();
}
process.stderr.write(`\r${' '.repeat(60)}\r`);
process.stdout.write(report(measured));
