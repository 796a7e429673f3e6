import type { Data } from '../core/types.js';
import { isolate, type ListenerErrorHandler } from './listeners.js';

/** Memory that others may change at any time: browsers refuse to send it. */
const isShared = (buffer: ArrayBufferLike): boolean =>
  !(buffer instanceof ArrayBuffer) && Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';

/** Text or bytes: what can be sent. */
export function isData(value: unknown): value is Data {
  return (
    typeof value === 'string' || value instanceof ArrayBuffer || (ArrayBuffer.isView(value) && !isShared(value.buffer))
  );
}

/** What can be sent, if it can be; a buffer of another realm (of a frame, a virtual machine) as a view, which transports leave as it is. */
export function dataOf(value: unknown): Data | undefined {
  if (isData(value)) return value;
  const isBuffer = Object.prototype.toString.call(value) === '[object ArrayBuffer]';
  return isBuffer ? new Uint8Array(value as ArrayBuffer) : undefined;
}

/**
 * Wraps a function of the application's whose answer the machine needs at once: what it throws (or its promise rejects
 * with, if it was async by mistake) is reported; `fallback` stands for an answer that is none.
 */
export function guardWith(report: ListenerErrorHandler): Guard {
  return (call, isAnswer, fallback) => (argument) => {
    const answer: unknown = isolate(call, argument, report);
    return isAnswer(answer) ? answer : fallback;
  };
}

export type Guard = <Answer, Fallback>(
  // biome-ignore lint/suspicious/noExplicitAny: any function of one argument
  call: (argument: any) => unknown,
  isAnswer: (answer: unknown) => answer is Answer,
  fallback: Fallback,
) => (argument: unknown) => Answer | Fallback;

export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
