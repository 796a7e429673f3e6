export { useLongSocket, useMessages, useSocketState } from './react/hooks.js';
export type { AnySocket } from './react/lease.js';
export type { MessageSource } from './react/reading.js';
