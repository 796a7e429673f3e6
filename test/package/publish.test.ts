import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { expect, inject, test } from 'vitest';
import { root } from './source.js';

test('publint finds nothing to say, strictly', async () => {
  const pkgDir = join(inject('app'), 'node_modules/longsocket');
  const { messages, pkg } = await publint({ pkgDir, pack: false, strict: true });
  expect(pkg.name).toBe('longsocket');
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test('the types are right under every module resolution, says attw', () => {
  const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const args = [attw, inject('tarball'), '--no-definitely-typed', '--profile', 'strict', '--format', 'json'];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    timeout: 110_000,
  });
  const { analysis, problems } = JSON.parse(stdout) as { analysis: { entrypoints: object }; problems?: object };
  expect(Object.keys(analysis.entrypoints)).toEqual(
    expect.arrayContaining([
      '.',
      './compat',
      './messages',
      './react',
      './server',
      './streams',
      './testing',
      './websocket',
    ]),
  );
  expect(problems ?? {}).toEqual({});
  expect(status).toBe(0);
});

interface Measured {
  readonly name: string;
  readonly size: number;
  readonly sizeLimit?: number;
  readonly passed?: boolean;
}

test('every entry is within its size budget, brotli, with all its dependencies', () => {
  const bin = join(root, 'node_modules/size-limit/bin.js');
  const { stdout, stderr } = spawnSync(process.execPath, [bin, '--json'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 110_000,
  });
  expect(stderr).toBe('');
  const measured = JSON.parse(stdout) as Measured[];
  const budgets = JSON.parse(readFileSync(join(root, '.size-limit.json'), 'utf8')) as { name: string }[];
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object };
  expect(measured.map(({ name }) => name)).toEqual(budgets.map(({ name }) => name));
  for (const entry of Object.keys(exports).filter((path) => path !== './package.json')) {
    expect(measured.map(({ name }) => name)).toContain(`longsocket${entry.slice(1)}`);
  }
  // The figures stand in the message, so that a broken budget says by how much.
  const over = measured.filter(({ passed, sizeLimit, size }) => passed !== true || size === 0 || !sizeLimit);
  expect(over.map(({ name, size, sizeLimit }) => `${name}: ${size} B of ${sizeLimit} B`)).toEqual([]);
});
