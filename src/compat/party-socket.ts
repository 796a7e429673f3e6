import { LongSocketError } from '../core/errors.js';
import { systemRandom } from '../io/clock.js';
import type { Options, ProtocolsProvider } from './options.js';
import { type Room, type RoomAddress, roomOf } from './party-url.js';
import { ReconnectingWebSocket } from './reconnecting-websocket.js';

/** Where to connect, as whom, and how. */
export interface PartySocketOptions extends RoomAddress, Options {
  /** Identifies this client to the server, as parameter `_pk`. @default a new UUID for each `PartySocket` */
  id?: string | undefined;
  protocol?: 'ws' | 'wss' | undefined;
  /** Subprotocols to offer. @default none */
  protocols?: ProtocolsProvider;
  /** Do not warn of slashes in names. @default false */
  disableNameValidation?: boolean | undefined;
}

/** The platform's `fetch`, where its type is known. */
export type Fetch = typeof globalThis extends {
  /** Of this type. */
  fetch: infer Known;
}
  ? Known
  : (url: string, init?: object) => Promise<unknown>;

type FetchInit = Fetch extends (url: never, init?: infer Init) => unknown ? Init : never;
type FetchResult = Fetch extends (...args: never[]) => infer Result ? Result : never;

/** What to fetch, and with what. */
export interface PartyFetchOptions extends RoomAddress {
  protocol?: 'http' | 'https' | undefined;
  /** @default the global one */
  fetch?: Fetch | undefined;
}

/** partysocket's client of a PartyKit or PartyServer room. */
export class PartySocket extends ReconnectingWebSocket {
  /** What was given to the constructor, and to `updateProperties()` since. */
  partySocketOptions: PartySocketOptions;
  /** As `id`. */
  _pk: string;
  /** As `roomUrl`. */
  _pkurl!: string;
  /** The party. */
  name!: string;
  /** The room. */
  room: string | undefined;
  /** Without scheme, and without a slash behind it. */
  host!: string;
  /** With a slash before it; empty for none. */
  path!: string;
  /** As given. */
  basePath: string | undefined;

  /**
   * Dials soon, unless `startClosed`.
   * @throws LongSocketError `INVALID_OPTION`: of an option, or neither `room` nor `basePath` is given
   */
  constructor(options: PartySocketOptions) {
    const id = options.id || newId();
    const room = roomOf(options, 'ws', { _pk: id });
    if (!options.startClosed && !options.room && !options.basePath) {
      throw new LongSocketError(
        'INVALID_OPTION',
        'Either room or basePath must be provided to connect: or use `startClosed: true`, and updateProperties() before reconnect()',
      );
    }
    super(room.href, options.protocols, options);
    this.partySocketOptions = options;
    this._pk = id;
    this.#apply(room);
    if (!options.disableNameValidation) warnOfSlashes(options);
  }

  /** The id that the server knows this client by. */
  get id(): string {
    return this._pk;
  }

  /** The room's URL, without the query. `url` is the one dialed last. */
  get roomUrl(): string {
    return this._pkurl;
  }

  /**
   * Changes what the next dial uses; `reconnect()` makes it now. What is not named, or undefined, stays.
   * @throws LongSocketError `INVALID_OPTION`; nothing is changed then
   */
  updateProperties(changes: Partial<PartySocketOptions>): void {
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const options: PartySocketOptions = { ...this.partySocketOptions, ...given };
    const id = options.id || this._pk;
    const room = roomOf(options, 'ws', { _pk: id });
    this.partySocketOptions = options;
    this._pk = id;
    this._url = room.href;
    this._protocols = options.protocols;
    this._options = options;
    this.#apply(room);
  }

  /** @throws LongSocketError `INVALID_OPTION`: there is no host, or neither room nor basePath */
  override reconnect(code?: number, reason?: string): void {
    for (const [name, value] of [
      ['host', this.host],
      ['room (or basePath)', this.room || this.basePath],
    ]) {
      if (value) continue;
      throw new LongSocketError(
        'INVALID_OPTION',
        `The ${name} must be set before connecting: give it to updateProperties(), or to the constructor`,
      );
    }
    super.reconnect(code, reason);
  }

  /** Asks the room over HTTP. */
  static async fetch(options: PartyFetchOptions, init?: FetchInit): Promise<Awaited<FetchResult>> {
    const { href } = roomOf(options, 'http');
    const fetch = (options.fetch ?? globalThis.fetch) as (url: string, init?: FetchInit) => FetchResult;
    return await fetch(typeof href === 'string' ? href : await href(), init);
  }

  #apply({ name, host, path, url }: Room): void {
    this.name = name;
    this.room = this.partySocketOptions.room;
    this.host = host;
    this.path = path;
    this.basePath = this.partySocketOptions.basePath;
    this._pkurl = url;
  }
}

function warnOfSlashes({ party, room }: PartySocketOptions): void {
  for (const [kind, name] of Object.entries({ party, room })) {
    if (!name?.includes('/')) continue;
    console.warn(
      `PartySocket: ${kind} name "${name}" contains forward slash, which the server may take for two parts of the path; \`disableNameValidation: true\` ends this warning`,
    );
  }
}

/** A UUID of version 4 (RFC 9562 §5.4); `crypto.randomUUID()` is for pages that came over TLS only. */
function newId(): string {
  const bytes = new Uint8Array(16);
  const { crypto } = globalThis as { crypto?: { getRandomValues(bytes: Uint8Array): void } };
  if (crypto) crypto.getRandomValues(bytes);
  else
    bytes.forEach((_, index) => {
      bytes[index] = 256 * systemRandom();
    });
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
