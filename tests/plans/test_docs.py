"""docs/plans.md shows the tables as they are."""

from __future__ import annotations

import re
from pathlib import Path

from plans import lifecycle, steps

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "plans.md").read_text()


def test_the_table_of_statuses_is_printed_as_it_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| `(\w+)` \|", TEXT, re.M)
    assert {(source, event): target for source, event, target in rows} == dict(lifecycle.TABLE)
    assert len(rows) == len(lifecycle.TABLE)


def test_the_table_of_steps_is_printed_as_it_is() -> None:
    printed = re.findall(r"^\| `(\w+)` \| ((?:`\w+`[^|`]*)+)\|$", TEXT, re.M)
    rows = {source: set(re.findall(r"`(\w+)`", targets)) for source, targets in printed if source in steps.STATUSES}
    assert rows == {source: set(targets) for source, targets in steps.MOVES.items() if targets}
