"""The guest on a real Windows: started in the session of the desktop's user, it dials the gateway."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import secrets
import sys
from pathlib import Path
from typing import Any

from guest.config import Config
from guest.desktop.base import ActionFailed
from guest.desktop.win32.hands import WindowsDesktop
from guest.dispatch import Dispatcher
from guest.environment import InstanceEnvironment
from guest.files import Files
from guest.powershell import PowerShell
from guest.protocol import PROTOCOL_VERSION, actions
from guest.protocol.hello import Hello
from guest.server import Ready, Server
from guest.streams import Streams

VERSION = "0.1.0"
_DESKTOP_LOST = 3
_LOOK_AGAIN_S = 0.5
_MIB = 1024 * 1024

log = logging.getLogger(__name__)


class MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX: 64 bytes."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load_percent", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("total", "available", "total_page", "available_page")),
        *((name, ctypes.c_uint64) for name in ("total_virtual", "available_virtual", "extended")),
    ]


def run(config: Config) -> int:
    """The process's exit code: 3 when there is no desktop. It runs until it is ended; Windows asks no such program."""
    log_to = Path(config.runtime_dir) / "guest.log"
    for folder in (log_to.parent, Path(config.private_dir)):
        folder.mkdir(parents=True, exist_ok=True)
    # A program without a console has no standard error; each start begins its log anew.
    logging.basicConfig(filename=log_to, filemode="w", level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    try:
        return asyncio.run(_run(config, WindowsDesktop()))
    except OSError as error:
        log.error("there is no desktop: %s", error)
        return _DESKTOP_LOST


async def _run(config: Config, desktop: WindowsDesktop) -> int:
    ready: Ready = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(Server(config, ready, _fares).serve())
    try:
        await _until_seen(desktop)
        environment = InstanceEnvironment(config)
        shell = PowerShell(config, environment)
        streams, files = Streams(config), Files(config)
        dispatcher = Dispatcher(desktop, shell, environment, streams, files=files, browser=None)
        ready.set_result((_hello(config, desktop), dispatcher))
        desktop.warm()
        await serving
    finally:
        serving.cancel()
        desktop.close()
    return 0


async def _until_seen(desktop: WindowsDesktop) -> None:
    """Until there is a picture of the desktop: right after the sign-in there is none."""
    while True:
        try:
            await desktop.screenshot(actions.Screenshot(format="jpeg"))
            return
        except ActionFailed:
            await asyncio.sleep(_LOOK_AGAIN_S)


def _hello(config: Config, desktop: WindowsDesktop) -> Hello:
    """The screen's size is the machine's own: it may be another than was asked for."""
    width, height = desktop.size()
    return Hello(
        protocol=PROTOCOL_VERSION,
        boot_id=secrets.token_hex(16),
        flavour=config.flavour,
        width=width,
        height=height,
        version=VERSION,
    )


def _fares() -> dict[str, Any]:
    """For the heartbeat. How busy the processors are is not told."""
    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    if sys.platform == "win32":
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return {"memory_mib": (status.total - status.available) // _MIB, "load": 0.0, "restarts": {}}
