"""A guest of the tests' own: a real one, started as a process, and the small gateway that it dials."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.server import Server, ServerConnection, unix_serve

from guest.config import Config
from guest.protocol import frames, results

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-that-nobody-else-may-see"
WITHIN_S = 60.0


class Line:
    """What the guest's gateway is here: takes its connections, keeps what it says, asks it for things."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hellos: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heartbeats: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.authorizations: list[str] = []
        self.paths: list[str] = []
        self.connection: ServerConnection | None = None
        self._answers: dict[int, asyncio.Future[tuple[dict[str, Any], bytes]]] = {}
        self._asked = 0
        self._server: Server | None = None

    async def open(self) -> None:
        self._server = await unix_serve(self._hold, str(self.path), max_size=None, compression=None)

    async def close(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        self.path.unlink(missing_ok=True)

    async def hello(self) -> dict[str, Any]:
        """The next hello."""
        return await asyncio.wait_for(self.hellos.get(), WITHIN_S)

    async def call(self, verb: str, arguments: Any) -> tuple[dict[str, Any], bytes]:
        """The answer's header and blob."""
        self._asked += 1
        number = self._asked
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self.say(frames.encode({"kind": "call", "id": number, "verb": verb, "args": arguments}))
        return await asyncio.wait_for(answer, WITHIN_S)

    async def say(self, message: bytes | str) -> None:
        """Anything at all."""
        assert self.connection is not None
        await self.connection.send(message)

    async def _hold(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.authorizations.append(connection.request.headers.get("Authorization", ""))
        self.paths.append(connection.request.path)
        self.connection = connection
        async for message in connection:
            header, blob = frames.decode(message if isinstance(message, bytes) else message.encode())
            match header["kind"]:
                case "hello":
                    self.hellos.put_nowait(header)
                case "heartbeat":
                    self.heartbeats.put_nowait(header)
                case "answer":
                    self._answers.pop(header["id"]).set_result((header, bytes(blob)))


class Desk:
    """A guest that has said hello, and the ways to ask it for things."""

    def __init__(self, line: Line, process: subprocess.Popen[bytes], folder: Path, hello: dict[str, Any]) -> None:
        self.line = line
        self.process = process
        self.home = folder / "home"
        self.runtime = folder / "run"
        self.hello = hello
        self.display = ""

    async def act(self, kind: str, **fields: Any) -> tuple[results.Result, bytes]:
        """What came of an action; asserts that it worked."""
        header, blob = await self.line.call("act", {"type": kind, **fields})
        assert header["ok"], header
        return msgspec.convert(header["result"], results.Result), blob

    async def refused(self, kind: str, **fields: Any) -> results.Failure:
        """Why an action was not done; asserts that it was not."""
        header, _ = await self.line.call("act", {"type": kind, **fields})
        assert not header["ok"], header
        return msgspec.convert(header["error"], results.Failure)

    async def bash(self, command: str, timeout_s: float = 30) -> results.Shell:
        result, _ = await self.act("bash", command=command, timeout_s=timeout_s)
        assert result.shell is not None
        return result.shell

    def children(self, of: str = "") -> list[int]:
        """The numbers of the processes that the guest started, or of those whose command line has `of` in it."""
        lists = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        numbers = [int(number) for each in lists for number in each.read_text().split()]
        return [number for number in numbers if of.encode() in read_of(number, "cmdline")]

    def tool(self, *argv: str, within_s: float = 20) -> str:
        """What another program of the desktop's owner says, such as xdotool."""
        environment = {**os.environ, "DISPLAY": self.display}
        return subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=within_s, check=True
        ).stdout


@asynccontextmanager
async def desk(flavour: str, *, home: Path | None = None, **settings: Any) -> AsyncIterator[Desk]:
    """A guest of `flavour` until the block ends; `home` is copied for it. Nothing of it is left after."""
    folder = _folder(home)
    line = Line(folder / "gateway.sock")
    await line.open()
    process = start(folder, settings | {"flavour": flavour, "gateway": f"unix:{line.path}"})
    try:
        ready = Desk(line, process, folder, await _hello(line, process))
        ready.display = await _display(ready)
        yield ready
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)
        await line.close()
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, settings: dict[str, Any]) -> subprocess.Popen[bytes]:
    """The guest program, as the provider starts it but for the sandbox."""
    given = settings_for(folder) | settings
    (folder / "guest.json").write_text(json.dumps(given))
    environment = {
        "GUEST_CONFIG": str(folder / "guest.json"),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen([sys.executable, "-P", "-m", "guest"], env=environment, start_new_session=True)


def settings_for(folder: Path) -> dict[str, Any]:
    """A whole configuration whose every place lies in `folder`."""
    return {
        "incarnation": "one-1",
        "token": TOKEN,
        "flavour": "ubuntu",
        "width": 1024,
        "height": 700,
        "gateway": f"unix:{folder}/gateway.sock",
        "home": str(folder / "home"),
        "runtime_dir": str(folder / "run"),
        "private_dir": str(folder / "private"),
        "cdp_port": free_port(),
        "relay_port": 0,
        # As root, Chromium starts no other way; in a sandbox nobody is root.
        "browser_flags": ["--no-sandbox"] if os.geteuid() == 0 else [],
    }


def config_for(folder: Path, **settings: Any) -> Config:
    """The same for tests of parts, with the folders made."""
    config = Config(**settings_for(folder) | settings)
    for place in (config.home, config.runtime_dir, config.private_dir):
        Path(place).mkdir(parents=True, exist_ok=True)
    return config


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def read_of(number: int, name: str) -> bytes:
    """What /proc says of a process; nothing where it has ended."""
    try:
        return Path(f"/proc/{number}/{name}").read_bytes()
    except OSError:
        return b""


async def eventually(
    look: Callable[[], Any] | Callable[[], Awaitable[Any]], *, within_s: float = 60, what: str = ""
) -> Any:
    """What `look` gives, as soon as it is something; asserts that it comes within the time."""
    deadline = time.monotonic() + within_s
    while True:
        value = look()
        value = await value if isinstance(value, Awaitable) else value
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.02)


def _folder(home: Path | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="desk-"))
    if home:
        subprocess.run(["cp", "-a", str(home), str(folder / "home")], check=True)
    (folder / "home").mkdir(exist_ok=True)
    return folder


async def _hello(line: Line, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    hello = asyncio.create_task(line.hello())
    ended = asyncio.create_task(asyncio.to_thread(process.wait))
    await asyncio.wait({hello, ended}, return_when=asyncio.FIRST_COMPLETED)
    assert hello.done(), f"the guest ended with {process.returncode} before it said hello"
    return hello.result()


async def _display(ready: Desk) -> str:
    command = "echo %DISPLAY%" if ready.hello["flavour"] == "windows" else "echo $DISPLAY"
    return (await ready.bash(command)).stdout.strip()
