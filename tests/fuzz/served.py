"""The platform's own web server in a thread of the test's process, so that doubles stand where machines would."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.embedded.processes import wait_until
from orchestrator.serve import Server, config

SENT_BUFFER_BYTES = 64 * 1024
"""What the kernel holds of an answer that nobody reads; by default it would be megabytes."""
_UP_WITHIN_S = 60.0
_DOWN_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that listens on `port` of the loopback address."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, *, timeout_s: float = 30.0) -> socket.socket:
        """A bare connection, for what no client library would send. The caller closes it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)


@contextmanager
def served() -> Iterator[Served]:
    """The one ASGI application behind uvicorn with all the settings that `python -m orchestrator.serve` gives it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_BUFFER_BYTES)
        server = Server(config())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive(), timeout_s=_UP_WITHIN_S, what="the server")
            assert server.started, "the server ended at its start"
            yield Served(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(_DOWN_WITHIN_S)
