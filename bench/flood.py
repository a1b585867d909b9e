"""What a flood of one tenant does to another: `python -m bench.flood`.

On a Postgres, a Valkey and a web process of its own. A quiet tenant asks for its list fifty times a second, alone, then
while another tenant's 32 connections ask as fast as they can, with rate limits and without, in turns. Printed are the
quiet one's p95 and the ratios; and what the limit itself costs a request, which is one round trip to Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from django.core.management import call_command

from tests import services as own

DEPLOYMENT = own.announce()
django.setup()

from bench.crowd import CLIENTS  # noqa: E402 - needs Django set up
from bench.hammer import Line  # noqa: E402
from bench.measure import load  # noqa: E402
from common import windows  # noqa: E402
from common.windows import Window  # noqa: E402
from tests import make  # noqa: E402
from tests.realtime.served import Web  # noqa: E402

ROUNDS, FOR_S, FLOOD_S, PAUSE_S = 3, 3.0, 5.0, 0.02
GOAL = 2.0
LIMITED = {"RATE_LIMITS": "on", "RATE_LIMIT_KEY": "600/60", "RATE_LIMIT_ADDRESS": "100000/60"}
UNLIMITED = {"RATE_LIMITS": "off"}


async def _quiet(url: str, secret: str) -> list[float]:
    """Milliseconds of each of its requests."""
    line = await Line.to(url, secret)
    took, ends_at = [], time.perf_counter() + FOR_S
    while time.perf_counter() < ends_at:
        begun = time.perf_counter()
        if not await line.ask():
            raise RuntimeError("the quiet tenant was refused")
        took.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(PAUSE_S)
    line.close()
    return took


@contextlib.contextmanager
def _flooded(url: str, secret: str) -> Iterator[list[tuple[int, int]]]:
    """For the length of the block somebody else asks as fast as they can; afterwards, what they got."""
    command = [sys.executable, "-m", "bench.hammer", url, secret, str(CLIENTS), str(FLOOD_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "go\n"
    time.sleep(FLOOD_S - FOR_S - 0.5)
    got: list[tuple[int, int]] = []
    yield got
    good, refused = process.communicate(timeout=60)[0].split()
    got.append((int(good), int(refused)))


def _p95(took: list[float]) -> float:
    return statistics.quantiles(took, n=20)[18]


def _round(web: Web, quiet: str, loud: str) -> tuple[float, float, tuple[int, int]]:
    alone = _p95(asyncio.run(_quiet(web.url, quiet)))
    with _flooded(web.url, loud) as got:
        flooded = _p95(asyncio.run(_quiet(web.url, quiet)))
    return alone, flooded, got[0]


def floods(folder: Path) -> None:
    """Rounds in turns with the limits on and off; a first one of each is not counted."""
    webs = {"on": Web(folder, ("-m", "bench.listserver"), **LIMITED)}
    webs["off"] = Web(folder, ("-m", "bench.listserver"), **UNLIMITED)
    _, quiet = make.key(make.site("quiet"))
    _, loud = make.key(make.site("loud"))
    taken: dict[str, list[tuple[float, float, tuple[int, int]]]] = {name: [] for name in webs}
    try:
        for number in range(ROUNDS + 1):
            for name, web in webs.items():
                one = _round(web, quiet, loud)
                if number:
                    taken[name].append(one)
    finally:
        for web in webs.values():
            web.stop()
    for name, rounds in taken.items():
        _tell(name, rounds)


def _tell(name: str, rounds: list[tuple[float, float, tuple[int, int]]]) -> None:
    alone, flooded = (statistics.median(values) for values in list(zip(*rounds, strict=True))[:2])
    good = statistics.median(got[0] for *_, got in rounds) / FLOOD_S
    refused = statistics.median(got[1] for *_, got in rounds) / FLOOD_S
    ratio = statistics.median(after / before for before, after, _ in rounds)
    print(f"flood, limits {name}   {CLIENTS} connections of one tenant against another's p95, {ROUNDS} rounds")
    print(f"  alone            {alone:8.2f} ms")
    print(f"  in the flood     {flooded:8.2f} ms, the flood got {good:.0f} answers and {refused:.0f} refusals a second")
    goal = f"goal {GOAL:g} or less: {'met' if ratio <= GOAL else 'MISSED'}" if name == "on" else "for comparison"
    print(f"  ratio            {ratio:8.2f}    {goal}\n", flush=True)


def cost() -> None:
    """The limit itself, three windows at once, against a bare PING of the same Redis."""
    asked = [Window(f"bench:{name}", 10**9, 60) for name in ("key", "site", "address")]
    client = windows._script(DEPLOYMENT.valkey().url()).registered_client
    took: dict[str, list[float]] = {"limit": [], "ping": []}
    for _ in range(3000):
        for name, work in (("limit", lambda: windows.spend(asked)), ("ping", client.ping)):
            begun = time.perf_counter()
            work()
            took[name].append((time.perf_counter() - begun) * 1000)
    limit, ping = (statistics.median(took[name]) for name in ("limit", "ping"))
    print(f"limit   three windows {limit:.3f} ms (p99 {statistics.quantiles(took['limit'], n=100)[98]:.3f}),", end=" ")
    print(f"a bare PING {ping:.3f} ms: {limit / ping:.1f} times\n", flush=True)


def main() -> None:
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    with TemporaryDirectory() as folder:
        postgres.start()
        postgres.ensure_database()
        valkey.start()
        try:
            call_command("migrate", database="owner", interactive=False, verbosity=0)
            print(f"\n{load()}\n")
            cost()
            floods(Path(folder))
            print(load())
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
