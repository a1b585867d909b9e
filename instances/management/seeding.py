"""What a platform looks like after a busy year: made-up instances, their history and their logs, as lines for COPY.

Knows no database. The same seed gives the same rows, but for when they are said to have happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from uuid import UUID

from common.api.renderers import moment
from common.secrets import seal

PROVIDER = "seed"
"""No driver has this name, and no row of it asks to be looked at: no machine is ever ordered for them."""
LARGEST_SHARE = 0.35
"""Of all instances, how many belong to the first site: there is always one customer who is larger than the others."""
OLDEST = timedelta(days=365)
OLDEST_LOG = timedelta(days=45)
_IN_FLIGHT = timedelta(minutes=1)

INSTANCE_COLUMNS = (
    "id, site_id, created_at, updated_at, name, instance_type, user_id, created_by_id, agent_id, configuration,"
    " environment_variables, environment_names, tools_enabled, provider, desired_state, generation,"
    " observed_generation, restart_generation, observed_restart, status, status_reason, status_since, incarnation,"
    " boot_id, losses, last_event, lease_token, nudges, last_screenshot_at, last_activity_at,"
    " total_commands_executed, started_at, stopped_at, deleted_at, bootstrapped_incarnation, bootstrap_claim"
)
EVENT_COLUMNS = "id, site_id, created_at, instance_id, number, kind, status_from, status_to, message, data"
LOG_COLUMNS = (
    "id, site_id, created_at, instance_id, agent_id, user_id, log_type, level, message, details, tool_name,"
    " tool_call_id, tool_args, tool_result, is_error, duration_ms, tokens_used, artifacts"
)

_WAY = ("pending", "requested"), ("provisioning", "ordered"), ("starting", "created"), ("running", "guest_ready")
_REST = ("stopping", "stop_sent"), ("stopped", "went_down")
_FAILED = (("error", "gave_up"),)
_GONE = ("deleting", "destroy_sent"), ("deleted", "gone")
_LIVES = {
    # status: how many in a thousand, what was wished, the way there
    "running": (330, "running", _WAY),
    "stopped": (390, "stopped", _WAY + _REST),
    "error": (50, "running", _WAY[:3] + _FAILED),
    "deleted": (190, "deleted", _WAY + _REST + _GONE),
    "starting": (20, "running", _WAY[:3]),
    "pending": (10, "running", _WAY[:1]),
    "stopping": (5, "stopped", _WAY + _REST[:1]),
    "deleting": (5, "deleted", _WAY + _GONE[:1]),
}
_PASSING = frozenset({"starting", "pending", "stopping", "deleting"})
_REASON = "The machine was made, but its desktop did not come up within 60 seconds."
_TYPES = ("browser",) * 6 + ("ubuntu",) * 3 + ("windows",)
_NAMES = (
    "invoices",
    "research",
    "checkout test",
    "support desk",
    "price watch",
    "onboarding",
    "mail triage",
    "reports",
)
_CONFIGURATIONS = ("{}", '{"width": 1920, "height": 1080}', '{"memory_mib": 2048, "team": "growth"}')
_ENVIRONMENTS: tuple[dict[str, str], ...] = (
    {},
    {"API_URL": "https://example.com"},
    {"LANG": "C", "TOKEN": "-"},
)
_TOOLS = "{bash,computer,edit}"
_MESSAGES = (
    ("agent_action", "info", "Clicked at 412, 377", "computer", 0),
    ("tool_call", "info", "bash: ls -la ~/Downloads", "bash", 0),
    ("tool_result", "info", "exit 0, 14 lines", "bash", 1),
    ("tool_call", "debug", "Took a screenshot", "computer", 1),
    ("thinking", "info", "The order form asks for a VAT number; it is in the customer record.", "", 0),
    ("user_action", "info", "Asked for the invoices of last quarter", "", 0),
    ("system", "info", "The guest said hello", "", 0),
    ("performance", "debug", "Page painted", "", 1),
    ("tool_result", "error", "exit 2: no such file or directory", "bash", 1),
    ("error", "warn", "The page did not load within 30 seconds; trying again", "", 0),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A site that gets rows, with the people and agents who work there."""

    site_id: UUID
    user_ids: Sequence[UUID]
    agent_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Seeded:
    """One instance's lines, and what its logs need to know."""

    id: str
    place: Place
    begun: datetime
    line: str = ""
    events: Sequence[str] = ()

    def bare(self) -> Seeded:
        """Without its lines, which take room."""
        return Seeded(self.id, self.place, self.begun)


