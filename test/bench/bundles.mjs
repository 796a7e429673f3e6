/** Sizes of browser bundles in bytes of brotli: esbuild, minified, ES modules, all dependencies in. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

const entries = {
  'isomorphic-ws + mitt':
    "export { default as WebSocket } from 'isomorphic-ws'; export { default as mitt } from 'mitt';",
  'reconnecting-websocket': "export { default } from 'reconnecting-websocket';",
  'partysocket/ws': "export { default } from 'partysocket/ws';",
  partysocket: "export { default } from 'partysocket';",
  'graphql-ws': "export { createClient } from 'graphql-ws/client';",
  'socket.io-client': "export { io } from 'socket.io-client';",
  '@microsoft/signalr': "export { HubConnectionBuilder } from '@microsoft/signalr';",
  longsocket: "export { LongSocket } from './dist/browser/index.js';",
};

/** Not among the development dependencies, since its own are old: `npm install --no-save @microsoft/signalr` to have it measured. */
const optional = ['@microsoft/signalr'];

function isThere(name) {
  return !optional.includes(name) || existsSync(new URL(`../../node_modules/${name}`, import.meta.url));
}

async function size(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  return brotliCompressSync(outputFiles[0].contents).length;
}

export async function bundleSizes() {
  /** @type {Record<string, number>} */
  const sizes = {};
  for (const [name, contents] of Object.entries(entries)) if (isThere(name)) sizes[name] = await size(contents);
  return sizes;
}
