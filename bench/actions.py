"""Actions over REST on a desktop at rest, against an empty request, the guest's hands alone, and programs for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.hands import Hands, hands
from bench.measure import Measure, Samples, alternate, timed, verdict
from bench.platform import Platform
from guest.protocol import actions

_WITHIN_S = 30.0
_TEXT = "twenty characters ok"
_CLICK = actions.Click(x=1200, y=700)  # the empty part of the desktop: nothing opens, nothing is dragged


@dataclass(frozen=True, slots=True)
class Case:
    """`programs` are xdotool's and scrot's ways with all their waits turned off; none where there is no such way."""

    name: str
    action: actions.AnyAction
    goal_ms: float | None
    programs: Callable[[Hands], list[list[str]]] = lambda _: []


CASES = (
    Case("click", _CLICK, 10.0, lambda _: [["xdotool", "mousemove", "1200", "700", "click", "--delay", "0", "1"]]),
    Case("png", actions.Screenshot(format="png"), 15.0, lambda on: [["scrot", "-o", "-z", on.picture("png")]]),
    Case("jpeg", actions.Screenshot(format="jpeg"), None, lambda on: [["scrot", "-o", "-z", on.picture("jpg")]]),
    Case("bash", actions.Bash(command="true"), None, lambda _: [["/bin/bash", "-c", "true"]]),
    Case("type", actions.Type(text=_TEXT), None, lambda _: [["xdotool", "type", "--delay", "0", _TEXT]]),
)


def run(platform: Platform, *, rounds: int, names: set[str]) -> None:
    """Print each case's medians and the ratios of the first to the others.

    The milliseconds of the goals are those of a machine that does nothing else: there an empty request takes about one.
    """
    with platform.instance("ubuntu") as instance_id, hands() as floor:
        print("actions              REST      empty request         hands alone           programs")
        for case in CASES:
            if f"actions.{case.name}" in names:
                _measure(platform, instance_id, floor, case, rounds)
    print(flush=True)


def _measure(platform: Platform, instance_id: str, floor: Hands, case: Case, rounds: int) -> None:
    measures = [_over_rest(platform, instance_id, case), timed(platform.ask_nothing), floor.in_process(case.action)]
    commands = case.programs(floor)
    if commands and all(shutil.which(command[0]) for command in commands):
        measures.append(floor.by_programs(*commands))
    rest, *floors = alternate(measures, rounds=rounds, within_s=_WITHIN_S)
    print(f"actions.{case.name:<6} {_line(rest, *floors)}   {verdict(rest.median, case.goal_ms)}", flush=True)


def _line(rest: Samples, *floors: Samples) -> str:
    compared = "   ".join(f"{floor.median:7.2f} ms  ×{rest.median / floor.median:<6.2f}" for floor in floors)
    return f"{rest.median:7.2f} ms   {compared}"


def _over_rest(platform: Platform, instance_id: str, case: Case) -> Measure:
    """Pictures by the address that answers with their bytes, all else as a typed action."""
    if isinstance(case.action, actions.Screenshot):
        path = f"/api/instances/{instance_id}/screenshot?format={case.action.format}"
        return timed(partial(platform.call, "GET", path))
    body: dict[str, Any] = actions.to_builtins(case.action)
    return timed(partial(platform.act, instance_id, body))
