/** Starts the playground for the tests that look at its page. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The command of `npm start` on a port of its own; resolves with the address that it prints. */
export async function startPlayground(): Promise<{ vite: ChildProcess; address: string }> {
  const args = ['node_modules/vite/bin/vite.js', 'playground', '--config', 'playground/vite.config.ts', '--port', '0'];
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, NO_COLOR: '1' } });
  let output = '';
  const printed = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(output);
      if (found) resolve(found[0]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', (code) => reject(new Error(`vite ended with ${code}: ${output}`)));
  });
  return { vite: child, address: printed };
}
