import { clearScreenDown, createInterface, cursorTo, moveCursor } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Print, Sink } from './output.js';

/** Where lines come from, and how to print beside it. */
export interface Input {
  readonly lines: AsyncIterable<string>;
  readonly print: Print;
  /** How long answers are waited for after the last line, in ms, if nobody says otherwise. */
  readonly wait: number;
  /** Ctrl-C, where that is a key and no signal. */
  onInterrupt?(listener: () => void): void;
  /** Reads no more, and holds nothing open. */
  close(): void;
}

const WAIT = 1000;

const plainly: Print = (sink, text) => !sink.writable || sink.write(text);

/** Messages of the command line. */
export function given(messages: readonly string[]): Input {
  async function* lines() {
    yield* messages;
  }
  return { lines: lines(), print: plainly, wait: WAIT, close: () => {} };
}

/** A pipe or a file. It is read no faster than its lines are taken. */
export function piped(stream: Readable): Input {
  return { lines: linesOf(stream), print: plainly, wait: WAIT, close: () => stream.destroy() };
}

/**
 * Lines end with LF or CR LF, and nowhere else: U+2028, which `node:readline` takes for an end as well, may stand in the
 * middle of JSON. The last line needs no end.
 */
async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  try {
    for await (const chunk of stream) {
      const [first = '', ...others] = decoder.decode(chunk as Uint8Array, { stream: true }).split('\n');
      parts.push(first);
      for (const next of others) {
        yield parts.join('').replace(/\r$/, '');
        parts = [next];
      }
    }
  } catch (error) {
    // By `close`, which is the end of it: nobody waits for the rest of a line.
    if ((error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    throw error;
  }
  const last = parts.join('') + decoder.decode();
  if (last) yield last;
}

/** A person at a terminal: with a prompt, a history, and a line that stays whole when something is printed. */
export function typed(stream: Readable, screen: Sink): Input {
  const prompt = createInterface({ input: stream, output: screen, terminal: true, prompt: '> ' });
  let open = true;
  const clear = (): void => {
    moveCursor(screen, 0, -prompt.getCursorPos().rows);
    cursorTo(screen, 0);
    clearScreenDown(screen);
  };
  prompt.on('close', () => {
    open = false;
    clear();
  });
  async function* lines() {
    prompt.prompt();
    for await (const line of prompt) {
      if (line) yield line;
      if (open) prompt.prompt();
    }
  }
  return {
    lines: lines(),
    // Whoever ends the input here wants to leave.
    wait: 0,
    onInterrupt: (listener) => prompt.on('SIGINT', listener),
    print(sink, text) {
      if (open) clear();
      const free = plainly(sink, text);
      if (open) prompt.prompt(true);
      return free;
    },
    close: () => prompt.close(),
  };
}
