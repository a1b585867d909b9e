"""A canary in the environment of a real machine, and a search for it in all that the platform shows and keeps."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as ws_connect

from common.ids import new_id
from instances.providers import user_data
from instances.providers.base import Spec
from tests.counts import told
from tests.stack import Stack
from tests.walls.canary import dumped, hidden, redis_values

QUIET_S = 2.0


@pytest.mark.stack
@pytest.mark.machine
def test_a_secret_of_a_real_machine_is_nowhere_else(stack: Stack) -> None:
    canary = f"Canary{new_id().hex}"
    with stack.client() as client, ExitStack() as opened:
        sent = {"name": "canary", "instance_type": "ubuntu", "environment_variables": {"BIRD": canary}}
        desk = client.post("/api/instances", json=sent).raise_for_status().json()
        under = [f"sites/{stack.site_id}", f"instances/{desk['id']}", f"instances/{desk['id']}/logs"]
        sockets = [opened.enter_context(_socket(stack, path)) for path in under]
        client.get(f"/api/instances/{desk['id']}/wait?status=running&timeout_s=60").raise_for_status()
        action = {"type": "bash", "command": "echo ${#BIRD}; sleep 5 &"}
        done = client.post(f"/api/instances/{desk['id']}/actions", json=action).raise_for_status()
        assert str(len(canary)) in done.text, "the machine did get it"
        found = {
            "command lines of all processes": _of_processes("cmdline"),
            "environments of the host's processes": _of_processes("environ", of_the_host=True),
            "frames of sockets": [frame for socket in sockets for frame in _frames(socket)],
            "events and logs as streams": [_streamed(client, f"/api/instances/{desk['id']}/events")],
            "logs of processes": [path.read_bytes() for path in (stack.state_dir / "logs").iterdir()],
            "the database, dumped": _dumped(stack),
            "the broker, its queues and all else in Redis": redis_values(stack.environment()["REDIS_URL"]),
        }
        client.delete(f"/api/instances/{desk['id']}").raise_for_status()
    leaked = [place for place, said in found.items() for form in hidden(canary) if any(form in text for text in said)]
    assert leaked == []
    assert [place for place, said in found.items() if not any(said)] == [], "a place that says nothing proves nothing"
    told("a machine's secret was looked for: " + ", ".join(f"{len(said)} {place}" for place, said in found.items()))


def _socket(stack: Stack, path: str) -> ClientConnection:
    url = f"{stack.url.replace('http', 'ws')}/ws/{path}?after="
    return ws_connect(url, additional_headers={"x-api-key": stack.api_key}, open_timeout=20, proxy=None)


def _frames(socket: ClientConnection) -> list[bytes]:
    """All that has come, until nothing comes for a while."""
    heard: list[bytes] = []
    with suppress(TimeoutError, WebSocketException):
        while True:
            heard.append(str(socket.recv(timeout=QUIET_S)).encode())
    return heard


def _streamed(client: httpx.Client, path: str) -> bytes:
    heard = b""
    headers = {"accept": "text/event-stream", "last-event-id": "0"}
    with suppress(httpx.ReadTimeout), client.stream("GET", path, headers=headers, timeout=QUIET_S) as answer:
        for piece in answer.iter_bytes():
            heard += piece
    return heard


def _of_processes(file: str, *, of_the_host: bool = False) -> list[bytes]:
    """Of every process, or of those that live outside all machines: inside, the machine's own shells have it."""
    ours = Path("/proc/self/ns/pid").readlink()
    said = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # of a process that has just ended
            if not of_the_host or (process / "ns" / "pid").readlink() == ours:
                said.append((process / file).read_bytes())
    return said


def _dumped(stack: Stack) -> list[bytes]:
    with psycopg.connect(stack.environment()["DATABASE_CREW_URL"], autocommit=True) as postgres:
        return dumped(postgres.cursor())


@pytest.mark.parametrize("flavour", ["ubuntu", "windows"])
def test_user_data_has_nothing_that_lasts(flavour: str) -> None:
    spec = Spec(flavour=flavour, guest_token="CanaryOfTheGuest", bootstrap_token="good-once")
    script = user_data.first_boot(spec, token="a-1", url="https://desks.example.com/api/system/bootstrap")
    assert "good-once" in script
    assert not any(form in script.encode() for form in hidden("CanaryOfTheGuest"))
