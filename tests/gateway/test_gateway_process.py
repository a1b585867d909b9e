"""The gateway as a process among others: starts, stops, is killed, loses Redis, and who hears of its guests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from typing import Any

import pytest

from gateway import VERSION
from gateway.presence import TTL_S
from guest.protocol import PROTOCOL_VERSION
from tests.gateway.fake_guest import Frame
from tests.gateway.fixtures import Connect, is_gone, running_gateway
from tests.gateway.rig import ROOT, Gateway, RedisServer, free_port, until


async def test_a_connected_guest_is_present_in_redis_for_a_while(
    redis_server: RedisServer, gateway: Gateway, connect: Connect
) -> None:
    guest = await connect("i-1")
    await until(lambda: redis_server.presence("i-1"))

    present = redis_server.presence("i-1")
    assert present is not None
    assert present["gateway"] == f"unix:{gateway.internal_socket}"
    assert (present["boot_id"], present["protocol"]) == ("boot-1", PROTOCOL_VERSION)
    assert present["hello"]["width"] == 1280
    assert 0 < redis_server.client.ttl("gateway:guest:i-1") <= TTL_S

    redis_server.client.expire("gateway:guest:i-1", 2)
    await guest.heartbeat()
    await until(lambda: redis_server.client.ttl("gateway:guest:i-1") > 2)


async def test_a_guest_that_went_is_no_longer_present(redis_server: RedisServer, connect: Connect) -> None:
    guest = await connect("i-1")
    await until(lambda: redis_server.presence("i-1"))

    await guest.hang_up()

    assert await until(lambda: redis_server.presence("i-1") is None)


async def test_what_another_gateway_wrote_since_is_left_alone(
    redis_server: RedisServer, gateway: Gateway, connect: Connect
) -> None:
    guest = await connect("i-1")
    guest.redials = False
    await until(lambda: redis_server.presence("i-1"))
    newer = json.dumps({"gateway": "unix:/elsewhere"})
    redis_server.client.set("gateway:guest:i-1", newer)

    await guest.heartbeat()
    await until(lambda: guest.closed_with)

    assert guest.closed_with == [4409]
    await until(lambda: is_gone(gateway, "i-1"))
    assert redis_server.client.get("gateway:guest:i-1") == newer
    redis_server.client.delete("gateway:guest:i-1")


async def test_hello_and_goodbye_are_announced_to_the_hub(own_redis: RedisServer, connect_to_own: Connect) -> None:
    guest = await connect_to_own("i-1")
    await until(lambda: own_redis.announced() == ["i-1"])

    await guest.hang_up()

    assert await until(lambda: own_redis.announced() == ["i-1", "i-1"])


async def test_a_guest_that_redials_madly_is_announced_seldom(own_redis: RedisServer, connect_to_own: Connect) -> None:
    guest = await connect_to_own("i-1")

    for hellos in range(2, 8):
        assert guest.connection is not None
        guest.connection.transport.abort()
        await until(lambda hellos=hellos: guest.hellos == hellos)
    await connect_to_own("i-2")

    await until(lambda: "i-2" in own_redis.announced())
    assert 1 <= own_redis.announced().count("i-1") <= 3


async def test_after_a_sigkill_guests_are_back_at_the_next_gateway(
    own_redis: RedisServer, own_gateway: Gateway, connect_to_own: Connect
) -> None:
    guest = await connect_to_own("i-1")
    own_gateway.end(signal.SIGKILL)
    own_redis.client.delete("gateway:guest:i-1")
    assert own_gateway.guest_socket.exists()

    await own_gateway.start()

    await until(lambda: own_redis.presence("i-1"))
    header, _ = await own_gateway.call("i-1", {"type": "click"})
    assert (header["ok"], guest.hellos) == (True, 2)


async def test_a_sigterm_ends_it_politely_and_leaves_nothing(
    own_redis: RedisServer, own_gateway: Gateway, connect_to_own: Connect
) -> None:
    guest = await connect_to_own("i-1")
    await until(lambda: own_redis.presence("i-1") and own_redis.announced() == ["i-1"])

    status = await asyncio.to_thread(own_gateway.end, signal.SIGTERM)
    await until(lambda: guest.closed_with)

    assert (status, guest.closed_with[0]) == (0, 1012)
    assert own_redis.presence("i-1") is None
    assert own_redis.announced() == ["i-1"]
    assert not own_gateway.guest_socket.exists()
    assert not own_gateway.internal_socket.exists()


async def test_a_sigterm_lets_a_running_call_end(own_gateway: Gateway, connect_to_own: Connect) -> None:
    closing = asyncio.Event()

    async def when_closing(call: dict[str, Any]) -> Frame:
        await closing.wait()
        return {"ok": True, "result": {}}, b""

    guest = await connect_to_own("i-1", answering=when_closing)
    asked = asyncio.create_task(own_gateway.call("i-1", {"type": "click"}))
    await until(lambda: guest.calls)

    ending = asyncio.create_task(asyncio.to_thread(own_gateway.end, signal.SIGTERM))
    await until(lambda: "gateway closing" in own_gateway.log.read_text())
    closing.set()

    assert (await asked)[0] == {"ok": True, "result": {}}
    assert await ending == 0


async def test_a_second_gateway_does_not_steal_a_living_ones_sockets(
    own_gateway: Gateway, own_redis: RedisServer, connect_to_own: Connect
) -> None:
    await connect_to_own("i-1")
    second = Gateway(own_gateway.directory.parent, own_redis.url, GATEWAY_PORT=str(free_port()))
    second.log = own_gateway.directory.parent / "second.log"

    second.launch()
    status = await asyncio.to_thread(second.wait)

    assert status == 1
    assert "another gateway" in second.log.read_text()
    assert (await own_gateway.call("i-1", {"type": "click"}))[0]["ok"] is True


async def test_a_lost_redis_holds_up_nothing_and_hears_of_everyone_again(
    own_redis: RedisServer, own_gateway: Gateway, connect_to_own: Connect
) -> None:
    early = await connect_to_own("i-1")
    await until(lambda: own_redis.presence("i-1"))

    own_redis.end(signal.SIGKILL)
    await early.heartbeat()
    late = await connect_to_own("i-2")
    asked = [own_gateway.call(incarnation, {"type": "click"}) for incarnation in ("i-1", "i-2")]
    answers = await asyncio.wait_for(asyncio.gather(*asked), 2)
    await until(lambda: "redis is away" in own_gateway.log.read_text())
    await own_redis.start()

    await until(lambda: own_redis.presence("i-1") and own_redis.presence("i-2"))
    assert [header["ok"] for header, _ in answers] == [True, True]
    assert (early.hellos, late.hellos) == (1, 1)
    await until(lambda: "redis is back" in own_gateway.log.read_text())


async def test_health_says_who_is_there(gateway: Gateway, connect: Connect) -> None:
    empty = gateway.health()
    await connect("i-1")
    held = gateway.health()

    assert empty is not None
    assert held is not None
    assert (empty["status"], empty["guests"], empty["version"]) == ("ok", 0, VERSION)
    assert held["guests"] == 1
    assert held["uptime_s"] >= empty["uptime_s"] > 0
    async with gateway.hub() as hub:
        assert (await hub.get("/health")).json()["guests"] == 1


async def test_guests_may_come_by_tcp_where_a_port_is_given(redis_server: RedisServer) -> None:
    port = free_port()

    async with running_gateway(redis_server.url, GATEWAY_GUEST_PORT=str(port)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n")

        assert (await reader.readline()).startswith(b"HTTP/1.1 404")
        writer.close()


async def test_log_lines_are_json_where_asked(redis_server: RedisServer) -> None:
    async with running_gateway(redis_server.url, LOG_FORMAT="json") as gateway:
        lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]

    assert [(line["event"], line["level"]) for line in lines] == [("gateway open", "info")]
    assert lines[0]["port"] == gateway.port


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"GATEWAY_SECRET": ""}, "GATEWAY_SECRET is not set"),
        ({"GATEWAY_DIR": ""}, "GATEWAY_DIR is not set"),
        ({"REDIS_URL": ""}, "REDIS_URL is not set"),
        ({"GATEWAY_PORT": "http"}, "GATEWAY_PORT is no port"),
        ({"GATEWAY_GUEST_PORT": "70000"}, "GATEWAY_GUEST_PORT is no port"),
        ({"GATEWAY_DIR": "/tmp/" + "x" * 90}, "GATEWAY_DIR is too long"),
    ],
)
async def test_a_wrong_configuration_is_said_in_one_line(gateway: Gateway, changes: dict[str, str], said: str) -> None:
    environment = {**os.environ, **gateway.environment, **changes}

    ended = await asyncio.to_thread(
        subprocess.run, gateway.arguments, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=20
    )

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert said in ended.stderr
