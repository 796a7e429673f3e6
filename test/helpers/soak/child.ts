/** A process of its own for one end of a conversation, which does what the test asks of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { onTestFinished } from 'vitest';
import { built } from '../child.js';
import type { Answer, Call, Commands } from './commands.js';

const entries: Readonly<Record<string, string>> = { longsocket: 'index.js', 'longsocket/server': 'server.js' };

/** The programs are compiled, but what they test is the build, in the form in which Node gets it. */
const fromBuild: Plugin = {
  name: 'from-build',
  setup({ onResolve }) {
    onResolve({ filter: /^longsocket(\/|$)/ }, ({ path }) => ({ path: built(entries[path] ?? path), external: true }));
  },
};

/** A program that runs somewhere else. */
export interface Remote<Program extends Commands> {
  /** Has it run one of its commands. Rejects if that throws, or if there is nobody left to run it. */
  ask<Name extends keyof Program & string>(
    name: Name,
    ...args: Parameters<Program[Name]>
  ): Promise<Awaited<ReturnType<Program[Name]>>>;
}

export class Child<Program extends Commands> implements Remote<Program> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #calls = 0;
  #errors = '';
  /** Resolves with what ended the process: an exit code or a signal. */
  readonly exited: Promise<number | string | null>;

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.on('message', ({ id, result, error }: Answer) => {
      const call = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(`the child process failed: ${error}`));
    });
    process.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.exited = new Promise((resolve) => {
      process.on('exit', (code, signal) => {
        for (const { reject } of this.#waiting.values()) {
          reject(new Error(`the child process ended with ${signal ?? code}: ${this.#errors}`));
        }
        this.#waiting.clear();
        resolve(signal ?? code);
      });
    });
  }

  /** Starts a program of this folder; it is killed when the test is over. */
  static async start<Program extends Commands>(program: string): Promise<Child<Program>> {
    const folder = mkdtempSync(join(tmpdir(), 'longsocket-soak-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const outfile = join(folder, `${program}.mjs`);
    await build({
      entryPoints: [fileURLToPath(new URL(`./${program}.ts`, import.meta.url))],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      plugins: [fromBuild],
    });
    const args = ['--enable-source-maps', '--expose-gc', outfile];
    const child = new Child<Program>(
      spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], serialization: 'advanced' }),
    );
    onTestFinished(async () => {
      child.kill();
      await child.exited;
    });
    return child;
  }

  ask<Name extends keyof Program & string>(
    name: Name,
    ...args: Parameters<Program[Name]>
  ): Promise<Awaited<ReturnType<Program[Name]>>> {
    this.#calls += 1;
    const call: Call = { id: this.#calls, name, args };
    return new Promise((resolve, reject) => {
      this.#waiting.set(call.id, { resolve: resolve as (value: unknown) => void, reject });
      this.#process.send(call);
    });
  }

  /** What it wrote to its standard error: warnings, and the end of a crash. */
  get errors(): string {
    return this.#errors;
  }

  /** Stops the process where it is: TCP stays open, nothing is read or written any more. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}
