/** Runs a program against what was built, in a Node process of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Outcome {
  /** Exit code; null if it had to be killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

/** The URL of a file of the build, for an import. */
export const built = (file: string): string => pathToFileURL(`${dist}${file}`).href;

/** Runs an ES module given as text, for at most `limit` ms. */
export function runModule(program: string, args: readonly string[] = [], limit = 10_000): Promise<Outcome> {
  const child = spawn(process.execPath, [...args, '--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limit,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
