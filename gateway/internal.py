"""The internal door: the hub asks a guest, and hears who is there. Whoever reaches this socket is trusted."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from common.tokens import Bearer
from gateway.bearers import Bearers
from gateway.driving import Driven, Driving, NotWatching
from gateway.health import Health
from gateway.logs import event
from gateway.registry import Registry
from gateway.relay import Answer
from gateway.replies import TooLong, answer, answer_json, answer_refusal, read_body
from gateway.wire import Asked, Failed, failed, head_of, read_asked
from guest.protocol.frames import BadFrame

MAX_BODY_BYTES = 4 * 1024 * 1024
LONGEST_DEADLINE_S = 3_600.0
log = logging.getLogger(__name__)

_OURS = frozenset({"not_connected", "disconnected", "timeout", "busy"})
_GUEST = re.compile(r"/guests/([a-z0-9-]{1,64})(/call|/driver)?")


class _Wish(Struct, frozen=True):
    viewer: str
    force: bool = False


class _Gone(Struct, frozen=True):
    gone: list[Bearer]


class _Malformed(ValueError):
    """The request cannot be understood; the text says why."""


class InternalDoor:
    """An ASGI app: `POST /guests/{incarnation}/call?deadline_s=`, `GET /guests/{incarnation}`, `GET|POST|DELETE
    /guests/{incarnation}/driver`, `GET|PUT /bearers`, `GET /health`.

    A call with `input=1` is refused while a person drives.
    """

    def __init__(self, *, registry: Registry, health: Health, driving: Driving, bearers: Bearers) -> None:
        self._bearers = bearers
        self._driving = driving
        self._registry = registry
        self._health = health

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        path = _GUEST.fullmatch(scope["path"])
        match scope["method"], path and path[2]:
            case "POST", "/call":
                assert path is not None
                await self._call(path[1], scope, receive, send)
            case _, "/driver":
                assert path is not None
                await self._drive(path[1], scope, receive, send)
            case "GET", None if path is not None:
                await self._show(path[1], send)
            case "GET" | "PUT", None if scope["path"] == "/bearers":
                await self._answer_for_bearers(scope["method"], receive, send)
            case "GET", None if scope["path"] == "/health":
                await answer_json(send, 200, self._health.report())
            case _:
                await answer_refusal(send, 404, "not_found", "there is no such path, or not for this method")

    async def _call(
        self, incarnation: str, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        try:
            deadline_s = _deadline_s(scope["query_string"])
            is_input = b"input=1" in scope["query_string"]
            asked, blob = read_asked(await read_body(receive, at_most=MAX_BODY_BYTES))
        except TooLong:
            await answer_refusal(send, 413, "too_long", f"a call has at most {MAX_BODY_BYTES} bytes")
        except (BadFrame, _Malformed) as error:
            await answer_refusal(send, 400, "malformed", str(error))
        except ConnectionError:
            return
        else:
            driver = self._driving.driver(incarnation) if is_input else None
            held_back: Answer = (failed("driven", driver["label"] if driver else ""), memoryview(b""))
            reply, picture = held_back if driver else await self._asked(incarnation, asked, blob, deadline_s)
            if isinstance(reply, Failed) and reply.error.code in _OURS:
                request_id = dict(scope["headers"]).get(b"x-request-id", b"-").decode("latin-1")[:64]
                event(log, "call failed", incarnation=incarnation, code=reply.error.code, request_id=request_id)
            await answer(send, 200, b"application/octet-stream", head_of(reply), picture)

    async def _asked(self, incarnation: str, asked: Asked, blob: memoryview, deadline_s: float) -> Answer:
        guest = self._registry.find(incarnation)
        if guest is None:
            return failed("not_connected", "no guest of this incarnation is connected here"), memoryview(b"")
        return await guest.call(asked, blob, deadline_s=deadline_s)

    async def _drive(
        self, incarnation: str, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """GET tells who drives; POST lets a viewer drive, DELETE has it drive no more."""
        try:
            body = await read_body(receive, at_most=4096)
            if scope["method"] != "GET":
                wish = msgspec.json.decode(body, type=_Wish)
                if scope["method"] == "DELETE":
                    self._driving.give_back(incarnation, wish.viewer)
                else:
                    self._driving.take(incarnation, wish.viewer, force=wish.force)
        except (msgspec.MsgspecError, TooLong, ConnectionError) as error:
            await answer_refusal(send, 400, "malformed", str(error))
        except NotWatching:
            await answer_refusal(send, 404, "not_watching", "no such viewer is connected, or it may only watch")
        except Driven as error:
            await answer_refusal(send, 409, "driven", error.label)
        else:
            await answer_json(send, 200, {"driver": self._driving.driver(incarnation)})

    async def _answer_for_bearers(self, method: str, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """GET tells who holds streams; PUT says who of them may no more."""
        if method == "GET":
            await answer_json(send, 200, {"bearers": self._bearers.known()})
            return
        try:
            said = msgspec.json.decode(await read_body(receive, at_most=MAX_BODY_BYTES), type=_Gone)
        except (msgspec.MsgspecError, TooLong, ConnectionError) as error:
            await answer_refusal(send, 400, "malformed", str(error))
            return
        if ended := self._bearers.end(said.gone):
            event(log, "bearers ended", bearers=len(said.gone), streams=ended)
        await answer_json(send, 200, {"ended": ended})

    async def _show(self, incarnation: str, send: ASGISendCallable) -> None:
        guest = self._registry.find(incarnation)
        if guest is None:
            await answer_refusal(send, 404, "not_connected", "no guest of this incarnation is connected here")
            return
        shown: dict[str, Any] = {
            "connected": True,
            "boot_id": guest.hello.boot_id,
            "hello": guest.hello,
            "since": guest.since.isoformat(),
            "last_seen": guest.last_seen.isoformat(),
        }
        await answer_json(send, 200, shown)


def _deadline_s(query: bytes) -> float:
    try:
        deadline_s = float(parse_qs(query.decode("latin-1"))["deadline_s"][0])
    except (KeyError, ValueError) as error:
        raise _Malformed("deadline_s is missing or no number") from error
    if not 0 < deadline_s <= LONGEST_DEADLINE_S:  # NaN fails it too
        raise _Malformed(f"deadline_s is more than 0 and at most {LONGEST_DEADLINE_S:g}")
    return deadline_s
