"""A hostile program in place of the guest: whoever asks gets a clear error in time, and nobody else notices."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from infra.embedded.processes import wait_until
from tests.counts import tried
from tests.escapes.conftest import furnish
from tests.walks.conftest import Desk

pytestmark = [pytest.mark.stack, pytest.mark.machine]

LONGEST_S = 30
WAYS = [
    *("silent", "garbage", "endless header", "deep", "huge", "not a picture", "wrong types", "a call of another"),
    *("a foreign error", "a flood", "hello again"),
]


@pytest.fixture
def hostile(ask: Callable[..., Desk]) -> Callable[[str], Desk]:
    """A running machine whose guest has been replaced by one that answers in that way."""

    def make(how: str) -> Desk:
        desk = furnish(ask("ubuntu"))
        program = "PYTHONPATH=/opt:/opt/guest-site setsid python3 attempts/hostile/in_place_of_the_guest.py"
        desk.http.post(
            f"/api/instances/{desk.id}/actions",
            json={"type": "bash", "command": f"(sleep 1; {program} '{how}') >hostile.log 2>&1 </dev/null & true"},
        )
        wait_until(lambda: _is_hostile(desk), timeout_s=30, what="the hostile guest", every_s=0.3)
        return desk

    return make


def _is_hostile(desk: Desk) -> bool:
    """The hello of another boot stands in no answer, but a hostile guest does not do what it is told."""
    answer = desk.http.post(
        f"/api/instances/{desk.id}/actions", json={"type": "bash", "command": "echo real", "timeout_s": 1}
    )
    return "real" not in answer.text


@pytest.mark.parametrize("how", WAYS)
def test_a_hostile_guest_harms_only_itself(
    hostile: Callable[[str], Desk], how: str, unharmed: Callable[[], None]
) -> None:
    desk = hostile(how)
    for path, body in (("actions", {"type": "click", "x": 1, "y": 1}), ("actions", {"type": "screenshot"})):
        begun = time.monotonic()
        answer = desk.http.post(f"/api/instances/{desk.id}/{path}", json=body)
        assert time.monotonic() - begun < LONGEST_S
        assert answer.status_code in (200, 409, 429, 502, 503, 504), (how, answer.status_code, answer.text[:500])
        assert answer.headers["content-type"].startswith("application/json")
        if answer.status_code != 200:
            assert set(answer.json()) == {"error", "code", "details", "request_id"}
            assert len(answer.content) < 5_000
    unharmed()
    desk.delete()
    wait_until(
        lambda: desk.http.get(f"/api/instances/{desk.id}").status_code == 404,
        timeout_s=60,
        what="the end of the hostile machine",
        every_s=0.2,
    )
    tried("hostile guests, held")
