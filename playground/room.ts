/**
 * The chat room, on the server: who is there, who is typing, and every line, numbered. Its servers come and go; the room stays, and
 * knows of each of its people how far they have been told.
 */
import type { ServerSocket } from 'longsocket/server';
import { offer } from './offer.js';

/** One line of the chat. They are numbered from 1, without a gap. */
export interface Line {
  readonly n: number;
  readonly from: string;
  readonly text: string;
  /** The speaker's own number for it. */
  readonly id: string;
}

export interface PersonStatus {
  readonly name: string;
  /** Has a connection at the moment. */
  readonly here: boolean;
  readonly typing: boolean;
}

/** What the room says to its people. */
export type FromRoom =
  /** First of all: your name, and after which line you have come. */
  | { readonly type: 'welcome'; readonly you: string; readonly after: number }
  | { readonly type: 'line'; readonly line: Line }
  | { readonly type: 'people'; readonly people: readonly PersonStatus[] };

/** What people say to the room. */
export type ToRoom = { readonly type: 'say'; readonly text: string; readonly id: string } | { readonly type: 'typing' };

const names = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn', 'Gro', 'Hal', 'Ida', 'Jo', 'Kim', 'Lou'];
/** How many lines one who comes is shown of what was said before. */
const recent = 10;
/** How many are remembered for those who are away. */
const memory = 5000;
/** How long somebody counts as typing, in ms, unless told so again. */
const typingTime = 3000;

interface Person {
  readonly name: string;
  socket: ServerSocket | undefined;
  /** Number of the last line they were sent. */
  told: number;
  typing: NodeJS.Timeout | undefined;
}

export class Room {
  readonly #people = new Set<Person>();
  /** A server that takes a session over may not know which address it came from. */
  readonly #bySession = new Map<string, Person>();
  readonly #lines: Line[] = [];
  #said = 0;
  #changed = false;

  /** Whether a connection is for this room. */
  expects({ session, request }: ServerSocket): boolean {
    return (session !== undefined && this.#bySession.has(session)) || /^\/chat\b/.test(request.url ?? '');
  }

  /** A session has come to one of the servers. */
  welcome(socket: ServerSocket): void {
    const { session = '' } = socket;
    const person = this.#bySession.get(session) ?? this.#newcomer(socket, session);
    person.socket = socket;
    socket.on('message', (data) => this.#hear(person, String(data)));
    socket.on('state', () => this.#peopleChanged());
    socket.on('close', ({ cause }) => {
      if (person.socket !== socket) return; // Another has taken over.
      person.socket = undefined;
      if (cause !== 'moved') this.#leave(person, session);
    });
    this.#tell(person);
    this.#peopleChanged();
  }

  close(): void {
    for (const { typing } of this.#people) clearTimeout(typing);
  }

  #newcomer(socket: ServerSocket, session: string): Person {
    const taken = new Set([...this.#people].map(({ name }) => name));
    const name = names.find((free) => !taken.has(free)) ?? `Guest ${session.slice(0, 4)}`;
    const told = Math.max(0, this.#said - recent);
    const person: Person = { name, socket, told, typing: undefined };
    this.#people.add(person);
    this.#bySession.set(session, person);
    send(person, { type: 'welcome', you: name, after: told });
    return person;
  }

  #leave(person: Person, session: string): void {
    clearTimeout(person.typing);
    this.#people.delete(person);
    this.#bySession.delete(session);
    this.#peopleChanged();
  }

  #hear(person: Person, data: string): void {
    const said = parse(data);
    if (said?.type === 'typing') {
      this.#isTyping(person, true);
      return;
    }
    if (!said) return;
    this.#said += 1;
    this.#lines.push({ n: this.#said, from: person.name, text: said.text, id: said.id });
    if (this.#lines.length > memory) this.#lines.shift();
    this.#isTyping(person, false);
    for (const each of this.#people) this.#tell(each);
  }

  /** Sends whatever they have not been sent. While their session is moving, nothing can be; then they are behind. */
  #tell(person: Person): void {
    const first = this.#said - this.#lines.length;
    for (const line of this.#lines.slice(Math.max(0, person.told - first))) {
      if (!send(person, { type: 'line', line })) return;
      person.told = line.n;
    }
  }

  #isTyping(person: Person, on: boolean): void {
    clearTimeout(person.typing);
    const before = person.typing !== undefined;
    person.typing = on ? setTimeout(() => this.#isTyping(person, false), typingTime) : undefined;
    if (before !== on) this.#peopleChanged();
  }

  /** Says so once for all changes of a moment. */
  #peopleChanged(): void {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      const people = [...this.#people].map(({ name, socket, typing }) => ({
        name,
        here: socket?.state.status === 'connected',
        typing: typing !== undefined,
      }));
      for (const person of this.#people) send(person, { type: 'people', people });
    });
  }
}

function send({ socket }: Person, message: FromRoom): boolean {
  return socket !== undefined && offer(socket, JSON.stringify(message));
}

/** Whoever has the address can say anything. */
function parse(data: string): ToRoom | undefined {
  try {
    const { type, text, id } = Object(JSON.parse(data)) as Record<string, unknown>;
    if (type === 'typing') return { type };
    if (type !== 'say' || typeof text !== 'string' || text.length > 1000) return undefined;
    return { type, text, id: String(id).slice(0, 40) };
  } catch {
    return undefined;
  }
}
