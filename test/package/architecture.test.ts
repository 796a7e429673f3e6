import { describe, expect, test } from 'vitest';
import { ambientUsesOf, codeBesideReexports, type Import, importsOf, readSources, type Source } from './source.js';

/** Which folders a folder may import from. Files directly in `src/` are the entries; nothing imports them. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  io: ['io', 'core'],
  socket: ['socket', 'io', 'core'],
  client: ['client', 'socket', 'io', 'core'],
  server: ['server', 'socket', 'io', 'core'],
  react: ['react', 'core'],
  messages: ['messages', 'socket', 'core'],
  streams: ['streams', 'socket', 'core'],
  testing: ['testing', 'io', 'core'],
  cli: ['cli', 'client', 'socket', 'io', 'core'],
  websocket: ['websocket', 'client', 'socket', 'io', 'core'],
  compat: ['compat', 'websocket', 'client', 'socket', 'io', 'core'],
  entry: [
    'cli',
    'client',
    'compat',
    'server',
    'react',
    'messages',
    'streams',
    'testing',
    'websocket',
    'socket',
    'io',
    'core',
  ],
};

/** Which files may import a package. */
const packages: Readonly<Record<string, RegExp>> = {
  'isomorphic-ws': /^io\/dial\.ts$/,
  mitt: /^socket\//,
  react: /^react\//,
  ws: /^server\/listen\.ts$/,
};

const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : 'entry');

function wrongArrow(edge: Import): boolean {
  if (edge.external) {
    const allowed = edge.to.startsWith('node:')
      ? /^(io\/node|io\/entropy|server\/listen|server\/emitter|cli|cli\/.+)\.ts$/
      : packages[edge.to];
    return !edge.typeOnly && !allowed?.test(edge.from);
  }
  return !arrows[folderOf(edge.from)]?.includes(folderOf(edge.to));
}

const wrongArrows = (sources: readonly Source[]): string[] =>
  sources
    .flatMap(importsOf)
    .filter(wrongArrow)
    .map(({ from, to }) => `${from} → ${to}`);

const ambientUses = (sources: readonly Source[]): string[] =>
  sources
    .filter(({ path }) => path !== 'io/clock.ts')
    .flatMap((source) => ambientUsesOf(source).map((use) => `${source.path}: ${use}`));

const sources = readSources();
const file = (path: string, text: string): Source[] => [{ path, text }];

describe('the source tree', () => {
  test('holds every folder the arrows speak of, and no other', () => {
    expect([...new Set(sources.map(({ path }) => folderOf(path)))].sort()).toEqual(Object.keys(arrows).sort());
  });

  test('imports along the arrows only', () => {
    expect(wrongArrows(sources)).toEqual([]);
  });

  test('has no arrow that nothing goes along', () => {
    const edges = sources.flatMap(importsOf).filter(({ external }) => !external);
    const taken = new Set(edges.map(({ from, to }) => `${folderOf(from)} → ${folderOf(to)}`));
    const all = Object.entries(arrows).flatMap(([from, tos]) => tos.map((to) => `${from} → ${to}`));
    expect(all.filter((arrow) => !taken.has(arrow))).toEqual([]);
  });

  test('imports only files that exist', () => {
    const paths = new Set(sources.map(({ path }) => path));
    const broken = sources.flatMap(importsOf).filter(({ external, to }) => !external && !paths.has(to));
    expect(broken).toEqual([]);
  });

  test('reads clocks, sets timers and draws numbers in io/clock.ts only', () => {
    expect(ambientUses(sources)).toEqual([]);
    expect(ambientUsesOf(sources.find(({ path }) => path === 'io/clock.ts') as Source)).not.toEqual([]);
  });

  test('has no file with much more than 400 lines beside its comments', () => {
    const lines = (text: string) => text.replace(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*)\n/gm, '').split('\n').length;
    const long = sources.filter(({ text }) => lines(text) > 470).map(({ path }) => path);
    expect(long).toEqual([]);
  });

  test('builds the drop-in on what everybody can import, and on nothing else', () => {
    const names = (text: string, from: string): string[] =>
      [...text.matchAll(new RegExp(`(?:im|ex)port (?:type )?\\{([^}]*)\\} from '${from}`, 'g'))]
        .flatMap(([, list = '']) => list.split(','))
        .map((name) => name.trim().replace(/^type /, ''))
        .filter(Boolean);
    const everybodys = names(sources.find(({ path }) => path === 'index.ts')?.text ?? '', '\\./');
    const used = sources
      .filter(({ path }) => folderOf(path) === 'websocket')
      .flatMap(({ text }) => names(text, '\\.\\./'));
    expect(used).toContain('LongSocket');
    expect(used.filter((name) => !everybodys.includes(name))).toEqual([]);
  });

  test('has entries that only re-export', () => {
    const entries = sources.filter(({ path }) => folderOf(path) === 'entry' && path !== 'cli.ts');
    expect(entries.map(({ path }) => path)).toEqual([
      'compat.ts',
      'index.ts',
      'messages.ts',
      'react.ts',
      'server.ts',
      'streams.ts',
      'testing.ts',
      'websocket.ts',
    ]);
    expect(entries.flatMap(codeBesideReexports)).toEqual([]);
    // The command, which nobody imports.
    expect(sources.flatMap(importsOf).filter(({ to }) => to === 'cli.ts')).toEqual([]);
  });
});

