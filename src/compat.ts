export { CloseEvent, ErrorEvent, type Listener, type WebSocketEventMap } from './compat/events.js';
export type {
  LongSocketExtras,
  Message,
  Options,
  ProtocolsProvider,
  UrlProvider,
} from './compat/options.js';
export { type Fetch, type PartyFetchOptions, PartySocket, type PartySocketOptions } from './compat/party-socket.js';
export type { QueryParams, RoomAddress } from './compat/party-url.js';
export {
  type BinaryType,
  ReconnectingWebSocket,
  ReconnectingWebSocket as default,
  ReconnectingWebSocket as WebSocket,
} from './compat/reconnecting-websocket.js';
export { LongSocketError } from './core/errors.js';
