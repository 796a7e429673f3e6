import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { MUTANTS } from './sim/mutants.js';

/** With `MUTANT` set: the source with one mistake in it, for `npm run mutants`. */
const mutant = MUTANTS.find(({ name }) => name === process.env.MUTANT);
const mutation: Plugin = {
  name: 'mutation',
  enforce: 'pre',
  transform(code, id) {
    const edits = mutant?.edits.filter(([file]) => id.endsWith(`/${file}`)) ?? [];
    return edits.reduce((changed, [, find, replace]) => changed.replace(find, () => replace), code);
  },
};

/** Tests of the package that read the tree only; the others of `test/package` need what `npm run build` leaves in `dist`. */
const withoutBuild = ['test/package/architecture.test.ts', 'test/package/lock.test.ts'];

export default defineConfig({
  plugins: mutant ? [mutation] : [],
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    environment: 'node',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/loopback/**', 'test/conformance/**', 'test/package/**', '**/node_modules/**'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'tree', include: withoutBuild, testTimeout: 20_000, sequence: { groupOrder: 0 } },
      },
      {
        // Real sockets and browsers: the only tests that wait, so nothing else runs beside them.
        extends: true,
        test: {
          name: 'loopback',
          include: ['test/loopback/**/*.test.ts', 'test/conformance/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          exclude: withoutBuild,
          globalSetup: ['test/package/install.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
