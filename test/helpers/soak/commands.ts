/** The child's end of {@link Child}: answers the commands of the test, which started this process. */

// biome-ignore lint/suspicious/noExplicitAny: what a command takes is its own affair
export type Commands = Readonly<Record<string, (...args: any[]) => unknown>>;

export interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

export function answer(commands: Commands): void {
  process.on('message', async ({ id, name, args }: Call) => {
    let reply: Answer;
    try {
      reply = { id, result: await commands[name]?.(...args) };
    } catch (error) {
      reply = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    process.send?.(reply);
  });
  // Without the test there is nobody left to end this process.
  process.on('disconnect', () => process.exit());
}
