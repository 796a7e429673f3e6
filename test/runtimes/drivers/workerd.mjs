/** workerd, which runs Cloudflare's Workers: serves one Worker, that is asked once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromNpm } from '../install.mjs';
import { Child, freePort } from './child.mjs';

/** The Worker may dial this machine, which Workers otherwise may not. */
const config = (port, serverPort, date) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .suite),
    (name = "server", worker = .server),
    (name = "net", network = (allow = ["public", "private", "local"]))
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:${port}", http = (), service = "main"),
    (name = "server", address = "127.0.0.1:${serverPort}", http = (), service = "server")
  ]
);
const suite :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "workerd.js")],
  compatibilityDate = "${date}",
  globalOutbound = "net"
);
const server :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "workerd-server.js")],
  compatibilityDate = "${date}"
);
`;

/** Its version is a date, which is also the newest compatibility date that it knows: `1.20261117.1`. */
const dateOf = (version) => version.replace(/^\d+\.(\d{4})(\d\d)(\d\d)\..*/, '$1-$2-$3');

export const workerd = (version) => ({
  get: () => fromNpm('workerd', version),
  async start({ binary, id, app, control }) {
    const [port, serverPort] = [await freePort(), await freePort()];
    const file = join(app, 'workerd.capnp');
    writeFileSync(file, config(port, serverPort, dateOf(version)));
    const child = new Child(binary, ['serve', file], { cwd: app });
    const place = { runtime: id, control, server: `http://127.0.0.1:${serverPort}/` };
    await ask(`http://127.0.0.1:${port}/?${new URLSearchParams(place)}`, child);
    return { version: dateOf(version), child, stop: child.kill };
  },
});

/** The answer comes when all is done, and says nothing that was not reported before. */
async function ask(url, child) {
  for (let attempt = 1; ; attempt++) {
    const asked = fetch(url).then(
      (response) => response.ok || `${response.status}: ${child.output}`,
      (error) => error,
    );
    const soon = new Promise((resolve) => setTimeout(resolve, 500, true));
    const outcome = await Promise.race([asked, soon]);
    if (outcome === true) return;
    if (attempt > 60 || typeof outcome === 'string') throw new Error(`workerd does not answer: ${outcome}`);
    await soon;
  }
}
