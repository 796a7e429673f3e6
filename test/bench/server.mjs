/** The server of one candidate, in a process of its own. Its parent learns the port, and asks for what it costs. */
import { Sender } from 'ws';
import { heapUsed } from './heap.mjs';
import { payload, STEADY, scenarios } from './scenarios.mjs';
import { servers } from './servers.mjs';

const [, , name] = process.argv;

/** Gives credit for what arrived. */
function sink(socket, { grant }) {
  let received = 0;
  socket.onMessage(() => {
    received++;
    if (received % grant === 0) socket.send('');
  });
}

/** Sends as many as it got credit for, a batch per tick. */
function source(socket, scenario) {
  const { type, batch, grant, saturated, owned } = scenario;
  const data = payload(scenario);
  const frames = Sender.frame(Buffer.from(data), { fin: true, opcode: type === 'text' ? 1 : 2 });
  const chunk = Buffer.concat(Array.from({ length: batch }, () => frames).flat());
  const send = (owned && socket.sendOwned) || socket.send;
  let credit = 0;
  let running = false;
  const run = () => {
    const count = Math.min(batch, credit);
    credit -= count;
    if (saturated && count === batch) socket.writeRaw(chunk);
    else for (let i = 0; i < count; i++) send(data);
    running = credit > 0;
    if (running) setImmediate(run);
  };
  socket.onMessage(() => {
    credit += grant;
    if (!running) run();
  });
}

function echo(socket) {
  socket.onMessage((data) => socket.send(data));
}

/** Says when it arrived. */
function stamp(socket) {
  socket.onMessage((sent) => socket.send(`${sent} ${Number(process.hrtime.bigint()) / 1e6}`));
}

const ends = { send: sink, receive: source, 'round trip': echo };
const nothing = () => {};

/** Those who get broadcasts, and their way to say that one has arrived everywhere. */
const crowd = [];
let onArrived = nothing;

const server = await (servers[name] ?? servers.ws)((path, socket) => {
  const scenario = scenarios[Number(path.slice(1))];
  if (scenario) ends[scenario.kind](socket, scenario);
  else if (path === STEADY) stamp(socket);
  else if (path === '/arrived') socket.onMessage(() => onArrived());
  else if (path === '/crowd') crowd.push(socket.socket);
  else socket.onMessage(nothing);
});

const commands = {
  heap: async () => ({ bytes: await heapUsed() }),

  heartbeat: () => server.heartbeat(),

  /** CPU time of this process, in µs. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },

  /** What this process uses while nobody sends anything. */
  async idle({ ms }) {
    const cpu = process.cpuUsage();
    const begin = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    const { user, system } = process.cpuUsage(cpu);
    return { share: (user + system) / 1000 / (performance.now() - begin) };
  },

  /** Broadcasts `perTick` in a tick, again as soon as all have arrived: this process's CPU time for each message. */
  async broadcast({ ms, perTick, size }) {
    const data = 'x'.repeat(size);
    const cpu = process.cpuUsage();
    const end = performance.now() + ms;
    let count = 0;
    while (performance.now() < end) {
      const arrived = new Promise((resolve) => (onArrived = resolve));
      for (let i = 0; i < perTick; i++) server.broadcast(crowd, data);
      await arrived;
      count += perTick * crowd.length;
    }
    const { user, system } = process.cpuUsage(cpu);
    return { cpu: (user + system) / count };
  },
};

process.on('message', async (command) => {
  process.send({ result: (await commands[command.type](command)) ?? {} });
});
process.on('disconnect', () => process.exit());
process.send({ port: server.port });
