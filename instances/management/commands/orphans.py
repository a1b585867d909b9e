"""`manage.py orphans [--destroy] [-o json]`: the machines that belong to no instance."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from instances import orphans, patrol
from instances.models import Orphan

_FIELDS = ("provider", "machine", "reason", "sightings", "first_seen_at", "last_seen_at", "destroy_sent_at", "fault")


class Command(BaseCommand):
    """Looks at every provider now, which counts as a sighting. Ends with code 1 where one gave no whole list."""

    help = "Show machines that belong to no instance; with --destroy, destroy those that are certain."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--destroy", action="store_true", help="Those seen twice, and first seen longer ago than ORPHAN_GRACE_S."
        )
        parser.add_argument("-o", "--output", choices=["table", "json"], default="table")

    def handle(self, *args: Any, destroy: bool, output: str, **options: Any) -> None:
        rounds = list(patrol.go_round(destroy=destroy))
        found = [_told(row) for row in orphans.open_orphans()]
        destroyed = sum(each.destroyed for each in rounds)
        if output == "json":
            self.stdout.write(json.dumps({"orphans": found, "destroyed": destroyed}, indent=2))
        else:
            for row in found:
                self.stdout.write(
                    "  ".join(str(row[name]) for name in ("machine", "provider", "reason", "first_seen_at"))
                )
            self.stdout.write(f"{len(found)} machines belong to no instance; {destroyed} destroyed now.")
        if failed := [each.provider for each in rounds if each.machines is None]:
            raise CommandError(f"No whole list from: {', '.join(failed)}. Nothing was concluded there.")


def _told(row: Orphan) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _FIELDS}
    return {**{name: value and str(value) for name, value in values.items()}, "is_due": orphans.is_due(row)}
