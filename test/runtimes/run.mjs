/**
 * One suite, in every runtime: `npm run test:runtimes`. Arguments: `--all`, where each runtime is needed, as in CI (elsewhere one that
 * cannot be had is skipped, and said why); `--only=bun,deno`; `--built` for a `dist` that is fresh; `--update` writes README's table.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { aptInstall, isRootOnDebian } from '../machine.mjs';
import { Unavailable } from './install.mjs';
import { bundleForPlatforms, bundleForProcesses, bundleForServerRendering, install, pagesOf } from './prepare.mjs';
import { runtimes } from './runtimes.mjs';
import { tableOf, untrueLines, withTable } from './table.mjs';

/** So many runtimes at a time: most of what a case does is wait. */
const AT_ONCE = 4;
/** A runtime that reports nothing for so long has failed, in ms. Starting a browser for the first time is slow. */
const SILENCE = 120_000;
/** How long a process may take to exit when all its sockets are closed, in ms. */
const EXIT = 30_000;
/** A case that took so long is mentioned, in ms. */
const SLOW = 5000;

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const readme = join(root, 'README.md');
const { values: flags } = parseArgs({
  options: {
    all: { type: 'boolean', default: Boolean(process.env.CI) },
    built: { type: 'boolean', default: false },
    only: { type: 'string' },
    update: { type: 'boolean', default: false },
  },
});
const say = (text) => console.log(`[runtimes] ${text}`);

const wanted = chosen();
const began = Date.now();
const [binaries] = await Promise.all([getAll(), flags.built || buildPackage()]);
say(`all there after ${seconds(began)} s`);
const app = install();
try {
  await Promise.all([bundleForProcesses(app), bundleForPlatforms(app), bundleForServerRendering(app)]);
  process.exitCode = await runAll();
} finally {
  rmSync(app, { recursive: true, force: true, maxRetries: 5 });
}
// What a runtime has left behind must not keep this waiting.
process.exit();

function chosen() {
  const only = flags.only?.split(',');
  const unknown = only?.filter((name) => !runtimes.some(({ id }) => id === name));
  if (unknown?.length) {
    console.error(`there is no ${unknown.join(', ')}; there are: ${runtimes.map(({ id }) => id).join(', ')}`);
    process.exit(2);
  }
  return only ? runtimes.filter(({ id }) => only.includes(id)) : runtimes;
}

// --- getting what is needed ------------------------------------------------------------------------------------------

function buildPackage() {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error('the build failed'))));
  });
}

/** The executable of each runtime, or why there is none: `Map<id, path | Unavailable>`. */
async function getAll() {
  const get = async (runtime) => {
    try {
      return await runtime.get();
    } catch (error) {
      return error instanceof Unavailable ? error : new Unavailable(error.message);
    }
  };
  const fromNpm = wanted.filter(({ debian }) => !debian).map(async (runtime) => [runtime.id, await get(runtime)]);
  const ofMachine = wanted.filter(({ debian }) => debian);
  const missing = [];
  for (const runtime of ofMachine) if ((await get(runtime)) instanceof Unavailable) missing.push(...runtime.debian);
  if (missing.length > 0 && isRootOnDebian()) {
    say(`installing with apt-get: ${[...new Set(missing)].join(', ')}. This may take some minutes.`);
    aptInstall([...new Set(missing)], say);
  }
  const found = ofMachine.map(async (runtime) => [runtime.id, await get(runtime)]);
  return new Map(await Promise.all([...fromNpm, ...found]));
}

// --- running ---------------------------------------------------------------------------------------------------------

