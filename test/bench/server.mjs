/** The other end of all candidates: plain `ws`, in a process of its own. Its parent learns the port. */
import { Sender, WebSocketServer } from 'ws';
import { payload, scenarios } from './scenarios.mjs';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });

/** Gives credit for what arrived. */
function sink(socket, { grant }) {
  let received = 0;
  socket.on('message', () => {
    received++;
    if (received % grant === 0) socket.send('');
  });
}

/** Sends as many as it got credit for, a batch per tick. */
function source(socket, scenario) {
  const { type, batch, grant, saturated } = scenario;
  const data = payload(scenario);
  const frames = Sender.frame(Buffer.from(data), { fin: true, opcode: type === 'text' ? 1 : 2 });
  const chunk = Buffer.concat(Array.from({ length: batch }, () => frames).flat());
  let credit = 0;
  let running = false;
  const run = () => {
    const count = Math.min(batch, credit);
    credit -= count;
    if (saturated && count === batch) socket._socket.write(chunk);
    else for (let i = 0; i < count; i++) socket.send(data);
    running = credit > 0;
    if (running) setImmediate(run);
  };
  socket.on('message', () => {
    credit += grant;
    if (!running) run();
  });
}

function echo(socket) {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

const ends = { send: sink, receive: source, 'round trip': echo };

server.on('connection', (socket, { url }) => {
  socket.on('error', () => {});
  const scenario = scenarios[Number(url.slice(1))];
  if (scenario) ends[scenario.kind](socket, scenario);
});
server.on('listening', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());
