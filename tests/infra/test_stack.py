"""The platform as a whole: found by others, healed after a kill, the same again after a stop."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from infra.embedded.paths import CHECKOUT
from tests.services import OUTSIDE
from tests.stack import Stack

pytestmark = pytest.mark.stack


def test_credentials_are_for_the_owner_of_the_files_only(stack: Stack) -> None:
    for name in ("credentials.json", "secrets.json", "env"):
        assert (stack.state_dir / name).stat().st_mode & 0o077 == 0, name


def test_the_key_in_the_credentials_opens_the_api(stack: Stack) -> None:
    with stack.client() as client:
        assert client.get("/api/instances").status_code == 200
    assert httpx.get(f"{stack.url}/api/instances", trust_env=False).status_code == 401


@pytest.mark.parametrize("name", ["web", "worker", "gateway", "beat", "valkey", "postgres"])
def test_a_killed_process_is_replaced_and_the_platform_is_well_again(stack: Stack, name: str) -> None:
    stack.kill(name)
    stack.await_healthy()
    with stack.client() as client:
        assert client.get("/api/instances").status_code == 200


def test_a_second_up_refuses_and_says_where_the_first_is(stack: Stack) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "infra.up", "--state-dir", str(stack.state_dir), "--port", "1"],
        cwd=CHECKOUT,
        env=OUTSIDE | {"RUNTIME_DIR": str(stack.state_dir.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode != 0
    assert "already running" in second.stdout
    assert str(stack.state_dir / "credentials.json") in second.stdout


def test_no_secret_stands_in_a_command_line(stack: Stack) -> None:
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    secrets = (stack.state_dir / "secrets.json").read_text().split('"')[3::4]
    assert len(secrets) > 5
    assert not [secret for secret in secrets if secret in commands]
    assert stack.api_key not in commands
