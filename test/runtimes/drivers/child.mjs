/** A process that is ours: what it said is kept for when it fails, and it ends with us. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export class Child {
  /** Resolves when it is over, with its exit code or signal. */
  ended;
  /** The end of what it has printed. */
  output = '';
  #process;

  constructor(command, args, options = {}) {
    // A group of its own, so that what it has started ends with it.
    this.#process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output = (this.output + text).slice(-10_000);
      });
    }
    this.ended = new Promise((resolve) => {
      this.#process.on('error', (error) => resolve(error.message));
      this.#process.on('close', (code, signal) => resolve(code ?? signal));
    });
    process.once('exit', this.kill);
  }

  /** The first match of a pattern in what it prints; rejects if it ends before, or says no such thing for `limit` ms. */
  async says(pattern, limit = 90_000) {
    let end;
    void this.ended.then((reason) => {
      end = `it ended: ${reason}`;
    });
    for (const last = Date.now() + limit; ; await sleep(20)) {
      const found = pattern.exec(this.output);
      if (found) return found;
      if (Date.now() > last) end ??= `not within ${limit} ms`;
      if (end) throw new Error(`no ${pattern} (${end}) in: ${this.output}`);
    }
  }

  kill = () => {
    process.off('exit', this.kill);
    try {
      process.kill(-this.#process.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
}

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
