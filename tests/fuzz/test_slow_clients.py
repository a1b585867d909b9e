"""Whoever speaks slowly, never ends, or does not listen is parted with soon, and costs nobody else anything."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from common.tenancy import CREW
from infra.embedded.processes import wait_until
from orchestrator import bodies
from orchestrator.serve import WebHttp
from sites.models import AuditEntry
from tests.fuzz.crowd import BEGUN, CROWD, PATIENCE_S, Crowd, to_port, until_the_end
from tests.fuzz.place import FuzzPlace
from tests.fuzz.served import SENT_BUFFER_BYTES, Served

SOON_S = 0.5


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits, with the clock's part made short."""
    monkeypatch.setattr(WebHttp, "head_within_s", SOON_S)
    monkeypatch.setattr(WebHttp, "taken_within_s", SOON_S)
    monkeypatch.setattr(bodies, "BODY_S", SOON_S)


@pytest.fixture
def others(web: Served, place: FuzzPlace) -> Iterator[Callable[[], None]]:
    """Ask as somebody else does, who must not notice."""
    with httpx.Client(base_url=web.url, headers={"x-api-key": place.key}, timeout=PATIENCE_S) as client:
        yield lambda: client.get("/api/me").raise_for_status()


@pytest.mark.parametrize(
    ("begun", "drip"),
    [(b"", b""), (b"GE", b""), (BEGUN, b"x"), (b"GET /" + b"x" * 1_000, b"x"), (BEGUN + b"X-A: ", b"a")],
    ids=["nothing", "a word", "headers by letters", "an address by letters", "one header by letters"],
)
def test_a_head_that_does_not_end_is_refused_in_time(
    web: Served, hurried: None, others: Callable[[], None], begun: bytes, drip: bytes
) -> None:
    with Crowd(to_port(web.port), begun, drip=drip) as crowd:
        others()
        told = crowd.last_words()
    assert all(words.startswith(b"HTTP/1.1 408 ") and b'"TOO_SLOW"' in words for words in told), told[0]


def test_a_body_that_does_not_end_is_refused_in_time(web: Served, hurried: None, others: Callable[[], None]) -> None:
    with Crowd(to_port(web.port), BEGUN + b"Content-Length: 1000\r\n\r\n", drip=b" ") as crowd:
        others()
        told = crowd.last_words()
    assert all(words.startswith(b"HTTP/1.1 408 ") and b'"TOO_SLOW"' in words for words in told), told[0]


@pytest.mark.parametrize(("then", "drip"), [(b"GET /api/me", b"x"), (b"", b"\r\n")], ids=["letters", "empty lines"])
def test_the_head_of_a_later_request_is_waited_for_no_longer(
    web: Served, hurried: None, place: FuzzPlace, then: bytes, drip: bytes
) -> None:
    whole = f"GET /api/me HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {place.key}\r\n\r\n".encode()
    with Crowd(to_port(web.port), whole + then, drip=drip, number=2) as crowd:
        told = crowd.last_words()
    assert all(words.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 408 " in words for words in told), told[0]


def test_a_line_that_has_become_a_socket_is_not_taken_for_an_idle_one(
    web: Served, hurried: None, place: FuzzPlace
) -> None:
    key, path = f"X-API-Key: {place.key}", f"/ws/sites/{place.site.pk}"
    with web.connect(timeout_s=PATIENCE_S) as line:
        line.sendall(f"GET /api/me HTTP/1.1\r\nHost: 127.0.0.1\r\n{key}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(line)
        answer.begin()
        assert (answer.status, bool(answer.read())) == (200, True)
        with connect(f"ws://127.0.0.1{path}", sock=line, additional_headers={"X-API-Key": place.key}) as spoken:
            with Crowd(to_port(web.port), b"", number=1) as later:
                assert b"TOO_SLOW" in later.last_words()[0], "the time of whoever came after it is over"
            spoken.send('{"type": "ping"}')
            while "pong" not in str(spoken.recv(PATIENCE_S)):
                continue


@pytest.mark.parametrize("much", [b"X-A: " + b"a" * 1_000_000, b"a: b\r\n" * 100_000, b"/" * 1_000_000])
def test_a_head_that_is_too_large_is_refused_before_it_is_whole(web: Served, much: bytes) -> None:
    with web.connect(timeout_s=PATIENCE_S) as line:
        line.sendall(b"GET /api/me HTTP/1.1\r\n" if much[:1] != b"/" else b"GET ")
        try:
            line.sendall(much)
            line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was refused in the middle
        words = until_the_end(line)
    assert words == b"" or words.startswith(b"HTTP/1.1 431 "), words


def test_what_is_no_http_is_refused_in_json(web: Served) -> None:
    with web.connect(timeout_s=PATIENCE_S) as line:
        line.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        words = until_the_end(line)
    assert words.startswith(b"HTTP/1.1 400 ") and b"content-type: application/json" in words, words


def test_whoever_reads_nothing_is_let_go_in_time(
    web: Served, hurried: None, place: FuzzPlace, others: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.doubles._blob", lambda action: b"x" * 16 * SENT_BUFFER_BYTES)
    path = f"/api/instances/{place.row('instances')['id']}/files?path=a"
    asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-API-Key: {place.key}\r\n\r\n".encode()
    with Crowd(to_port(web.port), asked) as crowd:
        let_go = _lost(monkeypatch, {member.getsockname() for member in crowd.members})
        others()
        wait_until(lambda: len(let_go) == CROWD, timeout_s=PATIENCE_S, what="ends")
        told = crowd.last_words()
    assert {words[:13] for words in told} == {b"HTTP/1.1 200 "}
    assert max(len(words) for words in told) < 16 * SENT_BUFFER_BYTES, "somebody got it all"


def test_whoever_reads_an_export_slowly_holds_neither_a_thread_nor_a_connection_to_the_database(
    web: Served, place: FuzzPlace, others: Callable[[], None]
) -> None:
    much = {"much": "x" * 10_000}
    rows = [AuditEntry(site_id=place.site.pk, via="key", action="site.changed", details=much) for _ in range(200)]
    AuditEntry.everywhere.using(CREW).bulk_create(rows)
    asked = f"GET /api/audit/export HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {place.key}\r\n\r\n".encode()
    with Crowd(to_port(web.port, reads_little=True), asked) as crowd:
        assert crowd.first_words(13) == {b"HTTP/1.1 200 "}
        others()


def _lost(monkeypatch: pytest.MonkeyPatch, peers: set[Any]) -> set[Any]:
    """Those of these that the server has parted with, from now on; what the kernel holds for them is theirs still."""
    gone: set[Any] = set()
    part = WebHttp.connection_lost

    def parted(line: WebHttp, exc: Exception | None) -> None:
        gone.update({line.client} & peers)
        part(line, exc)

    monkeypatch.setattr(WebHttp, "connection_lost", parted)
    return gone
