/** React 18 or 19 with the hooks as they are built, for a page and for Node. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import type * as React from 'react';
import type { Root, RootOptions } from 'react-dom/client';
import type * as server from 'react-dom/server';
import type { LongSocket } from '../../src/index.js';
import type * as hooks from '../../src/react.js';
import type * as testing from '../../src/testing.js';

type Hooks = typeof hooks;
export type Version = '18' | '19';

/** What a page has to work with, as `window.lab`. */
export interface Lab extends Hooks {
  readonly React: typeof React;
  /** `React.createElement`. */
  readonly h: typeof React.createElement;
  readonly LongSocket: typeof LongSocket;
  readonly testing: typeof testing;
  readonly flushSync: (work: () => void) => void;
  readonly createRoot: (element: Element, options?: RootOptions) => Root;
  readonly hydrateRoot: (element: Element, children: React.ReactNode, options?: RootOptions) => Root;
  /** Puts children on the page, under StrictMode unless told otherwise. */
  show(children: React.ReactNode, strict?: boolean): Root;
  /** Exchanges a component of what is shown, as React Fast Refresh does after an edit; with `remount`, of its hooks. */
  refresh(before: React.FC, after: React.FC, remount?: boolean): void;
  /** Resolves when it holds. */
  until(holds: () => boolean): Promise<void>;
  /** What is on the page. */
  text(): string;
  /** What a test keeps between two looks at the page. */
  readonly kept: Record<string, unknown>;
}

/** What a server has to work with. */
export interface ServerLab extends Hooks {
  readonly React: typeof React;
  readonly LongSocket: typeof LongSocket;
  readonly server: typeof server;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

const pageSource = `
import * as React from 'react';
import { flushSync } from 'react-dom';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { LongSocket } from 'longsocket';
import * as hooks from 'longsocket/react';
import * as testing from 'longsocket/testing';
const until = async (holds) => {
  for (const end = performance.now() + 15000; !holds(); await new Promise((resolve) => setTimeout(resolve, 2)))
    if (performance.now() > end) throw new Error('never: ' + holds + '; the page shows: ' + text());
};
const text = () => document.getElementById('root').textContent;
const show = (children, strict = true) => {
  const root = createRoot(document.getElementById('root'));
  root.render(strict ? React.createElement(React.StrictMode, null, children) : children);
  return root;
};
const refresh = (before, after, remount = false) => {
  const { renderer, root, families } = window.fastRefresh;
  const family = families.get(before) ?? { current: before };
  family.current = after;
  families.set(before, family).set(after, family);
  renderer.setRefreshHandler((type) => families.get(type));
  const [updated, stale] = remount ? [[], [family]] : [[family], []];
  renderer.scheduleRefresh(root, { updatedFamilies: new Set(updated), staleFamilies: new Set(stale) });
};
window.lab = {
  ...hooks, React, h: React.createElement, LongSocket, testing, flushSync, createRoot, hydrateRoot, show, refresh, until, text, kept: {},
};`;

/** What React Fast Refresh hangs on to: it has to be there before React. */
const hook = `
window.fastRefresh = { families: new Map() };
window.__REACT_DEVTOOLS_GLOBAL_HOOK__ = {
  renderers: new Map(), supportsFiber: true, checkDCE() {}, onScheduleFiberRoot() {}, onCommitFiberUnmount() {},
  inject(renderer) { window.fastRefresh.renderer = renderer; return 1; },
  onCommitFiberRoot(id, root) { window.fastRefresh.root = root; },
};`;

const serverSource = `
module.exports = { ...require('longsocket/react'), React: require('react'), server: require('react-dom/server'), LongSocket: require('longsocket').LongSocket };`;

function optionsOf(version: Version, contents: string): BuildOptions {
  const folder = version === '18' ? `${root}test/loopback/react18/node_modules/` : `${root}node_modules/`;
  return {
    stdin: { contents, resolveDir: root, loader: 'jsx' },
    jsx: 'automatic',
    bundle: true,
    absWorkingDir: root,
    alias: Object.fromEntries(['react', 'react-dom', 'scheduler'].map((name) => [name, folder + name])),
    define: { 'process.env.NODE_ENV': '"development"' },
    // Not the paths of ours, which lead to the sources: what is built is meant.
    tsconfigRaw: {},
    logLevel: 'error',
  };
}

/** The package as it is built, for Node, with React. */
export async function serverLab(version: Version): Promise<ServerLab> {
  const folder = await mkdtemp(join(tmpdir(), 'longsocket-react-'));
  const outfile = join(folder, 'lab.cjs');
  try {
    await build({ ...optionsOf(version, serverSource), platform: 'node', format: 'cjs', outfile });
    return createRequire(import.meta.url)(outfile) as ServerLab;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A script for a page, of a module that may have JSX in it. */
export async function bundleForPage(version: Version, source: string): Promise<string> {
  const options = { ...optionsOf(version, source), platform: 'browser', format: 'iife', write: false } as const;
  const { outputFiles } = await build(options);
  return outputFiles?.[0]?.text ?? '';
}

export interface LabServer {
  /** An empty page that holds `window.lab`. With `#root` filled: a page that was rendered on a server. */
  readonly url: string;
  /** What is in `#root` when the page comes. */
  markup: string;
  close(): Promise<void>;
}

/** Serves the package as it is built for browsers, with React. */
export async function serveLab(version: Version): Promise<LabServer> {
  const script = await bundleForPage(version, pageSource);
  const lab = { markup: '' };
  const http = createServer(({ url }, response) => {
    const isScript = url === '/lab.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' });
    const head = `<!doctype html><title>lab</title><link rel="icon" href="data:,"><script>${hook}</script>`;
    response.end(isScript ? script : `${head}<div id="root">${lab.markup}</div><script src="/lab.js"></script>`);
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  return Object.assign(lab, {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  });
}
