import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { expect, test } from 'vitest';
import { root } from './source.js';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly deprecated?: string;
  readonly optional?: boolean;
  readonly link?: boolean;
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const read = <T>(path: string): T => JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
const manifest = read<Locked>('package.json');
const { packages } = read<{ packages: Readonly<Record<string, Locked>> }>('package-lock.json');
/** Without this package's own folders. */
const installed = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link);
const nameOf = (path: string): string => path.replace(/^.*node_modules\//, '');

test('the lock file is that of this package.json', () => {
  expect(packages['']?.dependencies).toEqual(manifest.dependencies);
  expect(packages['']?.devDependencies).toEqual(manifest.devDependencies);
});

test('the lock file names the packages of every platform', () => {
  // npm leaves out what the machine that wrote the file could not fetch, and `npm ci` then stops everywhere else.
  const names = new Set(installed.map(([path]) => nameOf(path)));
  const wanted = installed.flatMap(([, entry]) => Object.keys(entry.optionalDependencies ?? {}));
  expect(wanted.length).toBeGreaterThan(50);
  expect(wanted.filter((name) => !names.has(name))).toEqual([]);
});

test('the lock file pins every package by its checksum', () => {
  expect(installed.filter(([, { integrity }]) => !integrity).map(([path]) => path)).toEqual([]);
});

test('the lock file names no server, so that it serves from every mirror', () => {
  expect(installed.filter(([, { resolved }]) => resolved).map(([path]) => path)).toEqual([]);
});

test('no package is deprecated', () => {
  expect(installed.filter(([, { deprecated }]) => deprecated).map(([path]) => path)).toEqual([]);
});

test.each(['20.19.0', '22.13.0', '24.0.0'])('every package accepts Node %s', (version) => {
  // npm silently leaves out an optional package that does not fit.
  const refusing = installed.filter(
    ([, { engines, optional }]) => !optional && engines?.node && !semver.satisfies(version, engines.node),
  );
  expect(refusing.map(([path, { engines }]) => `${nameOf(path)} wants ${engines?.node}`)).toEqual([]);
});

test('users need no later Node than package.json says', () => {
  const lowest = semver.minVersion(manifest.engines?.node ?? '')?.version ?? '';
  const refusing = Object.keys(manifest.dependencies ?? {}).filter((name) => {
    const node = packages[`node_modules/${name}`]?.engines?.node;
    return node !== undefined && !semver.satisfies(lowest, node);
  });
  expect(lowest).toBe('20.0.0');
  expect(refusing).toEqual([]);
});
