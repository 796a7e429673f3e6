/**
 * One candidate, in a process of its own. Its parent says what to do: `open` a scenario, `run` it for a slice of time, `shut`
 * it. A slice ends when everything sent in it has arrived, so what is counted was transported, not queued.
 */
import { candidates } from './candidates.mjs';
import { payload, STEADY, scenarios } from './scenarios.mjs';

const [, , name, port] = process.argv;

function sender(socket, scenario) {
  const { window, batch, grant, owned } = scenario;
  const data = payload(scenario);
  const send = (owned && socket.sendOwned) || socket.send;
  let flying = 0;
  let wake = () => {};
  socket.onMessage(() => {
    flying -= grant;
    wake();
  });
  return async (ms) => {
    const end = performance.now() + ms;
    let count = 0;
    while (performance.now() < end || count % grant !== 0) {
      if (flying + batch > window) await new Promise((resolve) => (wake = resolve));
      else {
        for (let i = 0; i < batch; i++) send(data);
        flying += batch;
        count += batch;
        await new Promise(setImmediate);
      }
    }
    while (flying > 0) await new Promise((resolve) => (wake = resolve));
    return { count };
  };
}

function receiver(socket, { window, grant }) {
  let received = 0;
  let onGrant = () => {};
  socket.onMessage(() => {
    received++;
    if (received % grant === 0) onGrant();
  });
  return (ms) =>
    new Promise((resolve) => {
      const end = performance.now() + ms;
      const begin = received;
      let granted = begin;
      const give = () => {
        granted += grant;
        socket.send('');
      };
      onGrant = () => {
        if (performance.now() < end) give();
        else if (received === granted) resolve({ count: received - begin });
      };
      while (granted + grant <= begin + window) give();
    });
}

function pinger(socket, scenario) {
  const data = payload(scenario);
  let onReply = () => {};
  socket.onMessage(() => onReply());
  return (ms) =>
    new Promise((resolve) => {
      const end = performance.now() + ms;
      const times = [];
      let begin = performance.now();
      const ping = () => {
        begin = performance.now();
        socket.send(data);
      };
      onReply = () => {
        const now = performance.now();
        times.push(now - begin);
        if (now < end) ping();
        else resolve({ count: times.length, p50: quantile(times, 0.5) });
      };
      ping();
    });
}

/** A message each ms, answered at once: how long each was on its way, there and back. All processes share one clock. */
function steady(socket) {
  const now = () => Number(process.hrtime.bigint()) / 1e6;
  let delays = [];
  let rotations = 0;
  socket.onRotated(() => rotations++);
  socket.onMessage((data) => {
    const [sent, answered] = data.split(' ').map(Number);
    delays.push(answered - sent, now() - answered);
  });
  return async (ms, rotateEvery) => {
    delays = [];
    rotations = 0;
    const sending = setInterval(() => socket.send(String(now())), 1);
    const rotating = rotateEvery && setInterval(() => socket.rotate(), rotateEvery);
    await new Promise((resolve) => setTimeout(resolve, ms));
    clearInterval(sending);
    clearInterval(rotating);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { count: delays.length / 2, rotations, p99: quantile(delays, 0.99), max: quantile(delays, 1) };
  };
}

function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

const ends = { send: sender, receive: receiver, 'round trip': pinger };

let socket;
let slice;

const commands = {
  async open({ scenario }) {
    socket = candidates[name](port, scenario === STEADY ? scenario : `/${scenario}`);
    slice = scenario === STEADY ? steady(socket) : ends[scenarios[scenario].kind](socket, scenarios[scenario]);
    await socket.opened;
  },
  async run({ ms, rotateEvery }) {
    const cpu = process.cpuUsage();
    const begin = performance.now();
    const result = await slice(ms, rotateEvery);
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { ...result, seconds, cpu: user + system };
  },
  shut() {
    socket.close();
  },
};

process.on('message', async (command) => {
  process.send({ result: (await commands[command.type](command)) ?? {} });
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
