"""The embedded Valkey: starts, stops, survives being killed, and lets nobody in without the password."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from infra.embedded.valkey import Valkey
from tests.services import temporary_deployment


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    server = replace(temporary_deployment("valkey"), durable=True).valkey()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url()) as client:
        yield client


def test_what_was_written_is_there_after_a_stop_and_a_start(valkey: Valkey, client: redis.Redis) -> None:
    client.lpush("queue", "task")
    valkey.stop()
    assert not valkey.running()
    valkey.start()
    assert client.lrange("queue", 0, -1) == [b"task"]


def test_what_was_written_is_there_after_the_server_was_killed(valkey: Valkey, client: redis.Redis) -> None:
    client.lpush("queue", "task")
    os.kill(valkey.pid, signal.SIGKILL)
    valkey.start()
    assert client.lrange("queue", 0, -1) == [b"task"]


def test_the_server_wants_the_password(valkey: Valkey) -> None:
    with redis.Redis(port=valkey.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_the_password_stands_in_no_command_line(valkey: Valkey) -> None:
    assert valkey.secrets.redis not in Path(f"/proc/{valkey.pid}/cmdline").read_text()
    assert (valkey.home / "valkey.conf").stat().st_mode & 0o077 == 0
