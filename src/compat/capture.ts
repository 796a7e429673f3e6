import type { SocketLike, WebSocketConstructor } from '../io/connection.js';
import { type Options, webSocketOf } from './options.js';

type Events = { addEventListener?(type: string, listener: (event: never) => void): void };

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
        if (!ofPlatform && !('onopen' in socket)) speakUp(socket);
        made(socket);
        return socket;
      },
    })
  );
}

/** For a class of the application's that has events and no `on…` attributes. */
function speakUp(socket: SocketLike & Events): void {
  for (const type of ['open', 'message', 'close', 'error'] as const) {
    socket.addEventListener?.(type, (event) => socket[`on${type}`]?.(event));
  }
}
