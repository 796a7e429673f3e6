/** A real nginx in front of a port, with a master process, so that it can be reloaded in the middle of everything. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';

export interface NginxOptions {
  /** Cuts a connection whose server says nothing for so long (`proxy_read_timeout`), in s. */
  readonly readTimeout: number;
  /** How long the workers of before a reload serve their connections (`worker_shutdown_timeout`), in s. */
  readonly shutdownTimeout: number;
}

/** The nginx to run: named by the test command, else Debian's, else one on the PATH. */
export function findNginx(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'nginx'));
  return [process.env.LONGSOCKET_NGINX, '/usr/sbin/nginx', ...onPath].find((path) => path && existsSync(path));
}

/** One location in front of one server. */
const front = (port: number, target: number, readTimeout: number): string => `
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${target};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $host:$server_port;
      proxy_read_timeout ${readTimeout}s;
    }
  }`;

const configuration = (http: string, shutdownTimeout: number): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
master_process on;
worker_processes 1;
worker_shutdown_timeout ${shutdownTimeout}s;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  ${http}
}
`;

export class Nginx {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #log = '';

  private constructor(path: string, folder: string, port: number) {
    this.port = port;
    this.#folder = folder;
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
    this.#process = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
    this.#exited = once(this.#process, 'exit');
  }

  /** Starts one in front of `target`; both ports are on 127.0.0.1. It ends with the test. */
  static start(path: string, target: number, { readTimeout, shutdownTimeout }: NginxOptions): Promise<Nginx> {
    return Nginx.startWith(path, (port) => front(port, target, readTimeout), shutdownTimeout);
  }

  /** Starts one with what `http` puts into the block of that name, which listens on the port it is given. It ends with the test. */
  static async startWith(path: string, http: (port: number) => string, shutdownTimeout = 1): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), 'longsocket-nginx-'));
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), configuration(http(port), shutdownTimeout));
    const nginx = new Nginx(path, folder, port);
    onTestFinished(() => nginx.#stop());
    await nginx.#until('that it serves', () => answers(port));
    return nginx;
  }

  /** Workers that serve or are on their way out. */
  get workers(): number {
    const count = (pattern: RegExp): number => this.#log.match(pattern)?.length ?? 0;
    return count(/start worker process \d+/g) - count(/worker process \d+ exited/g);
  }

  /** The graceful reload of a deploy: new workers take the new connections, the old ones serve theirs for a while. */
  async reload(): Promise<void> {
    const started = (): number => this.#log.match(/start worker process \d+/g)?.length ?? 0;
    const before = started();
    process.kill(Number(readFileSync(join(this.#folder, 'nginx.pid'), 'utf8')), 'SIGHUP');
    await this.#until('a new worker', () => started() > before);
  }

  #until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    return vi.waitFor(
      async () => {
        if (this.#process.exitCode !== null || !(await holds()))
          throw new Error(`nginx: no sign ${what}; ${this.#log}`);
      },
      { timeout: 5000, interval: 10 },
    );
  }

  async #stop(): Promise<void> {
    if (this.#process.exitCode === null) this.#process.kill('SIGTERM');
    await Promise.race([this.#exited, sleep(2000, undefined, { ref: false })]);
    if (this.#process.exitCode === null) this.#process.kill('SIGKILL');
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** nginx wants to be told its port. Below the range from which the system takes those of outgoing connections. */
async function freePort(): Promise<number> {
  for (let attemptsLeft = 50; ; attemptsLeft -= 1) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    server.close();
    if (free) return port;
    if (attemptsLeft === 0) throw new Error('no free port below the ephemeral ones');
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
