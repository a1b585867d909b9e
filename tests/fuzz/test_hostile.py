"""Bodies, addresses and headers of people who mean no good: every answer is one of the document's, none is a 5xx."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facades import doors
from tests.counts import tried
from tests.fuzz import hostile
from tests.fuzz.budget import EXAMPLES, drawn
from tests.fuzz.document import faults_in
from tests.fuzz.place import FuzzPlace
from tests.fuzz.served import Served
from tests.instances.conftest import World
from tests.walls.document import OPERATIONS, Operation

_ALL = sorted(OPERATIONS.values(), key=lambda operation: operation.name)
TAKING_JSON = [operation for operation in _ALL if operation.body is not None]
ANSWERING = [operation for operation in _ALL if not operation.streams]
HEADERS = (
    *(b"If-Match", b"Idempotency-Key", b"X-Site", b"Last-Event-ID", b"Authorization", b"X-API-Key", b"Accept"),
    *(b"X-Request-ID", b"X-Forwarded-For", b"Cookie", b"traceparent", b"Accept-Language", b"Range", b"Expect-CT"),
)


class Asker:
    """Sends one operation's request with a part of it replaced, about rows of one place."""

    def __init__(self, web: Served, place: FuzzPlace) -> None:
        self._place = place
        self._client = httpx.Client(base_url=web.url, timeout=30, trust_env=False)
        self._signed = [(b"Authorization", b"Bearer " + place.key.encode()), (b"X-API-Key", place.key.encode())]

    def close(self) -> None:
        self._client.close()

    def example(self, operation: Operation) -> object:
        return self._place.fitted(operation.body, "somebody@example.com")

    def address(self, operation: Operation) -> bytes:
        return operation.path.format(**self._place.ids(operation)).encode()

    def ask(
        self,
        operation: Operation,
        *,
        target: bytes = b"",
        body: bytes = b"",
        kind: bytes = b"application/json",
        header: tuple[bytes, bytes] | None = None,
    ) -> httpx.Response:
        url = self._client.base_url.copy_with(raw_path=target or self.address(operation))
        headers = [(b"Content-Type", kind)] if body else []
        named = header[0].lower() if header else b""
        headers += [pair for pair in self._signed if pair[0].lower() != named] + ([header] if header else [])
        tried("fuzz cases")
        answer = self._client.request(operation.method, url, content=body, headers=headers)
        if answer.is_success and (operation.method == "DELETE" or operation.path.endswith("/stop")):
            self._place.forget(operation.noun)
        return answer


@pytest.fixture(scope="module")
def asker(web: Served, world: World) -> Iterator[Asker]:
    asker = Asker(web, FuzzPlace(world))
    yield asker
    asker.close()


@drawn(EXAMPLES * 16)
@given(data=st.data(), operation=st.sampled_from(TAKING_JSON), piece=hostile.pieces)
def test_no_value_in_a_json_body_is_too_much(
    asker: Asker, data: st.DataObject, operation: Operation, piece: bytes
) -> None:
    body = hostile.filled(hostile.with_hole(asker.example(operation), data), piece)
    assert faults_in(operation, asker.ask(operation, body=body)) == []


@drawn(EXAMPLES * 10)
@given(operation=st.sampled_from(TAKING_JSON), body=hostile.raw, kind=hostile.kinds)
def test_no_body_of_any_kind_is_too_much(asker: Asker, operation: Operation, body: bytes, kind: bytes) -> None:
    assert faults_in(operation, asker.ask(operation, body=body, kind=kind)) == []


@drawn(EXAMPLES * 16)
@given(data=st.data(), operation=st.sampled_from(ANSWERING), value=hostile.values)
def test_no_query_is_too_much(asker: Asker, data: st.DataObject, operation: Operation, value: bytes) -> None:
    known = [one["name"].encode() for one in operation.said.get("parameters", ()) if one["in"] == "query"]
    names = data.draw(
        st.lists(st.sampled_from([*known, b"site_id", b"format", b"", b"a[]", b"%00", b"\xff"]), max_size=3)
    )
    query = b"&".join(hostile.quoted(name) + b"=" + hostile.quoted(value) for name in names)
    query = query.replace(b"timeout_s=", b"timeout_s=0&x=")  # a wait may be as long as was asked for
    assert faults_in(operation, asker.ask(operation, target=asker.address(operation) + b"?" + query)) == []


@drawn(EXAMPLES * 16)
@given(operation=st.sampled_from(ANSWERING), name=st.sampled_from(HEADERS), value=hostile.values)
def test_no_header_is_too_much(asker: Asker, operation: Operation, name: bytes, value: bytes) -> None:
    assert faults_in(operation, asker.ask(operation, header=(name, hostile.visible(value)))) == []


@drawn(EXAMPLES * 8)
@given(data=st.data(), operation=st.sampled_from(ANSWERING), value=hostile.values)
def test_no_path_is_too_much(asker: Asker, data: st.DataObject, operation: Operation, value: bytes) -> None:
    parts = asker.address(operation).split(b"/")
    parts[data.draw(st.integers(2, len(parts) - 1))] = hostile.quoted(value)
    answer = asker.ask(operation, target=b"/".join(parts))
    assert answer.status_code < 500, answer.text
    assert answer.is_success or answer.headers["Content-Type"] == "application/json"
    assert answer.is_success or doors.dialect_of(answer.url.path) or set(answer.json()) == _WORDS, answer.text


_WORDS = {"error", "code", "details", "request_id"}
