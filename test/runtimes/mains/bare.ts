/** Imports the package where nothing is but the language. Says which build it was, and what comes of connecting. */
const surroundings = globalThis as Record<string, unknown>;
const ofBrowsers = [
  'WebSocket',
  'navigator',
  'EventTarget',
  'Event',
  'MessageEvent',
  'CloseEvent',
  'Blob',
  'AbortController',
  'fetch',
];
for (const name of ofBrowsers) delete surroundings[name];

const { LongSocket } = await import('longsocket');
await import('longsocket/testing');
await import('longsocket/websocket');
await import('longsocket/compat');
await import('longsocket/streams');
await import('longsocket/messages');
const build = import.meta.resolve('longsocket').includes('/browser/') ? 'browser build' : 'another build';
const socket = new LongSocket('ws://localhost', { autoConnect: false });
socket.on('error', ({ code }) => console.log(`${build}; connect: ${code}`));
socket.connect();
await socket.closed;
