/** Asks a Worker, with all that Workers have of Node, for a server. */
import { accept, LongSocketServer } from 'longsocket/server';

const outcome = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    return code ?? message;
  }
  return 'it was made';
};

// biome-ignore lint/style/noDefaultExport: what a Worker is
export default {
  fetch: (): Response =>
    Response.json({
      server: outcome(() => new LongSocketServer({ noServer: true })),
      accept: outcome(() => {
        const [, end] = Object.values(
          new (globalThis as unknown as { WebSocketPair: new () => object }).WebSocketPair(),
        );
        accept(end as never, {});
      }),
    }),
};
