"""What goes into JSON and comes out of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api import exceptions
from common.api.middleware import canonical
from common.api.parsers import loads
from common.api.renderers import dumps
from common.errors import Invalid, TooMany


def _nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_moments_are_utc_with_six_digits() -> None:
    noon = datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1)))
    assert dumps(noon) == b'"2026-01-31T12:00:00.000000Z"'
    assert dumps(noon.replace(microsecond=5)) == b'"2026-01-31T12:00:00.000005Z"'
    assert dumps(date(2026, 1, 31)) == b'"2026-01-31"'
    assert noon.astimezone(UTC).hour == 12


def test_what_has_no_json_form_of_its_own_is_text() -> None:
    assert dumps({"id": UUID(int=1)}) == b'{"id":"00000000-0000-0000-0000-000000000001"}'
    assert dumps(Decimal("1.10")) == b'"1.10"'
    assert dumps(frozenset({"b", "a"})) == b'["a","b"]'
    with pytest.raises(TypeError):
        dumps(object())


def test_a_huge_number_that_postgres_spells_out_is_written_as_it_came() -> None:
    assert dumps({"a": [10**300, {"b": (-(10**300), 1)}], "c": 2**64 - 1}) == (
        b'{"a":[1e+300,{"b":[-1e+300,1]}],"c":18446744073709551615}'
    )


def test_depth_is_bounded_and_not_by_the_count_of_brackets() -> None:
    assert loads(_nested(64))
    with pytest.raises(Invalid, match="deeper than 64"):
        loads(_nested(65))
    assert len(loads(b"[" + b",".join([b"[]"] * 1000) + b"]")) == 1000


def test_numbers_at_the_edge_are_read_exactly() -> None:
    assert loads(b"[9223372036854775807,-9223372036854775808]") == [2**63 - 1, -(2**63)]
    assert loads(b"[0.12345678901234567890123]") == [0.12345678901234568]
    assert loads(b'["99999999999999999999"]') == ["99999999999999999999"]


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert loads(rb'["\\u0000"]') == ["\\u0000"]


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_whatever_is_written_is_read_back(value: object) -> None:
    assert loads(dumps(value)) == (value if value != b"" else {})


@given(st.binary(max_size=200))
def test_no_bytes_at_all_are_more_than_refused(raw: bytes) -> None:
    try:
        loads(raw)
    except Invalid as refusal:
        assert refusal.code == "PARSE_ERROR"


@pytest.mark.parametrize(
    ("path", "known_as"),
    [
        ("/api/instances/", "/api/instances"),
        ("/api/instances", "/api/instances"),
        ("/api/instances//", "/api/instances/"),
        ("/api", "/api/"),
        ("/api/", "/api/"),
        ("/v1/chat/", "/v1/chat"),
        ("/admin/", "/admin/"),
        ("/apiary/", "/apiary/"),
        ("/", "/"),
    ],
)
def test_a_route_has_one_form(path: str, known_as: str) -> None:
    assert canonical(path) == known_as


def test_a_wait_is_told_in_whole_seconds() -> None:
    answer = exceptions.handle(TooMany(retry_after_s=0.2, limit=5), {})
    assert answer is not None
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.data["details"] == {"limit": 5}


def test_what_nobody_expected_is_not_answered_here() -> None:
    assert exceptions.handle(ZeroDivisionError(), {}) is None
