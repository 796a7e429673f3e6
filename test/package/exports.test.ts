import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { readme } from './readme.js';
import { root } from './source.js';

/** Runs a script in the folder where the package is installed and returns what it printed, as JSON. */
function runInApp<T>(kind: 'module' | 'commonjs', script: string, conditions: readonly string[] = []): T {
  const flags = conditions.map((condition) => `--conditions=${condition}`);
  const args = [...flags, `--input-type=${kind}`, '--eval', script];
  return JSON.parse(
    execFileSync(process.execPath, args, { cwd: inject('app'), encoding: 'utf8', timeout: 60_000 }),
  ) as T;
}

const entries = [
  'longsocket',
  'longsocket/messages',
  'longsocket/streams',
  'longsocket/testing',
  'longsocket/react',
  'longsocket/compat',
  'longsocket/websocket',
  'longsocket/server',
];

const importing = (names: readonly string[]): string =>
  `const modules = await Promise.all(${JSON.stringify(names)}.map((name) => import(name)));`;
const requiring = (names: readonly string[]): string =>
  `const modules = ${JSON.stringify(names)}.map((name) => require(name));`;
const printNames = 'console.log(JSON.stringify(modules.map((module) => Object.keys(module).sort())));';
/** Of every exported name that several entries share, whether it is the same value in all of them. */
const printShared = `
  const shared = {};
  for (const module of modules) for (const name of Object.keys(module)) (shared[name] ??= new Set()).add(module[name]);
  const common = Object.keys(shared).filter((name) => modules.filter((module) => name in module).length > 1);
  console.log(JSON.stringify(common.sort().map((name) => [name, shared[name].size])));`;

describe.each([
  ['Node', [], entries],
  // The server is for Node.
  ['a browser bundle', ['browser'], entries.slice(0, -1)],
])('the entries in %s', (_where, conditions, names) => {
  const [importAll, requireAll] = [importing(names), requiring(names)];

  test('export the same names to import and to require', () => {
    const imported = runInApp<string[][]>('module', importAll + printNames, conditions);
    const required = runInApp<string[][]>('commonjs', requireAll + printNames, conditions);
    expect(imported[0]).toEqual(expect.arrayContaining(['LongSocket', 'LongSocketError', 'respond']));
    for (const exported of imported) expect(exported).not.toEqual([]);
    expect(imported[names.indexOf('longsocket/react')]).toEqual(['useLongSocket', 'useMessages', 'useSocketState']);
    expect(imported[names.indexOf('longsocket/compat')]).toEqual(
      expect.arrayContaining(['default', 'PartySocket', 'ReconnectingWebSocket', 'WebSocket']),
    );
    if (names === entries)
      expect(imported.at(-1)).toEqual(expect.arrayContaining(['accept', 'LongSocketServer', 'memoryStore']));
    expect(required).toEqual(imported);
  });

  test('can be imported by name from an ES module as CommonJS', () => {
    const script = `
      import { createRequire } from 'node:module';
      import { pathToFileURL } from 'node:url';
      const { resolve } = createRequire(process.cwd() + '/app.js');
      const modules = await Promise.all(${JSON.stringify(names)}.map((name) => import(pathToFileURL(resolve(name)).href)));
      const names = modules.map((module) => Object.keys(module).filter((name) => !/^(default|__esModule|module.exports)$/.test(name)));
      console.log(JSON.stringify(names.map((list) => list.sort())));`;
    const required = runInApp<string[][]>('commonjs', requireAll + printNames, conditions);
    const named = required.map((list) => list.filter((name) => name !== 'default'));
    expect(runInApp<string[][]>('module', script, conditions)).toEqual(named);
  });
});

test.each([
  ['module', importing(entries)],
  ['commonjs', requiring(entries)],
] as const)('the entries share their classes and functions when loaded as %s', (kind, load) => {
  const shared = runInApp<[string, number][]>(kind, load + printShared);
  expect(shared.map(([name]) => name)).toContain('LongSocketError');
  const different = shared.filter(([, values]) => values !== 1).map(([name]) => name);
  // Each drop-in has the names of what it stands in for.
  expect(different).toEqual(['CloseEvent', 'WebSocket', 'default']);
});

test('the error of one build is an error to the class of another', () => {
  const script = `
    const { createRequire } = await import('node:module');
    const { LongSocket, LongSocketError } = await import('longsocket');
    const other = createRequire(process.cwd() + '/app.js')('longsocket');
    let caught;
    try { new other.LongSocket('not a url', { autoConnect: false }); } catch (error) { caught = error; }
    console.log(JSON.stringify([LongSocketError === other.LongSocketError, caught instanceof LongSocketError]));`;
  expect(runInApp('module', script)).toEqual([false, true]);
});

test('importing the package touches no global and leaves nothing running', () => {
  const script = `
    const before = Object.getOwnPropertyNames(globalThis).sort().join();
    ${importing(entries)}
    const after = Object.getOwnPropertyNames(globalThis).sort().join();
    console.log(JSON.stringify([before === after, process.getActiveResourcesInfo().filter((name) => name === 'Timeout')]));`;
  expect(runInApp('module', script)).toEqual([true, []]);
});

