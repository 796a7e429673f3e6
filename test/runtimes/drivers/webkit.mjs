/** WebKitGTK's MiniBrowser, by WebDriver over HTTP, on a display that nobody sees. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath } from '../../machine.mjs';
import { Unavailable } from '../install.mjs';
import { Child, freePort } from './child.mjs';

const folders = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].flatMap((place) =>
  ['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0'].map((name) => `/usr/lib/${place}/${name}`),
);

export const webkit = () => ({
  debian: ['webkit2gtk-driver', 'xvfb', 'xauth'],
  async get() {
    const browser = folders.map((folder) => `${folder}/MiniBrowser`).find((path) => existsSync(path));
    if (!onPath('WebKitWebDriver') || !browser) throw new Unavailable('no WebKitWebDriver with its MiniBrowser');
    if (!onPath('xvfb-run')) throw new Unavailable('no xvfb-run');
    return browser;
  },
  async start({ binary, id, control }) {
    const port = await freePort();
    const env = { ...process.env, WEBKIT_DISABLE_COMPOSITING_MODE: '1', LIBGL_ALWAYS_SOFTWARE: '1' };
    const child = new Child('xvfb-run', ['-a', 'WebKitWebDriver', `--port=${port}`, '--host=127.0.0.1'], { env });
    try {
      const driver = `http://127.0.0.1:${port}`;
      await answers(driver, child);
      const options = { binary, args: ['--automation'] };
      const wanted = { alwaysMatch: { 'webkitgtk:browserOptions': options } };
      const { sessionId, capabilities } = await post(`${driver}/session`, { capabilities: wanted });
      await post(`${driver}/session/${sessionId}/url`, { url: `${control}/page.html?runtime=${id}` });
      const stop = async () => {
        // The browser is no child of the driver's; it ends with its session.
        await fetch(`${driver}/session/${sessionId}`, { method: 'DELETE' }).catch(() => {});
        child.kill();
      };
      return { version: capabilities.browserVersion, child, stop };
    } catch (error) {
      child.kill();
      throw error;
    }
  },
});

async function answers(driver, child) {
  for (let attempt = 0; ; attempt++) {
    if (
      await fetch(`${driver}/status`).then(
        (response) => response.ok,
        () => false,
      )
    )
      return;
    if (attempt > 300) throw new Error(`WebKitWebDriver does not answer: ${child.output}`);
    await sleep(100);
  }
}

async function post(url, body) {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${url}: ${value?.error}: ${value?.message}`);
  return value;
}
