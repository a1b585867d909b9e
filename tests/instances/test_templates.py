"""Templates: their versions, what an instance takes from one, and the script that runs when it is up."""

from __future__ import annotations

from uuid import uuid4

import pytest

from common.errors import Conflict, Forbidden, Invalid, NotFound
from guest.protocol.actions import Bash
from guest.protocol.results import Result, Shell
from instances import services, startup, tasks, templates
from instances.guestlink import Answer, GuestUnreachable
from instances.models import Event, Log, Template
from sites.roles import Role
from tests import make
from tests.instances.conftest import principal_of_new_site

SPEC = {
    "instance_type": "ubuntu",
    "configuration": {"width": 800, "height": 600},
    "environment_variables": {"SHOP": "https://shop.example.com", "TONE": "kind"},
    "timeout_ms": 7_200_000,
    "on_timeout": "delete",
    "idle_stop_minutes": 20,
}


@pytest.fixture
def template(world) -> Template:
    return templates.create_template(world.principal, name="shop", **SPEC)


def test_an_instance_takes_what_its_template_says(world, template):
    instance = services.request_instance(world.principal, name="desk", template="shop")
    assert (instance.instance_type, instance.configuration) == ("ubuntu", SPEC["configuration"])
    assert (instance.timeout_ms, instance.on_timeout, instance.idle_stop_minutes) == (7_200_000, "delete", 20)
    assert instance.environment_variables == SPEC["environment_variables"]
    assert (instance.template_id, instance.template_version) == (template.pk, 1)


def test_what_the_request_says_goes_before_the_template(world, template):
    instance = services.request_instance(
        world.principal,
        name="desk",
        template=str(template.pk),
        instance_type="browser",
        configuration={"height": 700},
        environment_variables={"TONE": "curt"},
        timeout_ms=None,
    )
    assert instance.instance_type == "browser"
    assert instance.configuration == {"width": 800, "height": 700}
    assert instance.environment_variables == {"SHOP": "https://shop.example.com", "TONE": "curt"}
    assert instance.timeout_ms is None


def test_a_changed_spec_is_a_new_version_and_old_ones_stay(world, template):
    old = services.request_instance(world.principal, name="old", template="shop")
    templates.change_template(world.principal, template.pk, description="of the shop", startup_script="true")
    templates.change_template(world.principal, template.pk, description="of the shop", startup_script="true")
    new = services.request_instance(world.principal, name="new", template="shop")
    assert (new.template_version, new.startup_script) == (2, "true")
    assert (world.read(old).template_version, world.read(old).startup_script) == (1, "")
    for which in ("shop@1", f"{template.pk}@1"):
        again = services.request_instance(world.principal, name="again", template=which)
        assert (again.template_version, again.startup_script) == (1, "")
    with pytest.raises(Invalid, match="no version 3"):
        services.request_instance(world.principal, name="none", template="shop@3")


def test_a_name_with_an_at_sign_is_a_name(world, template):
    templates.create_template(world.principal, name="shop@1", startup_script="echo other")
    instance = services.request_instance(world.principal, name="desk", template="shop@1")
    assert instance.startup_script == "echo other"


def test_values_that_each_use_must_bring_are_asked_for(world):
    templates.create_template(world.principal, name="login", required_variables=["USER_NAME", "SECRET"])
    with pytest.raises(Invalid, match="SECRET"):
        services.request_instance(
            world.principal, name="desk", template="login", environment_variables={"USER_NAME": "a"}
        )
    instance = services.request_instance(
        world.principal, name="desk", template="login", environment_variables={"USER_NAME": "a", "SECRET": "b"}
    )
    assert instance.environment_names == ["SECRET", "USER_NAME"]


def test_a_template_of_another_site_is_none_at_all(world, template):
    stranger = principal_of_new_site()
    for reference in ("shop", str(template.pk), f"{template.pk}@1", str(uuid4()), "@", "shop@1"):
        with pytest.raises(Invalid, match="no such template"):
            services.request_instance(stranger, name="desk", template=reference)
    with pytest.raises(NotFound):
        templates.change_template(stranger, template.pk, name="mine")
    assert templates.create_template(stranger, name="shop").version == 1
    with pytest.raises(Forbidden):
        templates.create_template(principal_of_new_site(Role.VIEWER), name="x")


def test_a_name_is_taken_once_a_site(world, template):
    with pytest.raises(Conflict):
        templates.create_template(world.principal, name="shop")


def test_a_template_may_go_and_its_instances_stay(world, template):
    instance = world.running(template="shop", instance_type="ubuntu")
    templates.remove_template(world.principal, template.pk)
    left = world.read(instance)
    assert (left.status, left.template_id, left.template_version) == ("running", None, 1)