describe('the check of the arrows', () => {
  test.each([
    ['core/session.ts', "import { systemClock } from '../io/clock.js';", 'core/session.ts → io/clock.ts'],
    ['core/session.ts', "export * from '../client/long-socket.js';", 'core/session.ts → client/long-socket.ts'],
    ['client/a.ts', "import { run } from '../cli/run.js';", 'client/a.ts → cli/run.ts'],
    ['cli/a.ts', "import { LongSocketServer } from '../server/a.js';", 'cli/a.ts → server/a.ts'],
    ['cli/a.ts', "import { WebSocket } from 'ws';", 'cli/a.ts → ws'],
    ['socket/a.ts', "import { parseArgs } from 'node:util';", 'socket/a.ts → node:util'],
    ['client/a.ts', "import type { Accepted } from '../server/accept.js';", 'client/a.ts → server/accept.ts'],
    ['server/a.ts', "const late = () => import('../client/b.js');", 'server/a.ts → client/b.ts'],
    ['socket/a.ts', "import { LongSocket } from '../index.js';", 'socket/a.ts → index.ts'],
    ['testing.ts', "export { LongSocket } from './index.js';", 'testing.ts → index.ts'],
    ['testing/a.ts', "import { LongSocket } from '../client/a.js';", 'testing/a.ts → client/a.ts'],
    ['testing/a.ts', "import { Listeners } from '../socket/a.js';", 'testing/a.ts → socket/a.ts'],
    ['react/a.ts', "import { LongSocket } from '../client/a.js';", 'react/a.ts → client/a.ts'],
    ['client/a.ts', "import { useState } from 'react';", 'client/a.ts → react'],
    ['streams/a.ts', "import { json } from '../messages/a.js';", 'streams/a.ts → messages/a.ts'],
    ['messages/a.ts', "import { LongSocket } from '../client/a.js';", 'messages/a.ts → client/a.ts'],
    ['io/a.ts', "type Socket = import('../socket/a.js').Socket;", 'io/a.ts → socket/a.ts'],
    ['io/node.ts', "import WebSocket from 'isomorphic-ws';", 'io/node.ts → isomorphic-ws'],
    ['io/browser.ts', "import { connect } from 'node:net';", 'io/browser.ts → node:net'],
    ['server/accept.ts', "import { WebSocketServer } from 'ws';", 'server/accept.ts → ws'],
    ['server/web-socket.ts', "import { EventEmitter } from 'node:events';", 'server/web-socket.ts → node:events'],
  ])('finds in %s: %s', (path, text, arrow) => {
    expect(wrongArrows(file(path, text))).toEqual([arrow]);
  });

  test.each([
    [
      'client/a.ts',
      "import { a } from '../socket/a.js'; import { b } from '../io/b.js'; import { c } from '../core/c.js';",
    ],
    ['cli/a.ts', "import { parseArgs } from 'node:util'; import { LongSocket } from '../client/a.js';"],
    ['react/a.ts', "import { useState } from 'react'; import type { State } from '../core/a.js';"],
    ['io/dial.ts', "import * as iso from 'isomorphic-ws';"],
    ['index.ts', "export { LongSocket } from './client/long-socket.js';"],
  ])('lets pass in %s: %s', (path, text) => {
    expect(wrongArrows(file(path, text))).toEqual([]);
  });
});

describe('the check of ambient time and chance', () => {
  test.each([
    ['const now = Date.now();', 'Date'],
    ['const born = new Date();', 'Date'],
    ['const now = performance.now();', 'performance'],
    ['setTimeout(() => {}, 1);', 'setTimeout'],
    ['globalThis.setInterval(() => {}, 1);', 'setInterval'],
    ['const later = { run: setImmediate };', 'setImmediate'],
    ['const draw = Math.random;', 'Math.random'],
    ['const { random } = Math;', 'Math.random'],
  ])('finds %s', (text, name) => {
    expect(ambientUses(file('io/driver.ts', text))).toEqual([`io/driver.ts: ${name}:1`]);
  });

  test('lets members of these names pass, and comments', () => {
    const text =
      'const clock = { setTimeout(run: () => void) { run(); } }; clock.setTimeout(f); // Date.now()\nclock.random();';
    expect(ambientUses(file('io/driver.ts', text))).toEqual([]);
  });
});
