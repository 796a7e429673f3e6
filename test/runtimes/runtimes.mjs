/** Where the cases run. Versions of what comes from npm are pinned here; Debian's are those of its stable release. */
import { chromium } from './drivers/chromium.mjs';
import { firefox } from './drivers/firefox.mjs';
import { bun, deno, node, ssr } from './drivers/processes.mjs';
import { webkit } from './drivers/webkit.mjs';
import { workerd } from './drivers/workerd.mjs';

/** `build`: which build of the package its conditions must pick. */
export const runtimes = [
  { id: 'node20', name: 'Node 20', build: 'node', ...node('20.20.2') },
  { id: 'node22', name: 'Node 22', build: 'node', ...node('22.23.3') },
  { id: 'node24', name: 'Node 24', build: 'node', ...node('24.21.0') },
  { id: 'node26', name: 'Node 26', build: 'node', ...node('26.10.0') },
  { id: 'ssr', name: 'Node, bundled by Vite for SSR', build: 'node', ...ssr() },
  { id: 'bun', name: 'Bun', build: 'node', ...bun('1.4.5') },
  { id: 'deno', name: 'Deno', build: 'browser', ...deno('2.9.6') },
  { id: 'workerd', name: 'workerd (Cloudflare Workers)', build: 'browser', ...workerd('1.20261117.1') },
  { id: 'chromium', name: 'Chromium', build: 'browser', ...chromium('page.html') },
  { id: 'worker', name: 'Chromium, web worker', build: 'browser', ...chromium('worker.html') },
  { id: 'service-worker', name: 'Chromium, service worker', build: 'browser', ...chromium('service-worker.html') },
  { id: 'firefox', name: 'Firefox', build: 'browser', ...firefox() },
  { id: 'webkit', name: 'WebKitGTK (Safari’s engine)', build: 'browser', ...webkit() },
];
