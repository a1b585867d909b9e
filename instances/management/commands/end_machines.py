"""`manage.py end_machines`: end whatever machines of this deployment still run, without asking the database."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from instances.providers import registry
from instances.providers.base import CanRest, Handle, Power, Provider


class Command(BaseCommand):
    help = "Stop every machine at its provider, its disk kept; with --destroy remove it, disk and all."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--destroy", action="store_true", help="Remove the machines and their disks.")

    def handle(self, *args: Any, destroy: bool, **options: Any) -> None:
        ended = 0
        for name in registry.names():
            provider = registry.provider(name)
            for _, handle in list(provider.list_ours()):
                ended += _end(provider, handle, destroy=destroy)
        self.stdout.write(f"{ended} machines {'destroyed' if destroy else 'stopped'}.")


def _end(provider: Provider, handle: Handle, *, destroy: bool) -> bool:
    if destroy:
        provider.destroy(handle)
        return True
    if isinstance(provider, CanRest) and provider.inspect(handle).power in (Power.UP, Power.RISING):
        provider.stop(handle)
        return True
    return False