test('no build is lowered below ES2022', () => {
  // Private fields as WeakMaps and helper calls for `?.` cost a third of the speed.
  const dist = join(inject('app'), 'node_modules/longsocket/dist');
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => /\.c?js$/.test(name));
  const texts = files.map((name) => [name, readFileSync(join(dist, name), 'utf8')] as const);
  expect(texts.filter(([, text]) => /#\w+\s*[=(;]/.test(text)).length).toBeGreaterThan(3);
  expect(texts.filter(([, text]) => /__private|_optionalChain|_nullish/.test(text)).map(([name]) => name)).toEqual([]);
});

test('the entry for React says in its first line that it is for a page, and no other file needs React', () => {
  const dist = join(inject('app'), 'node_modules/longsocket/dist');
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => /\.c?js$/.test(name));
  const ours = files.filter((name) => /(^|[\\/])react\.c?js$/.test(name));
  expect(ours.length).toBe(4);
  for (const name of ours) {
    const lines = readFileSync(join(dist, name), 'utf8').split('\n');
    expect(lines[0], name).toBe("'use client';");
    // The map counts that line as well: the first that it knows something about has code in it.
    const { mappings } = JSON.parse(readFileSync(join(dist, `${name}.map`), 'utf8')) as { mappings: string };
    expect(lines[/^;*/.exec(mappings)?.[0].length ?? 0], name).toMatch(/^var |^function |^import |^require/);
  }
  const others = files.filter((name) => !ours.includes(name)).map((name) => readFileSync(join(dist, name), 'utf8'));
  expect(others.filter((text) => /(from|require\()\s*['"]react['"]|use client/.test(text))).toEqual([]);
});

test('package.json names only files that are in the package, and every entry has types', () => {
  const manifest = JSON.parse(readFileSync(join(inject('app'), 'node_modules/longsocket/package.json'), 'utf8'));
  expect(Object.keys(manifest.exports).sort()).toEqual([
    '.',
    './compat',
    './messages',
    './package.json',
    './react',
    './server',
    './streams',
    './testing',
    './websocket',
  ]);
  const paths = [manifest.main, manifest.module, manifest.types, ...targets(manifest.exports)];
  expect(paths.length).toBeGreaterThan(20);
  for (const path of paths) readFileSync(join(inject('app'), 'node_modules/longsocket', path));
  for (const entry of entries.slice(1)) {
    expect(Object.keys(manifest.typesVersions['*'])).toContain(entry.replace('longsocket/', ''));
  }
});

test('README names every entry, and what each has that the first has not', () => {
  const rows = [...readme.matchAll(/^\| `(longsocket[\w/]*)` \| (.+?) \| .+ \|$/gm)];
  expect(rows.map(([, entry]) => entry).sort()).toEqual([...entries].sort());
  const exported = runInApp<string[][]>('module', importing(entries) + printNames);
  const everybodys = exported[0] as string[];
  const missing = rows.flatMap(([, entry, said]) => {
    const names = exported[entries.indexOf(entry as string)] as string[];
    const own = entry === entries[0] ? names : names.filter((name) => name !== 'default' && !everybodys.includes(name));
    return own.filter((name) => !said?.includes(`\`${name}\``)).map((name) => `${entry}: ${name}`);
  });
  expect(missing).toEqual([]);
});

test('the package has a command, which runs where it is installed', () => {
  const folder = join(inject('app'), 'node_modules/longsocket');
  const { bin, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  expect(bin).toEqual({ longsocket: 'dist/cli.js' });
  const command = join(folder, bin.longsocket);
  expect(readFileSync(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  if (process.platform !== 'win32') expect(statSync(command).mode & 0o111).toBe(0o111);
  const output = execFileSync(process.execPath, [command, '--version'], { encoding: 'utf8', timeout: 60_000 });
  expect(output).toBe(`${version}\n`);
});

test('the package has a licence and nothing of the tests or the sources in it but the protocols', () => {
  const listed = execFileSync('tar', ['-tzf', inject('tarball')], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const names = new Set(listed.map((path) => path.split('/')[1] as string));
  const allowed = ['dist', 'src', 'package.json', 'LICENSE', 'README.md', 'CHANGELOG.md'];
  expect([...names].filter((name) => !allowed.includes(name))).toEqual([]);
  expect(listed.filter((path) => path.startsWith('package/src/'))).toEqual([
    'package/src/core/PROTOCOL.md',
    'package/src/messages/REQUESTS.md',
  ]);
  expect(listed).toContain('package/LICENSE');
  expect(readFileSync(join(root, 'LICENSE'), 'utf8')).toContain('MIT License');
});

function targets(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Object.values(value as Record<string, unknown>).flatMap(targets);
}

test('every entry for clients picks its build under the same conditions: two builds of one class would meet otherwise', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | Record<string, Record<string, string>>>;
  };
  const conditions = (entry: string): string[][] => Object.values(exports[entry] as object).map(Object.keys);
  const clients = Object.keys(exports).filter((entry) => conditions(entry).flat().includes('browser'));
  expect(clients).toEqual(expect.arrayContaining(['.', './testing', './websocket']));
  for (const entry of clients) expect([entry, conditions(entry)]).toEqual([entry, conditions('.')]);
});
