export { LongSocket } from './client/long-socket.js';
export type {
  DialContext,
  Greeting,
  LongSocketOptions,
  Provider,
  UpgradeHeaders,
  Url,
} from './client/options.js';
export { closeCodes } from './core/close-code.js';
export { type ErrorCode, LongSocketError } from './core/errors.js';
export type { Fin, Refusal, Resume } from './core/frames.js';
export { byteLength } from './core/outbox.js';
export type {
  Announcement,
  CloseDetail,
  ConnectionEnd,
  ConnectionId,
  ConnectionReport,
  Data,
  DialReason,
  Effect,
  Ending,
  Input,
  Interruption,
  Loss,
  NextDial,
  Opening,
  PeerSnapshot,
  Reconnecting,
  Remains,
  Rotation,
  RotationCause,
  State,
} from './core/types.js';
export { type Clock, systemClock } from './io/clock.js';
export type {
  BinaryType,
  Connection,
  Dial,
  DialRequest,
  NodeOptions,
  Report,
  RequestHeaders,
  SocketLike,
  WebSocketConstructor,
} from './io/connection.js';
export type { Inspection } from './io/driver.js';
export { platformSignals, type Signal, type Signals } from './io/signals.js';
export type { Abort, AbortLike } from './socket/abort.js';
export type { Codec } from './socket/codec.js';
export { type HeartbeatOptions, shakeHands } from './socket/heartbeat.js';
export type { ListenerErrorHandler } from './socket/listeners.js';
export type { SocketOptions } from './socket/options.js';
export { type Reply, type RespondOptions, respond } from './socket/respond.js';
export type { SendOptions, Socket, SocketEvents } from './socket/socket.js';
