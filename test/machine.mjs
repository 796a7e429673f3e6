/** What the test commands get from the machine they run on: browsers, and Debian's packages where they may be installed. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium as playwright } from 'playwright';

/** The path of a command, if there is such a one. */
export function onPath(name) {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name + suffix)).find((path) => existsSync(path));
}

/** The Chromium named by `CHROMIUM`, else an installed one, else Playwright's own. Throws if the one that is named is not there. */
export function findChromium() {
  const named = process.env.CHROMIUM;
  if (named && !existsSync(named)) throw new Error(`CHROMIUM is set to ${named}, which does not exist`);
  const installed = ['chromium', 'chromium-browser', 'google-chrome'].map(onPath).find(Boolean);
  return named ?? installed ?? [playwright.executablePath()].find((path) => existsSync(path));
}

/** May Debian's packages be installed here? */
export function isRootOnDebian() {
  if (process.getuid?.() !== 0 || !onPath('apt-get') || !existsSync('/etc/os-release')) return false;
  return /^ID=["']?debian["']?$/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/** Installs packages of Debian's, one by one, so that the absence of one does not cost the others. Says what went wrong. */
export function aptInstall(names, say) {
  apt(['update']) || say('apt-get update failed; trying to install all the same');
  withoutServices(() => {
    for (const name of names) apt(['install', '-y', '--no-install-recommends', name]) || say(`no ${name} by apt-get`);
  });
}

function apt(args) {
  // Another apt may be at work: on a fresh machine one often is.
  const patience = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3', '-qq'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', [...patience, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

/** Some packages would start servers of their own, which nobody asked for. */
function withoutServices(action) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    action();
  } finally {
    if (ours) rmSync(policy);
  }
}
