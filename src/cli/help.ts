/** What `--help` prints. */
export const HELP = `Usage: longsocket [options] <url>

Connects to a WebSocket, sends each line of the input as a message and prints each message that comes. It finds dead
connections, reconnects, and says so on stderr; messages alone go to stdout.

<url>  ws://, wss://, http:// or https://; without a scheme ws:// is meant, and :8080 is a port of this machine

What to send
  -x, --execute <message>   send this instead of reading the input; may be repeated
      --hex                 what is sent is hex ("68 69"), and goes out as binary messages
  -w, --wait <seconds>      after the end of the input, stay until nothing has come for so long; inf: until the server
                            closes (default: 1, in a terminal 0)

The connection
  -s, --session             lose nothing over any number of connections: needs a LongSocketServer
  -H, --header <line>       header of the upgrade, as 'Name: value'; may be repeated
  -p, --protocol <name>     subprotocol to offer; may be repeated
  -o, --origin <origin>     the Origin header, as a page of that origin would send
      --heartbeat <seconds> ask for a sign of life after so long a silence (default: 25)
      --no-reconnect        end with the first connection, or the first that fails
  -k, --insecure            accept any TLS certificate

What to print
      --json                every event and message as one line of JSON, all on stdout
  -v, --verbose             heartbeats too, and every error
  -q, --quiet               messages only
  -h, --help                this
      --version             the version

Binary messages are printed as hex, in JSON as base64. Ctrl-D ends the input; Ctrl-C closes in good order, a second one
leaves at once. Exit codes: 0 closed in good order, 1 gave up, or the server closed with an error, or a message
was or may be lost, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM.
`;
