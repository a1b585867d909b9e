"""From inside a machine, as its user: nothing of the host, of the platform or of a neighbour can be reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.counts import tried
from tests.escapes.conftest import HERE, Attacker, Host

pytestmark = [pytest.mark.stack, pytest.mark.machine]

ATTEMPTS = sorted(path.stem for path in (HERE / "inside").glob("*.py") if path.stem != "prelude")
OUTSIDE = [
    "a_file_of_the_host_after_chroot_and_back",
    "a_file_of_the_host_by_a_link_in_the_home",
    "a_file_of_the_host_by_its_path",
    "a_file_of_the_host_by_somebodys_root",
    "a_port_of_the_host",
    "a_process_of_the_host",
    "a_socket_of_the_platform",
    "an_abstract_socket_of_the_host",
    "memory_that_machines_might_share",
    "more_rights_by_a_setuid_program",
    "the_command_lines_of_others",
]
"""Attempts that get through where they are made outside a machine: so the suite would see an escape."""


@pytest.mark.parametrize("attempt", OUTSIDE)
def test_outside_a_machine_the_attempt_gets_through(host: Host, attempt: str, tmp_path: Path) -> None:
    assert "ESCAPED" in host.tries(attempt, tmp_path)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_inside_a_machine_it_does_not(attacker: Attacker, attempt: str, unharmed: Callable[[], None]) -> None:
    said = attacker.tries(attempt)
    assert "ESCAPED" not in said, said
    tried("escape attempts, held")
