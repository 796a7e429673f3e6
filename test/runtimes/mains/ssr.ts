/** Runs the cases in a bundle for server rendering, in Node. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cases } from '../cases/all.js';
import { type Case, equal, post, runCases } from '../harness.js';

/** A framework that resolves as for browsers imports the other build on the server. */
const bare: Case = {
  group: 'entries',
  name: 'the build for browsers can be imported where there is no WebSocket, nor any other global of theirs',
  async run() {
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=browser', 'bare.js']);
    equal(stdout.trim(), 'browser build; connect: UNSUPPORTED', 'what it printed');
  },
};

const [runtime = '', control = ''] = process.argv.slice(2);
await post(`${control}/report/${runtime}`, { build: 'node' });
await runCases([...cases, bare], { runtime, control, ws: true });
