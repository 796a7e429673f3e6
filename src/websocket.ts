export { CloseEvent, type CloseEventConstructor } from './websocket/events.js';
export type { WebSocketOptions } from './websocket/options.js';
export type {
  BlobLike,
  CloseEventInit,
  CloseEventLike,
  EventLike,
  EventTargetLike,
  Known,
  ListenerLike,
  MessageEventLike,
  PlatformCloseEvent,
  PlatformEvent,
  PlatformEventTarget,
  PlatformMessageEvent,
  PlatformURL,
  PlatformWebSocket,
  URLLike,
} from './websocket/platform.js';
export {
  WebSocket,
  WebSocket as default,
  type WebSocketEvents,
  type WebSocketHandler,
  type WebSocketTarget,
} from './websocket/web-socket.js';