class Seeder:
    """Makes the rows up. `now` is the end of the year that they tell of."""

    def __init__(self, places: Sequence[Place], *, now: datetime, seed: int = 1) -> None:
        self._random = Random(seed)
        self._places = places
        self._now = now
        self._shares = list(accumulate(_shares(len(places))))
        self._environments = [(_bytea(seal(made)), _array(sorted(made))) for made in _ENVIRONMENTS]
        self._statuses = list(_LIVES)
        self._weights = list(accumulate(weight for weight, _, _ in _LIVES.values()))

    def instances(self, how_many: int) -> Iterator[Seeded]:
        """The oldest first, as their ids would have come; but what is on its way somewhere has just begun."""
        ages = sorted((self._random.random() ** 2 for _ in range(how_many)), reverse=True)
        for number, age in enumerate(ages):
            yield self._instance(number, self._now - OLDEST * age)

    def logs(self, instances: Sequence[Seeded], how_many: int) -> Iterator[str]:
        """Entries of the last weeks, the oldest first, each of some instance that was there then."""
        begun, step = self._now - OLDEST_LOG, OLDEST_LOG / max(1, how_many)
        for _ in range(how_many):
            begun += step
            yield self._log(self._random.choice(instances), begun)

    def _instance(self, number: int, begun: datetime) -> Seeded:
        random = self._random
        (place,) = random.choices(self._places, cum_weights=self._shares)
        (status,) = random.choices(self._statuses, cum_weights=self._weights)
        _, desired_state, way = _LIVES[status]
        if status in _PASSING:
            begun = self._now - _IN_FLIGHT * random.random()
        pk, user_id, agent_id = self._id(begun), random.choice(place.user_ids), self._agent(place)
        flavour = random.choice(_TYPES)
        at = self._moments(begun, [name for name, _ in way])
        variables, names = random.choice(self._environments)
        worked = at.get("running")
        last = moment(at[status])
        columns = (
            *(pk, place.site_id, moment(begun), last, f"{random.choice(_NAMES)} {number + 1}", flavour),
            *(user_id, user_id, agent_id, random.choice(_CONFIGURATIONS), variables, names, _TOOLS, PROVIDER),
            *(desired_state, 1, 1, 0, 0, status, _REASON if status == "error" else "", last, 0, "", 0, len(way), 0, 0),
            *(_moment(worked), _moment(worked), random.randrange(500) if worked else 0),
            *(_moment(worked), _moment(at.get("stopped")), _moment(at.get("deleted")), 0, ""),
        )
        events = list(self._events(pk, place, way, at))
        return Seeded(pk, place, begun, _line(columns), events)

    def _events(self, pk: str, place: Place, way: Sequence[tuple[str, str]], at: dict[str, datetime]) -> Iterator[str]:
        before = ""
        for number, (status, kind) in enumerate(way, start=1):
            message = _REASON if kind == "gave_up" else ""
            moment_ = moment(at[status])
            yield _line((self._id(at[status]), place.site_id, moment_, pk, number, kind, before, status, message, "{}"))
            before = status

    def _moments(self, begun: datetime, statuses: Sequence[str]) -> dict[str, datetime]:
        """When each status began: seconds on the way up, then up to a day of work, and never after now."""
        at, here = {}, begun
        for status in statuses:
            at[status] = here
            left = (self._now - here).total_seconds()
            here += timedelta(seconds=min(left / 2, self._lasts_s(status)))
        return at

    def _lasts_s(self, status: str) -> float:
        if status in {"running", "stopped"}:
            return self._random.uniform(600, 86_400)
        return self._random.lognormvariate(0.5, 0.7)

    def _log(self, instance: Seeded, begun: datetime) -> str:
        random, place = self._random, instance.place
        log_type, level, message, tool, timed = random.choice(_MESSAGES)
        begun = max(begun, instance.begun)
        agent_id = r"\N" if log_type == "user_action" else self._agent(place)
        call = f"call_{random.randrange(10**9)}" if tool else ""
        took_ms = random.randrange(1, 4000) / 4 if timed else r"\N"
        columns = (
            *(self._id(begun), place.site_id, moment(begun), instance.id, agent_id, place.user_ids[0]),
            *(log_type, level, message, "{}", tool, call, "{}", "{}", level == "error", took_ms, "{}", "[]"),
        )
        return _line(columns)

    def _agent(self, place: Place) -> UUID | str:
        return self._random.choice(place.agent_ids) if self._random.random() < 0.8 else r"\N"

    def _id(self, begun: datetime) -> str:
        """A UUIDv7 of that moment; Postgres reads one without dashes."""
        high, low = self._random.getrandbits(12), self._random.getrandbits(62)
        return f"{int(begun.timestamp() * 1000):012x}7{high:03x}{2 << 62 | low:016x}"


def _shares(places: int) -> list[float]:
    """By Zipf, behind one that has more than anybody."""
    rest = [1 / rank for rank in range(2, places + 1)]
    if not rest:
        return [1.0]
    return [LARGEST_SHARE, *((1 - LARGEST_SHARE) * share / sum(rest) for share in rest)]


def _line(columns: Sequence[object]) -> str:
    """One row in COPY's text format; nothing here holds a tab, a newline or a stray backslash."""
    return "\t".join(map(str, columns)) + "\n"


def _moment(value: datetime | None) -> str:
    return r"\N" if value is None else moment(value)


def _bytea(value: bytes) -> str:
    return r"\\x" + value.hex()


def _array(names: Sequence[str]) -> str:
    return "{" + ",".join(json.dumps(name) for name in names) + "}"
