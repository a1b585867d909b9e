"""Every operation of the document, asked at the edges of what the document allows, and at random: never a 5xx, and
never an answer that is not in the document."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from tests.counts import tried
from tests.fuzz.budget import EXAMPLES
from tests.fuzz.document import OPERATIONS, HeadsOnly, ask, boundaries, faults, guesses
from tests.fuzz.place import FuzzPlace
from tests.fuzz.served import Served
from tests.instances.conftest import World

_READS = "GET"


@pytest.fixture(scope="module")
def session() -> Iterator[HeadsOnly]:
    with HeadsOnly() as session:
        yield session


@pytest.fixture(scope="module")
def shared(world: World) -> FuzzPlace:
    """For those that change nothing."""
    return FuzzPlace(world)


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_whatever_is_asked_the_answer_is_one_that_the_document_allows(
    label: str, web: Served, world: World, shared: FuzzPlace, session: HeadsOnly
) -> None:
    operation, place = OPERATIONS[label], shared if label.startswith(_READS) else FuzzPlace(world)
    drawn = EXAMPLES // 3
    for case in chain(boundaries(operation, EXAMPLES - drawn), guesses(operation, drawn)):
        place.seat(case)
        answer = ask(case, web.url, session, place.key)
        assert faults(case, answer, place.key) == []
        tried("fuzz cases")
        if answer.status_code < 300 and (case.method == "DELETE" or operation.path.endswith("/stop")):
            place.forget(operation.path.split("/")[2])
