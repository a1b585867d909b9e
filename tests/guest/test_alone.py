"""The guest's dead-man switch, and when the line to the gateway counts as heard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

from guest import server as guest_server
from guest.alone import end_when_alone
from guest.server import Server
from tests.guest.desk import Line, config_for, eventually


async def test_a_guest_that_hears_nothing_for_long_ends_its_machine(tmp_path: Path) -> None:
    ended, silence_s, looks = tmp_path / "ended", [0.0], [0]

    def silence() -> float:
        looks[0] += 1
        return silence_s[0]

    command = ("/bin/sh", "-c", f"touch {ended}")
    watching = asyncio.create_task(end_when_alone(silence, alone_s=0.02, command=command))
    await eventually(lambda: looks[0] > 3)
    assert not ended.exists()
    silence_s[0] = 1.0
    await eventually(ended.exists)
    watching.cancel()


async def test_a_guest_without_the_switch_is_patient_for_ever(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    await end_when_alone(lambda: 1e9, alone_s=0, command=("/bin/touch", str(ended)))
    assert not ended.exists()


async def test_a_line_counts_as_heard_while_it_stands(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(guest_server, "HEARTBEAT_S", 0.01)
    line = Line(tmp_path / "gateway.sock")
    now = [1000.0]
    monkeypatch.setattr(guest_server, "time", SimpleNamespace(monotonic=lambda: now[0]))
    server = Server(config_for(tmp_path), asyncio.get_running_loop().create_future(), dict)
    now[0] += 3600
    assert server.alone_s() == 3600
    await line.open()
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.alone_s() == 0)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await line.close()
