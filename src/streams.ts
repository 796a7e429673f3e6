export { type ErrorCode, LongSocketError } from './core/errors.js';
export type { StreamOptions } from './streams/platform.js';
export { readable } from './streams/readable.js';
export { writable } from './streams/writable.js';
