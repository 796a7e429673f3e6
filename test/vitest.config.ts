import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests of the package that read the tree only; the others of `test/package` need what `npm run build` leaves in `dist`. */
const withoutBuild = ['test/package/architecture.test.ts', 'test/package/lock.test.ts'];

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    environment: 'node',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/loopback/**', 'test/package/**', '**/node_modules/**'],
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
          include: ['test/loopback/**/*.test.ts'],
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
