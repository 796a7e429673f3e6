/** What a case has to work with, the same in every runtime: nothing but the language, `fetch`, timers and the package. */
import { LongSocket, type LongSocketOptions, type SocketEvents } from 'longsocket';

/** Which promises a case is about: a column of README's table. */
export type Group =
  | 'messages'
  | 'endings'
  | 'liveness'
  | 'sessions'
  | 'entries'
  | 'pings'
  | 'headers'
  | 'status'
  | 'server';

/** Where the cases run. */
export interface Place {
  /** The name under which results are reported. */
  readonly runtime: string;
  /** Where rooms are made. */
  readonly control: string;
  /** Connections are made with the `ws` package, so what only that can do is to be expected. */
  readonly ws: boolean;
}

export interface Case {
  readonly group: Group;
  readonly name: string;
  run(tools: Tools): Promise<void>;
}

export type Result = Pick<Case, 'group' | 'name'> & {
  readonly ms: number;
  readonly gap?: string;
  readonly failure?: string;
};

/** What a room has seen of its clients. */
export interface Seen {
  /** TCP connections that clients hold. */
  open: number;
  upgrades: number;
  /** Of the last upgrade. */
  headers: Record<string, string | undefined>;
  /** How plain connections ended, as the server was told. */
  closes: { code: number; reason: string }[];
  /** Text messages that have come. */
  messages: string[];
  sessions: number;
}

/** How long anything may take before a case has failed. Long: machines may be slow, and no case waits for it. */
const PATIENCE = 20_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Room {
  readonly #base: string;
  readonly port: number;

  constructor(base: string, port: number) {
    this.#base = base;
    this.port = port;
  }

  url(path = '/'): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  do(
    command: 'cut' | 'silence' | 'refuse' | 'restart' | 'say' | 'closeAll' | 'dial' | 'close',
    args: object = {},
  ): Promise<unknown> {
    return post(`${this.#base}/${command}`, args);
  }

  async seen(): Promise<Seen> {
    return (await post(`${this.#base}/seen`, {})) as Seen;
  }
}

export async function post(url: string, body: object): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const result = await response.json();
  if (!response.ok) throw new Error(`${url}: ${result}`);
  return result;
}

/** Of one case: what it opens is closed with it. */
export class Tools {
  readonly place: Place;
  /** What this runtime cannot do, for README: the case has shown that it says so, or does no harm. */
  gap: string | undefined;
  readonly #sockets: LongSocket[] = [];
  readonly #rooms: Room[] = [];
  readonly #ends: (() => unknown)[] = [];

  constructor(place: Place) {
    this.place = place;
  }

  /** A room of its own; `target`: in front of a server of this runtime's. */
  async room(target?: number): Promise<Room> {
    const { id, port } = (await post(`${this.place.control}/rooms`, { target })) as { id: string; port: number };
    const room = new Room(`${this.place.control}/rooms/${id}`, port);
    this.#rooms.push(room);
    return room;
  }

  open(url: ConstructorParameters<typeof LongSocket>[0], options?: LongSocketOptions): Recorded {
    return new Recorded(this.socket(url, options));
  }

  /** One that nobody listens to yet. */
  socket(url: ConstructorParameters<typeof LongSocket>[0], options?: LongSocketOptions): LongSocket {
    const socket = new LongSocket(url, options);
    this.#sockets.push(socket);
    return socket;
  }

  /** Calls this when the case is over. */
  finally(end: () => unknown): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#sockets.map((socket) => socket.closed));
    for (const end of this.#ends.reverse()) await end();
    await Promise.all(this.#rooms.map((room) => room.do('close')));
  }
}

type Events = SocketEvents<unknown>;

/** A socket whose events are kept from the beginning, so that none happens before somebody waits for it. */
export class Recorded {
  readonly socket: LongSocket;
  readonly events: { [Name in keyof Events]: Events[Name][] } = {
    state: [],
    open: [],
    message: [],
    interrupted: [],
    reconnecting: [],
    rotating: [],
    rotated: [],
    lost: [],
    failed: [],
    close: [],
    error: [],
  };

  constructor(socket: LongSocket) {
    this.socket = socket;
    for (const name of Object.keys(this.events) as (keyof Events)[]) {
      socket.on(name, (event) => (this.events[name] as unknown[]).push(event));
    }
  }

  /** The `n`th event of a name, from 1. */
  async next<Name extends keyof Events>(name: Name, n = 1): Promise<Events[Name]> {
    await until(
      () => this.events[name].length >= n,
      () => `${n} × ${name}; there were ${this.summary()}`,
    );
    return this.events[name][n - 1] as Events[Name];
  }

  summary(): string {
    const counts = Object.entries(this.events).filter(([, list]) => list.length > 0);
    const shown = counts.map(([name, list]) => `${list.length} × ${name}`).join(', ');
    return `${shown}; the last state was ${plain(this.socket.state)}, the last error ${plain(this.events.error.at(-1))}`;
  }
}

/** Waits until it holds; `what` says what was waited for in vain. */
export async function until(holds: () => boolean | Promise<boolean>, what: string | (() => string)): Promise<void> {
  for (const end = Date.now() + PATIENCE; !(await holds()); await sleep(10)) {
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
  }
}

// --- assertions ------------------------------------------------------------------------------------------------------

export function assert(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [plain(actual), plain(expected)];
  if (got !== wanted) throw new Error(`${what}: expected ${cut(wanted)}, got ${cut(got)}`);
}

/** The code of what it throws, or rejects with; 'nothing' if neither. */
export async function codeOf(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return (error as { code?: unknown }).code ?? String(error);
  }
  return 'nothing';
}

/** As text; bytes with their class, so that no two different things look alike. */
function plain(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return (
    JSON.stringify(value, (_, item: unknown) => {
      if (item instanceof ArrayBuffer) return { ArrayBuffer: [...new Uint8Array(item)] };
      if (ArrayBuffer.isView(item))
        return { [item.constructor.name]: [...new Uint8Array(item.buffer, item.byteOffset, item.byteLength)] };
      return item;
    }) ?? 'undefined'
  );
}

const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}… (${text.length})` : text);

// --- running ---------------------------------------------------------------------------------------------------------

/** Runs all, one after another, and reports each result, then `done`. Never rejects but for a control that is gone. */
export async function runCases(cases: readonly Case[], place: Place): Promise<void> {
  const report = (body: object): Promise<unknown> => post(`${place.control}/report/${place.runtime}`, body);
  for (const one of cases) await report(await runCase(one, place));
  await report({ done: cases.length });
}

async function runCase({ group, name, run }: Case, place: Place): Promise<Result> {
  const tools = new Tools(place);
  const began = Date.now();
  let outcome: { gap?: string; failure?: string } = {};
  try {
    await limited(run(tools), 60_000);
    if (tools.gap) outcome = { gap: tools.gap };
  } catch (error) {
    outcome = { failure: describe(error) };
  }
  try {
    await limited(tools.end(), 30_000);
  } catch (error) {
    outcome = { failure: outcome.failure ?? `at its end: ${describe(error)}` };
  }
  return { group, name, ms: Date.now() - began, ...outcome };
}

/** Not every engine begins the stack with the message. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return plain(error);
  const stack = error.stack ?? '';
  return stack.includes(error.message) ? stack : `${error}\n${stack}`;
}

async function limited<Value>(work: Promise<Value>, ms: number): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
