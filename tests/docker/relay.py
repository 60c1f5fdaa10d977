"""Lets containers reach a server that listens on 127.0.0.1 only.

The local AWS binds to 127.0.0.1, and for a container that is the container itself. A relay listens on this machine's
address on Docker's bridge, which nothing outside this machine can reach, and passes the bytes on.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 65_536


@contextmanager
def relay(address: str, target_port: int) -> Iterator[int]:
    """Serves ``address`` on a free port until the block ends, passing on to 127.0.0.1:``target_port``.

    Yields:
        the port it listens on.
    """

    class Connection(socketserver.BaseRequestHandler):
        request: socket.socket

        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", target_port)) as upstream:
                answers = threading.Thread(target=_pass_on, args=(upstream, self.request), daemon=True)
                answers.start()
                _pass_on(self.request, upstream)
                answers.join()

    with _Server((address, 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    # A container that was stopped leaves its connections half open; nobody waits for those.
    block_on_close = False


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(CHUNK):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # One side hung up in the middle: hanging up on the other is all there is to pass on.
        for end in (source, sink):
            end.close()
