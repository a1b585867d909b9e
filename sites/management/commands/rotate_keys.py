"""`manage.py rotate_keys`: put all secrets at rest under the first of FIELD_KEYS; `--check` only counts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.key_rotation import Progress, rotate


class Command(BaseCommand):
    help = "Reseal every secret at rest under the first of FIELD_KEYS. Safe while the platform runs, and to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="count what is under older keys, write nothing")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        latest: dict[tuple[str, str], Progress] = {}
        for progress in rotate(write=not check):
            latest[progress.table, progress.column] = progress
            done = "under older keys" if check else "resealed"
            self.stdout.write(
                f"{progress.table}.{progress.column}: {progress.rows} looked at, {progress.resealed} {done}"
                + (f", {progress.unreadable} unreadable" if progress.unreadable else "")
            )
        unreadable = sum(progress.unreadable for progress in latest.values())
        if unreadable:
            raise CommandError(f"{unreadable} values open with none of the keys; keep the older keys, or find theirs.")
        if check and any(progress.resealed for progress in latest.values()):
            raise CommandError("Not all is under the current key: run without --check, then take the older keys away.")
        self.stdout.write("All secrets are under the current key." if check else "Done; older keys may go now.")
