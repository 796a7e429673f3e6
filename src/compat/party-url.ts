import { LongSocketError } from '../core/errors.js';

/** Parameters of the query; those that are null or undefined are left out. */
export type QueryParams = Record<string, string | null | undefined>;

/** Where a room is. */
export interface RoomAddress {
  /** `host`, `host:port`, or either behind a scheme. */
  host: string;
  /** Its name; needed unless there is a `basePath`. @default none */
  room?: string | undefined;
  /** @default 'main' */
  party?: string | undefined;
  /** Instead of `prefix`, `party` and `room`. @default none */
  basePath?: string | undefined;
  /** @default 'parties' */
  prefix?: string | undefined;
  /** Behind all that, without a slash before it. @default none */
  path?: string | undefined;
  /** @default the one with TLS, but for localhost and private addresses */
  protocol?: string | undefined;
  /** Parameters, or a function that gives them anew for each dial. @default none */
  query?: QueryParams | (() => QueryParams | Promise<QueryParams>) | undefined;
}

/** A room's address, taken apart and put together. */
export interface Room {
  readonly host: string;
  readonly name: string;
  readonly room: string | undefined;
  readonly path: string;
  /** Without the query. */
  readonly url: string;
  /** With the query: asked for anew for each dial if it is a function. */
  readonly href: string | (() => Promise<string>);
}

/** This machine, or a private network (RFC 1918): there is seldom a certificate. */
const LOCAL = /^(localhost:|127\.0\.0\.1:|192\.168\.|10\.|172\.(1[6-9]|2\d|3[01])\.|\[::ffff:7f00:1\]:)/;

/** `scheme`: `ws` or `http`. `fixed`: parameters that come first. */
export function roomOf(address: RoomAddress, scheme: 'ws' | 'http', fixed: QueryParams = {}): Room {
  const { room, party: name = 'main', basePath, prefix = 'parties', query = {} } = address;
  if (typeof address.host !== 'string') throw new LongSocketError('INVALID_OPTION', 'option `host` must be text');
  if (address.path?.startsWith('/')) {
    throw new LongSocketError('INVALID_OPTION', 'path must not start with a slash: option `path` is put behind one');
  }
  const host = address.host.replace(/^(https?|wss?):\/\//, '').replace(/\/$/, '');
  const path = address.path ? `/${address.path}` : '';
  const protocol = address.protocol || (LOCAL.test(host) ? scheme : `${scheme}s`);
  const url = `${protocol}://${host}/${basePath || `${prefix}/${name}/${room}`}${path}`;
  const withQuery = (params: QueryParams): string => {
    const all = Object.entries({ ...fixed, ...params });
    const given = all.filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== undefined);
    return `${url}?${new URLSearchParams(given)}`;
  };
  const href = typeof query === 'function' ? async () => withQuery(await query()) : withQuery(query);
  return { host, name, room, path, url, href };
}
