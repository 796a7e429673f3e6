// The one test command: gets what the tests need from the machine, builds, runs every test, and says how many there were.
// Arguments are passed on to vitest: `npm test -- test/core`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium as playwright } from 'playwright';
import { aptInstall, findChromium, isRootOnDebian, onPath } from './machine.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const say = (text) => console.log(`[test] ${text}`);

const env = { ...process.env };
const chromium = attempt(findChromium);
const python = findPython();
const nginx = findNginx();
getMissing({ chromium: !chromium, 'python3-websockets': !python, 'nginx-light': !nginx });
env.CHROMIUM = chromium ?? findChromium() ?? fetchChromium();
say(`Chromium: ${env.CHROMIUM}`);

const peer = python ?? findPython();
if (peer) {
  env.LONGSOCKET_PYTHON = peer;
  say(`independent peer: the websockets package of ${peer}`);
} else {
  delete env.LONGSOCKET_PYTHON;
  say('no Python with the "websockets" package: the tests against that independent peer are reported as SKIPPED.');
  say('To run them: apt-get install python3-websockets, or set LONGSOCKET_PYTHON to a python3 that has it.');
}

const front = nginx ?? findNginx();
if (front) {
  env.LONGSOCKET_NGINX = front;
  say(`nginx: ${front}`);
} else {
  delete env.LONGSOCKET_NGINX;
  say('no nginx: the tests behind a real one are reported as SKIPPED.');
  say('To run them: apt-get install nginx-light, or set LONGSOCKET_NGINX to the path of an nginx.');
}

if (run('npm', ['run', '--silent', 'build']) !== 0) fail('the build failed');
process.exitCode = runTests();

function attempt(find) {
  try {
    return find();
  } catch (error) {
    return fail(error.message);
  }
}

function findPython() {
  const candidates = process.env.LONGSOCKET_PYTHON
    ? [process.env.LONGSOCKET_PYTHON]
    : ['/usr/bin/python3', onPath('python3')].filter(Boolean);
  return candidates.find(
    (path) => spawnSync(path, ['-c', 'import websockets'], { stdio: 'ignore', timeout: 20_000 }).status === 0,
  );
}

function findNginx() {
  const named = process.env.LONGSOCKET_NGINX;
  if (named) return existsSync(named) ? named : fail(`LONGSOCKET_NGINX is set to ${named}, which does not exist`);
  return ['/usr/sbin/nginx', onPath('nginx')].find((path) => path && existsSync(path));
}

/** As root on Debian: all from its own packages. */
function getMissing(needs) {
  const wanted = Object.keys(needs).filter((name) => needs[name]);
  if (wanted.length === 0 || !isRootOnDebian()) return;
  say(`not found: ${wanted.join(', ')}. Installing with apt-get, which may take some minutes.`);
  aptInstall(wanted, say);
}

function fetchChromium() {
  say('no Chromium found: trying `npx playwright install chromium`');
  run('npx', ['playwright', 'install', 'chromium']);
  const path = playwright.executablePath();
  if (existsSync(path)) return path;
  return fail(
    [
      'the tests need a Chromium, and none could be found or installed. Any one of these helps:',
      '  - Debian, as root: apt-get install chromium   (Ubuntu and others: install Chromium or Google Chrome)',
      '  - npx playwright install --with-deps chromium',
      '  - set the environment variable CHROMIUM to the path of a Chromium or Chrome executable',
    ].join('\n'),
  );
}

function run(command, args, options = {}) {
  const shell = process.platform === 'win32';
  return spawnSync(command, args, { cwd: root, env, stdio: 'inherit', shell, ...options }).status ?? 1;
}

function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'longsocket-test-'));
  const report = join(folder, 'report.json');
  const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = [vitest, 'run', '--config', 'test/vitest.config.ts', ...reporters, ...process.argv.slice(2)];
  const code = run(process.execPath, args, { shell: false });
  const { passed, failed, skipped } = count(report);
  rmSync(folder, { recursive: true, force: true });
  // A run can fail without a failed test: an unhandled error, or a crash before the report.
  const failures = code === 0 ? failed : Math.max(failed, 1);
  console.log(`\n${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return code;
}

function count(report) {
  if (!existsSync(report)) return { passed: 0, failed: 0, skipped: 0 };
  const result = JSON.parse(readFileSync(report, 'utf8'));
  // A file that cannot be loaded has no tests to fail: it counts as one itself.
  const unloaded = result.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + unloaded.length,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

function fail(text) {
  console.error(`[test] ${text}`);
  console.log('\n0 passed, 1 failed');
  process.exit(1);
}