def test_over_http_values_are_sealed_and_versions_listed(world):
    client = make.client(make.Site(pk=world.principal.site_id))
    body = {"name": "shop", "environment_variables": {"TOKEN": "s3cret"}, "timeout_hours": 3}
    made = client.post("/api/templates", body)
    assert made.status_code == 201 and "s3cret" not in made.text
    path = made.headers["Location"]
    assert (made.json()["environment_variables"], made.json()["timeout_ms"]) == (["TOKEN"], 10_800_000)
    changed = client.patch(path, {"startup_script": "echo hello", "required_variables": ["A"]})
    assert (changed.json()["version"], changed.json()["environment_variables"]) == (2, ["TOKEN"])
    versions = client.get(f"{path}/versions").json()["results"]
    assert [(row["version"], row["startup_script"]) for row in versions] == [(2, "echo hello"), (1, "")]
    assert "s3cret" not in client.get(f"{path}/versions").text + client.get("/api/templates").text
    assert [row["version"] for row in client.get(f"{path}/versions?number=1").json()["results"]] == [1]
    assert client.post("/api/templates", body).status_code == 409
    assert client.post("/api/templates", {"name": "y", "required_variables": ["1x"]}).status_code == 400
    refused = client.post("/api/instances", {"name": "desk", "template": "shop"})
    assert (refused.status_code, "A" in refused.json()["details"]["fields"]["environment_variables"][0]) == (400, True)
    desk = client.post("/api/instances", {"name": "d", "template": "shop", "environment_variables": {"A": "1"}})
    assert (desk.status_code, desk.json()["template_version"]) == (201, 2)
    assert desk.json()["environment_variables"] == ["A", "TOKEN"]
    assert client.get(f"/api/instances?template_id={made.json()['id']}").json()["count"] == 1
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def _answering(world, monkeypatch, **result):
    shell = Shell(**{"stdout": "ready\n", "stderr": "", "exit_code": 0, **result})
    acted = []

    def act(machine, action, **_):
        acted.append((machine, action))
        return Answer(result=Result(shell=shell), blob=b"", took_ms=1.0)

    monkeypatch.setattr(world.guests, "act", act)
    return acted


def _script_log() -> Log:
    return Log.everywhere.get(tool_name="startup_script")


def test_the_script_runs_once_when_the_machine_is_up_and_its_output_is_in_the_log(world, monkeypatch):
    acted = _answering(world, monkeypatch)
    instance = world.running(startup_script="echo ready")
    assert acted == [] and startup.due() == [instance.pk]
    for _ in range(2):
        startup.run(instance.pk)
    assert acted == [(instance.machine, Bash("echo ready", timeout_s=startup.WITHIN_S))]
    assert world.history(instance)[-2:] == ["startup_began", "startup_finished"]
    log = _script_log()
    assert (log.level, log.tool_result) == ("info", {"exit_code": 0, "stdout": "ready\n", "stderr": ""})
    assert startup.due() == []


@pytest.mark.parametrize(
    ("result", "told"),
    [({"exit_code": 3}, "ended with code 3"), ({"exit_code": None, "timed_out": True}, "took longer than")],
)
def test_a_script_that_fails_is_told_of_and_holds_nobody_up(world, monkeypatch, result, told):
    _answering(world, monkeypatch, stderr="no\0 such", **result)
    instance = world.running(startup_script="false")
    startup.run(instance.pk)
    assert world.read(instance).status == "running"
    failed = Event.everywhere.get(kind="startup_failed")
    assert told in failed.message
    assert (_script_log().is_error, told in _script_log().message) == (True, True)


def test_a_script_whose_machine_does_not_answer_is_told_of(world):
    instance = world.running(startup_script="true")
    world.guests.fail_next.append(GuestUnreachable("gone"))
    startup.run(instance.pk)
    assert "did not run it" in Event.everywhere.get(kind="startup_failed").message


def test_a_script_whose_worker_died_is_told_of_and_not_begun_again(world, later, monkeypatch):
    acted = _answering(world, monkeypatch)
    instance = world.running(startup_script="true")
    assert startup._begin(instance.pk) is not None
    startup.run(instance.pk)
    assert startup.due() == []
    later(startup.WITHIN_S + 61)
    startup.run(instance.pk)
    assert (acted, startup.due()) == ([], [])
    assert "worker" in Event.everywhere.get(kind="startup_failed").message


def test_a_new_boot_runs_it_anew(world, monkeypatch):
    acted = _answering(world, monkeypatch)
    instance = world.running(startup_script="true")
    startup.run(instance.pk)
    services.request_stop(world.principal, instance.pk)
    world.settle(instance)
    services.request_start(world.principal, instance.pk)
    world.settle(instance)
    world.guests.arrive(instance.machine, boot_id="boot-2")
    world.settle(instance)
    startup.run(instance.pk)
    assert len(acted) == 2


def test_the_sweep_queues_what_is_due(world, monkeypatch):
    instance = world.running(startup_script="true")
    queued: list[str] = []
    monkeypatch.setattr(tasks.start_up, "delay", queued.append)
    tasks.sweep()
    assert queued == [str(instance.pk)]
