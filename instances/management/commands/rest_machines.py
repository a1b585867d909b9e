"""`manage.py rest_machines`: stop every machine before the platform goes down; the next start starts them again."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from instances import reconcile
from instances.models import Instance, Status
from instances.providers import registry

UP = (Status.STARTING, Status.RUNNING, Status.PAUSED, Status.STOPPING)
LOOK_EVERY_S = 0.1


class Command(BaseCommand):
    help = "Stop every machine and keep what is wished of it. Call it while no worker runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout-s", type=float, default=30.0)

    def handle(self, *args: Any, timeout_s: float, **options: Any) -> None:
        up = Instance.everywhere.filter(status__in=UP, provider__in=list(registry.names()))
        left = list(up.values_list("pk", flat=True))
        total, ends_at = len(left), time.monotonic() + timeout_s
        while left and time.monotonic() < ends_at:
            left = [pk for pk in left if not reconcile.rest(pk)]
            time.sleep(LOOK_EVERY_S if left else 0)
        self.stdout.write(f"{total - len(left)} of {total} machines rest.")
        if left:
            raise CommandError(f"{len(left)} machines did not come to rest within {timeout_s:g} s.")
