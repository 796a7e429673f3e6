/** Starts the independent peer in `test/loopback/original_peer.py`, which behaves as the original longsocket did. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';

export interface PeerEvent {
  readonly event: 'listening' | 'upgrade' | 'open' | 'message' | 'heartbeat-sent' | 'closed';
  /** In s, of the peer's own clock. */
  readonly at: number;
  readonly port?: number;
  readonly origin?: string | null;
  readonly user?: string;
  readonly password?: string;
  readonly binary?: boolean;
  readonly bytes?: number;
  /** Of short messages alone. */
  readonly text?: string | null;
  readonly sha256?: string;
  readonly heartbeat?: boolean;
  readonly code?: number;
  readonly reason?: string;
}

/** A Python that has the `websockets` package: named by the test command, else Debian's. */
export function findPython(): string | undefined {
  return [process.env.LONGSOCKET_PYTHON, '/usr/bin/python3'].find(
    (path) => path && spawnSync(path, ['-c', 'import websockets'], { stdio: 'ignore' }).status === 0,
  );
}

export class OriginalPeer {
  readonly events: PeerEvent[] = [];
  readonly #child: ChildProcess;
  #errors = '';

  constructor(python: string, args: readonly string[]) {
    const program = fileURLToPath(new URL('../loopback/original_peer.py', import.meta.url));
    this.#child = spawn(python, [program, ...args], { stdio: 'pipe' });
    let rest = '';
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.events.push(JSON.parse(line) as PeerEvent);
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.#child.stdin?.on('error', () => {});
    onTestFinished(() => {
      this.#child.kill('SIGKILL');
    });
  }

  all(event: PeerEvent['event']): PeerEvent[] {
    return this.events.filter((entry) => entry.event === event);
  }

  /** What its handler was given, heartbeats left out. */
  get messages(): PeerEvent[] {
    return this.all('message').filter(({ heartbeat }) => !heartbeat);
  }

  /** The heartbeats it received. */
  get heartbeats(): PeerEvent[] {
    return this.all('message').filter(({ heartbeat }) => heartbeat);
  }

  /** The `n`th event of a kind, counted from 1, as soon as there is one. */
  nth(event: PeerEvent['event'], n = 1, timeout = 8000): Promise<PeerEvent> {
    return vi.waitFor(
      () => {
        const found = this.all(event)[n - 1];
        if (!found) throw new Error(`no ${event} number ${n}; ${this.#errors}`);
        return found;
      },
      { timeout, interval: 5 },
    );
  }

  say(text: string): void {
    this.#child.stdin?.write(`say ${text}\n`);
  }

  close(code: number, reason: string): void {
    this.#child.stdin?.write(`close ${code} ${reason}\n`);
  }

  mute(): void {
    this.#child.stdin?.write('mute\n');
  }

  /** Stops the process where it is: TCP stays open, nothing is read or written any more. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
