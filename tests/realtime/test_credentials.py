"""What a socket shows at the door: which of its credentials counts, and when a session's cookie is not enough."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from common.errors import Forbidden
from common.realtime.credentials import Credentials, credentials_of

PERSON = SimpleNamespace(is_authenticated=True)
NOBODY = SimpleNamespace(is_authenticated=False)


def scope(user: Any = NOBODY, **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"headers": pairs, "user": user}


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({}, {}, Credentials()),
        ({"x_api_key": "k"}, {}, Credentials(key="k")),
        ({"authorization": "Bearer k"}, {}, Credentials(key="k")),
        ({"authorization": "bearer  k"}, {}, Credentials(key="k")),
        ({"authorization": "k"}, {}, Credentials(key="k")),
        ({"x_api_key": "k"}, {"ticket": ["t"]}, Credentials(ticket="t")),
        ({"x_site": "s"}, {"ticket": ["t"]}, Credentials(ticket="t", site="s")),
        ({}, {"ticket": ["t"], "site_id": ["s"]}, Credentials(ticket="t", site="s")),
    ],
)
def test_a_ticket_comes_before_a_key(headers: dict[str, str], query: dict[str, list[str]], expected: Any) -> None:
    assert credentials_of(scope(**headers), query) == expected


def test_a_session_counts_on_a_page_of_ours() -> None:
    own = scope(PERSON, host="127.0.0.1:8000", origin="http://127.0.0.1:8000")
    assert credentials_of(own, {}) == Credentials(user=PERSON)


@pytest.mark.parametrize(
    "headers",
    [{}, *({"origin": origin} for origin in ("http://elsewhere.example", "null", "", "http://[", "http://[::1"))],
)
def test_a_session_does_not_count_on_another_page(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        credentials_of(scope(PERSON, host="127.0.0.1:8000", **headers), {})


def test_a_key_counts_whatever_page_it_comes_from() -> None:
    foreign = scope(PERSON, host="127.0.0.1:8000", origin="http://elsewhere.example", x_api_key="k")
    assert credentials_of(foreign, {}) == Credentials(key="k")
