import type { SocketLike, WebSocketConstructor } from '../io/connection.js';
import { type Options, webSocketOf } from './options.js';

type Listener = (event: unknown) => void;
type Events = { addEventListener?(type: string, listener: Listener): void };

/**
 * The constructor of the application or the platform, called as those libraries call it: with the url, and with protocols if there are
 * any, and only where options ask for more with more. `made` gets each socket. Where there is none: undefined.
 */
export function capturing(options: Options, made: (socket: SocketLike) => void): WebSocketConstructor | undefined {
  const extended = options.headers !== undefined || options.node !== undefined;
  // Only `ws` can send those: a global one that nobody asked for shall not stand in its way.
  const WebSocket = extended && !options.WebSocket ? undefined : webSocketOf(options);
  // Its attributes work everywhere, though in Workers they are nowhere to be seen before they are set.
  const ofPlatform = WebSocket === (globalThis as { WebSocket?: unknown }).WebSocket;
  return (
    WebSocket &&
    new Proxy(WebSocket, {
      construct(target, [url, protocols, rest]) {
        const offered = protocols?.length > 0 ? [protocols] : [];
        const socket = extended ? new target(url, protocols, rest) : new target(url, ...offered);
        if (!(hasAttributes(socket) ?? ofPlatform)) speakUp(socket);
        made(socket);
        return socket;
      },
    })
  );
}

/** Whether `on…` are attributes, as the standard has them: what is a plain field may be one that nobody reads. Undefined: there are none. */
function hasAttributes(socket: object): boolean | undefined {
  for (let holder: object | null = socket; holder; holder = Object.getPrototypeOf(holder)) {
    const found = Object.getOwnPropertyDescriptor(holder, 'onopen');
    if (found) return found.set !== undefined;
  }
  return undefined;
}

/** For a class of the application's, whose events come to listeners (which those libraries add), to `on…`, or to both. */
function speakUp(socket: SocketLike & Events): void {
  for (const type of ['open', 'message', 'close', 'error'] as const) {
    let handler = socket[`on${type}`] as Listener | null | undefined;
    let last: { readonly event: unknown; readonly way: string } | undefined;
    const from =
      (way: string): Listener =>
      (event) => {
        const again = last && event !== undefined && event === last.event && way !== last.way;
        last = again ? undefined : { event, way };
        if (!again) handler?.(event);
      };
    const attribute = from('attribute');
    Object.defineProperty(socket, `on${type}`, {
      configurable: true,
      enumerable: true,
      get: () => handler && attribute,
      set: (given: Listener | null) => {
        handler = given;
      },
    });
    socket.addEventListener?.(type, from('listener'));
  }
}
