import { readFileSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildOptions, build as esbuild } from 'esbuild';
import { type Rollup, build as viteBuild } from 'vite';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import webpack from 'webpack';

/** All but the server's, which is for Node. With each, a name it exports. */
const entries = [
  ['longsocket', 'LongSocket'],
  ['longsocket/compat', 'PartySocket'],
  ['longsocket/react', 'useLongSocket'],
  ['longsocket/messages', 'json'],
  ['longsocket/streams', 'readable'],
  ['longsocket/testing', 'SimulatedNetwork'],
  ['longsocket/websocket', 'WebSocket'],
] as const;
let app: string;

beforeAll(() => {
  app = inject('app');
  for (const [entry] of entries) {
    // The names are used, so that nothing is shaken off that a page could reach.
    writeFileSync(sourceOf(entry), `import * as entry from '${entry}';\nglobalThis.used = entry;\n`);
  }
});

const fileNameOf = (entry: string): string => `${entry.replace('/', '-')}.js`;
const sourceOf = (entry: string): string => join(app, fileNameOf(entry));

interface Bundle {
  readonly code: string;
  /** The files that went in. */
  readonly inputs: readonly string[];
  /** Imports that stayed imports. */
  readonly externals: readonly string[];
}

const builtins = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);

function expectBrowserBuild(bundle: Bundle): void {
  expect(bundle.inputs.filter((path) => /node_modules\/longsocket\/dist\/browser\//.test(path))).not.toEqual([]);
  expect(bundle.inputs.filter((path) => /node_modules\/longsocket\/dist\/[^/]+$/.test(path))).toEqual([]);
  expectPlatformNeutral(bundle);
}

function expectPlatformNeutral({ code, inputs, externals }: Bundle): void {
  expect(inputs.filter((path) => /node_modules\/longsocket\/dist\//.test(path))).not.toEqual([]);
  expect(inputs.filter((path) => /node_modules\/ws\//.test(path))).toEqual([]);
  expect(externals).toEqual([]);
  const named = [...code.matchAll(/(?:require\(|from|import\()\s*["']([^"']+)["']/g)].map(([, name]) => name as string);
  expect(named.filter((name) => builtins.has(name) || name === 'ws')).toEqual([]);
  // Words that only the code of `ws` has.
  expect(code).not.toMatch(/PerMessageDeflate|GUID\b.*258EAFA5|createHash/);
}

/** Bundlers with a runtime of their own also have to produce something that runs. */
async function expectRuns(code: string, kind: 'esm' | 'script', name: string): Promise<void> {
  const scope = globalThis as { used?: Record<string, unknown> };
  delete scope.used;
  if (kind === 'esm') await importCode(code);
  else new Function(code)();
  expect(Object.keys(scope.used ?? {})).toContain(name);
  delete scope.used;
}

let imports = 0;

/** Node evaluates a module of the same address once, so each gets an address of its own. */
async function importCode(code: string): Promise<void> {
  await import(`data:text/javascript,${encodeURIComponent(`${code}\n// ${++imports}`)}`);
}

describe.each(entries)('%s', (entry, name) => {
  const esbuildProfiles: [string, BuildOptions][] = [
    ['browser', { platform: 'browser' }],
    ['neutral', { platform: 'neutral' }],
    [
      'worker',
      { platform: 'neutral', conditions: ['workerd', 'worker', 'browser'], mainFields: ['browser', 'module', 'main'] },
    ],
    ['deno', { platform: 'neutral', conditions: ['deno'] }],
    ['bun', { platform: 'neutral', conditions: ['bun'] }],
    ['react-native', { platform: 'neutral', conditions: ['react-native'] }],
  ];
  test.each(esbuildProfiles)(
    'bundled by esbuild for %s has no ws and nothing of Node in it',
    async (_name, profile) => {
      const bundle = await bundleWithEsbuild(sourceOf(entry), profile);
      expectBrowserBuild(bundle);
      await expectRuns(bundle.code, 'esm', name);
    },
  );

  test('required as CommonJS and bundled by esbuild has no ws and nothing of Node in it', async () => {
    const source = join(app, `require-${fileNameOf(entry).replace(/js$/, 'cjs')}`);
    writeFileSync(source, `globalThis.used = require('${entry}');\n`);
    const bundle = await bundleWithEsbuild(source, { platform: 'browser' });
    expectBrowserBuild(bundle);
    await expectRuns(bundle.code, 'esm', name);
  });

  test('bundled by Vite has no ws and nothing of Node in it', async () => {
    const bundle = await bundleWithVite(sourceOf(entry));
    expectBrowserBuild(bundle);
    await expectRuns(bundle.code, 'esm', name);
  });

  test.each(['web', 'webworker'])('bundled by webpack for %s has no ws and nothing of Node in it', async (target) => {
    const bundle = await bundleWithWebpack(sourceOf(entry), { target });
    expectBrowserBuild(bundle);
    await expectRuns(bundle.code, 'script', name);
  });
});

test('bundlers that do not know "exports" get a bundle without ws and Node as well', async () => {
  const bundle = await bundleWithWebpack(sourceOf('longsocket'), { resolve: { exportsFields: [] } });
  expectPlatformNeutral(bundle);
});

test('bundled for Node, ws stays in', async () => {
  // The counterpart of the tests above: they could pass by looking at the wrong place.
  const { inputs } = await bundleWithEsbuild(sourceOf('longsocket'), { platform: 'node', format: 'cjs' });
  expect(inputs.some((path) => /node_modules\/ws\//.test(path))).toBe(true);
});

test('the browser build of the client has the adapter for browsers in it, and not that for Node', async () => {
  const browser = await bundleWithEsbuild(sourceOf('longsocket'), { platform: 'browser' });
  const node = await bundleWithEsbuild(sourceOf('longsocket'), { platform: 'node', external: ['ws', 'isomorphic-ws'] });
  // Words of the two adapters: the one corks the socket below `ws`.
  expect([/\.cork\(/.test(browser.code), /\.cork\(/.test(node.code)]).toEqual([false, true]);
});

test('client and server share their classes in one bundle', async () => {
  const source = join(app, 'both.js');
  writeFileSync(
    source,
    "import { LongSocketError as a } from 'longsocket';\nimport { LongSocketError as b } from 'longsocket/server';\nglobalThis.same = a === b;\n",
  );
  const { code } = await bundleWithEsbuild(source, { platform: 'node', external: ['ws', 'isomorphic-ws', 'mitt'] });
  const file = join(app, 'both.bundle.mjs');
  writeFileSync(file, code);
  await import(pathToFileURL(file).href);
  expect((globalThis as { same?: boolean }).same).toBe(true);
});

async function bundleWithEsbuild(source: string, profile: BuildOptions): Promise<Bundle> {
  const result = await esbuild({
    entryPoints: [source],
    absWorkingDir: app,
    format: 'esm',
    logLevel: 'silent',
    ...profile,
    bundle: true,
    write: false,
    metafile: true,
  });
  const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports);
  return {
    code: result.outputFiles.map(({ text }) => text).join('\n'),
    inputs: Object.keys(result.metafile.inputs),
    externals: imports.filter(({ external }) => external).map(({ path }) => path),
  };
}

async function bundleWithVite(source: string): Promise<Bundle> {
  const warnings: string[] = [];
  const built = (await viteBuild({
    root: app,
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      rollupOptions: {
        input: source,
        preserveEntrySignatures: 'strict',
        onLog: (_level, log) => warnings.push(log.message),
      },
    },
  })) as Rollup.RollupOutput;
  const chunks = built.output.filter((file) => file.type === 'chunk');
  // Vite replaces what a browser has not by an empty module, and says so.
  expect(warnings.filter((warning) => /externalized|unresolved/i.test(warning))).toEqual([]);
  return {
    code: chunks.map(({ code }) => code).join('\n'),
    inputs: chunks.flatMap(({ moduleIds }) => moduleIds),
    externals: chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]),
  };
}

async function bundleWithWebpack(source: string, options: webpack.Configuration): Promise<Bundle> {
  const stats = await new Promise<webpack.Stats>((resolve, reject) => {
    const config = {
      mode: 'production',
      context: app,
      entry: source,
      optimization: { minimize: false },
      ...options,
    } as const;
    webpack({ ...config, output: { path: join(app, 'webpack'), filename: 'bundle.js' } }, (error, result) =>
      result ? resolve(result) : reject(error),
    );
  });
  expect(stats.compilation.errors).toEqual([]);
  expect(stats.compilation.warnings).toEqual([]);
  const modules = [...stats.compilation.modules].flatMap((module) =>
    'modules' in module ? (module.modules as webpack.Module[]) : [module],
  );
  return {
    code: readFileSync(join(app, 'webpack/bundle.js'), 'utf8'),
    inputs: modules.map((module) => module.nameForCondition() ?? ''),
    externals: modules
      .filter((module) => module.constructor.name === 'ExternalModule')
      .map((module) => module.identifier()),
  };
}
