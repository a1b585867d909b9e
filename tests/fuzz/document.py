"""Our OpenAPI document as schemathesis reads it: the requests it makes of an operation, and what their answers must be.

Every check of schemathesis's is made of every answer (no 5xx; status, content type, headers and body as documented; a
request that breaks the document refused; methods that are not there a 405), but for what `LEFT_OUT` and
`_beside_the_point` name, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import given
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks
from urllib3 import HTTPResponse

from tests.fuzz.budget import drawn, spread
from tests.walls.document import Operation

SCHEMA = schemathesis.openapi.from_path(Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml")
SCHEMA.config.generation.update(deterministic=True, with_security_parameters=False)
# A stale If-Match (412) and a body past the limit (413) are found before the body is read, as RFC 9110 13.2.1 has it.
SCHEMA.config.checks.negative_data_rejection.expected_statuses = [
    *SCHEMA.config.checks.negative_data_rejection.expected_statuses,
    "412",
    "413",
]
OPERATIONS: dict[str, APIOperation] = {
    found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)
}
LEFT_OUT: tuple[CheckFunction, ...] = (
    # A document cannot say that a time zone must exist, that `cursor` excludes `offset`, or that a token is spent.
    checks.positive_data_acceptance,
    # tests/walls asks each operation without a key and with bad ones; here it would send each request thrice.
    checks.ignored_auth,
)
_ANSWER_WITHIN_S = 20.0


class HeadsOnly(requests.Session):
    """A client that reads of an event stream only that it began: such an answer has no end."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        answer = super().request(*args, **kwargs)
        if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            answer.raw.close()
            answer.raw = HTTPResponse(b"", headers=answer.raw.headers, preload_content=False)
        return answer


def boundaries(operation: APIOperation, number: int) -> Iterator[Case]:
    """Of all the values at, just within and just past what the document allows, `number` from all over."""
    modes = list(GenerationMode)
    generation = SCHEMA.config.generation
    yield from spread(
        list(SCHEMA.iter_coverage_cases(operation, generation_modes=modes, generation_config=generation)), number
    )


def guesses(operation: APIOperation, number: int) -> Iterator[Case]:
    """`number` random requests, half of them such as the document allows."""
    for mode in GenerationMode:
        yield from _drawn_from(operation.as_strategy(mode, feedback=NO_FEEDBACK), number // 2)


def _drawn_from(strategy: SearchStrategy[Case], number: int) -> list[Case]:
    found: list[Case] = []

    @drawn(number)
    @given(strategy)
    def keep(case: Case) -> None:
        found.append(case)

    with suppress(Unsatisfiable):  # of an operation that takes nothing, nothing can be wrong
        keep()
    return found


def ask(case: Case, url: str, session: requests.Session, key: str) -> Response:
    """Send it with this key."""
    return case.call(url, session, signed(key), timeout=_ANSWER_WITHIN_S)


def faults(case: Case, answer: Response | httpx.Response, key: str = "", **also: Any) -> list[str]:
    """What about `answer` the document does not allow, and how to ask again by curl; nothing where it is right."""
    try:
        case.validate_response(answer, headers=signed(key), excluded_checks=left_out(case), **also)
    except FailureGroup as failed:
        return [str(failed)]
    return []


def signed(key: str) -> dict[str, str]:
    """As our own API reads a key, and as the dialects do."""
    return {"Authorization": f"Bearer {key}", "x-api-key": key}


def left_out(case: Case) -> list[CheckFunction]:
    """The checks that are not made of the answer to `case`."""
    return [*LEFT_OUT, *_beside_the_point(case)]


def _beside_the_point(case: Case) -> Iterator[CheckFunction]:
    if case.operation.label == "GET /api/system/health":
        yield not_a_server_error  # no worker and no gateway run beside this server, and that is what its 503 says
    if case.path.startswith("/v1/"):
        # A dialect knows the statuses of its service's page alone, and 405 is on none; what that service passes over in
        # a request, so must we.
        yield from (checks.unsupported_method, checks.negative_data_rejection)
    if "" in case.query.values():
        yield checks.negative_data_rejection  # a form sends every field; an empty one filters by nothing


def faults_in(operation: Operation, answer: httpx.Response) -> list[str]:
    """The same of an answer to what is no case of schemathesis's."""
    anything = dict.fromkeys(re.findall(r"{(\w+)}", operation.path), "-")
    asked = OPERATIONS[f"{operation.method} {operation.path}"].Case(method=operation.method, path_parameters=anything)
    return faults(asked, answer)
