"""`python -m bench [NAME …]`: measures, each against a floor taken in the same run, in turns with it.

Without names, everything: a few minutes. A name is a whole measurement's or the part before its dot (`start`). Ratios
hold on a busy machine, milliseconds do not: look at the load that is printed with them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench import actions, fanout, start, together, watchers
from bench.measure import load
from bench.platform import Platform, Refused, platform

STARTS = tuple(f"start.{flavour}" for flavour in start.GOALS)
ACTIONS = tuple(f"actions.{case.name}" for case in actions.CASES)
TOGETHER, WATCHERS, CHANNELS = "actions.together", "fanout.watchers", "fanout.channels"
NAMES = (*STARTS, *ACTIONS, TOGETHER, WATCHERS, CHANNELS)


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when all was measured and nobody missed anything, however long it took; else 1."""
    options = _parser().parse_args(arguments)
    wanted = _wanted(options.names)
    print(f"{', '.join(sorted(wanted))}\n{load()}\n", flush=True)
    done = True
    if wanted - {CHANNELS}:
        with platform(options.credentials) as running:
            done = _on_platform(running, wanted, options)
    if CHANNELS in wanted:
        fanout.run(rounds=options.rounds)
    print(load())
    return 0 if done else 1


def _on_platform(running: Platform, wanted: set[str], options: argparse.Namespace) -> bool:
    done = True
    for name in STARTS:
        if name in wanted:
            try:
                start.run(running, name.partition(".")[2], rounds=options.starts)
            except Refused as refusal:
                done = False
                print(f"{name}   not measured: {refusal}\n", flush=True)
    if not wanted.isdisjoint(ACTIONS):
        actions.run(running, rounds=options.actions, names=wanted)
    if TOGETHER in wanted:
        done = together.run(running) and done
    if WATCHERS in wanted:
        done = watchers.run(running, events=options.events) and done
    return done


def _wanted(names: list[str]) -> set[str]:
    return {known for known in NAMES if not names or known in names or known.partition(".")[0] in names}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choices = (*dict.fromkeys(name.partition(".")[0] for name in NAMES), *NAMES)
    parser.add_argument("names", nargs="*", metavar="NAME", type=_one_of(choices), help=f"of: {', '.join(NAMES)}")
    parser.add_argument(
        "--credentials",
        type=Path,
        metavar="FILE",
        help="of a platform that runs already: its STATE_DIR/credentials.json",
    )
    parser.add_argument("--starts", type=int, default=7, metavar="N", help="rounds of each start (7)")
    parser.add_argument("--actions", type=int, default=100, metavar="N", help="rounds of each action (100)")
    parser.add_argument("--events", type=int, default=20, metavar="N", help="events that the watchers hear of (20)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of the hub and of Channels (5)")
    return parser


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def one(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"there is no {text}; there are {', '.join(choices)}")
        return text

    return one


if __name__ == "__main__":
    sys.exit(main())
