"""From the one ASGI port to Django's WSGI handler: one hop into a thread and one back per request."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import io
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from asgiref.typing import HTTPScope
from django.db import close_old_connections

from orchestrator.bodies import Send

Headers = list[tuple[str, str]]
WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

AT_ONCE_BYTES = 512 * 1024
"""Answers up to this size are collected in the thread and sent in one piece; longer ones go piece by piece."""
READERS_AT_MOST = 512
"""Threads that may wait, beside those at work, until a slow reader has taken a piece of a long answer."""
ENDING_S = 2.0


class Bridge:
    """Runs a WSGI application in threads of its own. The body is read before a thread is taken, so slow clients hold
    none; for the same reason the event loop writes the answer, and a thread that waits until a piece of a long one is
    taken leaves its turn to another. Ours, because a2wsgi hops between thread and loop four times a request: 0.5 ms of
    CPU for an empty one, where this takes 0.19 and the floor, no Django at all, 0.04."""

    def __init__(self, app: WSGIApp, *, workers: int, name: str = "wsgi") -> None:
        """`workers`: so many requests are worked on at once."""
        self._app = app
        self._workers = workers
        self._readers = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._name = name
        self._threads = self._pool()
        self._running: set[Future[list[dict[str, Any]]]] = set()

    async def __call__(self, scope: HTTPScope, body: bytes, send: Send) -> None:
        """Answer the request; `body` is all of it."""
        loop, turns = asyncio.get_running_loop(), self._turns()
        pieces = functools.partial(self._send_piece, turns, send)
        call = _Call(self._app, _environ(scope, body), lambda event: _done_by_loop(loop, pieces(event)))
        context = contextvars.copy_context()
        async with turns:
            running = self._threads.submit(context.run, call.run)
            self._running.add(running)
            running.add_done_callback(self._running.discard)
            events = await asyncio.wrap_future(running)
        for event in events:
            await send(event)

    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=self._workers + READERS_AT_MOST, thread_name_prefix=self._name)

    def _turns(self) -> asyncio.Semaphore:
        """Those of the loop that serves just now: in tests one follows another."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._free = loop, asyncio.Semaphore(self._workers)
        return self._free

    async def _send_piece(self, turns: asyncio.Semaphore, send: Send, event: Any) -> None:
        if self._readers >= READERS_AT_MOST:
            await send(event)
            return
        self._readers += 1
        turns.release()
        try:
            await send(event)
        finally:
            await turns.acquire()
            self._readers -= 1

    async def aclose(self) -> None:
        """Let the requests end that were cut short, for a moment: they may have something to write down. In tests the
        same application is served again after this."""
        threads, self._threads = self._threads, self._pool()
        threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(wait, list(self._running), timeout=ENDING_S)


class _Call:
    """One request, in its thread."""

    def __init__(self, app: WSGIApp, environ: dict[str, Any], emit: Callable[[Any], None]) -> None:
        self._app = app
        self._environ = environ
        self._emit = emit
        self._start: dict[str, Any] | None = None

    def run(self) -> list[dict[str, Any]]:
        """The events still to be sent; long answers have sent the earlier ones already."""
        chunks = self._app(self._environ, self._start_response)
        try:
            return self._collect(iter(chunks))
        finally:
            if (close := getattr(chunks, "close", None)) is not None:
                close()

    def _start_response(self, status: str, headers: Headers, exc_info: object = None) -> None:
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._start = {"type": "http.response.start", "status": int(status[:3]), "headers": pairs}

    def _collect(self, chunks: Iterator[bytes]) -> list[dict[str, Any]]:
        gathered, size, events = [], 0, []
        for chunk in chunks:
            gathered.append(chunk)
            size += len(chunk)
            if size > AT_ONCE_BYTES:
                self._emit_all(gathered)
                gathered, size = [], 0
        if self._start is not None:
            events.append(self._taken_start())
        events.append({"type": "http.response.body", "body": b"".join(gathered), "more_body": False})
        return events

    def _emit_all(self, gathered: list[bytes]) -> None:
        close_old_connections()  # to the pool: this thread may wait long, and needs none until it goes on
        if self._start is not None:
            self._emit(self._taken_start())
        self._emit({"type": "http.response.body", "body": b"".join(gathered), "more_body": True})

    def _taken_start(self) -> dict[str, Any]:
        assert self._start is not None
        start, self._start = self._start, None
        return start


def _done_by_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    """From a thread: wait until the loop has done it."""
    asyncio.run_coroutine_threadsafe(work, loop).result()


def _environ(scope: HTTPScope, body: bytes) -> dict[str, Any]:
    """PEP 3333: text in latin-1 clothes, and a header once however often it came."""
    host, port = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode(errors="surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if (client := scope.get("client")) is not None:
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client[0], str(client[1])
    for name, value in scope["headers"]:
        _add_header(environ, name.decode("latin-1"), value.decode("latin-1"))
    if "CONTENT_LENGTH" in environ or body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _add_header(environ: dict[str, Any], name: str, value: str) -> None:
    if name in {"content-type", "content-length"}:
        environ[name.upper().replace("-", "_")] = value
    elif "_" not in name:  # `x_site` would pass for `x-site`, which a proxy in front may have vouched for
        key = "HTTP_" + name.upper().replace("-", "_")
        joint = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
