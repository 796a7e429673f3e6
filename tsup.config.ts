import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { defineConfig, type Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/** Both adapters export the same names; outside Node, `src/io` gets the browser's. */
const browserAdapter: Plugin = {
  name: 'browser-adapter',
  setup(build) {
    build.onResolve({ filter: /^\.\/node\.js$/ }, ({ importer, resolveDir }) =>
      basename(dirname(importer)) === 'io' ? { path: join(resolveDir, 'browser.ts') } : undefined,
    );
  },
};

/** Hooks are for a page: frameworks with server components want to be told, in the first line. Bundlers drop such a line. */
const useClient: NonNullable<Options['plugins']>[number] = {
  name: 'use-client',
  async buildEnd({ writtenFiles }) {
    for (const { name } of writtenFiles) {
      if (/^react\.c?js$/.test(basename(name))) await writeFile(name, `'use client';\n${await readFile(name, 'utf8')}`);
      // So that its lines are still found.
      if (!/^react\.c?js\.map$/.test(basename(name))) continue;
      const map = JSON.parse(await readFile(name, 'utf8'));
      await writeFile(name, JSON.stringify({ ...map, mappings: `;${map.mappings}` }));
    }
  },
};

const common: Options = {
  entry: {
    index: 'src/index.ts',
    compat: 'src/compat.ts',
    server: 'src/server.ts',
    react: 'src/react.ts',
    messages: 'src/messages.ts',
    streams: 'src/streams.ts',
    testing: 'src/testing.ts',
    websocket: 'src/websocket.ts',
  },
  format: ['esm', 'cjs'],
  target: 'es2022',
  sourcemap: true,
  // Deno and Workers want it.
  removeNodeProtocol: false,
  // Shared chunks: a class imported through two entries is one class. esbuild cannot split CommonJS; with `treeshake` tsup has
  // rollup turn the ES chunks into CommonJS ones (without it sucrase does, which lowers every `?.` and `??` to a helper call).
  splitting: true,
  // No file has effects of its own: an import of nothing is none.
  treeshake: { moduleSideEffects: false },
  // These configurations run side by side, and one would delete what the other has written: `npm run build` cleans first.
  clean: false,
  plugins: [useClient],
};

export default defineConfig([
  {
    ...common,
    platform: 'node',
    outDir: 'dist',
    // tsup's own declaration build sets the `baseUrl` that TypeScript 6 deprecates.
    dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  },
  // Browsers, workers, edge runtimes, React Native and Deno: self-contained, nothing of Node and no `ws` inside. The
  // server is for Node, and for what resembles it.
  {
    ...common,
    entry: {
      index: 'src/index.ts',
      compat: 'src/compat.ts',
      react: 'src/react.ts',
      messages: 'src/messages.ts',
      streams: 'src/streams.ts',
      testing: 'src/testing.ts',
      websocket: 'src/websocket.ts',
    },
    platform: 'browser',
    outDir: 'dist/browser',
    noExternal: ['isomorphic-ws', 'mitt'],
    esbuildPlugins: [browserAdapter],
    dts: false,
  },
  // The command: one file, which only Node runs.
  {
    ...common,
    entry: { cli: 'src/cli.ts' },
    format: ['esm'],
    platform: 'node',
    outDir: 'dist',
    splitting: false,
    sourcemap: false,
    dts: false,
  },
]);
