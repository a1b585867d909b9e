"""Event streams of the asynchronous client, followed over every cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

from httpx_sse import EventSource
from pydantic import BaseModel

from orchestrator_client import answers
from orchestrator_client._async.transport import AsyncTransport
from orchestrator_client.calls import Call
from orchestrator_client.errors import OrchestratorError, UnexpectedAnswer
from orchestrator_client.resuming import Resumption

T = TypeVar("T", bound=BaseModel)


async def follow(
    transport: AsyncTransport, model: type[T], call: Call, *, after: str | None = None
) -> AsyncGenerator[T, None]:
    """Every event after the id `after`, none twice, for as long as it is asked for the next.

    Raises:
        APIError: the platform ended it for good, for instance since the key was revoked.
        NotReachable: no connection could be had for five minutes.
    """
    resumption = Resumption(after)
    while True:
        error: OrchestratorError | None = None
        try:
            async with transport.stream(resumption.resumed(call)) as response:
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    raise UnexpectedAnswer(f"{call.path} did not answer with a stream of events.")
                async for told in EventSource(response).aiter_sse():
                    data = resumption.take(told)
                    if data is not None:
                        yield answers.read(model, data)
        except OrchestratorError as failure:
            error = failure
        await asyncio.sleep(resumption.pause_s(error))
