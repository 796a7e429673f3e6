/** Node, Bun and Deno: programs that run a file and exit. */
import { fromNpm, versionOf } from '../install.mjs';
import { Child } from './child.mjs';

/** This very Node, if it is the one asked for. */
const nodeOf = (version) => (process.version === `v${version}` ? process.execPath : fromNpm('node', version));

export const node = (version, file = 'suite.js', flags = []) => ({
  get: () => nodeOf(version),
  start: program((binary, args) => [binary, [...flags, file, ...args]]),
});

/** A bundle for server rendering, made by Vite, in this very Node. */
export const ssr = () => ({
  get: () => process.execPath,
  start: program((binary, args) => [binary, ['ssr/ssr-entry.js', ...args]]),
});

export const bun = (version) => ({
  get: () => fromNpm('bun', version),
  start: program((binary, args) => [binary, ['run', 'suite.js', ...args]]),
});

export const deno = (version) => ({
  get: () => fromNpm('deno', version),
  start: program((binary, args) => [
    binary,
    [
      'run',
      '--quiet',
      '--no-prompt',
      '--node-modules-dir=manual',
      '--allow-net',
      '--allow-read',
      '--allow-env',
      'suite.js',
      ...args,
    ],
  ]),
});

/** What starts a program that runs the cases in the folder where the package is installed. */
function program(commandOf) {
  return async ({ binary, id, app, control }) => {
    const [command, args] = commandOf(binary, [id, control]);
    // Nothing of the user's, such as NODE_OPTIONS; a cache that leaves none behind.
    const env = { PATH: process.env.PATH, HOME: app, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' };
    const child = new Child(command, args, { cwd: app, env });
    return { version: versionOf(binary), child, exits: true, stop: child.kill };
  };
}
