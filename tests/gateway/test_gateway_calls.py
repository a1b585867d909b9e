"""Calls through the gateway: what the hub asks reaches the guest, and what the guest answers reaches whoever asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.relay import MAX_OUTSTANDING
from guest.protocol import frames
from tests.gateway.fake_guest import Frame
from tests.gateway.fixtures import Connect
from tests.gateway.rig import Gateway, until


async def never(call: dict[str, Any]) -> Frame:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_call_reaches_the_guest_and_its_answer_the_hub(gateway: Gateway, connect: Connect) -> None:
    async def where(call: dict[str, Any]) -> Frame:
        return {"ok": True, "result": {"cursor": {"x": 3, "y": 4}}}, b""

    guest = await connect("i-1", answering=where)

    header, blob = await gateway.call("i-1", {"type": "cursor_position"})

    assert (header, blob) == ({"ok": True, "result": {"cursor": {"x": 3, "y": 4}}}, b"")
    assert [(call["kind"], call["verb"], call["args"]) for call in guest.calls] == [
        ("call", "act", {"type": "cursor_position"})
    ]


async def test_a_call_reaches_its_own_incarnation_only(gateway: Gateway, connect: Connect) -> None:
    one, other = await connect("i-1"), await connect("i-2")

    await gateway.call("i-2", {"environment": {"A": "b"}}, verb="configure")

    assert one.calls == []
    assert [call["verb"] for call in other.calls] == ["configure"]


async def test_answers_out_of_order_find_their_callers(gateway: Gateway, connect: Connect) -> None:
    all_asked = asyncio.Event()

    async def last_one_first(call: dict[str, Any]) -> Frame:
        x = call["args"]["x"]
        if len(guest.calls) == 20:
            all_asked.set()
        await all_asked.wait()
        await asyncio.sleep(0.01 * (20 - x))
        return {"ok": True, "result": {"cursor": {"x": x, "y": 0}}}, b"%d" % x

    guest = await connect("i-1", answering=last_one_first)

    answers = await asyncio.gather(*(gateway.call("i-1", {"type": "move", "x": x, "y": 0}) for x in range(20)))

    assert [(header["result"]["cursor"]["x"], blob) for header, blob in answers] == [(x, b"%d" % x) for x in range(20)]


async def test_a_picture_of_five_megabytes_passes_whole(gateway: Gateway, connect: Connect) -> None:
    picture = bytes(range(256)) * 20_480
    image = {"image": {"format": "png", "width": 1280, "height": 800}}

    async def show(call: dict[str, Any]) -> Frame:
        return {"ok": True, "result": image}, picture

    await connect("i-1", answering=show)

    header, blob = await gateway.call("i-1", {"type": "screenshot"})

    assert header["result"] == image
    assert blob == picture


async def test_a_call_past_its_deadline_is_a_timeout_and_its_late_answer_is_nobodys(
    gateway: Gateway, connect: Connect
) -> None:
    asked_again = asyncio.Event()

    async def first_one_late(call: dict[str, Any]) -> Frame:
        if call["args"]["n"] == 1:
            await asked_again.wait()
        return {"ok": True, "result": {"cursor": {"x": call["args"]["n"], "y": 0}}}, b""

    await connect("i-1", answering=first_one_late)

    late, _ = await gateway.call("i-1", {"n": 1}, deadline_s=0.1)
    asked_again.set()
    next_one, _ = await gateway.call("i-1", {"n": 2})

    assert (late["ok"], late["error"]["code"]) == (False, "timeout")
    assert next_one["result"]["cursor"]["x"] == 2


async def test_a_disconnect_in_the_middle_of_a_call_is_said_at_once(gateway: Gateway, connect: Connect) -> None:
    guest = await connect("i-1", answering=never)
    asked = asyncio.create_task(gateway.call("i-1", {"type": "click"}, deadline_s=60))
    await until(lambda: guest.calls)

    await guest.hang_up()
    header, _ = await asyncio.wait_for(asked, 5)

    assert (header["ok"], header["error"]["code"]) == (False, "disconnected")


async def test_a_guest_that_is_not_there_is_not_connected(gateway: Gateway) -> None:
    header, _ = await gateway.call("i-1", {"type": "click"})

    assert (header["ok"], header["error"]["code"]) == (False, "not_connected")


async def test_one_call_too_many_is_busy_and_another_guest_is_not(gateway: Gateway, connect: Connect) -> None:
    guest = await connect("i-1", answering=never)
    await connect("i-2")
    waiting = [asyncio.create_task(gateway.call("i-1", {"n": n}, deadline_s=60)) for n in range(MAX_OUTSTANDING)]
    await until(lambda: len(guest.calls) == MAX_OUTSTANDING)

    refused, _ = await gateway.call("i-1", {"n": MAX_OUTSTANDING})
    taken, _ = await gateway.call("i-2", {"n": 0})

    assert refused["error"]["code"] == "busy"
    assert taken["ok"] is True
    assert len(guest.calls) == MAX_OUTSTANDING
    await guest.hang_up()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "unsupported", "message": "no"}, "unsupported"),
        ({"code": "bad_action", "message": "no"}, "bad_action"),
        ({"code": "not_connected", "message": "forged"}, "failed"),
        ({"code": "timeout", "message": "forged"}, "failed"),
        ({"code": 5}, "failed"),
        ("a text", "failed"),
    ],
)
async def test_a_guest_refuses_by_a_guests_codes_only(
    gateway: Gateway, connect: Connect, error: object, code: str
) -> None:
    async def refuse(call: dict[str, Any]) -> Frame:
        return {"ok": False, "error": error}, b""

    await connect("i-1", answering=refuse)

    header, _ = await gateway.call("i-1", {"type": "click"})

    assert (header["ok"], header["error"]["code"]) == (False, code)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/guests/i-1/call", frames.encode({"verb": "act", "args": {}}), 400),
        ("/guests/i-1/call?deadline_s=soon", frames.encode({"verb": "act", "args": {}}), 400),
        ("/guests/i-1/call?deadline_s=nan", frames.encode({"verb": "act", "args": {}}), 400),
        ("/guests/i-1/call?deadline_s=0", frames.encode({"verb": "act", "args": {}}), 400),
        ("/guests/i-1/call?deadline_s=1e9", frames.encode({"verb": "act", "args": {}}), 400),
        ("/guests/i-1/call?deadline_s=5", b"", 400),
        ("/guests/i-1/call?deadline_s=5", b"\xff\xff\xff\xff{}", 400),
        ("/guests/i-1/call?deadline_s=5", b"\x00\x00\x00\x02[]", 400),
        ("/guests/i-1/call?deadline_s=5", frames.encode({"verb": "explode", "args": {}}), 400),
        ("/guests/i-1/call?deadline_s=5", frames.encode({"verb": "act"}), 400),
        ("/guests/i-1/call?deadline_s=5", frames.encode({"verb": "act", "args": {}}, bytes(5_000_000)), 413),
        ("/guests/UPPER/call?deadline_s=5", frames.encode({"verb": "act", "args": {}}), 404),
        ("/elsewhere", b"", 404),
    ],
)
async def test_a_malformed_request_is_refused_and_never_sent(
    gateway: Gateway, connect: Connect, path: str, body: bytes, status: int
) -> None:
    guest = await connect("i-1")

    async with gateway.hub() as hub:
        response = await hub.post(path, content=body)

    assert response.status_code == status
    assert response.json()["ok"] is False
    assert guest.calls == []
