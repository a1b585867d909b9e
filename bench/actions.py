"""Actions over REST, against an empty request, the guest's hands alone, and programs for each; and many at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench import paint
from bench.hands import Hands, hands
from bench.measure import Measure, Samples, alternate, timed, verdict
from bench.platform import Platform
from guest.protocol import actions

_WITHIN_S = 30.0
_TEXT = "twenty characters ok"
_CLICK = actions.Click(x=1200, y=700)  # the empty part of the desktop: nothing opens, nothing is dragged
_XDOTOOL_CLICK = ["xdotool", "mousemove", "1200", "700", "click", "--delay", "0", "1"]


@dataclass(frozen=True, slots=True)
class Case:
    """`programs` are xdotool's and scrot's ways with all their waits turned off; goals are milliseconds, and how many
    times the hands alone and the programs may take."""

    name: str
    action: actions.AnyAction
    programs: Callable[[Hands], list[str]]
    goal_ms: float | None = None
    times_hands: float | None = None
    times_programs: float | None = None


PLAIN = (
    Case("click", _CLICK, lambda _: _XDOTOOL_CLICK, goal_ms=3.0, times_programs=1.0),
    Case("type", actions.Type(text=_TEXT), lambda _: ["xdotool", "type", "--delay", "0", _TEXT]),
    Case("bash", actions.Bash(command="true"), lambda _: ["/bin/bash", "-c", "true"], times_hands=2.0),
)
PAINTED = (
    Case("png", actions.Screenshot(format="png"), lambda on: ["scrot", "-o", "-z", on.picture("png")], times_hands=1.3),
    Case("jpeg", actions.Screenshot(format="jpeg"), lambda on: ["scrot", "-o", "-z", on.picture("jpg")]),
)
CASES = (*PLAIN, *PAINTED)


def run(platform: Platform, *, rounds: int, names: set[str]) -> None:
    """Print each case's medians, the ratios of the first to the others, and which goals were reached.

    Milliseconds are those of a machine that does nothing else; look at the ratios where it does. For the pictures both
    desktops show the same: a picture over all of the screen.
    """
    with platform.instance("ubuntu") as instance_id, hands() as floor:
        print("actions              REST      empty request         hands alone           programs")
        for case in (case for case in PLAIN if f"actions.{case.name}" in names):
            _measure(platform, instance_id, floor, case, rounds)
        pictures = [case for case in PAINTED if f"actions.{case.name}" in names]
        if pictures:
            platform.act(instance_id, {"type": "bash", "command": paint.COMMAND, "timeout_s": 60})
            floor.paint()
        for case in pictures:
            _measure(platform, instance_id, floor, case, rounds)
    print(flush=True)


def _measure(platform: Platform, instance_id: str, floor: Hands, case: Case, rounds: int) -> None:
    measures = [_over_rest(platform, instance_id, case), timed(platform.ask_nothing), floor.in_process(case.action)]
    command = case.programs(floor)
    if shutil.which(command[0]):
        measures.append(floor.by_programs(command))
    rest, *floors = alternate(measures, rounds=rounds, within_s=_WITHIN_S)
    print(f"actions.{case.name:<6} {_line(rest, *floors)}   {_verdicts(case, rest, *floors)}", flush=True)


def _line(rest: Samples, *floors: Samples) -> str:
    compared = "   ".join(f"{floor.median:7.2f} ms  ×{rest.median / floor.median:<6.2f}" for floor in floors)
    return f"{rest.median:7.2f} ms   {compared}"


def _verdicts(case: Case, rest: Samples, _empty: Samples, alone: Samples, programs: Samples | None = None) -> str:
    said = [
        ("ms", verdict(rest.median, case.goal_ms)),
        ("times the hands", verdict(rest.median / alone.median, case.times_hands)),
        ("times the programs", verdict(rest.median / programs.median, case.times_programs) if programs else ""),
    ]
    return "; ".join(f"{words} ({what})" for what, words in said if words)


def _over_rest(platform: Platform, instance_id: str, case: Case) -> Measure:
    """Pictures by the address that answers with their bytes, all else as a typed action."""
    if isinstance(case.action, actions.Screenshot):
        path = f"/api/instances/{instance_id}/screenshot?format={case.action.format}"
        return timed(partial(platform.quickly, "GET", path))
    body = json.dumps(actions.to_builtins(case.action)).encode()
    return timed(partial(platform.quickly, "POST", f"/api/instances/{instance_id}/actions", body))
