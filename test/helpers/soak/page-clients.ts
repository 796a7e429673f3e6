/** Clients in a page of a real browser, at the test's command. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'playwright';
import type { Remote } from './child.js';
import type { ClientProgram } from './clients.js';

/** `page` must show the bench. */
export async function clientsIn(page: Page): Promise<Remote<ClientProgram>> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
  });
  await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
  return {
    ask: (name, ...args) =>
      page.evaluate(([name, args]) => (window.soak[name] as (...args: unknown[]) => never)(...args), [
        name,
        args,
      ] as const),
  };
}
