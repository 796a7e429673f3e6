/** Serves the build for browsers, and pages and a worker that use it, to a real browser. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LongSocket } from '../../src/index.js';

const dist = new URL('../../dist/browser/', import.meta.url);

/** What a page has to work with, as `window.bench`. */
export interface Bench {
  readonly LongSocket: typeof LongSocket;
  /** Writes a LongSocket's events down from now on; the list grows. */
  record(socket: LongSocket): Entry[];
  /** Writes a native WebSocket's events down from now on; the list grows. */
  recordNative(socket: WebSocket): Entry[];
  /** Resolves with the `n`th entry of a name. */
  entry(entries: Entry[], name: string, n?: number): Promise<Entry>;
  /** What a test keeps between two looks at the page. */
  readonly kept: Record<string, unknown>;
}

/** Plain data, so that it can leave the page. */
export interface Entry {
  readonly name: string;
  readonly at: number;
  readonly code?: number | string;
  readonly reason?: string;
  readonly wasClean?: boolean;
  readonly cause?: string;
  readonly data?: unknown;
  readonly delay?: number;
  readonly attempt?: number;
  readonly reconnected?: boolean;
  readonly status?: string;
}

const page = `<!doctype html><meta charset="utf-8"><title>bench</title><link rel="icon" href="data:,"><script type="module">
import { LongSocket } from '/index.js';
const shown = (data) => typeof data === 'string' || data === undefined ? data : [data.constructor.name, ...new Uint8Array(data.buffer ?? data)];
const plain = ({ code, reason, wasClean, cause, ending, delay, attempt, reconnected, status }) =>
  JSON.parse(JSON.stringify({ code, reason, wasClean, cause: ending?.cause ?? cause?.cause ?? cause, delay, attempt, reconnected, status }));
const names = ['state', 'open', 'message', 'interrupted', 'reconnecting', 'failed', 'close', 'error'];
window.bench = {
  LongSocket,
  kept: {},
  record(socket) {
    const entries = [];
    for (const name of names) {
      socket.on(name, (e) => entries.push({ name, at: performance.now(), ...(name === 'message' ? { data: shown(e) } : plain(e)) }));
    }
    return entries;
  },
  recordNative(socket) {
    const entries = [];
    for (const name of ['open', 'message', 'error', 'close']) {
      socket.addEventListener(name, ({ code, reason, wasClean, data }) =>
        entries.push(JSON.parse(JSON.stringify({ name, at: performance.now(), code, reason, wasClean, data: shown(data) }))));
    }
    return entries;
  },
  async entry(entries, name, n = 1) {
    for (const end = performance.now() + 8000; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 2))) {
      const found = entries.filter((entry) => entry.name === name)[n - 1];
      if (found) return found;
    }
    throw new Error('no ' + name + ' number ' + n + '; there were: ' + JSON.stringify(entries));
  },
};
</script>`;

const worker = `
import { LongSocket } from '/index.js';
self.onmessage = ({ data: url }) => {
  const socket = new LongSocket(url);
  socket.on('message', (data) => {
    postMessage({ data, state: socket.state, document: typeof document });
    socket.close();
  });
  socket.on('close', ({ code, wasClean }) => postMessage({ code, wasClean }));
  socket.send('from a worker');
};`;

/** Writes down which parts of the platform the import makes use of, before and while it happens. */
const imports = `<!doctype html><meta charset="utf-8"><title>imports</title><link rel="icon" href="data:,"><script>
const touched = [];
const watch = (object, name) => {
  const original = object[name];
  object[name] = new Proxy(original, {
    apply(target, self, args) { touched.push(name); return Reflect.apply(target, self, args); },
    construct(target, args) { touched.push('new ' + name); return Reflect.construct(target, args); },
  });
};
for (const name of ['WebSocket', 'AbortController', 'setTimeout', 'setInterval', 'queueMicrotask', 'fetch', 'BroadcastChannel',
  'EventTarget', 'reportError']) watch(window, name);
watch(EventTarget.prototype, 'addEventListener');
watch(Math, 'random');
watch(Date, 'now');
watch(performance, 'now');
watch(Crypto.prototype, 'getRandomValues');
window.result = undefined;
window.result = (async () => {
  const before = Object.getOwnPropertyNames(window);
  const api = await import('/index.js');
  const added = Object.getOwnPropertyNames(window).filter((name) => !before.includes(name));
  return { touched, added, exports: typeof api.LongSocket };
})();
</script>`;

const html = 'text/html; charset=utf-8';
const javascript = 'text/javascript; charset=utf-8';

export interface PageServer {
  /** The page that holds `window.bench`. */
  readonly bench: string;
  /** Another page, which holds nothing. */
  readonly elsewhere: string;
  /** A page whose `window.result` says what the import has touched. */
  readonly imports: string;
  close(): Promise<void>;
}

export async function servePages(): Promise<PageServer> {
  const server = createServer(async ({ url = '/' }, response) => {
    const fixed: Record<string, readonly [string, string]> = {
      '/bench.html': [html, page],
      '/elsewhere.html': [html, '<!doctype html><title>elsewhere</title><link rel="icon" href="data:,">'],
      '/imports.html': [html, imports],
      '/worker.js': [javascript, worker],
    };
    const [type, body] = fixed[url] ?? [javascript, await readFile(new URL(`.${url}`, dist)).catch(() => undefined)];
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': type }).end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    bench: `${root}bench.html`,
    elsewhere: `${root}elsewhere.html`,
    imports: `${root}imports.html`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
