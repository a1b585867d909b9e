"""Event streams of the client, followed over every cut."""
# Made from _async/streams.py by generator/; not edited by hand.

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

from httpx_sse import EventSource
from pydantic import BaseModel

from orchestrator_client import answers
from orchestrator_client._sync.transport import Transport
from orchestrator_client.calls import Call
from orchestrator_client.errors import OrchestratorError, UnexpectedAnswer
from orchestrator_client.resuming import Resumption

T = TypeVar("T", bound=BaseModel)


def follow(transport: Transport, model: type[T], call: Call, *, after: str | None = None) -> Generator[T, None, None]:
    """Every event after the id `after`, none twice, for as long as it is asked for the next.

    Raises:
        APIError: the platform ended it for good, for instance since the key was revoked.
        NotReachable: no connection could be had for five minutes.
    """
    resumption = Resumption(after)
    while True:
        error: OrchestratorError | None = None
        try:
            with transport.stream(resumption.resumed(call)) as response:
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    raise UnexpectedAnswer(f"{call.path} did not answer with a stream of events.")
                for told in EventSource(response).iter_sse():
                    data = resumption.take(told)
                    if data is not None:
                        yield answers.read(model, data)
        except OrchestratorError as failure:
            error = failure
        time.sleep(resumption.pause_s(error))
