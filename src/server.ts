export { closeCodes } from './core/close-code.js';
export type { DeliverySnapshot } from './core/delivery.js';
export { type ErrorCode, LongSocketError } from './core/errors.js';
export type { Fin, Refusal, Resume } from './core/frames.js';
export type { Claim, SessionSnapshot } from './core/registry.js';
export type {
  Announcement,
  CloseDetail,
  ConnectionId,
  ConnectionReport,
  Data,
  DialReason,
  Effect,
  Ending,
  Input,
  Interruption,
  Loss,
  Opening,
  PeerSnapshot,
  Reconnecting,
  Remains,
  Rotation,
  RotationCause,
  State,
} from './core/types.js';
export type { Clock } from './io/clock.js';
export type { BinaryType, RequestHeaders, ServerConnection } from './io/connection.js';
export type { Inspection } from './io/driver.js';
export type { WsSocket } from './io/node.js';
export { type AcceptedSocket, accept, type Transport, type UpgradeRequest } from './server/accept.js';
export type { EmitterListener, NodeEmitter } from './server/emitter.js';
export type { WsCloseEvent, WsErrorEvent, WsEvent, WsEvents, WsMessageEvent } from './server/event-target.js';
export {
  type DrainOptions,
  LongSocketServer,
  type ServerAddress,
  type ServerEvents,
  type ServerSocket,
  type ServerStats,
} from './server/long-socket-server.js';
export type { HttpServer, LongSocketServerOptions } from './server/options.js';
export type { SessionSocket } from './server/session-socket.js';
export { memoryStore, type SessionOwner, type SessionStore } from './server/store.js';
export { type AsWebSocketOptions, asWebSocket, type WsSendOptions, type WsWebSocket } from './server/web-socket.js';
export { WebSocketServer, type WebSocketServerOptions } from './server/web-socket-server.js';
export type { Codec } from './socket/codec.js';
export { type HeartbeatOptions, shakeHands } from './socket/heartbeat.js';
export type { ListenerErrorHandler } from './socket/listeners.js';
export type { SocketOptions } from './socket/options.js';
export { type Reply, type RespondOptions, respond } from './socket/respond.js';
export type { SendOptions, Socket, SocketEvents } from './socket/socket.js';
