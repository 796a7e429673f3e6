#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { run } from './cli/run.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const { argv, env, stdin, stdout, stderr } = process;

process.exitCode = await run({
  args: argv.slice(2),
  version,
  env,
  stdin,
  stdout,
  stderr,
  onSignal: (signal, listener) => process.on(signal, listener),
  exit: (code) => process.exit(code),
});
