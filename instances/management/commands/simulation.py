"""`manage.py simulation --lie unreachable=0.1 --lie boot_s=3`: what the simulated cloud holds and lies about."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from instances.providers.simulated.cloud import Cloud
from instances.providers.simulated.lies import HONEST, Lies

NAMES = [field.name for field in fields(Lies)]


class Command(BaseCommand):
    """Every process of the platform tells the new lies from its next call on."""

    help = f"Show the simulated cloud of SIMULATION_FILE, and change its lies: {', '.join(NAMES)}."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--lie", action="append", default=[], type=_lie, metavar="NAME=VALUE")
        parser.add_argument("--honest", action="store_true", help="First take back all lies.")

    def handle(self, *args: Any, lie: list[tuple[str, float]], honest: bool, **options: Any) -> None:
        if not settings.SIMULATION_FILE:
            raise CommandError("SIMULATION_FILE is not set: there is no simulated cloud here.")
        cloud = Cloud(Path(settings.SIMULATION_FILE))
        if honest or lie:
            cloud.tell(replace(HONEST if honest else cloud.lies(), **dict(lie)))
        powers = Counter(machine.power.value for machine in cloud.machines())
        shown = ", ".join(f"{count} {power}" for power, count in sorted(powers.items())) or "none"
        told = ", ".join(f"{name}={value:g}" for name, value in asdict(cloud.lies()).items() if value) or "none"
        self.stdout.write(f"machines: {shown}\nlies: {told}")


def _lie(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        if name in NAMES and float(value) >= 0:
            return name, float(value)
    except ValueError:
        pass
    raise ArgumentTypeError(f"{text!r} is no NAME=VALUE with a name of {', '.join(NAMES)} and a number")
