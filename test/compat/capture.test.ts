import { afterEach, expect, test, vi } from 'vitest';
import { capturing } from '../../src/compat/capture.js';
import type { SocketLike, WebSocketConstructor } from '../../src/io/connection.js';

/** Events, and no `on…` attributes before somebody sets them. */
class Quiet extends EventTarget {
  hears(): void {
    this.dispatchEvent(new Event('message'));
  }
}

/** As in Workers, where the platform calls such an attribute all the same. */
class OfWorkers extends Quiet {
  override hears(): void {
    super.hears();
    (this as { onmessage?: (event: Event) => void }).onmessage?.(new Event('message'));
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
});

function heard(WebSocket: typeof Quiet): number {
  const Captured = capturing({ WebSocket: WebSocket as unknown as WebSocketConstructor }, () => {});
  const socket = new (Captured as WebSocketConstructor)('ws://host/') as SocketLike;
  let messages = 0;
  socket.onmessage = () => messages++;
  (socket as unknown as Quiet).hears();
  return messages;
}

test("a class of the application's that has events and no on… attributes is heard", () => {
  expect(heard(Quiet)).toBe(1);
});

test("the platform's own, whose attributes are nowhere before they are set, is heard once", () => {
  vi.stubGlobal('WebSocket', OfWorkers);
  expect(heard(OfWorkers)).toBe(1);
});
