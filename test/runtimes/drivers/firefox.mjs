/** Firefox as Debian ships it, by WebDriver BiDi, which it speaks itself. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { onPath } from '../../machine.mjs';
import { Unavailable } from '../install.mjs';
import { Child } from './child.mjs';

/** No traffic of its own, and nothing to ask a first user. */
const preferences = {
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
};

export const firefox = () => ({
  debian: ['firefox-esr'],
  async get() {
    const found = process.env.FIREFOX ?? onPath('firefox-esr') ?? onPath('firefox');
    if (!found || !existsSync(found)) throw new Unavailable('no Firefox: install one, or name it in FIREFOX');
    return found;
  },
  async start({ binary, id, control }) {
    const profile = mkdtempSync(join(tmpdir(), 'longsocket-firefox-'));
    const lines = Object.entries(preferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`);
    writeFileSync(join(profile, 'user.js'), lines.join('\n'));
    const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0', 'about:blank'];
    const child = new Child(binary, args, { env: { ...process.env, HOME: profile } });
    const stop = async () => {
      child.kill();
      await child.ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    };
    try {
      const [, address] = await child.says(/WebDriver BiDi listening on (ws:\/\/\S+)/);
      const version = await navigate(`${address}/session`, `${control}/page.html?runtime=${id}`);
      return { version, child, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  },
});

/** Opens a page in the first tab; returns the browser's version. */
async function navigate(address, url) {
  const { call, socket } = await connect(address);
  const session = await call('session.new', { capabilities: {} });
  const { contexts } = await call('browsingContext.getTree', {});
  await call('browsingContext.navigate', { context: contexts[0].context, url, wait: 'interactive' });
  // The session lives as long as the browser; this end has nothing more to hear.
  socket.removeAllListeners('message');
  return session.capabilities.browserVersion;
}

/** BiDi: commands with an id each, answered in any order. */
async function connect(address) {
  const socket = new WebSocket(address);
  const waiting = new Map();
  let last = 0;
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  // The browser is killed when all is done.
  socket.on('error', () => {});
  socket.on('message', (text) => {
    const { id, type, result, error, message } = JSON.parse(text);
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (type === 'success') resolve?.(result);
    else reject?.(new Error(`${error}: ${message}`));
  });
  const call = (method, params) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  return { call, socket };
}
