"""The small parts: configuration, way out, supervision, the heartbeat's numbers, the names of keys."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from guest import config as guest_config
from guest import supervise
from guest.desktop.base import ActionFailed
from guest.desktop.keynames import split
from guest.desktop.keys import keysym_of_character, keysym_of_key
from guest.relay import Relay
from guest.report import Report
from guest.supervise import Supervised, end, exited
from tests.guest.desk import TOKEN, config_for, eventually, read_of, settings_for


def test_the_configuration_is_read_and_unknown_fields_are_let_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.json").write_text(json.dumps(settings_for(tmp_path) | {"of_a_later_version": 1}))
    monkeypatch.setenv("GUEST_CONFIG", str(tmp_path / "c.json"))
    config = guest_config.read()
    assert (config.incarnation, config.token) == ("one-1", TOKEN)
    assert TOKEN not in repr(config)


@pytest.mark.parametrize("content", ["", "[]", '{"token": "a-secret"}', "{", "\0"])
def test_a_bad_configuration_is_refused_without_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "c.json").write_text(content)
    monkeypatch.setenv("GUEST_CONFIG", str(tmp_path / "c.json"))
    with pytest.raises(guest_config.BadConfig) as caught:
        guest_config.read()
    assert "a-secret" not in str(caught.value)


async def test_the_way_out_carries_bytes_both_ways_and_passes_ends_on(tmp_path: Path) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        await writer.drain()
        writer.close()

    egress = await asyncio.start_unix_server(shout, str(tmp_path / "egress.sock"))
    relay = Relay(config_for(tmp_path, egress=f"unix:{tmp_path}/egress.sock"))
    await relay.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(b"hello" * 100_000)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 10) == b"HELLO" * 100_000
    writer.close()
    relay.close()
    egress.close()


async def test_a_closed_way_out_ends_the_connection_and_not_the_relay(tmp_path: Path) -> None:
    relay = Relay(config_for(tmp_path, egress=f"unix:{tmp_path}/nobody.sock"))
    await relay.start()
    for _ in range(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    relay.close()


async def test_a_program_that_dies_is_started_again_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_FIRST_PAUSE_S", 0.01)
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sleep", "60"], start_new_session=True))
        return started[-1]

    program = Supervised("sleeper", start, start())
    keeping = asyncio.create_task(program.keep())
    started[0].kill()
    await eventually(lambda: len(started) == 2)
    started[1].kill()
    await eventually(lambda: len(started) == 3)
    assert program.restarts == 2
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await program.end()
    assert [child.returncode for child in started] == [-9, -9, -15]


def started(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, start_new_session=True)


async def test_a_program_that_will_not_end_is_made_to_with_all_it_started() -> None:
    child = started("trap '' TERM; sleep 60 & echo $!; wait; sleep 60")
    assert child.stdout is not None
    inner = int(await asyncio.to_thread(child.stdout.readline))
    child.stdout.close()
    await end(child, grace_s=0.1)
    assert child.returncode == -9
    await eventually(lambda: read_of(inner, "stat").rpartition(b")")[2][1:2] in (b"", b"Z"))


async def test_a_childs_end_is_noticed_however_often_one_asks() -> None:
    child = started("exit 3")
    assert [await exited(child), await exited(child)] == [3, 3]


def test_the_heartbeat_tells_memory_load_and_restarts() -> None:
    report = Report()
    sum(range(3_000_000))
    taken = report.take({"browser": 2, "window-manager": 0})
    assert taken["memory_mib"] > 1
    assert taken["load"] >= 0
    assert taken["restarts"] == {"browser": 2}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (("Enter", "Return", "RETURN", "enter"), "Return"),
        (("ctrl", "Control", "CTRL", "Control_L"), "ctrl"),
        (("Esc", "escape"), "Escape"),
        (("PageUp", "page_up", "pgup", "Page Up", "Prior"), "Prior"),
        (("Left", "ArrowLeft", "left"), "left"),
        (("cmd", "super", "meta", "win", "Super_L"), "super"),
        (("f5", "F5"), "F5"),
        (("Space", " "), "space"),
        (("del", "Delete"), "Delete"),
    ],
)
def test_keys_have_the_names_that_people_give_them(said: tuple[str, ...], meant: str) -> None:
    assert {keysym_of_key(name) for name in said} == {keysym_of_key(meant)}


def test_single_characters_are_themselves() -> None:
    assert keysym_of_key("a") != keysym_of_key("A")
    assert (keysym_of_key("é"), keysym_of_key("€")) == (0xE9, 0x0100_20AC)
    assert keysym_of_character("😀") == 0x0101_F600


@pytest.mark.parametrize("name", ["nokey", "ctlr", "ключ", "F99", "\x01", "ctrl+c"])
def test_a_key_that_does_not_exist_is_refused_by_name(name: str) -> None:
    with pytest.raises(ActionFailed) as caught:
        keysym_of_key(name)
    assert caught.value.failure.code == "bad_action"


def test_a_chord_in_one_word_is_taken_apart() -> None:
    assert split(["ctrl+shift+t"]) == ["ctrl", "shift", "t"]
    assert split(["ctrl", "+"]) == ["ctrl", "+"]
    assert split(["ctrl++"]) == ["ctrl++"]


def test_a_guest_without_configuration_says_so_and_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "guest"],
        env={"PATH": os.environ["PATH"], "GUEST_CONFIG": "/nonexistent/guest.json"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert "/nonexistent/guest.json" in done.stderr
