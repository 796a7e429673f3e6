import { LongSocketError } from '../core/errors.js';
import { Line } from '../core/line.js';
import type { Data, LineConfig } from '../core/types.js';
import type { Connection, Report, ServerConnection } from '../io/connection.js';
import { adopt, type WsSocket } from '../io/node.js';
import { lineConfig, type SocketOptions, socketChecks, validate } from '../socket/options.js';
import { Socket } from '../socket/socket.js';
import { unsupported } from './listen.js';
import { ServedConnection, type Serving } from './served-connection.js';

/** What is used of the upgrade request (`http.IncomingMessage`). */
export interface UpgradeRequest {
  /** Path and query. */
  readonly url?: string | undefined;
  /** By name in lower case. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The connection it came on. */
  readonly socket?: {
    /** The other end's address: of the client, or of a proxy. */
    readonly remoteAddress?: string | undefined;
  };
}

/** What a connection is served over. */
export type Transport = WsSocket | ServerConnection;

const isOfWs = (transport: Transport): transport is WsSocket => 'readyState' in transport;

/** Takes over a connection that is open already. */
export function serve(transport: Transport, serving: Serving, report: Report): Connection {
  return isOfWs(transport) ? adopt(transport, serving, report) : new ServedConnection(transport, serving, report);
}

/** The server's end of a connection: the public shape of a `LongSocket`, for one connection. */
export class AcceptedSocket<In = Data, Out = Data, Request extends UpgradeRequest = UpgradeRequest> extends Socket<
  In,
  Out
> {
  /** The upgrade request, as given to `accept`. */
  readonly request: Request;
  /** Who `authenticate` said this is, behind a `LongSocketServer`. */
  readonly principal: string | undefined;
  /**
   * Its messages need not be text and bytes.
   * @internal
   */
  readonly hasCodec: boolean;
  readonly #transport: Transport;

  /** Use {@link accept}. */
  constructor(
    transport: Transport,
    request: Request,
    config: LineConfig,
    options: SocketOptions<In, Out> & { readonly maxPayload?: number | undefined },
    principal?: string,
  ) {
    super(config, options, (random) => new Line({ ...config, random }), false);
    this.request = request;
    this.hasCodec = options.codec !== undefined;
    this.principal = principal;
    this.#transport = transport;
    const id = 1; // What the machine calls its first connection.
    const { binaryType = 'arraybuffer', maxPayload } = options;
    const connection = serve(transport, { id, binaryType, maxPayload }, this.report);
    this.adopt(id, connection);
    this.driver.dispatch({ type: 'adopt', canPing: connection.ping !== undefined });
  }

  /**
   * The socket of `ws` beneath. What is sent and heard there passes this one by; its end is this one's as well.
   * @throws LongSocketError `UNSUPPORTED` of a connection that a server was given by `take`: there is none
   */
  get ws(): WsSocket {
    const transport = this.#transport;
    if (isOfWs(transport)) return transport;
    throw new LongSocketError(
      'UNSUPPORTED',
      'there is no socket of ws beneath a connection in memory: use a client with `session: true`, or a real server',
    );
  }

  /** The path and query the client asked for. */
  override get url(): string {
    return this.request.url ?? '';
  }
}

/**
 * Wraps a socket that a `ws` server has accepted. Call it in the `connection` listener, before any message is lost. It is
 * connected from the start, so `open` is not emitted; it closes when its connection does.
 * @throws LongSocketError `INVALID_OPTION`; `UNSUPPORTED` if it is no socket of `ws`, but one of a browser or a Worker, say
 */
export function accept<In = Data, Out = Data, Request extends UpgradeRequest = UpgradeRequest>(
  ws: WsSocket,
  request: Request,
  options: SocketOptions<In, Out> = {},
): AcceptedSocket<In, Out, Request> {
  validate(options, socketChecks);
  if (typeof Object(ws).on !== 'function') throw unsupported('accept');
  return new AcceptedSocket(ws, request, lineConfig(options), options);
}
