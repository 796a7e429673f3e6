/** Packs the package as it is published, installs it in a folder of its own, and bundles the cases for where they run. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { build as viteBuild } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

/** The folder; the caller removes it. */
export function install() {
  const app = realpathSync(mkdtempSync(join(tmpdir(), 'longsocket-app-')));
  const args = ['pack', '--ignore-scripts', '--offline', '--silent', '--pack-destination', app];
  const tarball = execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim();
  const unpacked = join(app, 'node_modules/longsocket');
  mkdirSync(unpacked, { recursive: true });
  execFileSync('tar', ['-xzf', join(app, tarball), '-C', unpacked, '--strip-components', '1']);
  const { dependencies } = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) {
    cpSync(join(root, 'node_modules', name), join(app, 'node_modules', name), { recursive: true });
  }
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  return app;
}

/** The package is the one that was packed; from here its name would lead to this very tree. */
const packed = (app) => ({
  name: 'packed',
  setup(build) {
    const seen = Symbol('seen');
    build.onResolve({ filter: /^longsocket(\/|$)/ }, ({ path, kind, pluginData }) =>
      pluginData === seen ? undefined : build.resolve(path, { resolveDir: app, kind, pluginData: seen }),
    );
  },
});

async function bundle(app, entry, outfile, options = {}) {
  const { metafile } = await build({
    entryPoints: [join(here, entry)],
    outfile: join(app, outfile),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    plugins: options.external ? [] : [packed(app)],
    // The tests' own paths lead to the source.
    tsconfigRaw: {},
    metafile: true,
    logLevel: 'warning',
    ...options,
  });
  return Object.keys(metafile.inputs);
}

/** Where the runtime itself resolves the package, it stays outside. */
const outside = { platform: 'node', external: ['longsocket', 'longsocket/*', 'ws'] };

/** For Node, Bun, Deno, and the server of it all. */
export async function bundleForProcesses(app) {
  await bundle(app, 'mains/process.ts', 'suite.js', outside);
  await bundle(app, 'server.ts', 'world.js', outside);
  await bundle(app, 'mains/bare.ts', 'bare.js', outside);
}

/** As frameworks do it that render on a server, with everything in the bundle. */
export async function bundleForServerRendering(app) {
  await bundle(app, 'mains/ssr.ts', 'ssr-entry.js', outside);
  await viteBuild({
    root: app,
    configFile: false,
    logLevel: 'error',
    build: { ssr: join(app, 'ssr-entry.js'), outDir: join(app, 'ssr'), target: 'es2022' },
    ssr: { noExternal: true },
  });
}

/** As bundlers do it for each place. */
export async function bundleForPlatforms(app) {
  const page = ['browser'];
  const bundles = {
    page: await bundle(app, 'mains/page.ts', 'page.js', { platform: 'browser', conditions: page }),
    worker: await bundle(app, 'mains/page.ts', 'worker.js', { platform: 'browser', conditions: ['worker'] }),
    'service-worker': await bundle(app, 'mains/service-worker.ts', 'service-worker.js', {
      platform: 'browser',
      conditions: ['worker'],
      format: 'iife',
    }),
    workerd: await bundle(app, 'mains/workerd.ts', 'workerd.js', {
      platform: 'neutral',
      conditions: ['workerd', 'worker', 'browser'],
    }),
  };
  await bundle(app, 'mains/workerd-server.ts', 'workerd-server.js', {
    platform: 'neutral',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*'],
  });
  for (const [name, inputs] of Object.entries(bundles)) {
    const picked = inputs.filter((path) => path.includes('node_modules/'));
    const wrong = picked.filter((path) => !path.includes('longsocket/dist/browser/'));
    if (wrong.length > 0 || picked.length === 0) throw new Error(`${name} is built of ${picked.join(', ')}`);
  }
}

const html = 'text/html; charset=utf-8';
const javascript = 'text/javascript; charset=utf-8';
const page = (script) =>
  `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>cases</title>${script}`;

/** What pages are served. */
export function pagesOf(app) {
  const script = (name) => [javascript, readFileSync(join(app, name), 'utf8')];
  const inline = (code) => [html, page(`<script type="module">${code}</script>`)];
  return new Map([
    ['/page.js', script('page.js')],
    ['/worker.js', script('worker.js')],
    ['/service-worker.js', script('service-worker.js')],
    ['/page.html', [html, page('<script type="module" src="/page.js"></script>')]],
    ['/worker.html', inline(`new Worker('/worker.js' + location.search, { type: 'module' });`)],
    [
      '/service-worker.html',
      inline(`
        const { installing, active } = await navigator.serviceWorker.register('/service-worker.js' + location.search);
        (active ?? installing).postMessage('run');`),
    ],
  ]);
}
