"""The WebSocket doors: whatever is shown at the handshake or said after it, the answer is JSON or an orderly end."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.counts import tried
from tests.fuzz import hostile
from tests.fuzz.budget import EXAMPLES, drawn
from tests.fuzz.place import FuzzPlace
from tests.fuzz.served import Served
from tests.instances.conftest import World

_WITHIN_S = 20.0
_REFUSED_AT_THE_HANDSHAKE = {400, 403, 404}
_IN_ORDER = {"listening", "refused"}
_WORDS = {"following", "event", "resync", "pong", "error"}
_CLOSED = {1000, 1002, 1003, 1006, 1007, 1009, 1012}
"""By the protocol's own rules; what we refuse ends with 4000 and the status. Not 1011, which is a fault of ours."""


@dataclass(frozen=True)
class Doors:
    web: Served
    paths: tuple[str, ...]
    key: str

    @contextmanager
    def opened(self, path: str, query: str = "", **headers: str) -> Iterator[ClientConnection]:
        tried("fuzz cases")
        shown = {"x-api-key": self.key} | {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"ws://127.0.0.1:{self.web.port}{path}?{query}"
        with connect(url, additional_headers=shown, open_timeout=_WITHIN_S, close_timeout=1, proxy=None) as line:
            yield line


@pytest.fixture(scope="module")
def sockets(web: Served, world: World) -> Doors:
    place = FuzzPlace(world)
    desk = place.row("instances")["id"]
    plan = place.row("plans")["id"]
    paths = (f"/ws/instances/{desk}", f"/ws/instances/{desk}/logs", f"/ws/sites/{place.site.pk}", f"/ws/plans/{plan}")
    return Doors(web, paths, place.key)


@pytest.fixture(autouse=True)
def nothing_breaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No stream breaks, and nothing is raised that nobody expected."""
    yield
    errors = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    # uvicorn's word for a client's own fault; such a line ends with 1007.
    assert [message for message in errors if message != "Invalid UTF-8 sequence received from client."] == []


def _end_of(line: ClientConnection) -> str:
    """Read to what shows that the door still listens, or to the end: whether that is one that we meant."""
    try:
        line.send(json.dumps({"type": "ping"}))
        while (word := json.loads(line.recv(_WITHIN_S))["type"]) != "pong":
            if word not in _WORDS:
                return f"a message of the type {word}"
    except ConnectionClosed as closed:
        code = 1006 if closed.rcvd is None else closed.rcvd.code
        return "refused" if code in _CLOSED or 4400 <= code < 4500 else f"closed with {code}"
    return "listening"


@drawn(EXAMPLES * 6)
@given(data=st.data(), text=hostile.pieces | hostile.raw, binary=st.booleans())
def test_no_message_is_too_much(sockets: Doors, data: st.DataObject, text: bytes, binary: bool) -> None:
    with sockets.opened(data.draw(st.sampled_from(sockets.paths)), "after=") as line:
        try:
            line.send(text if binary else text.decode(errors="replace"))
        except ConnectionClosed:
            return
        assert _end_of(line) in _IN_ORDER


@drawn(EXAMPLES * 6)
@given(data=st.data(), value=hostile.values)
def test_no_query_and_no_header_of_a_handshake_is_too_much(sockets: Doors, data: st.DataObject, value: bytes) -> None:
    path = data.draw(st.sampled_from(sockets.paths))
    name = data.draw(st.sampled_from(["after", "ticket", "site_id", "x_site", "authorization", "cookie", "origin"]))
    in_query = name in {"after", "ticket", "site_id"}
    query = urlencode({name: value}) if in_query else ""
    headers = {} if in_query else {name: hostile.visible(value).decode("latin-1").encode("ascii", "ignore").decode()}
    try:
        with sockets.opened(path, query, **headers) as line:
            assert _end_of(line) in _IN_ORDER
    except InvalidStatus as refused:
        assert refused.response.status_code in _REFUSED_AT_THE_HANDSHAKE


@drawn(EXAMPLES * 2)
@given(data=st.data(), value=hostile.values)
def test_no_id_in_a_sockets_path_is_too_much(sockets: Doors, data: st.DataObject, value: bytes) -> None:
    parts = data.draw(st.sampled_from(sockets.paths)).split("/")
    parts[3] = hostile.quoted(value).decode()
    try:
        with sockets.opened("/".join(parts), "after=") as line:
            assert _end_of(line) in _IN_ORDER
    except InvalidStatus as refused:
        assert refused.response.status_code in _REFUSED_AT_THE_HANDSHAKE


_FRAMES = [
    b"\x81\x05hello",  # unmasked, which no client may send
    b"\x83\x80" + bytes(4),  # an opcode that does not exist
    b"\xf1\x80" + bytes(4),  # reserved bits
    b"\x89\xfe\x00\x7e" + bytes(4 + 126),  # a ping that is too long
    b"\x80\x80" + bytes(4),  # goes on with what was not begun
    b"\x81\xff" + b"\xff" * 8 + bytes(4),  # longer than anything is
    b"\x81\xff" + (70_000).to_bytes(8) + bytes(4) + b"x" * 70_000,  # longer than is taken
    b"\x81\x82" + bytes(4) + b"\xff\xff",  # no UTF-8
    b"\x88\x81" + bytes(4) + b"\x03",  # half a close code
]


@pytest.mark.parametrize("frame", _FRAMES, ids=range(len(_FRAMES)))
def test_a_frame_that_breaks_the_protocol_ends_the_line(sockets: Doors, frame: bytes) -> None:
    with sockets.opened(sockets.paths[0], "after=") as line:
        line.recv(_WITHIN_S)
        line.socket.sendall(frame)
        with pytest.raises(ConnectionClosed):
            while True:
                line.recv(_WITHIN_S)
