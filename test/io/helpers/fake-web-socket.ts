/**
 * A WHATWG `WebSocket` whose network is the test: it does nothing by itself, and its `close()` is as strict and as
 * strange as that of the runtime it plays.
 */
export class FakeWebSocket {
  /** Every one made since the test began, oldest first. */
  static made: FakeWebSocket[] = [];
  /** What the runtime does inside `close()`. */
  static inClose: (socket: FakeWebSocket) => void = () => {};

  static get last(): FakeWebSocket {
    const last = FakeWebSocket.made.at(-1);
    if (!last) throw new Error('nothing was dialed');
    return last;
  }

  static reset(): void {
    FakeWebSocket.made = [];
    FakeWebSocket.inClose = () => {};
  }

  readonly url: string;
  readonly protocols: unknown;
  readonly sent: unknown[] = [];
  readonly closes: { code: number | undefined; reason: string | undefined }[] = [];
  readyState = 0;
  bufferedAmount = 0;
  protocol = '';
  extensions = '';
  binaryType = 'blob';
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;

  constructor(url: string, protocols?: unknown) {
    this.url = url;
    this.protocols = protocols;
    FakeWebSocket.made.push(this);
  }

  send(data: unknown): void {
    if (this.readyState === 0) throw new Error('InvalidStateError');
    this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new Error('InvalidAccessError');
    this.closes.push({ code, reason });
    this.readyState = 2;
    FakeWebSocket.inClose(this);
  }

  opens({ protocol = '', extensions = '' } = {}): void {
    Object.assign(this, { readyState: 1, protocol, extensions });
    this.onopen?.({} as never);
  }

  receives(data: unknown): void {
    this.onmessage?.({ data } as never);
  }

  fails(event: { error?: unknown; message?: string } = {}): void {
    this.onerror?.(event as never);
  }

  ends(code = 1006, reason = '', wasClean = false): void {
    this.onclose?.({ code, reason, wasClean } as never);
  }
}
