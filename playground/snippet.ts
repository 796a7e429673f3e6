/** Prints options as the code that uses them: what is shown is made from what is used. */

/** Stands for what is code and not a value. */
class Code {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function print(value: unknown, indent: string): string {
  if (value instanceof Code) return value.text;
  if (typeof value === 'function') return String(value).replaceAll('"', "'");
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const inner = `${indent}  `;
  const entries = Object.entries(value).map(([name, each]) => `${inner}${name}: ${print(each, inner)},\n`);
  return `{\n${entries.join('')}${indent}}`;
}

export function snippet(url: string, options: object): string {
  return `import { LongSocket } from 'longsocket';

const socket = new LongSocket('${url}', ${print(options, '')});

socket.on('state', ({ status }) => console.log(status));
socket.on('message', (data) => console.log(data));
socket.send('hello'); // now, or as soon as it is connected

// Change to a fresh connection before something ends this one:
socket.rotate();
`;
}

export function serverSnippet(options: object, drain: object): string {
  const all = { port: 8080, ...options, store: new Code('store') };
  return `import { LongSocketServer, memoryStore } from 'longsocket/server';

const store = memoryStore(); // shared with the next server
const server = new LongSocketServer(${print(all, '')});

server.on('connection', (socket) => {
  // Once for each session, however many connections it takes.
  socket.on('message', (data) => socket.send(data));
});
console.log(server.stats());

// For a deploy, when the next server takes the new connections:
await server.drain(${print(drain, '')});
`;
}
