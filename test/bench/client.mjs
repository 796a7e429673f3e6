/**
 * One candidate, in a process of its own. Its parent says what to do: `open` a scenario, `run` it for a slice of time, `shut`
 * it. A slice ends when everything sent in it has arrived, so what is counted was transported, not queued.
 */
import { candidates } from './candidates.mjs';
import { payload, scenarios } from './scenarios.mjs';

const [, , name, port] = process.argv;

/** By default at most 1 MiB waits, and 4 096 messages of 1 KiB are more: the credits shall be the only bound. */
const options = { maxBufferedBytes: 8 * 1024 * 1024 };

function sender(socket, scenario) {
  const { window, batch, grant } = scenario;
  const data = payload(scenario);
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
        for (let i = 0; i < batch; i++) socket.send(data);
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
        else resolve({ count: times.length, p50: times.sort((a, b) => a - b)[times.length >> 1] });
      };
      ping();
    });
}

const ends = { send: sender, receive: receiver, 'round trip': pinger };

let socket;
let slice;

const commands = {
  async open({ scenario }) {
    socket = candidates[name](`ws://127.0.0.1:${port}/${scenario}`, name === 'longsocket' ? options : undefined);
    const { kind } = scenarios[scenario];
    slice = ends[kind](socket, scenarios[scenario]);
    await socket.opened;
  },
  async run({ ms }) {
    const cpu = process.cpuUsage();
    const begin = performance.now();
    const { count, p50 } = await slice(ms);
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { count, seconds, cpu: user + system, p50 };
  },
  shut: () => socket.close(),
};

process.on('message', async (command) => {
  process.send({ result: (await commands[command.type](command)) ?? {} });
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
