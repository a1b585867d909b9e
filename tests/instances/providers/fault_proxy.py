"""An HTTP server between a driver and its cloud that misbehaves as it is told: late, cut, twice, throttled."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

WAIT_AT_MOST_S = 20.0


@dataclass(frozen=True, slots=True)
class Request:
    body: bytes
    headers: dict[str, str]

    @property
    def action(self) -> str:
        return self.field("Action")

    def field(self, name: str) -> str:
        return parse_qs(self.body.decode()).get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


Upstream = Callable[[Request], Answer]


class Exchange:
    """One request on its way: what a fault may do with it."""

    def __init__(self, proxy: FaultProxy, request: Request, line: socket.socket) -> None:
        self.proxy, self.request, self.line = proxy, request, line

    def forward(self) -> Answer:
        return self.proxy.upstream(self.request)

    def await_that_client_gave_up(self) -> None:
        """Its end of the line closes; nothing else comes after a whole request."""
        assert select.select([self.line], [], [], WAIT_AT_MOST_S)[0], "the client waits longer than it should"


Fault = Callable[[Exchange], Answer | None]
"""None: the line is cut without an answer."""


def cut_before(exchange: Exchange) -> Answer | None:
    """The cloud never heard of it."""
    return None


def cut_after(exchange: Exchange) -> Answer | None:
    """The cloud did it, and nobody was told."""
    exchange.forward()
    return None


def cut_within(exchange: Exchange) -> Answer | None:
    """The cloud did it, and half of the answer came."""
    answer = exchange.forward()
    head = f"HTTP/1.1 {answer.status} OK\r\nContent-Length: {len(answer.body)}\r\n\r\n".encode()
    with contextlib.suppress(OSError):
        exchange.line.sendall(head + answer.body[: len(answer.body) // 2])
    return None


def repeated(exchange: Exchange) -> Answer | None:
    """The cloud got it twice."""
    exchange.forward()
    return exchange.forward()


def answered_too_late(exchange: Exchange) -> Answer | None:
    """The cloud did it at once; its answer came when nobody waited any more."""
    exchange.forward()
    exchange.await_that_client_gave_up()
    return None


def heard_too_late(exchange: Exchange) -> Answer | None:
    """The cloud hears it when the client has given up and perhaps asked again: as the test says by `release`."""
    assert exchange.proxy.released.wait(WAIT_AT_MOST_S)
    exchange.forward()
    exchange.proxy.arrived_late.release()
    return None


def failing(code: str, status: int = 400) -> Fault:
    """The cloud refuses it; nothing was done."""

    def fail(exchange: Exchange) -> Answer | None:
        return error(code, status)

    fail.__name__ = code
    return fail


throttled = failing("RequestLimitExceeded", 503)
broken = failing("InternalError", 500)


def error(code: str, status: int = 400) -> Answer:
    """As EC2 writes one; its message holds what nobody else may read."""
    message = "arn:aws:iam::123456789012:role/secret-of-the-account may not"
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
    return Answer(status, body.encode())


def hidden(exchange: Exchange) -> Answer | None:
    """The cloud does not show what it has made a moment ago."""
    if exchange.request.field("InstanceId.1"):
        return error("InvalidInstanceID.NotFound")
    empty = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"
    return Answer(200, empty.encode())


class FaultProxy:
    """Passes requests on to `upstream`, but for those that a fault was planned for."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.url = ""
        self.seen: list[Request] = []
        self.released = threading.Event()
        self.arrived_late = threading.Semaphore(0)
        self._planned: dict[str, deque[Fault]] = defaultdict(deque)

    def plan(self, action: str, *faults: Fault) -> None:
        """The next requests of that action meet these, one each."""
        self._planned[action].extend(faults)

    def forget(self) -> None:
        """Nothing is planned and nothing was seen."""
        self._planned.clear()
        self.seen.clear()
        self.released.clear()

    def release(self) -> None:
        """Let what was held back go on to the cloud, and wait until it was heard."""
        self.released.set()
        assert self.arrived_late.acquire(timeout=WAIT_AT_MOST_S)

    def answer(self, request: Request, line: socket.socket) -> Answer | None:
        self.seen.append(request)
        planned = self._planned[request.action]
        exchange = Exchange(self, request, line)
        return planned.popleft()(exchange) if planned else exchange.forward()


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.close_connection = True
        answer = self.proxy.answer(Request(body, dict(self.headers)), self.connection)
        if answer is None:
            return
        with contextlib.suppress(OSError):  # nobody waits any more
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def fault_proxy(upstream: Upstream) -> Iterator[FaultProxy]:
    """A proxy on a port of its own, until the block ends."""
    proxy = FaultProxy(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        proxy.released.set()
        server.shutdown()
        server.server_close()
        serving.join()
