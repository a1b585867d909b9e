"""The guest as a whole: session, way out and line to the gateway, from their beginning to their end."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from typing import Any

from guest.alone import end_when_alone
from guest.browser import Browser
from guest.config import Config
from guest.dispatch import Dispatcher
from guest.environment import InstanceEnvironment
from guest.files import Files
from guest.protocol import PROTOCOL_VERSION
from guest.protocol.hello import Hello
from guest.relay import Relay
from guest.report import Report
from guest.rise import Rise, RiseFailed
from guest.server import Ready, Server
from guest.session import Session
from guest.shell import Shell
from guest.streams import Streams

VERSION = "0.1.0"
_ASKED_TO_END = 0
_DESKTOP_LOST = 3

log = logging.getLogger(__name__)


def run(config: Config, rising: Rise) -> int:
    """The process's exit code: 0 when it was asked to end, 3 when its desktop was lost or never came."""
    logging.basicConfig(level=logging.INFO, format="guest %(levelname)s %(name)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    return asyncio.run(_run(config, rising))


async def _run(config: Config, rising: Rise) -> int:
    asked_to_end = _on_signals()
    ready: Ready = asyncio.get_running_loop().create_future()
    report, sessions = Report(), list[Session]()

    def fares() -> dict[str, Any]:
        return report.take(sessions[0].restarts() if sessions else {})

    server = Server(config, ready, fares)
    serving = asyncio.gather(
        server.serve(), end_when_alone(server.alone_s, alone_s=config.alone_s, command=config.when_alone)
    )
    relay = await _way_out(config)
    try:
        session = await Session.raised(config, rising)
        sessions.append(session)
        return await _live(config, session, ready, asked_to_end)
    except (RiseFailed, OSError) as error:
        log.error("the desktop did not rise: %s", error)
        return _DESKTOP_LOST
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        for each in sessions:
            await each.close()
        if relay:
            relay.close()


async def _live(config: Config, session: Session, ready: Ready, asked_to_end: asyncio.Event) -> int:
    lost = asyncio.create_task(session.lost())
    leaving = asyncio.create_task(asked_to_end.wait())
    greeting = asyncio.create_task(_greet(config, session, ready))
    try:
        await asyncio.wait({lost, leaving, greeting}, return_when=asyncio.FIRST_COMPLETED)
        if greeting.done():
            greeting.result()
            await asyncio.wait({lost, leaving}, return_when=asyncio.FIRST_COMPLETED)
        ended = leaving.done()
    finally:
        for task in (lost, leaving, greeting):
            task.cancel()
    if ended:
        return _ASKED_TO_END
    log.error("the X server ended")
    return _DESKTOP_LOST


async def _greet(config: Config, session: Session, ready: Ready) -> None:
    await session.ready()
    environment = InstanceEnvironment(config)
    shell = Shell(config, session.display, environment)
    hello = Hello(
        protocol=PROTOCOL_VERSION,
        boot_id=secrets.token_hex(16),
        flavour=config.flavour,
        width=config.width,
        height=config.height,
        version=VERSION,
    )
    browser = Browser(config.cdp_port) if config.flavour == "browser" else None
    streams = Streams(config, session.desktop)
    dispatcher = Dispatcher(session.desktop, shell, environment, streams, files=Files(config), browser=browser)
    ready.set_result((hello, dispatcher))
    session.desktop.warm()


async def _way_out(config: Config) -> Relay | None:
    if not config.egress:
        return None
    relay = Relay(config)
    try:
        await relay.start()
    except OSError as error:
        log.error("there is no way out: %s", error)
        return None
    return relay


def _on_signals() -> asyncio.Event:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked
