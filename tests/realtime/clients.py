"""Clients of streams as tests need them: the events of an SSE answer, and why a socket was closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import websockets


@asynccontextmanager
async def events(url: str, **headers: str) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """The events of a stream, each as its fields. Without TLS there are no certificates to read, which takes 25 ms."""
    headers = {"accept": "text/event-stream"} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx.AsyncClient(timeout=20, verify=False) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["x-accel-buffering"] == "no"
        yield _events(response)


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if "data" in fields:
                yield fields
            fields = {}


async def message(socket: Any) -> dict[str, Any]:
    async with asyncio.timeout(15):
        received: dict[str, Any] = json.loads(await socket.recv())
    return received


async def refusal(socket: Any) -> tuple[int, str]:
    """The close code and the word of the error that came before it."""
    word = ""
    try:
        while True:
            received = await message(socket)
            word = received["code"] if received["type"] == "error" else word
    except websockets.ConnectionClosed as closed:
        assert closed.rcvd is not None
        return closed.rcvd.code, word
