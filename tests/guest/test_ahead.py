"""The X server that is begun before the guest is imported: the same one the desktop then rises on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from guest import ahead
from guest.children import Adopted
from guest.config import Config
from guest.rise import Rise, RiseFailed
from guest.supervise import end

pytestmark = pytest.mark.machine


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for name in ("run", "home"):
        (tmp_path / name).mkdir()
    run, home = str(tmp_path / "run"), str(tmp_path / "home")
    monkeypatch.setattr(ahead, "RUNTIME_DIR", run)
    monkeypatch.setenv(ahead.SCREEN, "640x480")
    return Config(
        *("one-1", "", "ubuntu", 640, 480),
        gateway="",
        home=home,
        runtime_dir=run,
        private_dir=str(tmp_path / "private"),
    )


async def test_the_desktop_rises_on_the_server_that_was_begun_ahead(config: Config) -> None:
    begun = ahead.begin()
    assert begun is not None
    risen = Rise(config, ahead=begun).risen()
    try:
        assert risen.server.pid == begun[0]
        assert risen.server.poll() is None
        assert os.getsid(begun[0]) == begun[0]
    finally:
        for child in (risen.shown, risen.window_manager, risen.server):
            await end(child)
    assert risen.server.returncode is not None


def test_a_server_that_ended_at_once_is_a_desktop_that_does_not_rise(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ahead.SCREEN, "nonsense")
    begun = ahead.begin()
    with pytest.raises(RiseFailed, match="X server ended"):
        Rise(config, ahead=begun).risen()


def test_nothing_is_begun_where_no_screen_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ahead.SCREEN)
    assert ahead.begin() is None


def test_an_adopted_child_tells_how_it_ended_as_often_as_it_is_asked() -> None:
    ends = Adopted(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 7"], {}))
    assert (ends.wait(), ends.wait(), ends.poll(), ends.returncode) == (7, 7, 7, 7)
    stays = Adopted(os.posix_spawn("/bin/sleep", ["sleep", "60"], {}))
    assert (stays.poll(), stays.returncode) == (None, None)
    os.kill(stays.pid, signal.SIGKILL)
    assert stays.wait() == -signal.SIGKILL
