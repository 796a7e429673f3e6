import { defineConfig, type Plugin } from 'vite';
import { faultsApi } from './api.js';
import { type PlaygroundServer, startPlaygroundServer } from './server.js';

/** The server and the proxy live as long as Vite's server, in its process. */
function playgroundServer(): Plugin {
  let playground: PlaygroundServer | undefined;
  return {
    name: 'playground-server',
    apply: 'serve',
    configureServer: async (vite) => {
      playground = await startPlaygroundServer();
      vite.middlewares.use(faultsApi(playground));
    },
    closeBundle: () => playground?.close(),
  };
}

export default defineConfig({
  server: { host: '127.0.0.1' },
  clearScreen: false,
  plugins: [playgroundServer()],
});
