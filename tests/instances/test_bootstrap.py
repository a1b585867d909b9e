"""What a machine is told at its first boot is good once: for one claimant, one incarnation, while it starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from rest_framework.test import APIClient

from common import tokens
from instances.models import Instance
from tests.instances.conftest import World

GATEWAY = "wss://guests.platform.example"
CLAIM = "a-claim-that-a-guest-has-made-for-itself"


@pytest.fixture(autouse=True)
def gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.GATEWAY_PUBLIC_GUEST_URL", GATEWAY)


@pytest.fixture
def starting(world: World) -> Instance:
    instance = world.settle(world.ask(configuration={"width": 1024, "height": 700}))
    assert instance.status == "starting"
    return instance


def redeem(instance: Instance, **changes: str) -> Any:
    body = {"machine": instance.machine, "token": _told(instance.machine), "claim": CLAIM}
    return APIClient().post("/api/system/bootstrap", body | changes, format="json")


def _told(machine: str) -> str:
    return tokens.derive(settings.GATEWAY_SECRET, purpose="bootstrap", subject=machine)


def _code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_machine_is_told_at_its_order_what_its_guest_redeems(world: World, starting: Instance) -> None:
    spec = world.provider.specs[starting.machine]
    answer = redeem(starting, token=spec.bootstrap_token)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer.json() == {
        "incarnation": starting.machine,
        "token": spec.guest_token,
        "gateway": GATEWAY,
        "flavour": "ubuntu",
        "width": 1024,
        "height": 700,
    }
    assert spec.bootstrap_token != spec.guest_token
    assert "bootstrapped" in world.history(starting)


def test_a_second_claim_is_refused_with_a_reason(starting: Instance) -> None:
    assert redeem(starting).status_code == 200
    answer = redeem(starting, claim="b" * 40)
    assert _code(answer) == (409, "BOOTSTRAP_REDEEMED")
    assert "another claim" in answer.json()["error"]


def test_the_same_claim_is_answered_again_and_counted_once(world: World, starting: Instance) -> None:
    assert redeem(starting).json() == redeem(starting).json()
    assert world.history(starting).count("bootstrapped") == 1


def test_of_many_claims_at_once_one_is_answered(starting: Instance) -> None:
    def ask(number: int) -> int:
        try:
            return redeem(starting, claim=f"claim-{number}-".ljust(40, "x")).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as crowd:
        assert sorted(crowd.map(ask, range(12))) == [200] + [409] * 11


@pytest.mark.parametrize("token", ["", "guess", "ü" * 43, "x" * 129])
def test_another_token_is_refused(starting: Instance, token: str) -> None:
    assert redeem(starting, token=token).status_code == 400
    assert redeem(starting).status_code == 200


def test_a_guests_own_token_redeems_nothing(starting: Instance) -> None:
    own = tokens.derive(settings.GATEWAY_SECRET, purpose="guest", subject=starting.machine)
    assert _code(redeem(starting, token=own)) == (400, "BOOTSTRAP_REFUSED")


def test_a_machine_that_never_was_is_told_apart_by_nothing_but_its_token(starting: Instance) -> None:
    never = f"{'0' * 32}-1"
    assert _code(redeem(starting, machine=never)) == (400, "BOOTSTRAP_REFUSED")
    assert _code(redeem(starting, machine=never, token=_told(never))) == (409, "BOOTSTRAP_TOO_LATE")


@pytest.mark.parametrize("machine", ["", "../up", "A" * 32 + "-1", "0" * 32, "0" * 32 + "-٣"])
def test_a_machine_that_is_no_name_is_a_bad_request(starting: Instance, machine: str) -> None:
    assert redeem(starting, machine=machine, token=_told(machine)).status_code == 400


def test_another_incarnations_token_redeems_nothing(starting: Instance) -> None:
    for machine in (f"{starting.id.hex}-0", f"{starting.id.hex}-2"):
        assert _code(redeem(starting, machine=machine, token=_told(machine))) == (409, "BOOTSTRAP_TOO_LATE")


def test_past_the_starts_deadline_it_is_too_late(starting: Instance, later: Any) -> None:
    later(3600)
    assert _code(redeem(starting)) == (409, "BOOTSTRAP_TOO_LATE")


def test_once_the_machine_runs_it_is_too_late(world: World, starting: Instance) -> None:
    world.guests.arrive(starting.machine)
    assert world.settle(starting).status == "running"
    assert _code(redeem(starting)) == (409, "BOOTSTRAP_TOO_LATE")


def test_without_an_address_for_guests_it_is_unavailable(starting: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.GATEWAY_PUBLIC_GUEST_URL", "")
    assert redeem(starting).status_code == 503


def test_who_asks_without_end_is_told_to_wait(starting: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instances.api.bootstrap.BootstrapsByAddress.times", 3)
    answers = [redeem(starting, token="guess") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert int(answers[-1]["Retry-After"]) > 0
