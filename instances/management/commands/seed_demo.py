"""`manage.py seed_demo --instances 200000 --sites 200 --logs 5000000`: a platform full of made-up rows."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import connections, transaction

from common import clock
from common.ids import new_id
from common.partitions import make_ahead
from common.tenancy import CREW
from instances.management.seeding import EVENT_COLUMNS, INSTANCE_COLUMNS, LOG_COLUMNS, OLDEST_LOG, Place, Seeded, Seeder
from instances.models import Event, Instance, Log
from sites.models import Agent, Membership, Site, User
from sites.roles import Role

AT_ONCE = 20_000
"""Rows a COPY: its foreign keys are checked when it commits, and Postgres keeps a note of each until then."""
PEOPLE, AGENTS = 3, 4


class Command(BaseCommand):
    """Refuses where somebody has instances already, so that a second call changes nothing; --force adds to them."""

    help = "Fill an empty platform with made-up sites, instances, events and logs. No machine is ordered for them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--instances", type=int, default=2_000)
        parser.add_argument("--sites", type=int, default=20)
        parser.add_argument("--logs", type=int, default=20_000)
        parser.add_argument("--force", action="store_true", help="Also where there are instances already.")

    def handle(self, *args: Any, instances: int, sites: int, logs: int, force: bool, **options: Any) -> None:
        if sites < 1 or instances < 1 or logs < 0:
            raise CommandError("At least one site and one instance.")
        if not force and Instance.everywhere.exists():
            raise CommandError("There are instances here already; --force adds the made-up ones to them.")
        now = clock.now()
        make_ahead(connections["owner"], Log._meta.db_table, now - OLDEST_LOG)
        seeder = Seeder(_places(sites), now=now)
        bar = Bar(self.stdout)
        made = self._instances(seeder, instances, bar)
        _copy(Log._meta.db_table, LOG_COLUMNS, bar.along("logs", seeder.logs(made, logs), logs))
        _analyze()
        self.stdout.write(f"{sites} sites, {instances} instances, {logs} log entries.")

    def _instances(self, seeder: Seeder, how_many: int, bar: Bar) -> list[Seeded]:
        made = []
        rows = bar.along("instances", seeder.instances(how_many), how_many)
        while batch := list(islice(rows, AT_ONCE // 4)):
            _copy(Instance._meta.db_table, INSTANCE_COLUMNS, (row.line for row in batch))
            _copy(Event._meta.db_table, EVENT_COLUMNS, (line for row in batch for line in row.events))
            made += [row.bare() for row in batch]
        return made


class Bar:
    """How far it is: a bar that moves on a terminal, a line every ten seconds in a log."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._live = out.isatty()

    def along(self, what: str, rows: Iterable[Any], total: int) -> Iterator[Any]:
        begun = shown = time.monotonic()
        done = 0
        for done, row in enumerate(rows, start=1):
            yield row
            if done % 256 == 0 and (now := time.monotonic()) - shown > (0.2 if self._live else 10.0):
                shown = now
                self._show(what, done, total, now - begun)
        if done:
            self._show(what, done, total, time.monotonic() - begun)
            self._out.write("", ending="\n" if self._live else "")

    def _show(self, what: str, done: int, total: int, took_s: float) -> None:
        share = done / total
        bar = "#" * round(30 * share)
        line = (
            f"  {what:<10} [{bar:<30}] {share:4.0%}  {done:,} of {total:,}, {done / max(took_s, 0.001):,.0f} a second"
        )
        self._out.write(f"\r{line}" if self._live else line, ending="" if self._live else "\n")
        self._out.flush()


def _places(sites: int) -> list[Place]:
    """New sites, each with an owner, operators and agents; nobody has a password, so nobody can sign in."""
    mark = new_id().hex[-6:]
    made_sites = [Site(name=f"Seed {number:03d}") for number in range(1, sites + 1)]
    places, users, members, agents = [], [], [], []
    for number, site in enumerate(made_sites, start=1):
        people = [
            User(email=f"{mark}-{number}-{who}@seed.example", name=f"Person {who}") for who in range(1, PEOPLE + 1)
        ]
        for person in people:
            person.set_unusable_password()
        team = [Agent(site=site, name=f"Agent {which}") for which in range(1, AGENTS + 1)]
        roles = [Role.OWNER, *[Role.OPERATOR] * (PEOPLE - 1)]
        members += [Membership(site=site, user=who, role=role) for who, role in zip(people, roles, strict=True)]
        users += people
        agents += team
        places.append(Place(site.pk, [who.pk for who in people], [agent.pk for agent in team]))
    with transaction.atomic(using=CREW):
        for model, rows in ((Site, made_sites), (User, users), (Membership, members), (Agent, agents)):
            _bulk(model, rows)
    return places


def _bulk(model: Any, rows: Sequence[Any]) -> None:
    model._base_manager.using(CREW).bulk_create(rows, batch_size=1000)


def _copy(table: str, columns: str, lines: Iterator[str]) -> None:
    statement = f"COPY {table} ({columns}) FROM STDIN"
    while batch := list(islice(lines, AT_ONCE)):
        with transaction.atomic(using=CREW), connections[CREW].cursor() as cursor, cursor.copy(statement) as copy:
            copy.write("".join(batch))


def _analyze() -> None:
    """So that the first question is planned as well as the thousandth."""
    with connections["owner"].cursor() as cursor:
        for model in (Instance, Event, Log):
            cursor.execute(f"ANALYZE {model._meta.db_table}")
