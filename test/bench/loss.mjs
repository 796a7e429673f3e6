/**
 * What becomes of 1000 messages a second each way while their connections are cut: each peer through a proxy of its own with 20 ms one
 * way, the same faults at the same moments for all. And how many bytes a message costs beside its frame.
 *
 * Started by itself as a process for one peer; what that has measured is a message to its parent.
 */
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { peers } from './peers.mjs';

const LATENCY = 20;
const RATE = 1000;
async function load(path) {
  const entryPoints = [fileURLToPath(new URL(path, import.meta.url))];
  const options = { bundle: true, write: false, format: 'esm', platform: 'node' };
  const { outputFiles } = await build({ entryPoints, ...options });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
}

const { FaultProxy } = await load('../helpers/fault-proxy.ts');
const { seededRandom } = await load('../../src/testing/random.ts');

/** Counts the numbers that arrive at one end. */
class Account {
  #seen = new Set();
  #last = performance.now();
  duplicates = 0;
  gap = 0;
  sent = 0;

  receive = (data) => {
    const now = performance.now();
    this.gap = Math.max(this.gap, now - this.#last);
    this.#last = now;
    const number = Number.parseInt(data, 10);
    if (this.#seen.has(number)) this.duplicates++;
    this.#seen.add(number);
  };

  /** A silence that has not ended counts as well. */
  get longest() {
    return Math.max(this.gap, performance.now() - this.#last);
  }

  get received() {
    return this.#seen.size;
  }
}

const padding = '·'.repeat(20);
const message = (number) => `${number} ${padding}`;

/** Sends what is due at both ends, every 5 ms, until it is stopped. What is refused is due again. */
function talk(ends) {
  const since = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - since) * RATE) / 1000;
    for (const { account, send } of ends) {
      while (account.sent < due && send(message(account.sent + 1)) !== false) account.sent++;
    }
  }, 5);
  return () => clearInterval(timer);
}

/** Naive sockets say false for what they cannot take; whoever uses them goes on with the next message. */
const goOn = (peer, send) => (peer.includes('longsocket') ? send : (data) => void send(data));

async function run(name, kind, seed, seconds, patience) {
  const { serve, dial } = peers[name];
  const [up, down] = [new Account(), new Account()];
  const server = await serve((data) => up.receive(data));
  const proxy = await FaultProxy.listen(server.port);
  proxy.latency(LATENCY);
  const client = dial(proxy.port, (data) => down.receive(data));
  await sleep(1500);
  const before = proxy.status.accepted;
  const random = seededRandom(seed);
  const stop = talk([
    { account: up, send: goOn(name, client.send) },
    { account: down, send: goOn(name, server.publish) },
  ]);
  const end = performance.now() + seconds * 1000;
  for (let fault = 1; ; fault++) {
    // Both drawn each time, so that both kinds have their faults at the same moments.
    const wait = 1000 + random() * 2000;
    if (performance.now() + wait > end - 1000) break;
    await sleep(wait);
    if (kind === 'silence' && fault % 4 === 0) proxy.silence();
    else proxy.cut();
  }
  await sleep(Math.max(0, end - performance.now()));
  stop();
  const gaps = [up.longest, down.longest];
  const deadline = performance.now() + patience * 1000;
  while ((up.received < up.sent || down.received < down.sent) && performance.now() < deadline) await sleep(100);
  const { accepted } = proxy.status;
  const result = [up, down].map(({ sent, received, duplicates }, index) => ({
    sent,
    received,
    duplicates,
    gap: gaps[index],
  }));
  process.send({ up: result[0], down: result[1], dials: accepted - before });
  client.close();
  await proxy.close();
  process.exit();
}

/** Bytes of TCP, both ways, that a message of 64 B costs beside its WebSocket frame (RFC 6455 §5.2): 1000 a second, up, then down. */
async function wire(name, type) {
  const { serve, dial } = peers[name];
  let arrived = 0;
  const server = await serve(() => arrived++);
  const proxy = await FaultProxy.listen(server.port);
  const client = dial(proxy.port, () => arrived++);
  await sleep(1500);
  const data = type === 'text' ? 'x'.repeat(64) : new Uint8Array(64).fill(120);
  const count = 2000;
  const bytes = () => proxy.status.bytesUp + proxy.status.bytesDown;
  const cost = async (send, frame) => {
    const start = bytes();
    const expected = arrived + count;
    for (let sent = 0; sent < count; sent += 10) {
      for (let index = 0; index < 10; index++) send(data);
      await sleep(10);
    }
    while (arrived < expected) await sleep(10);
    await sleep(1200);
    return (bytes() - start) / count - frame;
  };
  const up = await cost(client.send, 64 + 6);
  const down = await cost(server.publish, 64 + 2);
  process.send({ up, down });
  process.exit();
}

function inProcess(...args) {
  return new Promise((resolve, reject) => {
    // Some peers have much to say about broken connections.
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc'];
    const child = fork(fileURLToPath(import.meta.url), args.map(String), { execArgv: [], stdio });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-2000);
    });
    child.on('message', resolve);
    child.on('exit', (code) => reject(new Error(`${args.join(' ')} exited with ${code}: ${said}`)));
  });
}

/**
 * For each kind of fault and each peer, the results of all seeds. All peers run at once: they idle most of the time. `patience`: how long
 * to wait, after the last message was sent, for what is still to come, in s: longer than any back-off or heartbeat here.
 */
export async function losses({ names = Object.keys(peers), seeds = [1, 2, 3], seconds = 30, patience = 60 }) {
  const results = {};
  for (const kind of ['cut', 'silence']) {
    results[kind] = Object.fromEntries(names.map((name) => [name, []]));
    for (const seed of seeds) {
      process.stderr.write(`\r${`losses: ${kind}, seed ${seed}`.padEnd(60)}`);
      await Promise.all(
        names.map(async (name) => results[kind][name].push(await inProcess(name, kind, seed, seconds, patience))),
      );
    }
  }
  return { names, seconds, patience, results };
}

export async function wires({ names = Object.keys(peers) }) {
  const results = {};
  for (const name of names) {
    process.stderr.write(`\r${`bytes of a message: ${name}`.padEnd(60)}`);
    results[name] = { text: await inProcess(name, 'text') };
    if (peers[name].binary) results[name].binary = await inProcess(name, 'binary');
  }
  return results;
}

const [, script, name, ...rest] = process.argv;
if (script === fileURLToPath(import.meta.url) && process.send) {
  if (rest.length === 1) await wire(name, rest[0]);
  else await run(name, rest[0], ...rest.slice(1).map(Number));
}
