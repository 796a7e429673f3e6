import { TOKEN } from '../../src/core/frames.js';
import type { ServerConnection } from '../../src/io/connection.js';
import type { UpgradeRequest } from '../../src/server/accept.js';
import { type LongSocketServerOptions, peerConfig } from '../../src/server/options.js';
import { ServedConnection } from '../../src/server/served-connection.js';
import { RetainedLedger, SessionHost } from '../../src/server/session-host.js';
import type { SessionSocket } from '../../src/server/session-socket.js';
import type { Codec } from '../../src/socket/codec.js';
import type { SimulatedNetwork } from '../../src/testing/network.js';

/** A session's end at the server, for text and bytes. */
export type ServerEnd = SessionSocket;

export interface SessionServerOptions extends LongSocketServerOptions {
  /** Of the server's ends; their types do not know of it. */
  readonly codec?: Codec<never, never>;
  /** Who a connection is from, by its URL. @default nobody is asked */
  readonly principalOf?: ((url: string) => string | undefined) | undefined;
  /** Where it is from. */
  readonly source?: ((url: string) => string | undefined) | undefined;
}

/**
 * A server of sessions in memory: a real `SessionHost` behind a `SimulatedNetwork`. Ids and keys count up (`session-1` and
 * `secret-1`), so that a run is the same each time. Several of them may share a network: give `take` what each shall have.
 */
export class SessionServer {
  readonly host: SessionHost<UpgradeRequest>;
  readonly ledger: RetainedLedger;
  /** Every session's end so far, oldest first. */
  readonly sockets: ServerEnd[] = [];
  readonly errors: unknown[] = [];
  /** Called with the end of each session that begins here, or comes here. */
  onsession: (socket: ServerEnd) => void = () => {};
  readonly #connections = new Set<ServerConnection>();
  readonly #options: SessionServerOptions;

  constructor(network: SimulatedNetwork, { principalOf, source, ...options }: SessionServerOptions = {}, name = '') {
    const { clock } = network;
    const { helloTimeout = 15_000, maxSessions = 100_000, maxSessionsPerPrincipal = 20, store } = options;
    this.#options = { principalOf, source };
    this.ledger = new RetainedLedger(options.maxRetainedBytes ?? 256 * 1024 * 1024);
    let count = 0;
    const config = {
      peer: peerConfig(options, this.ledger),
      ledger: this.ledger,
      clock,
      random: options.random ?? (() => 0.5),
      entropy: () => ({ session: `session-${name}${++count}`, key: `secret-${name}${count}` }),
      hash: (key: string) => `hash of ${key}`,
      helloTimeout,
      maxSessions,
      maxSessionsPerPrincipal,
      store,
    };
    const { codec, inspect, onListenerError } = options;
    this.host = new SessionHost(
      config,
      { codec, clock, inspect, onListenerError },
      {
        session: (socket) => {
          this.sockets.push(socket as unknown as ServerEnd);
          this.onsession(socket as unknown as ServerEnd);
        },
        error: (error) => this.errors.push(error),
      },
    );
  }

  /** For `network.serve`. */
  readonly take = (server: ServerConnection): void => {
    if (!server.protocols.includes(TOKEN)) return;
    server.protocol = TOKEN;
    const { url } = server;
    const { principalOf, source } = this.#options;
    this.host.arrive(
      (id, report) => {
        this.#connections.add(server);
        return new ServedConnection(server, { id, binaryType: 'uint8array' }, (told) => {
          if (told.type === 'connection-close') this.#connections.delete(server);
          report(told);
        });
      },
      {
        request: { url },
        inner: server.protocols.find((protocol) => protocol !== TOKEN) ?? '',
        principal: principalOf?.(url),
        source: source?.(url),
      },
    );
  };

  /** The end of the session that came last. */
  get socket(): ServerEnd {
    const last = this.sockets.at(-1);
    if (!last) throw new Error('no session has begun');
    return last;
  }

  /** As a process that is killed (without a store): its connections break, and it knows nothing any more. */
  crash(): void {
    for (const connection of this.#connections) {
      connection.onmessage = connection.onclose = () => {};
      connection.terminate();
    }
    this.#connections.clear();
    void this.host.close();
  }
}
