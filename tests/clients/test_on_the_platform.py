"""The client and the command on the running platform, and the pages that show them, done as they are written."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from orchestrator_client import Client, NotFound
from tests.services import OUTSIDE
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.machine]

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "orchestrator_client"]


@pytest.fixture
def outside(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has logged in."""
    scripts = Path(sys.executable).parent
    environment = OUTSIDE | {
        "ORCHESTRATOR_PROFILES": str(tmp_path / "profiles.json"),
        "PATH": f"{tmp_path}:{scripts}:{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT / "clients" / "python" / "src"),
    }
    login = [*COMMAND, "login", "--credentials", str(stack.state_dir / "credentials.json")]
    subprocess.run(login, env=environment, check=True, capture_output=True, timeout=60)
    return environment


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.api_key) as made:
        yield made


def test_the_readme_and_the_clients_page_are_true(stack: Stack, outside: dict[str, str], tmp_path: Path) -> None:
    for page in ("README.md", "docs/client.md"):
        text = (CHECKOUT / page).read_text()
        program = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
        ran = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, env=outside, capture_output=True, text=True, timeout=240
        )
        assert ran.returncode == 0, ran.stderr
        assert Image.open(tmp_path / "screen.png").size == (1280, 800)
    assert "That is a Linux." in ran.stdout and "NOT_FOUND" in ran.stdout

    (tmp_path / "orchestrator").write_text(f'#!/bin/sh\nexec {sys.executable} -m orchestrator_client "$@"\n')
    (tmp_path / "orchestrator").chmod(0o755)
    (script,) = re.findall(r"^```sh\n(ID=.*?)^```", text, re.MULTILINE | re.DOTALL)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=outside,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for told in ("my desk", "guest_ready", "Sign in", "They came by mail."):
        assert told in ran.stdout


def test_a_stream_outlives_the_web_process_and_the_command_ends_as_its_command_did(
    stack: Stack, client: Client, outside: dict[str, str]
) -> None:
    id = client.instances.create(name="a desk", instance_type="ubuntu").id
    followed = subprocess.Popen(
        [*COMMAND, "instances", "events", "-f", "-o", "json", id], env=outside, stdout=subprocess.PIPE, text=True
    )
    try:
        assert client.instances.wait(id).status == "running"
        streamed = client.instances.events(id)
        seen = [next(streamed)]
        stack.kill("web")
        stack.await_healthy()

        bash = [*COMMAND, "instances", "bash", id, "echo out; echo err >&2; exit 7"]
        ran = subprocess.run(bash, env=outside, capture_output=True, text=True, timeout=60)
        assert (ran.returncode, ran.stdout, ran.stderr) == (7, "out\n", "err\n")
        shot = subprocess.run(
            [*COMMAND, "instances", "screenshot", id, "-o", "-", "--format", "jpeg"], env=outside, capture_output=True
        )
        assert Image.open(io.BytesIO(shot.stdout)).size == (1280, 800)

        client.instances.stop(id)
        while seen[-1].status != "stopped":
            seen.append(next(streamed))
        assert [event.number for event in seen] == list(range(1, len(seen) + 1))
        assert followed.stdout is not None
        told = [json.loads(followed.stdout.readline()) for _ in seen]
        assert [event["number"] for event in told] == [event.number for event in seen]
    finally:
        followed.terminate()
        followed.wait(timeout=20)
        client.instances.delete(id)
    assert client.instances.wait(id, "deleted").status == "deleted"
    with pytest.raises(NotFound):
        client.instances.get(id)
