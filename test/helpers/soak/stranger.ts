/** A client of the session protocol that says whatever a test wants it to, over a plain `ws`. */
import { once } from 'node:events';
import { onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';

const dle = '\u0010';

export const hello = 'H{"v":1,"b":65536}';

export class Stranger {
  readonly ws: WebSocket;
  /** The control frames that came, without their DLE. */
  readonly heard: string[] = [];
  /** Data frames that came. */
  data = 0;
  /** The code with which the connection ended. */
  code: number | undefined;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('error', () => {});
    ws.on('message', (bytes: Buffer, isBinary: boolean) => {
      const text = isBinary ? '' : bytes.toString();
      if (text.startsWith(dle) && text[1] !== dle) this.heard.push(text.slice(1));
      else this.data += 1;
    });
    ws.on('close', (code) => {
      this.code = code;
    });
  }

  /** Dials and says the given control frames, written without their DLE; the connection ends with the test. */
  static async dial(url: string, ...frames: readonly string[]): Promise<Stranger> {
    const ws = new WebSocket(url, ['longsocket.v1'], { perMessageDeflate: false });
    onTestFinished(() => ws.terminate());
    const stranger = new Stranger(ws);
    await once(ws, 'open');
    stranger.control(...frames);
    return stranger;
  }

  /** Dials, greets and has its session. */
  static async greeted(url: string): Promise<Stranger & { readonly welcome: Record<string, unknown> }> {
    const stranger = await Stranger.dial(url, hello);
    const frame = await stranger.hears('W');
    return Object.assign(stranger, { welcome: JSON.parse(frame.slice(1)) as Record<string, unknown> });
  }

  control(...frames: readonly string[]): void {
    for (const frame of frames) this.ws.send(dle + frame);
  }

  /** The first control frame with such a letter. */
  hears(letter: string): Promise<string> {
    return vi.waitFor(
      () => {
        const frame = this.heard.find((each) => each.startsWith(letter));
        if (frame === undefined)
          throw new Error(`no ${letter}; closed with ${this.code}, heard ${this.heard.join(' ')}`);
        return frame;
      },
      { timeout: 5000, interval: 2 },
    );
  }

  /** The code with which the server ends the connection. */
  ends(timeout = 5000): Promise<number> {
    return vi.waitFor(
      () => {
        if (this.code === undefined) throw new Error(`still open; heard ${this.heard.join(' ').slice(0, 500)}`);
        return this.code;
      },
      { timeout, interval: 2 },
    );
  }
}
