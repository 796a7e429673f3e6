import { parseArgs } from 'node:util';
import { type LongSocketOptions, resolveUrl } from '../client/options.js';

/** What the command line asks for. */
export interface Command {
  readonly url: string;
  readonly options: LongSocketOptions;
  /** Messages to send instead of what is read. */
  readonly messages?: readonly string[] | undefined;
  /** What is sent is hex, and goes out as bytes. */
  readonly hex: boolean;
  /** How long nothing must have come after the end of the input, in ms. @default what the input says */
  readonly wait?: number;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** A command line that asks for nothing that can be done. Its message never holds what may be a secret. */
export class UsageError extends Error {}

const flags = {
  execute: { type: 'string', short: 'x', multiple: true },
  hex: { type: 'boolean' },
  wait: { type: 'string', short: 'w' },
  session: { type: 'boolean', short: 's' },
  header: { type: 'string', short: 'H', multiple: true },
  protocol: { type: 'string', short: 'p', multiple: true },
  origin: { type: 'string', short: 'o' },
  heartbeat: { type: 'string' },
  'no-reconnect': { type: 'boolean' },
  insecure: { type: 'boolean', short: 'k' },
  json: { type: 'boolean' },
  verbose: { type: 'boolean', short: 'v' },
  quiet: { type: 'boolean', short: 'q' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parsed>['values'];

/** @throws UsageError */
export function commandOf(args: readonly string[]): Command | 'help' | 'version' {
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  if (values.version) return 'version';
  const [url] = positionals;
  if (url === undefined) throw new UsageError('which URL?');
  if (positionals.length > 1) {
    throw new UsageError(`one URL is expected, and there are ${positionals.length} arguments: are quotes missing?`);
  }
  const { hex = false, json = false, verbose = false, quiet = false } = values;
  if (verbose && quiet) throw new UsageError('--verbose and --quiet contradict each other');
  return {
    url: addressOf(url),
    options: socketOptions(values),
    messages: values.execute,
    hex,
    ...(values.wait !== undefined && { wait: seconds('wait', values.wait, /^inf(inity)?$/i) }),
    json,
    verbose,
    quiet,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true });
  } catch (error) {
    // The first sentence says what is wrong; the others are advice about arguments that the URL is none of.
    throw new UsageError((error as Error).message.split(/[.\n]( |$)/)[0]);
  }
}

function socketOptions(values: Values): LongSocketOptions {
  const { session = false, heartbeat, header, protocol, origin, insecure } = values;
  return {
    session,
    reconnect: !values['no-reconnect'],
    ...(header && { headers: headersOf(header) }),
    ...(protocol && { protocols: protocol }),
    ...(heartbeat !== undefined && { heartbeat: { interval: seconds('heartbeat', heartbeat) } }),
    node: { ...(origin !== undefined && { origin }), ...(insecure && { rejectUnauthorized: false }) },
  };
}

/** What people type for a URL: `localhost:8080` and `:8080` as well. */
function addressOf(text: string): string {
  const local = text.replace(/^:(?=\d)/, 'localhost:');
  try {
    return resolveUrl(/^[a-z][a-z\d+.-]*:\/\//i.test(local) ? local : `ws://${local}`);
  } catch {
    // The error of `resolveUrl` repeats the URL, and it may hold a password.
    throw new UsageError('the URL must be one of ws, wss, http or https, and without a fragment');
  }
}

/** `Name: value` (RFC 9110 §5.1, §5.5). */
function headersOf(lines: readonly string[]): Record<string, string | string[]> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      const place = lines.length > 1 ? ` (number ${lines.indexOf(line) + 1})` : '';
      throw new UsageError(`--header must be 'Name: value'${place}`);
    }
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  return Object.fromEntries([...headers].map(([name, all]) => [name, all.length === 1 ? (all[0] as string) : all]));
}

/** A number of seconds, in ms. `endless`: what stands for `Infinity`. */
function seconds(name: string, text: string, endless?: RegExp): number {
  if (endless?.test(text)) return Number.POSITIVE_INFINITY;
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text)) {
    throw new UsageError(
      `--${name} must be a number of seconds${endless ? ', or inf' : ''}, got ${JSON.stringify(text)}`,
    );
  }
  return Number(text) * 1000;
}
