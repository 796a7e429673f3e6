import { Line } from '../core/line.js';
import type { Data, LineConfig } from '../core/types.js';
import { adopt, type WsSocket } from '../io/node.js';
import { lineConfig, type SocketOptions, socketChecks, validate } from '../socket/options.js';
import { Socket } from '../socket/socket.js';
import { unsupported } from './listen.js';

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

/** The server's end of a connection: the public shape of a `LongSocket`, for one connection. */
export class AcceptedSocket<In = Data, Out = Data, Request extends UpgradeRequest = UpgradeRequest> extends Socket<
  In,
  Out
> {
  /** The upgrade request, as given to `accept`. */
  readonly request: Request;
  /** Who `authenticate` said this is, behind a `LongSocketServer`. */
  readonly principal: string | undefined;
  /** The socket of `ws` beneath. What is sent and heard there passes this one by; its end is this one's as well. */
  readonly ws: WsSocket;

  /** Use {@link accept}. */
  constructor(ws: WsSocket, request: Request, config: LineConfig, options: SocketOptions, principal?: string) {
    super(config, options, (random) => new Line({ ...config, random }), false);
    this.request = request;
    this.principal = principal;
    this.ws = ws;
    const id = 1; // What the machine calls its first connection.
    this.adopt(id, adopt(ws, { id, binaryType: options.binaryType ?? 'arraybuffer' }, this.report));
    this.driver.dispatch({ type: 'adopt', canPing: true });
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
  options: SocketOptions = {},
): AcceptedSocket<In, Out, Request> {
  validate(options, socketChecks);
  if (typeof Object(ws).on !== 'function') throw unsupported('accept');
  return new AcceptedSocket(ws, request, lineConfig(options), options);
}
