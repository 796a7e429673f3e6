/** What the cases are written with. Runs in Node and in pages alike, so it imports nothing of either. */
import type { Seen } from './server.js';

export type Standard = typeof globalThis.WebSocket;
export type Socket = InstanceType<Standard>;

/** One implementation, where it runs. */
export interface Subject {
  /** The constructor: of what is looked at, and of what is opened unless there is an `open`. */
  readonly WebSocket: Standard;
  /** Opens one in the way that is under test, with a session, say. */
  readonly open?: (url: string, protocols?: string | string[]) => Socket;
  /** The server's, with the scheme `http`. */
  readonly server: string;
}

let count = 0;

/** One run of one case. */
export class Run {
  readonly WebSocket: Standard;
  /** What happened, in order: what the implementations are compared by. */
  readonly log: unknown[] = [];
  readonly #subject: Subject;
  readonly #id = `${Math.random().toString(36).slice(2)}-${++count}`;
  readonly #opened: Socket[] = [];

  constructor(subject: Subject) {
    this.#subject = subject;
    this.WebSocket = subject.WebSocket;
  }

  /** An address of the server: how it behaves, and by which run it is to be remembered. */
  url(behaviour: string): string {
    const url = new URL(behaviour, this.#subject.server.replace(/^http/, 'ws'));
    url.searchParams.set('id', this.#id);
    return url.href;
  }

  /** Opens a socket, and writes its events into the log. */
  open(behaviour: string, protocols?: string | string[]): Socket {
    const socket = this.dial(this.url(behaviour), protocols);
    this.record(socket);
    return socket;
  }

  /** Opens one without a log. */
  dial(url: string, protocols?: string | string[]): Socket {
    const { open, WebSocket } = this.#subject;
    const socket = open ? open(url, protocols) : new WebSocket(url, protocols);
    // To `ws`, an error that nobody listens to is a crash.
    socket.addEventListener('error', () => {});
    this.#opened.push(socket);
    return socket;
  }

  record(socket: Socket): void {
    socket.binaryType = 'arraybuffer';
    for (const type of ['open', 'message', 'error', 'close'] as const) {
      socket.addEventListener(type, (event: Event) => this.log.push(shown(event, socket)));
    }
  }

  /** The next event of a type; together with nothing else of this kind, it is not missed. */
  event<Type extends 'open' | 'message' | 'error' | 'close'>(
    socket: Socket,
    type: Type,
  ): Promise<MessageEvent & CloseEvent> {
    return new Promise((resolve) => {
      socket.addEventListener(type, (event: Event) => resolve(event as MessageEvent & CloseEvent), { once: true });
    });
  }

  /** The close event, and long enough behind it for what should not come any more. */
  async ended(socket: Socket): Promise<void> {
    if (socket.readyState !== 3) await this.event(socket, 'close');
    await this.later(30);
  }

  later(ms = 0): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** What the server saw of this run's client. */
  async seen(): Promise<Seen> {
    const response = await fetch(`${this.#subject.server}/seen?id=${this.#id}`);
    return (await response.json()) as Seen;
  }

  /** What a call throws, or 'nothing'. */
  thrown(call: () => unknown): string {
    try {
      call();
      return 'nothing';
    } catch (error) {
      return (error as Error).name;
    }
  }

  /** Another run of the same implementation, with what the server sees kept apart. */
  again(): Run {
    return new Run(this.#subject);
  }

  /** Leaves nothing open. */
  leave(): void {
    for (const socket of this.#opened) if (socket.readyState < 2) socket.close();
  }
}

/** An event as plain data, with the state that its listeners see. */
function shown(event: Event, socket: Socket): unknown[] {
  const { type, data, code, reason, wasClean } = event as MessageEvent & CloseEvent;
  const detail = { open: [], error: [], message: [plain(data)], close: [code, reason, wasClean] }[type] ?? [];
  return [type, ...detail, `state ${socket.readyState}`];
}

export function plain(data: unknown): unknown {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? [...bytes(data)] : data;
}

export function bytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** One case: what an implementation of the standard answers, and how it is asked. */
export interface Case {
  readonly name: string;
  /** The log of the standard's own words. */
  readonly expected: unknown;
  /** Needs what only a page has: an address of its own, errors that nobody catches and that are no crash. */
  readonly inPage?: boolean;
  readonly ask: (run: Run) => unknown;
}

/** Asks one implementation; what it throws is an answer as well, and so is that it does not answer within `limit` ms. */
export async function ask({ ask }: Case, subject: Subject, limit: number): Promise<unknown> {
  const run = new Run(subject);
  const late = new Promise<string>((resolve) => setTimeout(resolve, limit, 'no answer'));
  try {
    const answer = await Promise.race([ask(run), late]);
    return JSON.parse(JSON.stringify(answer ?? run.log));
  } catch (error) {
    return `${error}`;
  } finally {
    run.leave();
  }
}