async function runAll() {
  const { startWorld } = await import(pathToFileURL(join(app, 'world.js')).href);
  const world = await startWorld();
  for (const [path, file] of pagesOf(app)) world.files.set(path, file);
  const listeners = new Map();
  world.onReport = (id, report) => listeners.get(id)?.(report);
  const outcomes = new Map();
  const queue = wanted.filter(({ id }) => !(binaries.get(id) instanceof Unavailable));
  const work = async () => {
    for (let runtime = queue.shift(); runtime; runtime = queue.shift()) {
      const outcome = await runOne(runtime, world, (listener) => listeners.set(runtime.id, listener));
      outcomes.set(runtime.id, outcome);
      print(runtime, outcome);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await world.close();
  return conclude(outcomes);
}

/** `{ version, build, results }`; whatever goes wrong is a result. */
async function runOne({ id, build, start }, world, listen) {
  const since = Date.now();
  const results = [];
  const failed = (name, failure) => results.push({ group: 'messages', name, failure });
  const reports = collect(results, listen);
  let running;
  try {
    running = await start({ id, app, binary: binaries.get(id), control: world.control });
    const early = running.child.ended.then((code) => reports.give(`it ended (${code}) before it was done`));
    void early;
    await reports.done;
    if (running.exits) await exits(running.child, results);
  } catch (error) {
    failed('the runtime runs the cases', `${error.message ?? error}\n${running?.child.output ?? ''}`);
  } finally {
    await running?.stop();
  }
  const picked = reports.build ?? build;
  if (picked !== build) failed('the conditions of the package pick the build', `expected ${build}, got ${picked}`);
  return { version: running?.version ?? '?', build, results, time: seconds(since) };
}

/** Takes reports down until all are there; rejects if there are none for too long. */
function collect(results, listen) {
  const reports = {};
  reports.done = new Promise((resolve, reject) => {
    let timer;
    const give = (reason) => {
      clearTimeout(timer);
      reject(new Error(reason));
    };
    const wait = () => {
      clearTimeout(timer);
      const last = () => `behind "${results.at(-1)?.name ?? 'its start'}" it reported nothing for ${SILENCE} ms`;
      timer = setTimeout(() => give(last()), SILENCE);
    };
    wait();
    reports.give = give;
    listen((report) => {
      wait();
      if (report.build) reports.build = report.build;
      else if ('done' in report) {
        clearTimeout(timer);
        if (report.done === results.length) resolve();
        else give(`${results.length} of ${report.done} results came`);
      } else results.push(report);
    });
  });
  // It may fail while the runtime is still starting.
  reports.done.catch(() => {});
  return reports;
}

async function exits(child, results) {
  const name = 'the process exits when all is closed';
  const since = Date.now();
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, EXIT, `it has not after ${EXIT} ms`);
  });
  const code = await Promise.race([child.ended, late]);
  clearTimeout(timer);
  const failure = code === 0 ? {} : { failure: `${code}\n${child.output}` };
  results.push({ group: 'endings', name, ms: Date.now() - since, ...failure });
}

// --- saying ----------------------------------------------------------------------------------------------------------

function seconds(since) {
  return ((Date.now() - since) / 1000).toFixed(1);
}

function print({ name }, { version, results, time }) {
  const failures = results.filter(({ failure }) => failure);
  const gaps = results.filter(({ gap }) => gap).length;
  const shown = gaps > 0 ? `, of which ${gaps} are gaps` : '';
  say(`${name} ${version}: ${results.length - failures.length} passed${shown}, ${failures.length} failed (${time} s)`);
  for (const { name: title, ms } of results) if (ms > SLOW) console.log(`  slow: ${title} (${ms} ms)`);
  for (const { group, name: title, failure } of failures)
    console.log(`  ✗ ${group}: ${title}\n    ${failure.replaceAll('\n', '\n    ')}`);
}

/** Says what was skipped, and looks after README; returns the exit code. */
function conclude(outcomes) {
  const skipped = wanted.filter(({ id }) => !outcomes.has(id));
  for (const { id, name } of skipped) say(`${name}: skipped: ${binaries.get(id).message}`);
  const rows = wanted.flatMap(({ id, name }) => (outcomes.has(id) ? [{ name, ...outcomes.get(id) }] : []));
  const results = rows.flatMap((row) => row.results);
  const failures = results.filter(({ failure }) => failure).length;
  console.log(
    `\n${results.length - failures} passed, ${failures} failed in ${rows.length} runtimes, ${skipped.length} skipped; ${seconds(began)} s`,
  );
  if (failures > 0) return 1;
  const missing = flags.all && skipped.length > 0;
  if (missing) console.error('every runtime is needed here (--all, or CI is set)');
  return lookAfterReadme(rows) && !missing ? 0 : 1;
}

function lookAfterReadme(rows) {
  const whole = rows.length === runtimes.length;
  const table = tableOf(rows);
  const text = readFileSync(readme, 'utf8');
  if (flags.update) {
    if (!whole) console.error('README is only updated by a run of every runtime');
    else writeFileSync(readme, withTable(text, table));
    return whole;
  }
  const untrue = untrueLines(text, table, whole);
  if (untrue.length === 0) return true;
  console.error(`README's table of runtimes says otherwise than this run, in:\n${untrue.join('\n')}`);
  console.error('If that is right: npm run test:runtimes -- --update');
  return false;
}
