import * as isomorphic from 'isomorphic-ws';
import { LongSocketError } from '../core/errors.js';
import type { Dial, WebSocketConstructor } from './connection.js';
// In the browser build this import is `./browser.js`.
import { open } from './node.js';

/**
 * isomorphic-ws is CommonJS in Node and an ES module in browsers, so what its namespace holds depends on who resolved it:
 * unwrap until a constructor turns up. Looked up at dial time, since a global may be set or replaced after the import.
 */
function platformWebSocket(): WebSocketConstructor {
  let found: unknown = isomorphic;
  for (let depth = 0; depth < 3 && found && typeof found !== 'function'; depth++) {
    found = (found as { default?: unknown }).default;
  }
  if (typeof found !== 'function') found = (globalThis as { WebSocket?: unknown }).WebSocket;
  if (typeof found === 'function') return found as WebSocketConstructor;
  throw new LongSocketError('UNSUPPORTED', 'there is no WebSocket on this platform: pass one as option `WebSocket`');
}

/** Opens a connection with the constructor given, else isomorphic-ws's, else the global one. */
export const dial: Dial = (request, report) => open(request.WebSocket ?? platformWebSocket(), request, report);
