/** Chromium, by Playwright: a page, a page with a dedicated worker, a page with a service worker. */
import { chromium as playwright } from 'playwright';
import { findChromium } from '../../machine.mjs';
import { Unavailable } from '../install.mjs';

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-sync',
];
if (process.getuid?.() === 0) flags.push('--no-sandbox');

/** `page` is the page that begins it all. */
export const chromium = (page) => ({
  debian: ['chromium'],
  async get() {
    const found = findChromium();
    if (!found) throw new Unavailable('no Chromium: install one, or name it in the environment variable CHROMIUM');
    return found;
  },
  async start({ binary, id, control }) {
    const browser = await playwright.launch({ executablePath: binary, args: flags, timeout: 120_000 });
    const tab = await browser.newPage();
    const said = [];
    tab.on('console', (message) => said.push(message.text()));
    tab.on('pageerror', (error) => said.push(error.stack ?? String(error)));
    await tab.goto(`${control}/${page}?runtime=${id}`);
    return {
      version: browser.version(),
      child: {
        get output() {
          return said.slice(-20).join('\n');
        },
        ended: new Promise((resolve) => browser.once('disconnected', () => resolve('the browser is gone'))),
      },
      stop: () => browser.close(),
    };
  },
});
