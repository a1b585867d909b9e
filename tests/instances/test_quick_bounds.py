"""What the quick way leaves to threads before it has so much as looked at it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from asgiref.typing import HTTPScope

from common.api.parsers import loads
from instances.quick import asked

SCOPE = cast(
    HTTPScope,
    {
        "type": "http",
        "method": "POST",
        "path": "/api/instances/00000000-0000-7000-8000-000000000000/actions",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    },
)


def test_a_long_body_is_not_read_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may send one, and 2 MiB of brackets are a second's work."""
    read: list[int] = []

    def noting(body: bytes) -> Any:
        read.append(len(body))
        return loads(body)

    monkeypatch.setattr("instances.quick.asked.loads", noting)
    action = b'{"type": "type", "text": "%s"}'
    short = action % (b"x" * 20_000)
    assert asked.read(SCOPE, short) is not None
    assert asked.read(SCOPE, short + b" " * 2**15) is None
    assert asked.read(SCOPE, b"[" + b"[]," * 2**19 + b"[]]") is None
    assert read == [len(short)]
