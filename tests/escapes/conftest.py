"""An attacker's machine, a neighbour, and a host on which there is something to get."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import io
import json
import secrets
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.embedded.processes import Failed, wait_until
from tests.stack import Stack
from tests.walks.conftest import Desk, ask, http

__all__ = ["ask", "http"]
HERE = Path(__file__).resolve().parent
WORD = secrets.token_hex(4)
"""Of this run alone: another one on the same host has names of its own."""
TREASURE, ABSTRACT, BYSTANDER = f"treasure-{WORD}", f"desk-host-{WORD}", f"bystander-{WORD}"
SHM_KEY, SHM_CREATE, SHM_REMOVE = int(WORD, 16) >> 1, 0o1000 | 0o666, 0


@dataclass(frozen=True)
class Host:
    """What an attacker may have learned of the host, and could get there from outside a machine."""

    facts: dict[str, Any]

    def tries(self, attempt: str, folder: Path) -> str:
        """What the attempt prints on the host itself."""
        (folder / "facts.json").write_text(json.dumps(self.facts))
        command = [sys.executable, HERE / "inside" / f"{attempt}.py", "facts.json"]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert "Error" not in ran.stderr, ran.stderr
        return ran.stdout


@dataclass(frozen=True)
class Attacker:
    """A machine with our attempts in its home."""

    desk: Desk
    host: Host

    def tries(self, attempt: str) -> str:
        """What the attempt prints in the machine, as its user."""
        command = f"cd attempts && python3 inside/{attempt}.py facts.json 2>&1; echo ended $?"
        shell = self.desk.act(type="bash", command=command, timeout_s=150)["shell"]
        assert shell["stdout"].endswith("ended 0\n"), shell
        return str(shell["stdout"])


class WineAttacker(Attacker):
    """The same where the shell is Wine's cmd: it starts programs of the system below it as readily as its own."""

    def tries(self, attempt: str) -> str:
        path = f"/api/instances/{self.desk.id}/files?path=attempts/{attempt}.said"
        command = f"start /unix /bin/sh /home/user/attempts/try.sh {attempt}"

        def begun() -> bool:
            """Whether it has been started: on a busy machine Wine has lost what it was to start."""
            shell = self.desk.act(type="bash", command=command)["shell"]
            assert shell["exit_code"] == 0, shell
            with contextlib.suppress(Failed):
                wait_until(lambda: self.desk.http.get(path).is_success, timeout_s=30, what="its words", every_s=0.2)
            return self.desk.http.get(path).is_success

        def ended() -> bool:
            return "\nended " in "\n" + self.desk.http.get(path).text

        wait_until(begun, timeout_s=60, what=f"the beginning of {attempt}")
        wait_until(ended, timeout_s=150, what=f"the end of {attempt}", every_s=0.2)
        said = self.desk.http.get(path).text
        assert said.endswith("ended 0\n"), said
        return said


def packed() -> str:
    """The attempts, as a shell takes them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for folder in ("inside", "hostile"):
            archive.add(HERE / folder, folder, filter=lambda member: None if "__pycache__" in member.name else member)
    return base64.b64encode(buffer.getvalue()).decode()


def furnish_wine(desk: Desk, facts: dict[str, Any]) -> Desk:
    desk.wait("running")
    for path in sorted((HERE / "inside").glob("*.py")):
        desk.act(type="write_file", path=f"attempts/inside/{path.name}", content=path.read_text())
    desk.act(type="write_file", path="attempts/facts.json", content=json.dumps(facts))
    script = "cd /home/user/attempts; python3 inside/$1.py facts.json >$1.said 2>&1; echo ended $? >>$1.said\n"
    desk.act(type="write_file", path="attempts/try.sh", content=script)
    return desk


def furnish(desk: Desk) -> Desk:
    desk.wait("running")
    shell = desk.shell(f"mkdir -p attempts && base64 -d <<'END' | tar xz -C attempts\n{packed()}\nEND")
    assert shell["exit_code"] == 0, shell
    return desk


class _Treasury(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(TREASURE.encode())

    def log_message(self, *_: object) -> None:
        """Silence: a suite has enough to say."""


@pytest.fixture(scope="module")
def neighbour(stack: Stack) -> Iterator[Desk]:
    """A machine that has nothing to do with it, and must notice nothing."""
    with stack.client() as client:
        desk = Desk(client, client.post("/api/instances", json={"name": "n", "instance_type": "ubuntu"}).json()["id"])
        desk.wait("running")
        yield desk
        desk.delete()


@pytest.fixture(scope="module")
def host(stack: Stack, neighbour: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    (folder / "file").write_text(TREASURE)
    libc = ctypes.CDLL(None)
    shared = libc.shmget(SHM_KEY, 4096, SHM_CREATE)
    with (
        ThreadingHTTPServer(("0.0.0.0", 0), _Treasury) as treasury,
        socket.socket(socket.AF_UNIX) as abstract,
        subprocess.Popen(["cat", "-", BYSTANDER], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as bystander,
    ):
        threading.Thread(target=treasury.serve_forever, daemon=True).start()
        abstract.bind(f"\0{ABSTRACT}")
        abstract.listen()
        yield Host(
            {
                "treasure": TREASURE,
                "file": str(folder / "file"),
                "pid": bystander.pid,
                "word": BYSTANDER,
                "ports": [treasury.server_port, *_ports(stack)],
                "addresses": _addresses(),
                "hostname": socket.gethostname(),
                "abstract": ABSTRACT,
                "shm_key": SHM_KEY,
                "sockets": [str(Path(stack.environment()["GATEWAY_DIR"]) / "internal.sock")],
                "neighbour": f"{neighbour.id.replace('-', '')}-1",
            }
        )
        treasury.shutdown()
    libc.shmctl(shared, SHM_REMOVE, None)


def _ports(stack: Stack) -> list[int]:
    """Those of the platform's own servers."""
    environment = stack.environment()
    urls = (environment["DATABASE_URL"], environment["REDIS_URL"], stack.url)
    return [port for url in urls if (port := httpx.URL(url).port)]


def _addresses() -> list[str]:
    """The host's own, other than loopback."""
    found = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    return sorted(str(address) for address in found if not str(address).startswith("127."))


@pytest.fixture(scope="module", params=["ubuntu", "browser", "windows"])
def attacker(request: pytest.FixtureRequest, stack: Stack, host: Host) -> Iterator[Attacker]:
    with stack.client(timeout_s=200) as client:
        made = client.post("/api/instances", json={"name": "attacker", "instance_type": request.param}).json()
        desk = Desk(client, made["id"])
        if request.param == "windows":
            yield WineAttacker(furnish_wine(desk, host.facts), host)
        else:
            furnish(desk).shell(f"echo '{json.dumps(host.facts)}' > attempts/facts.json")
            yield Attacker(desk, host)
        desk.delete()


@pytest.fixture
def unharmed(stack: Stack, neighbour: Desk) -> Iterator[Callable[[], None]]:
    """Says whether platform and neighbour work; after the test it is asked once more."""

    def check() -> None:
        neighbour.act(type="click", x=200, y=200)
        assert neighbour.screen().size == (1280, 800)
        assert neighbour.shell("echo well")["stdout"] == "well\n"
        assert httpx.get(f"{stack.url}/api/system/health", timeout=30, trust_env=False, verify=False).status_code == 200

    yield check
    check()
