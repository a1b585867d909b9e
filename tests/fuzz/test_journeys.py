"""Requests that follow from each other's answers: what one has made is read, changed, used and deleted by the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import hypothesis
import pytest
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis import Case, Response
from schemathesis.checks import CheckFunction
from schemathesis.generation.stateful import run_state_machine_as_test

from tests.counts import tried
from tests.fuzz.budget import EXAMPLES, SEED, bounded
from tests.fuzz.document import SCHEMA, HeadsOnly, ask, faults
from tests.fuzz.place import FuzzPlace
from tests.fuzz.served import Served
from tests.instances.conftest import World

STEPS = 10


@pytest.fixture
def session() -> Iterator[HeadsOnly]:
    with HeadsOnly() as session:
        yield session


def test_what_follows_from_an_answer_is_answered_as_the_document_says(
    web: Served, world: World, session: HeadsOnly
) -> None:
    place = FuzzPlace(world)
    found: list[str] = []

    class Journey(SCHEMA.as_state_machine()):  # type: ignore[misc]
        def call(self, case: Case, **kwargs: Any) -> Response:
            place.settle(case)
            tried("fuzz cases")
            return ask(case, web.url, session, place.key)

        def validate_response(
            self,
            response: Response,
            case: Case,
            additional_checks: list[CheckFunction] | None = None,
            **kwargs: Any,
        ) -> None:
            found.extend(faults(case, response, place.key, recorder=self.recorder))

    for journey in range(EXAMPLES):
        machine = hypothesis.seed(SEED + journey * 1_000)(Journey)
        with suppress(FlakyStrategyDefinition):  # a server remembers: the same choices may lead elsewhere
            run_state_machine_as_test(machine, settings=bounded(2, stateful_step_count=STEPS))
    assert found == []
