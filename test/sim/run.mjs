// The long run of the simulated worlds: `npm run sim -- --seeds 1000000`. The seeds are shared out among the kinds of worlds.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '10000' } } });
const seeds = Number(values.seeds);
if (!Number.isSafeInteger(seeds) || seeds < 5) {
  console.error(`--seeds must be a whole number, at least 5, got ${values.seeds}`);
  process.exit(1);
}
const root = fileURLToPath(new URL('../..', import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const args = [vitest, 'run', '--config', 'test/vitest.config.ts', '--project', 'unit', 'test/sim/sessions.test.ts'];
const env = { ...process.env, SEEDS: String(Math.ceil(seeds / 5)) };
process.exitCode = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
