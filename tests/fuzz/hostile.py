"""What nobody sends who means well: pieces of JSON, addresses, headers and WebSocket frames, and places for them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

_HOLE = "@@hole@@"
_TEXTS = [
    *('"a\\u0000b"', '"\\ud800"', '"\\udfff\\ud800"', '"\\u202e\\u0000"', '"x\\u0001"', '"\x01"', '""', '" "'),
    *('"%s"' % ("x" * 70_000), '"%s"' % ("\\u0000" * 100), '"\'; DROP TABLE sites_site; --"', '"{{7*7}}${7*7}"'),
    *('"../../../etc/passwd"', '"file:///etc/passwd"', '"0"', '"\\ufeff\\uffff"', '"\U0010ffff"'),
]
_NUMBERS = [
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 400, "-0", "-1", "2147483648"),
    *("1e400", "-1e400", "1e-400", "0.1", "1.7976931348623157e308", "NaN", "Infinity", "-Infinity", "0x10", "01", "1."),
]
_SHAPES = [
    *("true", "false", "null", "{}", "[]", "[[]]", '[{"a":1,"a":2}]', '{"a":1,"a":[]}', '{"":""}', "[1,]", "{]"),
    *("[" * 63 + "]" * 63, "[" * 65 + "]" * 65, "[" * 9_000 + "]" * 9_000, '{"a":' * 70 + "1" + "}" * 70),
    *("[" + ",".join(["0"] * 5_000) + "]", "{" + ",".join(f'"k{n}":0' for n in range(2_000)) + "}"),
]
_BYTES = [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf5\x80\x80\x80"', b"\x00", b"\xef\xbb\xbf{}", b'"\xe2\x82"']
_PLAIN = [piece.encode("utf-8") for piece in (*_TEXTS, *_NUMBERS, *_SHAPES)]

pieces = st.sampled_from([*_PLAIN, *_BYTES]) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())
"""In the place of a value of a JSON body; some are no JSON."""

raw = (
    st.sampled_from([b"[1,2", b"--x\r\n", b"a=1&a=2&%00=%ff", b"\x1f\x8b\x08", b'{"a":1}{"a":2}', b"\n", b"{" * 70])
    | st.binary(max_size=200)
    | pieces
)
"""As a whole body."""

kinds = st.sampled_from(
    [
        *(b"application/json", b"application/json; charset=utf-16", b"APPLICATION/JSON;;;", b"application/x-ndjson"),
        *(b"application/x-www-form-urlencoded", b"multipart/form-data", b"multipart/form-data; boundary=", b"text/xml"),
        *(b"", b"/", b"\xff", b"application/json, text/html", b"x" * 5_000, b"application/octet-stream"),
    ]
)
"""As a Content-Type."""

values = st.sampled_from(
    [
        *(
            b"",
            b" ",
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b"\xc0\x80",
            b"-1",
            b"0",
            b"9" * 400,
            b"1e9",
            b"*",
            b'"',
            b'W/"x"',
            b",",
        ),
        *(
            b"NaN",
            b"null",
            b"[]",
            b"true",
            b"x" * 5_000,
            b"../..",
            b"2026-13-45T99:99:99Z",
            b"0001-01-01T00:00:00-23:59",
        ),
        *(b"9999-12-31T23:59:59.999999+14:00", b"00000000-0000-0000-0000-000000000000", b"1:2:3", b"0:0", b"'", b"%"),
        *(
            b"=?utf-8?q?=00?=",
            "٣".encode(),
            "²".encode(),
            "ı".encode(),
            b"18446744073709551616:0",
            b"18446744073709551615",
        ),
    ]
) | st.binary(max_size=40)
"""Of a parameter or a header, as bytes; where they go some must be written otherwise."""


def with_hole(example: Any, draw: st.DataObject) -> bytes:
    """`example` as JSON, one of its values (or one more) a hole for `filled`."""
    spot = draw.draw(st.sampled_from(list(_spots(example))))
    return json.dumps(_bored(example, spot)).encode()


def filled(holed: bytes, piece: bytes) -> bytes:
    return holed.replace(json.dumps(_HOLE).encode(), piece)


def quoted(value: bytes) -> bytes:
    """For an address, where everything can be said."""
    return quote_from_bytes(value, safe="").encode()


def visible(value: bytes) -> bytes:
    """For a header: without what would end it."""
    return bytes(byte for byte in value if byte >= 0x20 and byte != 0x7F).decode("latin-1").strip().encode("latin-1")


def _spots(value: Any, way: tuple[Any, ...] = ()) -> Any:
    yield way
    if isinstance(value, dict):
        yield (*way, "a name that nobody knows")
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield from _spots(inner, (*way, name))


def _bored(value: Any, way: tuple[Any, ...]) -> Any:
    if not way:
        return _HOLE
    name, *rest = way
    if isinstance(value, dict):
        return {**value, name: _bored(value.get(name), tuple(rest))}
    return [_bored(inner, tuple(rest)) if index == name else inner for index, inner in enumerate(value)]
