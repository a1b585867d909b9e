"""What the doors' ASGI apps share: reading a small body, writing an answer."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable


class TooLong(Exception):
    """The body has more bytes than the door takes."""


async def read_body(receive: ASGIReceiveCallable, *, at_most: int) -> bytes:
    """The whole body. Raises `TooLong`, and `ConnectionError` where the client went away in its middle."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionResetError("the client went away")
        body = body + message["body"] if body else message["body"]
        if len(body) > at_most:
            raise TooLong
        if not message["more_body"]:
            return body


async def answer_json(send: ASGISendCallable, status: int, value: Any) -> None:
    await answer(send, status, b"application/json", msgspec.json.encode(value))


async def answer(
    send: ASGISendCallable, status: int, content_type: bytes, head: bytes, blob: memoryview | bytes = b""
) -> None:
    """Send `head` and then `blob`, without joining them."""
    length = str(len(head) + len(blob)).encode()
    headers = [(b"content-type", content_type), (b"content-length", length)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": head, "more_body": bool(blob)})
    if blob:
        # uvicorn writes any buffer, whatever ASGI's types say: a picture is not copied on its way through.
        await send({"type": "http.response.body", "body": cast(bytes, blob), "more_body": False})


async def answer_refusal(send: ASGISendCallable, status: int, code: str, message: str) -> None:
    await answer_json(send, status, {"ok": False, "error": {"code": code, "message": message}})
