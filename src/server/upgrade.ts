/** What an upgrade request asks for, and of whom. */
import { TOKEN } from '../core/frames.js';
import type { UpgradeRequest } from './accept.js';
import type { HttpServer, LongSocketServerOptions } from './options.js';

/** Which of an HTTP server's `upgrade` listeners are of this library, and the paths they know. */
const residents = new WeakMap<HttpServer, Map<unknown, string | undefined>>();

export function residentsOf(server: HttpServer): Map<unknown, string | undefined> {
  const known = residents.get(server) ?? new Map<unknown, string | undefined>();
  residents.set(server, known);
  return known;
}

export const pathOf = ({ url = '/' }: UpgradeRequest): string => url.split('?', 1)[0] as string;

/** The subprotocols offered. */
export function protocolsOf({ headers }: UpgradeRequest): string[] {
  const offered = String(headers?.['sec-websocket-protocol'] ?? '');
  return offered.split(',').flatMap((protocol) => protocol.trim() || []);
}

export const offersSession = (request: UpgradeRequest): boolean => protocolsOf(request).includes(TOKEN);

/** Whether it has to be waited for. */
export const isPromise = <Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> =>
  typeof Object(value).then === 'function';

/** Goes on with a value at once; with that of a promise when it comes. */
export function after<Value, Next>(
  value: Value | PromiseLike<Value>,
  next: (value: Value) => Next | Promise<Next>,
): Next | Promise<Next> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

/** May pages of this origin connect? */
export function isWelcome<Request extends UpgradeRequest>(
  origin: string,
  origins: LongSocketServerOptions<Request>['origins'],
  request: Request,
): boolean | Promise<boolean> {
  if (origins === '*') return true;
  // A function that is async by mistake must not welcome everybody.
  if (typeof origins === 'function') return after(origins(origin, request), (welcome) => welcome === true);
  if (origins) return origins.some((allowed) => allowed.toLowerCase() === origin.toLowerCase());
  const host = String(request.headers?.host ?? '');
  return origin.toLowerCase().replace(/^[a-z][a-z0-9+.-]*:\/\//, '') === host.toLowerCase();
}
