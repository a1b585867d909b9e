"""Templates and schedules in the admin: made and changed by a site's own people, through the services."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from common.tenancy import CREW
from instances import schedules, templates
from instances.models import Schedule, Template, TemplateVersion
from sites.models import AuditEntry
from tests.instances.conftest import World, principal_of_new_site

pytestmark = pytest.mark.django_db

DAILY = {"name": "daily", "action": "start", "count": "2", "cron": "0 8 * * *", "time_zone": "Europe/Berlin"}
DESK = {
    "name": "desk",
    "description": "a desk",
    "instance_type": "ubuntu",
    "configuration": '{"width": 1280}',
    "startup_script": "echo one\r\necho two\r\n",
    "required_variables": "TOKEN, USER_NAME",
    "tools_enabled": ["bash", "computer"],
    "environment": '{"SECRET": "hunter2"}',
    "on_timeout": "stop",
    "pool_size": "0",
}


def _url(noun: str, page: str, *row: object) -> str:
    return reverse(f"admin:instances_{noun}_{page}", args=row)


def _in(world: World, **fields: Any) -> dict[str, Any]:
    return {"for_site": str(world.principal.site_id), **fields}


def _problems(answer: Any) -> dict[str, list[str]]:
    """What the page says beside its fields."""
    assert answer.status_code == 200, (answer.status_code, answer.content[-500:])
    return dict(answer.context["adminform"].form.errors)


def _audited(world: World) -> list[str]:
    rows = AuditEntry.everywhere.filter(site=world.principal.site_id, target_type__in=["template", "schedule"])
    return list(rows.order_by("id").values_list("action", flat=True))


@pytest.fixture
def template(world: World) -> Template:
    return templates.create_template(world.principal, name="desk", environment_variables={"SECRET": "hunter2"})


@pytest.fixture
def schedule(world: World, template: Template) -> Schedule:
    return schedules.create_schedule(
        world.principal, name="daily", template_id=template.pk, action="stop", interval_s=3600
    )


def test_a_schedule_is_written_by_a_member_and_acts_for_them(world: World, template: Template, staff) -> None:
    browser = staff("operator")
    made = browser.post(_url("schedule", "add"), _in(world, template=str(template.pk), **DAILY))
    assert made.status_code == 302, _problems(made)
    row = Schedule.everywhere.get()
    assert (row.name, row.count, row.site_id, row.template_id) == ("daily", 2, template.site_id, template.pk)
    assert row.next_at is not None and str(row.user_id) == browser.session["_auth_user_id"]
    page = _url("schedule", "change", row.pk)
    assert 'value="0 8 * * *"' in browser.get(page).content.decode()
    changed = browser.post(page, {**DAILY, "template": str(template.pk), "cron": "", "interval_s": "600"})
    assert changed.status_code == 302, _problems(changed)
    after = Schedule.everywhere.get()
    assert (after.cron, after.interval_s) == ("", 600) and after.next_at != row.next_at
    assert _audited(world)[-4:] == [
        "schedule.created",
        "admin.schedule.added",
        "schedule.changed",
        "admin.schedule.changed",
    ]
    assert AuditEntry.everywhere.get(action="schedule.changed").details == {"fields": ["cron", "interval_s"]}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"interval_s": "600"}, "cron"),
        ({"cron": ""}, "cron"),
        ({"cron": "at noon"}, "cron"),
        ({"time_zone": "Moon/Base"}, "time_zone"),
        ({"template_version": "9"}, "template"),
        ({"count": "101"}, "count"),
        ({"cron": "", "interval_s": "59"}, "interval_s"),
        ({"timeout_ms": "999"}, "timeout_ms"),
    ],
)
def test_what_a_schedule_may_not_be_stands_beside_the_field(
    world: World, template: Template, staff, wrong: dict[str, str], field: str
) -> None:
    asked = _in(world, template=str(template.pk), **DAILY) | wrong
    answer = staff("operator").post(_url("schedule", "add"), asked)
    assert set(problems := _problems(answer)) == {field}, problems
    assert 'value="daily"' in answer.content.decode() and not Schedule.everywhere.exists()


def test_a_template_is_written_and_each_change_of_its_spec_is_a_version(world: World, staff) -> None:
    browser = staff("operator")
    made = browser.post(_url("template", "add"), _in(world, **DESK))
    assert made.status_code == 302, _problems(made)
    row = Template.everywhere.get()
    assert (row.configuration, row.startup_script) == ({"width": 1280}, "echo one\necho two\n")
    assert (row.required_variables, row.tools_enabled) == (["TOKEN", "USER_NAME"], ["bash", "computer"])
    assert (row.environment_variables, row.environment_names) == ({"SECRET": "hunter2"}, ["SECRET"])

    page = _url("template", "change", row.pk)
    shown = browser.get(page).content.decode()
    assert "hunter2" not in shown and "SECRET" in shown
    same = {name: value for name, value in DESK.items() if name != "environment"}
    assert browser.post(page, same | {"description": "my desk"}).status_code == 302
    assert browser.post(page, same | {"configuration": '{"width": 800}'}).status_code == 302
    after = Template.everywhere.get()
    assert (after.version, after.description, after.configuration) == (2, "a desk", {"width": 800})
    assert after.environment_variables == {"SECRET": "hunter2"}, "what was left empty stays"
    assert sorted(TemplateVersion.everywhere.values_list("number", flat=True)) == [1, 2]
    assert [one for one in _audited(world) if not one.startswith("admin.")] == ["template.created"] + [
        "template.changed"
    ] * 2
    version = TemplateVersion.everywhere.get(number=1)
    assert b"hunter2" not in browser.get(_url("templateversion", "change", version.pk)).content


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "taken"}, "__all__"),
        ({"name": ""}, "name"),
        ({"configuration": '{"width": 1}'}, "configuration"),
        ({"configuration": "[]"}, "configuration"),
        ({"configuration": '{"a": "\\u0000"}'}, "configuration"),
        ({"configuration": "[" * 5_000}, "configuration"),
        ({"environment": '{"a b": "hunter2"}'}, "environment"),
        ({"environment": '{"A": 5, "B": "hunter2"}'}, "environment"),
        ({"environment": "hunter2"}, "environment"),
        ({"required_variables": "a b"}, "required_variables"),
        ({"tools_enabled": "saw"}, "tools_enabled"),
        ({"timeout_ms": "999"}, "timeout_ms"),
        ({"idle_stop_minutes": "0"}, "idle_stop_minutes"),
        ({"pool_size": "1001"}, "pool_size"),
        ({"provider": "nowhere"}, "provider"),
        ({"startup_script": "x" * 65_537}, "startup_script"),
    ],
)
def test_what_a_template_may_not_be_stands_beside_the_field_and_tells_no_secret(
    world: World, staff, wrong: dict[str, str], field: str
) -> None:
    templates.create_template(world.principal, name="taken")
    answer = staff("operator").post(_url("template", "add"), _in(world, **{**DESK, **wrong}))
    assert set(_problems(answer)) == {field}
    assert "hunter2" not in answer.content.decode() and Template.everywhere.count() == 1


@pytest.mark.parametrize("noun", ["template", "schedule"])
def test_whose_role_only_reads_sees_a_row_and_changes_nothing(
    schedule: Schedule, template: Template, staff, noun: str
) -> None:
    row = {"template": template, "schedule": schedule}[noun]
    browser: Client = staff("viewer")
    page = browser.get(_url(noun, "change", row.pk))
    assert page.status_code == 200 and 'name="_save"' not in page.content.decode()
    assert browser.get(_url(noun, "add")).status_code == 403
    assert browser.post(_url(noun, "change", row.pk), {"name": "mine"}).status_code == 403
    assert browser.post(_url(noun, "order", row.pk, "delete")).status_code == 403
    assert type(row).everywhere.get(pk=row.pk).name == row.name


@pytest.mark.parametrize("noun", ["template", "schedule"])
def test_a_row_is_deleted_by_its_service_after_a_warning(
    world: World, schedule: Schedule, template: Template, staff, noun: str
) -> None:
    row = {"template": template, "schedule": schedule}[noun]
    browser: Client = staff("operator")
    order = _url(noun, "order", row.pk, "delete")
    assert b"go" in browser.get(order).content and type(row).everywhere.filter(pk=row.pk).exists()
    gone = browser.post(order)
    assert (gone.status_code, gone.headers["Location"]) == (302, _url(noun, "changelist"))
    assert not type(row).everywhere.filter(pk=row.pk).exists()
    assert f"{noun}.deleted" in _audited(world)


@pytest.mark.parametrize("noun", ["template", "schedule"])
def test_a_site_is_out_of_anothers_reach(
    world: World, schedule: Schedule, template: Template, staff, noun: str
) -> None:
    stranger = principal_of_new_site()
    foreign = templates.create_template(stranger, name="foreign")
    theirs = {
        "template": foreign,
        "schedule": schedules.create_schedule(
            stranger, name="foreign", template_id=foreign.pk, action="stop", interval_s=60
        ),
    }[noun]
    browser: Client = staff("admin")
    fields = {"template": DESK, "schedule": {**DAILY, "template": str(template.pk)}}[noun]
    assert set(_problems(browser.post(_url(noun, "add"), {**fields, "for_site": str(stranger.site_id)}))) == {
        "for_site"
    }
    assert browser.post(_url(noun, "change", theirs.pk), fields).status_code == 302, "as if there were none"
    assert type(theirs).everywhere.get(pk=theirs.pk).name == "foreign"
    asked = _in(world, **{**DAILY, "template": str(foreign.pk)})
    assert set(_problems(browser.post(_url("schedule", "add"), asked))) == {"template"}
    assert "foreign" not in browser.get(_url("schedule", "add")).content.decode()


def test_operators_of_the_platform_write_templates_and_no_schedules(
    world: World, schedule: Schedule, operator: Client
) -> None:
    assert operator.get(_url("schedule", "add")).status_code == 403
    assert operator.post(_url("schedule", "change", schedule.pk), {"name": "mine"}).status_code == 403
    made = operator.post(_url("template", "add"), _in(world, **{**DESK, "name": "theirs"}))
    assert made.status_code == 302, _problems(made)
    assert Template.everywhere.using(CREW).get(name="theirs").site_id == world.principal.site_id
