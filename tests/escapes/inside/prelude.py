"""What every attempt has at hand. It prints ESCAPED and what it got; nothing where it got nothing.

`facts` is what an attacker may have learned: where a treasure lies on the host, which ports are open there, and so on.
"""

import contextlib
import json
import socket
import sys
from pathlib import Path

facts = json.loads(Path(sys.argv[1]).read_text())
MOST = 1 << 20


def escaped(what: str) -> None:
    print("ESCAPED", what, flush=True)  # noqa: T201 - how the suite hears of it


def reads(path: str) -> None:
    """Whether the treasure lies there."""
    with contextlib.suppress(OSError), open(path, "rb") as file:  # noqa: PTH123 - as an attacker writes
        if facts["treasure"].encode() in file.read(MOST):
            escaped(path)


def talks(family: int, address: object) -> None:
    """Whether somebody listens there and lets one in."""
    with contextlib.suppress(OSError), socket.socket(family) as line:
        line.settimeout(2)
        line.connect(address)
        escaped(str(address))


def asked(path: str, sent: bytes) -> bytes:
    """What the socket at `path` answers."""
    said = b""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(3)
        line.connect(path)
        line.sendall(sent)
        while len(said) < MOST and (chunk := line.recv(65536)):
            said += chunk
    return said


def by_proxy(target: str, *, host: str | None = None) -> None:
    """Whether the machine's way out leads to `target`, as a tunnel or by a plain request."""
    head = f"HTTP/1.1\r\nHost: {host or target}\r\nConnection: close\r\n\r\n"
    tunnel = f"CONNECT {target} {head}GET / HTTP/1.0\r\n\r\n"
    for request in (tunnel, f"GET http://{target}/ {head}"):
        said = asked("/run/keeper/egress.sock", request.encode())
        if facts["treasure"].encode() in said or b" 200 " in said.split(b"\r\n", 1)[0]:
            escaped(f"{target} by {request.split(' ', 1)[0]}")
