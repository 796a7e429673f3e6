// Breaks the real code in one place at a time, and sees whether the simulations notice. A mutant that survives is a missing
// assertion. `npm run mutants` tries all, `npm run mutants -- ack` those with "ack" in their names.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './mutants.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const LIMIT = 180_000;

/** The proofs: the random worlds and the directed scenarios, the exhaustive ones, and what is said of each machine alone. */
const PROOFS = [
  ['test/sim/sessions.test.ts', 'test/scenarios', 'test/sim/rotation.test.ts'],
  ['test/sim/exhaustive.test.ts'],
  ['test/core'],
];

const wanted = process.argv[2] ?? '';
const mutants = MUTANTS.filter(({ name }) => name.includes(wanted));
for (const { name, edits } of mutants) {
  for (const [file, find] of edits) {
    const found = readFileSync(join(root, file), 'utf8').split(find).length - 1;
    if (found !== 1) fail(`mutant "${name}": ${found} places in ${file} read\n${find}`);
  }
}

// Tests that fail by themselves kill nothing.
const healthy = process.env.TRUST ? undefined : await killerOf('');
if (healthy) fail(`without any mutant this fails: ${healthy}`);

let survivors = 0;
const waiting = [...mutants];
await Promise.all([work(), work()]);
console.log(`\n${mutants.length - survivors} of ${mutants.length} mutants killed`);
process.exitCode = survivors > 0 ? 1 : 0;

async function work() {
  for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
    const killer = await killerOf(mutant.name);
    if (!killer) survivors++;
    console.log(`${killer ? 'killed  ' : 'SURVIVED'}  ${mutant.name}${killer ? `  (${killer})` : ''}`);
  }
}

async function killerOf(name) {
  for (const files of PROOFS) {
    const killer = await run(name, files);
    if (killer) return killer;
  }
  return undefined;
}

/** The first test that failed, if one did. A run that does not end is noticed as well. */
function run(name, files) {
  const args = [
    vitest,
    'run',
    '--config',
    'test/vitest.config.ts',
    '--project',
    'unit',
    '--bail',
    '1',
    '--reporter',
    'verbose',
    ...files,
  ];
  const env = { ...process.env, MUTANT: name, SEEDS: '120', STATES: '4000', NO_COLOR: '1' };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const hear = (chunk) => {
    output += chunk;
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal) resolve('it never ended');
      else if (code === 0) resolve(undefined);
      else resolve(/(?:×|FAIL)\s+(?:\|?unit\|?\s+)?(.*)/.exec(output)?.[1]?.slice(0, 110) ?? 'it did not run');
    });
  });
}

function fail(text) {
  console.error(text);
  process.exit(1);
}
