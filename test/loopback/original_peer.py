"""Either end of the original longsocket of 2016, as seen on the wire; not made of this package's code.

    original_peer.py server [--interval S] [--handler echo|fail|silent]
    original_peer.py client URL [--origin URL] [--interval S] [--handler echo|fail|silent]

What goes over the wire: text frames alone, no subprotocol, no extension, no protocol ping. Each end says a fixed text of 57
bytes when it has written nothing for the interval (5 s). Nobody answers it; its receiver's handler gets it as it gets any
message, so that an echo handler echoes it. A handler's error goes to the peer as text. The server answers 403 to an
upgrade without `Origin`, and takes user and password from the query of the URL in that header.

Each event is a line of JSON on stdout. Lines on stdin: `say TEXT`, `close CODE REASON`, `mute` (no heartbeats any more).
"""

import argparse
import asyncio
import hashlib
import json
import sys
import time
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import websockets

SHAKE_HANDS = '{"Status":"OK", "Message":"This is shake hands message."}'


def tell(event, **detail):
    print(json.dumps({"event": event, "at": time.monotonic(), **detail}), flush=True)


class Peer:
    def __init__(self, handler, interval):
        self.handler = handler
        self.interval = interval
        self.muted = False
        self.current = None

    async def write(self, socket, text):
        self.wrote = time.monotonic()
        await socket.send(text)

    async def beat(self, socket):
        while True:
            wait = self.wrote + self.interval - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            elif self.muted:
                await asyncio.sleep(self.interval)
            else:
                tell("heartbeat-sent")
                await self.write(socket, SHAKE_HANDS)

    async def handle(self, socket, message):
        if self.handler == "fail":
            await self.write(socket, f"handler failed on {len(message)} characters")
        elif self.handler == "echo":
            await self.write(socket, message)

    async def run(self, socket):
        self.current = socket
        self.wrote = time.monotonic()
        beating = asyncio.ensure_future(self.beat(socket))
        try:
            async for message in socket:
                binary = isinstance(message, bytes)
                data = message if binary else message.encode()
                is_heartbeat = message == SHAKE_HANDS
                short = None if binary or len(data) > 200 else message
                digest = hashlib.sha256(data).hexdigest()
                tell("message", binary=binary, bytes=len(data), text=short, sha256=digest, heartbeat=is_heartbeat)
                await self.handle(socket, message)
        except websockets.ConnectionClosedError:
            pass
        finally:
            beating.cancel()
            tell("closed", code=socket.close_code, reason=socket.close_reason)

    async def command(self, line):
        name, _, rest = line.strip().partition(" ")
        if name == "say":
            await self.write(self.current, rest)
        elif name == "close":
            code, _, reason = rest.partition(" ")
            await self.current.close(int(code), reason)
        elif name == "mute":
            self.muted = True

    async def obey(self):
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            asyncio.ensure_future(self.command(line.decode()))
        # Whoever started this is gone.
        loop.stop()


async def admit(path, headers):
    origin = headers.get("Origin")
    query = parse_qs(urlsplit(origin or "").query)
    user, password = (query.get(name, [""])[0] for name in ("user", "password"))
    tell("upgrade", path=path, origin=origin, user=user, password=password)
    return None if origin else (HTTPStatus.FORBIDDEN, [], b"")


# No protocol ping, no compression, and messages as long as they come.
PLAIN = {"ping_interval": None, "compression": None, "max_size": None}


async def serve(peer):
    async with websockets.serve(peer.run, "127.0.0.1", 0, process_request=admit, **PLAIN) as server:
        tell("listening", port=server.sockets[0].getsockname()[1])
        await peer.obey()


async def dial(peer, url, origin):
    obeying = asyncio.ensure_future(peer.obey())
    async with websockets.connect(url, origin=origin, **PLAIN) as socket:
        tell("open")
        await peer.run(socket)
    await obeying


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("url", nargs="?")
    parser.add_argument("--origin")
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--handler", choices=["echo", "fail", "silent"], default="echo")
    args = parser.parse_args()
    peer = Peer(args.handler, args.interval)
    try:
        asyncio.run(serve(peer) if args.role == "server" else dial(peer, args.url, args.origin))
    except (RuntimeError, KeyboardInterrupt):
        pass  # The loop was stopped.


main()
