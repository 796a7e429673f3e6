import { type Control, encode, isPlain, parse, TOKEN, type Welcome } from '../../../src/core/frames.js';
import { Session } from '../../../src/core/session.js';
import type { Data, Effect, LineConfig } from '../../../src/core/types.js';
import { probing } from './config.js';
import { Machine } from './machine.js';

/** What a server says to a new session: it retains 1 MiB, takes 1000 bytes, and is never silent for longer than 25 s. */
export const WELCOME: Welcome = {
  letter: 'W',
  s: 'sid',
  k: 'key',
  r: 0,
  c: 0,
  f: 1,
  t: 120_000,
  h: 25_000,
  b: 1024 * 1024,
  z: 1000,
};

/** A client with a session, and its time; the connections it opens choose the protocol. */
export class Client extends Machine {
  constructor(overrides: Partial<LineConfig> = {}) {
    const heartbeat = probing({ interval: Number.POSITIVE_INFINITY });
    const bounds = { maxBufferedBytes: 1024 * 1024, maxBufferedMessages: 16_384 };
    super({ heartbeat, ...bounds, ...overrides }, Session);
  }

  override opens(id: number, now = this.now, canPing = true, protocol: string | undefined = TOKEN): Effect[] {
    return this.step({ type: 'connection-open', id, canPing, protocol }, now);
  }

  /** The server says this. */
  hears(id: number, frame: Control, now = this.now): Effect[] {
    return this.step({ type: 'message-received', id, data: encode(frame) }, now);
  }

  /** WELCOME to a new session. */
  welcomed(id: number, fields: Partial<Welcome> = {}, now = this.now): Effect[] {
    return this.hears(id, { ...WELCOME, ...fields }, now);
  }

  /** WELCOME to a RESUME. */
  resumed(id: number, fields: Partial<Welcome> = {}, now = this.now): Effect[] {
    const { k, ...rest } = WELCOME;
    return this.hears(id, { ...rest, ...fields }, now);
  }

  /** The wait is over, and the next connection is open: what it says. */
  redials(id: number): Effect[] {
    this.step({ type: 'timeout' }, this.deadline);
    return this.opens(id);
  }

  /** The application listens, and has each message as it comes. */
  listens(): this {
    this.step({ type: 'read', number: 0, pulls: false });
    return this;
  }

  /** `close()`, to which nobody answers. */
  givesUp(): Effect[] {
    this.close();
    return this.step({ type: 'timeout' }, this.now + 5000);
  }

  /** `rotate()`, and the next connection says RESUME. */
  rotates(id: number): Effect[] {
    this.step({ type: 'rotate' });
    return this.opens(id);
  }
}

/** A client whose first connection is open, and says HELLO. */
export function greeting(overrides: Partial<LineConfig> = {}): Client {
  const client = new Client(overrides);
  client.connect();
  client.opens(1);
  return client;
}

/** A client with a new session on connection 1. */
export function welcomed(overrides: Partial<LineConfig> = {}, fields: Partial<Welcome> = {}): Client {
  const client = greeting(overrides);
  client.welcomed(1, fields);
  return client.listens();
}

/** A frame as it was written, control frames as objects. */
export function read(data: Data): unknown {
  return typeof data === 'string' && !isPlain(data) ? parse(data) : data;
}

/** What is written on a connection: messages as they are, control frames as objects. */
export function said(effects: readonly Effect[], id?: number): unknown[] {
  return effects.flatMap((effect) =>
    effect.type === 'write' && (id === undefined || effect.id === id) ? [read(effect.data)] : [],
  );
}

/** The messages that the application is given, with their numbers. */
export function delivered(effects: readonly Effect[]): (readonly [Data, number | undefined])[] {
  return effects.flatMap((effect) => (effect.type === 'message' ? [[effect.data, effect.number] as const] : []));
}
