/** Prints the socket's options as the code that makes it: what is shown is made from what is used. */

function print(value: unknown, indent: string): string {
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
`;
}
