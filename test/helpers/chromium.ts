/** Finds and starts Chromium for the tests that need a real browser. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type LaunchOptions } from 'playwright';

/**
 * The browser to run: the one named by `CHROMIUM`, else Debian's, else the one that Playwright downloaded for itself.
 * Throws with instructions when there is none.
 */
export function chromiumPath(): string {
  const named = process.env.CHROMIUM;
  if (named) {
    if (existsSync(named)) return named;
    throw new Error(`CHROMIUM names ${named}, which does not exist`);
  }
  const found = ['/usr/bin/chromium', chromium.executablePath()].find((path) => existsSync(path));
  if (found) return found;
  throw new Error(
    'No Chromium found. Install it (Debian: apt-get install chromium; elsewhere: npx playwright install chromium) ' +
      'or name one in the environment variable CHROMIUM.',
  );
}

/** What every launch needs: no sandbox where root is refused one, and no traffic of the browser's own. */
export function chromiumOptions(): LaunchOptions {
  const args = [
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  return { executablePath: chromiumPath(), args };
}

/** Starts Chromium without a window; `options` are Playwright's and win over ours, `args` are added to them. */
export function launchChromium({ args = [], ...options }: LaunchOptions = {}): Promise<Browser> {
  const ours = chromiumOptions();
  return chromium.launch({ ...ours, ...options, args: [...(ours.args ?? []), ...args] });
}
