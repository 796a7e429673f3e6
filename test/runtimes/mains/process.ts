/** Runs the cases in a runtime that has processes: Node, Bun, Deno. Exits by itself, when nothing is left. */
import { cases, of } from '../cases/all.js';
import { server } from '../cases/server.js';
import { post, runCases } from '../harness.js';

const [runtime = '', control = ''] = process.argv.slice(2);
// What the runtime's own resolution makes of the package's conditions.
const ws = !import.meta.resolve('longsocket').includes('/browser/');
const serverCases = of('server', server);
await post(`${control}/report/${runtime}`, { build: ws ? 'node' : 'browser' });
await runCases([...cases, ...serverCases], { runtime, control, ws });
