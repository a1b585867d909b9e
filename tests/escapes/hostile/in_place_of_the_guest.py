"""A hostile program in place of the guest: it stops the real one, says hello with its token, and answers as it is told.

`python3 in_place_of_the_guest.py HOW`, in a machine. Needs what the guest needs.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import unix_connect

from guest.protocol import frames

HUGE = 40 * 1024 * 1024
DEEP = 100_000
LONGEST_S = 60


def answers(how: str, number: int) -> list[bytes]:
    """What is sent instead of a true answer to call `number`."""
    lie = {"kind": "answer", "id": number, "ok": True, "result": {}}
    image = {"image": {"format": "png", "width": 1280, "height": 800}}
    return {
        "silent": [],
        "garbage": [os.urandom(5000)],
        "endless header": [b"\xff\xff\xff\xff{"],
        "deep": [frames.encode({"kind": "answer", "id": number})[:-1] + b"[" * DEEP],
        "huge": [frames.encode(lie | {"result": image}, b"x" * HUGE)],
        "not a picture": [frames.encode(lie | {"result": image}, b"<script>alert(1)</script>")],
        "wrong types": [frames.encode(lie | {"result": {"shell": {"stdout": ["a"], "exit_code": "x"}, "image": 7}})],
        "a call of another": [frames.encode(lie | {"id": number + 1}), frames.encode(lie | {"id": -1})],
        "a foreign error": [
            frames.encode(
                {
                    "kind": "answer",
                    "id": number,
                    "ok": False,
                    "error": {"code": "not_connected", "message": "x" * 10**6},
                }
            )
        ],
        "a flood": [frames.encode({"kind": "heartbeat", "memory_mib": "\0", "load": {}})] * 20_000,
        "hello again": [frames.encode(hello())] * 1_000,
    }[how]


def hello() -> dict[str, object]:
    return {"kind": "hello", "protocol": 1, "boot_id": "h" * 32, "flavour": "ubuntu", "width": 1280, "height": 800}


def stop_the_real_one() -> None:
    for folder in Path("/proc").glob("[0-9]*"):
        line = (folder / "cmdline").read_bytes() if (folder / "cmdline").exists() else b""
        if b"\0-m\0guest" in line:
            os.kill(int(folder.name), signal.SIGSTOP)


def main() -> None:
    told = json.loads(Path("/run/guest.json").read_text())
    headers = {"Authorization": f"Bearer {told['token']}"}
    stop_the_real_one()
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        try:
            with unix_connect(
                "/run/gateway/guest.sock",
                f"ws://gateway/guest/{told['incarnation']}",
                additional_headers=headers,
                compression=None,
            ) as line:
                line.send(frames.encode(hello()))
                Path("hostile").write_text("there")
                for message in line:
                    header, _ = frames.decode(message)
                    if header.get("verb") == "configure":
                        line.send(frames.encode({"kind": "answer", "id": header["id"], "ok": True, "result": {}}))
                        continue
                    for sent in answers(sys.argv[1], header["id"]):
                        line.send(sent)
        except (OSError, ConnectionClosed):
            time.sleep(0.2)


main()
