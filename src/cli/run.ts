import type { Readable } from 'node:stream';
import { LongSocketError } from '../core/errors.js';
import { systemClock } from '../io/clock.js';
import { Conversation, type Surroundings } from './conversation.js';
import { HELP } from './help.js';
import { given, type Input, piped, typed } from './input.js';
import { type Command, commandOf, UsageError } from './options.js';
import { JsonOutput, type Output, type Sink, TextOutput } from './output.js';

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof SIGNALS;

/** What a process has, so that a test can play it. */
export interface World {
  readonly args: readonly string[];
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Calls `listener` for each such signal from now on. */
  onSignal(signal: Signal, listener: () => void): void;
  /** Ends the process, whatever is under way. */
  exit(code: number): void;
  readonly surroundings?: Surroundings | undefined;
}

/** The `longsocket` command. Resolves with the exit code. */
export async function run(world: World): Promise<number> {
  const { args, stdout, stderr, version } = world;
  stderr.on('error', () => {});
  try {
    const command = commandOf(args);
    if (command !== 'help' && command !== 'version') return await talk(command, world);
    stdout.on('error', () => {});
    stdout.write(command === 'help' ? HELP : `${version}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof LongSocketError)) throw error;
    stderr.write(`longsocket: ${error.message}\nTry 'longsocket --help'.\n`);
    return 2;
  }
}

async function talk(command: Command, world: World): Promise<number> {
  const input = inputOf(command, world);
  try {
    return await converse(command, world, input);
  } finally {
    input.close();
  }
}

function inputOf({ messages }: Command, { stdin, stdout, stderr }: World): Input {
  if (messages) return given(messages);
  const screen = [stderr, stdout].find(({ isTTY }) => isTTY);
  return stdin.isTTY && screen ? typed(stdin, screen) : piped(stdin);
}

function converse(command: Command, world: World, input: Input): Promise<number> {
  const { env, stdout, surroundings = {} } = world;
  const clock = surroundings.clock ?? systemClock;
  const start = clock.now();
  const output: Output = command.json
    ? new JsonOutput(command.quiet, stdout, input.print, () => clock.now() - start)
    : new TextOutput(command, world, env, input.print);
  const conversation = new Conversation({ wait: input.wait, ...command }, output, surroundings);
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read it has gone, as `head` does when it has enough.
    conversation.leave(error.code === 'EPIPE' ? 0 : 1);
  });
  let signals = 0;
  const interrupt = (signal: Signal): void => {
    if (++signals > 1) world.exit(SIGNALS[signal]);
    output.event('closing', { signal });
    conversation.leave(SIGNALS[signal]);
  };
  input.onInterrupt?.(() => interrupt('SIGINT'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) world.onSignal(signal, () => interrupt(signal));
  return conversation.run(input.lines);
}
