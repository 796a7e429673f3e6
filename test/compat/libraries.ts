import partysocket from 'partysocket/ws';
import reconnectingWebSocket from 'reconnecting-websocket';
import { vi } from 'vitest';
import { ReconnectingWebSocket } from '../../src/compat.js';

/** Options that all three have, and what only two of them know. */
export interface SharedOptions {
  WebSocket?: unknown;
  maxReconnectionDelay?: number;
  minReconnectionDelay?: number;
  reconnectionDelayGrowFactor?: number;
  minUptime?: number;
  connectionTimeout?: number;
  maxRetries?: number;
  maxEnqueuedMessages?: number;
  startClosed?: boolean;
  debug?: boolean;
  shouldReconnectOnClose?: (event: { code: number }) => boolean;
  debugLogger?: (...args: unknown[]) => void;
}

type Handler = ((event: never) => void) | null;

/** What the three classes have in common, as far as the scenarios use it. */
export interface AnySocket {
  readonly readyState: number;
  readonly url: string;
  readonly protocol: string;
  readonly extensions: string;
  readonly bufferedAmount: number;
  readonly retryCount: number;
  readonly shouldReconnect?: boolean;
  binaryType: string;
  onopen: Handler;
  onmessage: Handler;
  onclose: Handler;
  onerror: Handler;
  send(data: unknown): boolean | undefined;
  close(code?: number, reason?: string): void;
  reconnect(code?: number, reason?: string): void;
  drainQueuedMessages?(): unknown[];
  addEventListener(type: string, listener: unknown, options?: object): void;
  removeEventListener(type: string, listener: unknown): void;
  dispatchEvent(event: Event): boolean;
}

export interface AnyClass {
  new (url: unknown, protocols?: unknown, options?: SharedOptions): AnySocket;
  readonly CONNECTING: number;
  readonly OPEN: number;
  readonly CLOSING: number;
  readonly CLOSED: number;
}

/** reconnecting-websocket is CommonJS that calls itself an ES module. */
const inner = (reconnectingWebSocket as unknown as { default?: unknown }).default ?? reconnectingWebSocket;

export const libraries = {
  'reconnecting-websocket': inner as AnyClass,
  partysocket: partysocket as unknown as AnyClass,
  longsocket: ReconnectingWebSocket as unknown as AnyClass,
};

export type Library = keyof typeof libraries;

/** Writes down what a socket tells, and whatever else a scenario wants to compare. */
export class Log {
  readonly lines: string[] = [];

  push(...values: unknown[]): void {
    this.lines.push(values.map(shown).join(' '));
  }

  /** From now on. */
  listen(socket: AnySocket, name = ''): void {
    const say = (text: string): void => this.push(name ? `${name}: ${text}` : text);
    socket.addEventListener('open', () => say('open'));
    socket.addEventListener('message', ({ data }: { data: unknown }) => say(`message ${shown(data)}`));
    socket.addEventListener('close', ({ code, reason, wasClean }: CloseLike) =>
      say(`close ${code} ${JSON.stringify(reason)} ${wasClean ? 'clean' : 'unclean'}`),
    );
    socket.addEventListener('error', () => say('error'));
  }

  count(start: string): number {
    return this.lines.filter((line) => line.startsWith(start)).length;
  }

  /** Waits until `start` was written so many times. */
  async until(start: string, times = 1): Promise<void> {
    await vi.waitFor(
      () => {
        if (this.count(start) < times) throw new Error(`${times} × ${start} in: ${this.lines.join(' | ')}`);
      },
      { timeout: 10_000, interval: 2 },
    );
  }
}

interface CloseLike {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

function shown(value: unknown): string {
  if (value instanceof Blob) return `Blob(${value.size})`;
  if (value instanceof Uint8Array) return `${value.constructor.name}(${[...value]})`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${new Uint8Array(value)})`;
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}
