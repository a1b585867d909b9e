"""Crowds of slow clients at the real web and gateway processes, and their limits: they cost nobody else anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from infra.embedded.processes import wait_until
from tests.fuzz.crowd import BEGUN, CROWD, PATIENCE_S, Crowd, to_path, to_port
from tests.stack import Stack

pytestmark = pytest.mark.stack

EVERY_S = 0.5
BODY = BEGUN + b"Content-Length: 1000\r\n\r\n"
LARGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
"""A megabyte and a half, for anybody."""
READER = f"GET {LARGE} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


@dataclass(frozen=True, slots=True)
class Siege:
    """All crowds at all doors at once, so that the seconds of the limits are waited for once."""

    web: dict[str, Crowd]
    gateway: dict[str, Crowd]
    web_port: int
    gateway_port: int


@pytest.fixture(scope="module")
def siege(stack: Stack) -> Iterator[Siege]:
    environment = stack.environment()
    web_port, gateway_port = int(environment["PORT"]), int(environment["GATEWAY_PORT"])
    web, gateway = to_port(web_port), to_port(gateway_port)
    guests = to_path(Path(environment["GATEWAY_DIR"]) / "guest" / "guest.sock")
    with ExitStack() as held:

        def crowd(dial, begun: bytes, drip: bytes = b"") -> Crowd:
            return held.enter_context(Crowd(dial, begun, drip=drip, every_s=EVERY_S))

        yield Siege(
            web={
                "nothing": crowd(web, b""),
                "heads by letters": crowd(web, BEGUN, b"x"),
                "no body": crowd(web, BODY),
                "no reader": crowd(to_port(web_port, reads_little=True), READER),
            },
            gateway={
                "nothing": crowd(gateway, b""),
                "heads by letters": crowd(gateway, BEGUN, b"x"),
                "bodies by letters": crowd(gateway, BODY, b" "),
                "guests who say nothing": crowd(guests, b""),
                "guests by letters": crowd(guests, b"GET /guest/", b"x"),
            },
            web_port=web_port,
            gateway_port=gateway_port,
        )


def held(port: int, theirs: set[int]) -> int:
    """Of how many peers, by their ports, the process behind `port` still has the connection, as the kernel tells."""
    return len({(port, one) for one in theirs} & _in_hand())


def _in_hand() -> set[tuple[int, int]]:
    """The local and the remote port of each connection that some process has accepted and not yet closed."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] != "0":
            found.add((int(fields[1].rpartition(":")[2], 16), int(fields[2].rpartition(":")[2], 16)))
    return found


def test_others_are_answered_while_a_crowd_stands_at_every_door(siege: Siege, stack: Stack) -> None:
    assert siege.web["no reader"].first_words(13) == {b"HTTP/1.1 200 "}, "somebody waits for those who do not read"
    for _ in range(CROWD):
        with stack.client() as client:
            assert client.get("/api/me").status_code == 200
    with stack.client() as client:
        assert client.get("/api/instances").status_code == 200
        assert client.get(LARGE).status_code == 200
        assert client.get("/cdp/none/json/version").status_code == 403, "the gateway, by way of web"
    assert httpx.get(f"http://127.0.0.1:{siege.gateway_port}/health", trust_env=False).status_code == 200


@pytest.mark.parametrize("kind", ["no body", "no reader"])
def test_web_lets_go_of_those_who_leave_in_the_middle(siege: Siege, kind: str) -> None:
    theirs = {member.getsockname()[1] for member in siege.web[kind].members}
    assert held(siege.web_port, theirs) == CROWD, "nobody was waited for"
    siege.web[kind].leave()
    wait_until(
        lambda: held(siege.web_port, theirs) == 0, timeout_s=PATIENCE_S, what="the end of their lines", every_s=0.1
    )


@pytest.mark.parametrize("kind", ["nothing", "heads by letters"])
def test_web_refuses_heads_that_do_not_end(siege: Siege, kind: str) -> None:
    told = siege.web[kind].last_words()
    assert all(words.startswith(b"HTTP/1.1 408 ") and b'"TOO_SLOW"' in words for words in told), told[0]


@pytest.mark.parametrize("kind", ["nothing", "heads by letters", "guests who say nothing", "guests by letters"])
def test_the_gateway_parts_with_heads_that_do_not_end(siege: Siege, kind: str) -> None:
    assert set(siege.gateway[kind].last_words()) == {b""}


def test_the_gateway_answers_without_a_body_and_does_not_wait_for_its_end(siege: Siege) -> None:
    told = siege.gateway["bodies by letters"].last_words()
    assert all(words.startswith(b"HTTP/1.1 404 ") for words in told), told[0]
