/** The `longsocket` command with streams in place of a process's, on a simulated network. */
import { PassThrough, type Writable } from 'node:stream';
import { run, type World } from '../../src/cli/run.js';
import type { Data } from '../../src/core/types.js';
import type { ServerConnection } from '../../src/io/connection.js';
import { type DialFate, SimulatedNetwork } from '../../src/testing/network.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { SessionServer } from '../sim/session-network.js';

interface Scene {
  /** All three streams are a terminal's. */
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** A server of sessions, rather than a plain one. */
  readonly sessions?: boolean;
  /** When the application of a server of sessions begins to read, in ms. @default at once */
  readonly readsAt?: number;
  readonly stdout?: Writable;
  /** What becomes of dials. @default they are accepted */
  readonly dials?: DialFate;
  /** What a plain server answers. @default what it got */
  readonly answer?: (data: Data, server: ServerConnection) => void;
}

export function start(args: readonly string[], scene: Scene = {}) {
  const { terminal = false, env = {}, sessions = false, answer = (data, server) => server.send(data) } = scene;
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock });
  const received: Data[] = [];
  const servers: ServerConnection[] = [];
  network.dials = scene.dials ?? 'accept';
  /** A server that knows nothing of the sessions before. */
  const restart = (): void => {
    const host = new SessionServer(network);
    host.onsession = (socket) => {
      const read = (): void => {
        socket.on('message', (data) => {
          received.push(data);
          socket.write(data).catch(() => {});
        });
      };
      if (scene.readsAt === undefined) read();
      else clock.schedule(read, scene.readsAt);
    };
    network.serve(host.take);
  };
  const serve = (server: ServerConnection): void => {
    servers.push(server);
    server.onmessage = (data) => {
      received.push(data);
      answer(data, server);
    };
  };
  if (sessions) restart();
  else network.serve(serve);

  const stdin = Object.assign(new PassThrough(), { isTTY: terminal });
  const stdout = Object.assign(scene.stdout ?? new PassThrough(), { isTTY: terminal });
  const stderr = Object.assign(new PassThrough(), { isTTY: terminal });
  const printed = { stdout: '', stderr: '' };
  for (const [name, stream] of Object.entries({ stdout, stderr })) {
    if (stream instanceof PassThrough) {
      stream.on('data', (chunk: Buffer) => {
        printed[name as keyof typeof printed] += chunk.toString();
      });
    }
  }
  const signals: Record<string, () => void> = {};
  const exits: number[] = [];
  const world: World = {
    args,
    version: '1.2.3',
    env,
    stdin,
    stdout,
    stderr,
    onSignal: (signal, listener) => {
      signals[signal] = listener;
    },
    exit: (code) => exits.push(code),
    surroundings: { clock, dial: network.dial, random: () => 0.5, signals: () => () => {} },
  };
  let code: number | undefined;
  run(world).then((result) => {
    code = result;
  });

  /** Lets streams and promises settle. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  };
  return {
    clock,
    network,
    restart,
    servers,
    received,
    stdin,
    stdout,
    printed,
    exits,
    signal: (name: 'SIGINT' | 'SIGTERM') => signals[name]?.(),
    /** The exit code, when it has come to that. */
    code: () => code,
    settle,
    /** Lets time pass, and whatever happens in it. */
    async pass(ms: number): Promise<void> {
      await settle();
      for (let left = ms; left > 0; left -= 10) {
        clock.advance(Math.min(left, 10));
        await settle();
      }
    },
    /** Of `--json`. */
    events: (): Record<string, unknown>[] =>
      printed.stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  };
}
