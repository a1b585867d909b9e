"""What every GET of the API costs the database: the number of statements is pinned, and the same for more rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from common.tenancy import CREW
from instances import browser_states, schedules, templates, webhooks
from instances import services as instances
from instances.models import Event, Log
from instances.recordings import services as recordings
from plans import services as plans
from plans.models import PlanEvent
from sites import invitations
from sites.keys import find_principal
from sites.models import Site
from tests import make
from tests.counts import told

pytestmark = pytest.mark.django_db

ALIASES = ("default", CREW)
FEW, MANY = 3, 23
STREAM = "a stream reads for as long as it lasts; tests/realtime count its reads"
# Operation: statements, with a key that was seen just now and without BEGIN and COMMIT. One sets the scope, one reads
# the rows, and for a list one counts them, for its page is not the last; a list beneath a row reads that one first.
# The short way of instances does all of it in one.
PINNED = {
    "get_agent": 2,
    "get_browser_state": 2,
    "get_desktop": 2,
    "get_session": 2,
    "get_session_stream_url": 3,
    "list_session_auth_states": 2,
    "list_sessions": 2,
    "get_instance": 1,
    "get_instance_view": 3,
    "get_instance_view_driver": 2,
    "get_invitation": 2,
    "get_key": 2,
    "get_log": 2,
    "get_me": 0,
    "get_membership": 2,
    "get_own_user": 2,
    "get_plan": 2,
    "get_recording": 2,
    "get_root": 0,
    "get_schedule": 2,
    "get_site": 2,
    "get_provider": 0,
    "get_site_usage": 4,
    "get_template": 2,
    "get_user": 2,
    "get_webhook": 2,
    "list_agents": 3,
    "list_audit": 3,
    "list_browser_states": 3,
    "list_instance_events": 4,
    "list_instance_logs": 1,
    "list_instance_plans": 4,
    "list_instances": 1,
    "list_invitations": 3,
    "list_keys": 3,
    "list_logs": 1,
    "list_memberships": 3,
    "list_plan_events": 4,
    "list_plans": 3,
    "list_instance_recordings": 4,
    "list_recordings": 3,
    "list_schedule_occurrences": 4,
    "list_schedules": 3,
    "list_sites": 2,
    "list_template_versions": 4,
    "list_templates": 3,
    "list_users": 3,
    "list_webhook_deliveries": 4,
    "list_webhooks": 3,
}
UNPINNED = {
    "get_audit_export": "reads in batches for as long as it lasts",
    "get_instance_log_tail": STREAM,
    "get_log_tail": STREAM,
    "get_instance_cdp": "it answers for a running browser alone, which this site has none of",
    "get_session_env": "it is the machine that answers",
    "get_session_cdp_url": "it answers for a running browser alone, which this site has none of",
    "get_session_current_url": "it is the machine that answers",
    "get_recording_replay": "writes who asked",
    "get_recording_video": "reads in batches for as long as it lasts",
    "get_recording_zip": "reads in batches for as long as it lasts",
    "get_instance_file": "it is the machine that answers",
    "get_instance_frame": "it answers for a running instance alone, which this site has none of",
    "get_instance_screenshot": "it is the machine that answers",
    "get_instance_wait": "looks in a thread of its own, again and again",
    "get_health": "asks each part of the platform, and remembers the answer",
}


class World:
    """A site with so many rows of everything, some of which belong to the first of each kind."""

    def __init__(self) -> None:
        self.site: Site = make.site()
        self.key, self.secret = make.key(self.site)
        self.principal = find_principal(self.secret)
        self.client = make.client_with(self.secret)
        self.first: dict[str, str] = {}

    def grow(self, to: int, have: int) -> None:
        for number in range(have, to):
            agent = make.agent(self.site, f"agent {number}")
            key, _ = make.key(self.site, acts_for=agent)
            invitation = invitations.invite(self.principal, email=f"{number}@example.com", role="viewer")
            instance = instances.request_instance(self.principal, name=f"desk {number}", agent_id=agent.pk)
            self.first.setdefault("instances", str(instance.pk))
            self.first.setdefault("desktop", str(instance.pk))
            self.first.setdefault("instance", str(instance.pk))
            plan = self._plan(agent.pk, number)
            log = self._log(agent.pk, number)
            hook = self._webhook(number)
            template = self._template(number)
            schedule = self._schedule(template.pk)
            state = browser_states.upload_state(self.principal, name=f"login {number}", state={})
            member = make.member(self.site)
            recording = self._recording()
            rows = {
                "browser-states": state,
                "recordings": recording,
                "templates": template,
                "schedules": schedule,
                "agents": agent,
                "keys": key,
                "invitations": invitation,
                "plans": plan,
                "logs": log,
                "webhooks": hook,
            }
            for noun, row in {**rows, "memberships": member, "users": member.user, "sites": self.site}.items():
                self.first.setdefault(noun, str(row.pk))

    def _recording(self) -> Any:
        """One more of the first instance; one at a time may be under way."""
        row = recordings.request_recording(self.principal, UUID(self.first["instances"]))
        return recordings.request_end(self.principal, row.pk)

    def _template(self, number: int) -> Any:
        template = templates.create_template(self.principal, name=f"template {number}")
        first = self.first.get("templates", template.pk)
        templates.change_template(self.principal, first, startup_script=f"echo {number}")
        return template

    def _schedule(self, template_id: Any) -> Any:
        fields = {"name": "daily", "template_id": template_id, "action": "stop", "interval_s": 60}
        schedule = schedules.create_schedule(self.principal, **fields)
        schedules.run_now(self.principal, self.first.get("schedules", schedule.pk))
        return schedule

    def _plan(self, agent_id: Any, number: int) -> Any:
        needed = [self.first["plans"]] if "plans" in self.first else []
        plan = plans.write_plan(
            self.principal,
            self.first["instances"],
            title=f"plan {number}",
            plan_type="task",
            agent_id=agent_id,
            depends_on=needed,
            steps=[{"title": f"step {n}"} for n in range(1 + number % 4)],
        )
        first = self.first.get("plans", plan.pk)
        PlanEvent(site=self.site, plan_id=first, number=100 + number, kind="noted").save(using=CREW)
        return plan

    def _log(self, agent_id: Any, number: int) -> Log:
        instance_id = self.first["instances"]
        log = Log(
            site=self.site,
            instance_id=instance_id,
            agent_id=agent_id,
            user_id=self.key.user_id,
            parent_log_id=self.first.get("logs"),
            log_type="system",
            message="m",
        )
        log.save(using=CREW)
        Event(site=self.site, instance_id=instance_id, number=100 + number, kind="noted").save(using=CREW)
        return log

    def _webhook(self, number: int) -> Any:
        hook, _ = webhooks.create_webhook(self.principal, url=f"https://hooks.example.com/{number}")
        webhooks.ping(self.principal, webhooks.webhook_of(self.principal, self.first.get("webhooks", hook.pk)))
        return hook

    def statements(self, path: str) -> int:
        """What one GET sends, apart from the frame of its transactions."""
        self.client.get(path)  # what is compiled or remembered once is not what a request costs
        with ExitStack() as stack:
            captured = [stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in ALIASES]
            answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.content[:500])
        said = [query["sql"] for queries in captured for query in queries]
        return sum(not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for sql in said)


def _operations() -> Iterator[tuple[str, str]]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    for path, operations in sorted(document["paths"].items()):
        if "get" in operations:
            yield operations["get"]["operationId"], path


OPERATIONS = dict(_operations())


def _address(world: World, operation: str, rows: int) -> str:
    path = OPERATIONS[operation]
    noun = path.split("/")[2]
    path = path.replace("{id}", world.first.get(noun, ""))
    return f"{path}?limit={rows - 1}" if operation.startswith("list_") and noun != "sites" else path


def test_the_number_of_statements_is_pinned_and_the_same_for_more_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sites.keys.REMEMBERED_S", 3600.0)  # a slow machine forgets a key between two requests
    world = World()
    world.grow(FEW, 0)
    few = {name: world.statements(_address(world, name, FEW)) for name in PINNED}
    world.grow(MANY, FEW)
    many = {name: world.statements(_address(world, name, MANY)) for name in PINNED}
    width = max(map(len, many))
    for name, count in many.items():
        told(f"{count:8d} statements of {name:<{width}} {OPERATIONS[name]}")
    assert few == many
    assert many == PINNED


def test_every_get_of_the_document_is_pinned_or_excused() -> None:
    assert set(PINNED) | set(UNPINNED) == set(OPERATIONS)
    assert not set(PINNED) & set(UNPINNED)
