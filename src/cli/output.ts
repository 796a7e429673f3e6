import type { Writable } from 'node:stream';
import { LongSocketError } from '../core/errors.js';
import type { Data } from '../core/types.js';
import { describe, type Event, type Tone } from './describe.js';
import type { Command } from './options.js';
import { hexOf, jsonLine, jsonMessage, visible } from './text.js';

/** A stream that may be a terminal. */
export type Sink = Writable & { readonly isTTY?: boolean | undefined };

/** Where messages and events go. */
export interface Output {
  /** `false`: more than the reader of stdout takes for now. */
  message(data: Data): boolean;
  /** Resolves when stdout takes more, or nothing ever again. */
  drained(): Promise<void>;
  event(...event: Event): void;
}

/** How text gets onto a stream: past a line that is being typed, if there is one. */
export type Print = (sink: Sink, text: string) => boolean;

function drained(sink: Sink): Promise<void> {
  if (!sink.writableNeedDrain || sink.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      sink.off('drain', done).off('close', done);
      resolve();
    };
    sink.on('drain', done).on('close', done);
  });
}

const CODES: Record<Tone, string> = { dim: '2', good: '32', bad: '33', final: '31' };

/** For people: messages on stdout, the rest on stderr. For pipes, stdout holds messages and nothing else. */
export class TextOutput implements Output {
  readonly #command: Pick<Command, 'verbose' | 'quiet'>;
  readonly #sinks: { readonly stdout: Sink; readonly stderr: Sink };
  readonly #print: Print;
  readonly #colours: boolean;

  /** `env`: `NO_COLOR` and `TERM` matter. */
  constructor(
    command: Pick<Command, 'verbose' | 'quiet'>,
    sinks: { readonly stdout: Sink; readonly stderr: Sink },
    env: Readonly<Record<string, string | undefined>>,
    print: Print,
  ) {
    this.#command = command;
    this.#sinks = sinks;
    this.#print = print;
    this.#colours = !env.NO_COLOR && env.TERM !== 'dumb';
  }

  message(data: Data): boolean {
    const { stdout } = this.#sinks;
    if (!stdout.isTTY) return this.#print(stdout, `${typeof data === 'string' ? data : hexOf(data)}\n`);
    const shown = typeof data === 'string' ? visible(data, '\n\t') : `[${data.byteLength} bytes] ${hexOf(data)}`;
    return this.#print(stdout, `${this.#coloured('36', '<', stdout)} ${shown}\n`);
  }

  drained(): Promise<void> {
    return drained(this.#sinks.stdout);
  }

  event(...event: Event): void {
    const { verbose, quiet } = this.#command;
    const [type, detail] = event;
    const told = type === 'error' && verbose ? (['bad', visible(detail.message)] as const) : describe(event);
    if (quiet || !told) return;
    const [tone, text] = told;
    this.#print(this.#sinks.stderr, `${this.#coloured(CODES[tone], `* ${text}`, this.#sinks.stderr)}\n`);
  }

  #coloured(code: string, text: string, sink: Sink): string {
    return this.#colours && sink.isTTY ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

/** For programs: everything on stdout, one line of JSON each, with `at`: ms since the start. */
export class JsonOutput implements Output {
  readonly #quiet: boolean;
  readonly #stdout: Sink;
  readonly #print: Print;
  readonly #now: () => number;

  constructor(quiet: boolean, stdout: Sink, print: Print, now: () => number) {
    this.#quiet = quiet;
    this.#stdout = stdout;
    this.#print = print;
    this.#now = now;
  }

  message(data: Data): boolean {
    return this.#line('message', jsonMessage(data));
  }

  drained(): Promise<void> {
    return drained(this.#stdout);
  }

  event(...[type, detail]: Event): void {
    // The first dial is a `state` as well, and says nothing of the URL, which may hold secrets.
    if (this.#quiet || type === 'connecting') return;
    if (type === 'lost') this.#line(type, { ...detail, messages: detail.messages.map(jsonMessage) });
    else if (type === 'error') this.#line(type, { code: detail.code, message: detail.message });
    else this.#line(type, detail);
  }

  #line(event: string, detail: object): boolean {
    return this.#print(this.#stdout, jsonLine({ at: Math.round(this.#now()), event, ...detail }, errorsAsText));
  }
}

/** An ending's `error` may be anything: what it says is enough, and its other fields may be endless. */
function errorsAsText(key: string, value: unknown): unknown {
  if (key !== 'error' || value === undefined) return value;
  return value instanceof Error || value instanceof LongSocketError ? value.message : String(value);
}
