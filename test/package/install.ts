import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { root } from './source.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The tarball `npm pack` made. */
    tarball: string;
    /** A folder whose `node_modules` holds the unpacked tarball, its dependencies and those of README's programs; no types of others' globals. */
    app: string;
    /** The same, with `@types/node` and `@types/ws` beside it. */
    typedApp: string;
  }
}

/** Packs the package as it would be published and installs it for the tests, without the network. */
export function setup(project: TestProject): () => void {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('These tests load dist/: run `npm run build` first.');
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'longsocket-package-')));
  project.provide('tarball', pack(folder));
  project.provide('app', install(join(folder, 'app'), join(folder, 'longsocket.tgz'), ['graphql', 'graphql-ws']));
  project.provide('typedApp', install(join(folder, 'typed-app'), join(folder, 'longsocket.tgz'), typePackages));
  return () => rmSync(folder, { recursive: true, force: true });
}

const typePackages = ['@types/node', '@types/ws', 'undici-types'];

function pack(folder: string): string {
  const args = ['pack', '--ignore-scripts', '--offline', '--silent', '--pack-destination', folder];
  const shell = process.platform === 'win32';
  const name = execFileSync('npm', args, { cwd: root, encoding: 'utf8', shell }).trim();
  cpSync(join(folder, name), join(folder, 'longsocket.tgz'));
  return join(folder, 'longsocket.tgz');
}

function install(app: string, tarball: string, extra: readonly string[]): string {
  const unpacked = join(app, 'node_modules/longsocket');
  mkdirSync(unpacked, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components', '1']);
  for (const name of ['isomorphic-ws', 'mitt', 'ws', 'react', ...extra]) {
    cpSync(join(root, 'node_modules', name), join(app, 'node_modules', name), { recursive: true });
  }
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  return app;
}
