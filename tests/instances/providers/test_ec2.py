"""The EC2 driver: the contract that every driver keeps, faults of the network and of EC2, and what an order says."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import pytest

from instances.providers.base import OutOfCapacity, Power, Provider, Refused, Spec, Unreachable
from instances.providers.ec2.offers import Offer
from instances.providers.ec2.provider import Ec2Provider
from tests.contracts.provider import RestingContract
from tests.instances.providers import fault_proxy as faults
from tests.instances.providers.ec2_cloud import Cloud, driver
from tests.instances.providers.fault_proxy import Fault, FaultProxy, fault_proxy

Value = TypeVar("Value")

GUEST_TOKEN, BOOTSTRAP_TOKEN = "secret-of-the-guest", "good-once"
LABELS = {"site": "a-site", "instance": "an-instance", "incarnation": "3"}
SPEC = Spec("ubuntu", guest_token=GUEST_TOKEN, bootstrap_token=BOOTSTRAP_TOKEN, labels=LABELS)
SOON_S = 1.0
EVERY_FAULT = (
    faults.cut_before,
    faults.cut_after,
    faults.cut_within,
    faults.repeated,
    faults.answered_too_late,
    faults.throttled,
    faults.broken,
    faults.failing("InsufficientInstanceCapacity", 500),
)


@pytest.fixture(scope="module")
def one_proxy(account: Cloud) -> Iterator[FaultProxy]:
    with fault_proxy(account) as one:
        yield one


@pytest.fixture
def proxy(one_proxy: FaultProxy) -> FaultProxy:
    one_proxy.forget()
    return one_proxy


@pytest.fixture(scope="module")
def ec2(one_proxy: FaultProxy) -> Ec2Provider:
    return driver(one_proxy.url)


@pytest.fixture(scope="module")
def hasty(one_proxy: FaultProxy) -> Ec2Provider:
    """Gives up at once, for the faults that would have it wait."""
    return driver(one_proxy.url, read_timeout_s=SOON_S)


@pytest.fixture
def token(account: Cloud) -> Iterator[str]:
    token = f"{uuid.uuid4().hex}-1"
    yield token
    if ids := [each["InstanceId"] for each in account.machines(token)]:
        account.ec2.terminate_instances(InstanceIds=ids)


def again(ask: Callable[[], Value], *, times: int = 6) -> Value:
    """As the core does it: ask again while nobody knows."""
    for _ in range(times):
        try:
            return ask()
        except (Unreachable, OutOfCapacity):
            continue
    raise AssertionError(f"not done in {times} times")


class TestEc2Provider(RestingContract):
    @pytest.fixture
    def provider(self, ec2: Ec2Provider, proxy: FaultProxy) -> Provider:
        return ec2


@pytest.mark.parametrize("action", ["RunInstances", "DescribeInstances"])
@pytest.mark.parametrize("fault", EVERY_FAULT, ids=lambda fault: fault.__name__)
def test_a_create_that_met_a_fault_makes_one_machine(
    account: Cloud, proxy: FaultProxy, hasty: Ec2Provider, token: str, action: str, fault: Fault
) -> None:
    proxy.plan(action, fault)
    handle = again(lambda: hasty.create(SPEC, token=token))
    assert [each["InstanceId"] for each in account.machines(token)] == [handle.data["id"]]
    assert again(lambda: hasty.create(SPEC, token=token)) == handle


@pytest.mark.parametrize("fault", EVERY_FAULT, ids=lambda fault: fault.__name__)
def test_a_destroy_that_met_a_fault_leaves_no_machine(
    account: Cloud, proxy: FaultProxy, hasty: Ec2Provider, token: str, fault: Fault
) -> None:
    handle = again(lambda: hasty.create(SPEC, token=token))
    proxy.plan("TerminateInstances", fault)
    again(lambda: hasty.destroy(handle))
    assert not account.machines(token)
    assert again(lambda: hasty.inspect(handle)).power is Power.GONE


def test_an_order_that_is_heard_after_its_repetition_makes_no_second_machine(
    account: Cloud, proxy: FaultProxy, hasty: Ec2Provider, token: str
) -> None:
    proxy.plan("RunInstances", faults.heard_too_late)
    with pytest.raises(Unreachable):
        hasty.create(SPEC, token=token)
    assert not account.machines(token)
    again(lambda: hasty.create(SPEC, token=token))
    proxy.release()
    assert len(account.machines(token)) == 1


def test_an_order_is_known_again_while_ec2_does_not_show_its_machine(
    account: Cloud, proxy: FaultProxy, ec2: Ec2Provider, token: str
) -> None:
    handle = ec2.create(SPEC, token=token)
    proxy.plan("DescribeInstances", faults.hidden)
    assert ec2.create(SPEC, token=token) == handle
    assert len(account.machines(token)) == 1


def test_an_order_of_other_contents_waits_for_the_first_ones_machine(
    account: Cloud, proxy: FaultProxy, ec2: Ec2Provider, token: str
) -> None:
    handle = ec2.create(SPEC, token=token)
    larger = replace(SPEC, memory_mib=4096)
    proxy.plan("DescribeInstances", faults.hidden)
    with pytest.raises(Unreachable):
        ec2.create(larger, token=token)
    assert ec2.create(larger, token=token) == handle
    assert len(account.machines(token)) == 1


def test_a_machine_that_ec2_does_not_show_yet_is_not_gone(proxy: FaultProxy, ec2: Ec2Provider, token: str) -> None:
    handle = ec2.create(SPEC, token=token)
    later = driver(proxy.url, blind_for_s=0)
    proxy.plan("DescribeInstances", *[faults.hidden] * 4)
    assert ec2.inspect(handle).power is Power.RISING
    assert later.inspect(handle).power is Power.GONE


@pytest.mark.parametrize("order", ["destroy", "stop", "start"])
def test_what_ec2_does_not_show_yet_is_asked_for_again(
    account: Cloud, proxy: FaultProxy, ec2: Ec2Provider, token: str, order: str
) -> None:
    handle = ec2.create(SPEC, token=token)
    proxy.plan("DescribeInstances", faults.hidden, faults.hidden)
    with pytest.raises(Unreachable):
        getattr(ec2, order)(handle)
    assert len(account.machines(token)) == 1


def test_a_second_machine_of_a_name_is_not_taken_for_the_first_that_ended(
    account: Cloud, proxy: FaultProxy, ec2: Ec2Provider, token: str
) -> None:
    ec2.destroy(ec2.create(SPEC, token=token))
    second = ec2.create(SPEC, token=token)
    ended = replace(second, data={**second.data, "id": "i-00000000000000000"})
    ec2.destroy(second)
    with pytest.raises(Unreachable):
        ec2.destroy(ended)
    assert not account.machines(token)


def test_an_id_that_is_hidden_is_found_by_its_tags(proxy: FaultProxy, ec2: Ec2Provider, token: str) -> None:
    handle = ec2.create(SPEC, token=token)
    proxy.plan("DescribeInstances", faults.hidden)
    assert ec2.inspect(handle).power is Power.UP


def test_a_machine_is_not_gone_because_its_entry_names_another_region(
    proxy: FaultProxy, ec2: Ec2Provider, token: str
) -> None:
    handle = again(lambda: ec2.create(SPEC, token=token))
    elsewhere = driver(proxy.url, region="eu-west-3", blind_for_s=0)
    for ask in (elsewhere.inspect, elsewhere.destroy, elsewhere.stop, elsewhere.start):
        with pytest.raises(Unreachable, match="eu-west-3"):
            ask(handle)
    assert ec2.inspect(handle).power is Power.UP


def test_half_a_list_is_no_list(proxy: FaultProxy, ec2: Ec2Provider, token: str) -> None:
    paged = driver(proxy.url, page_size=5, deployment=f"of-{token[:8]}")
    names = {f"{token}-{number}" for number in range(7)}
    handles = [paged.create(SPEC, token=name) for name in names]
    assert {name for name, _ in paged.list_ours()} == names
    proxy.plan("DescribeInstances", lambda exchange: exchange.forward(), faults.cut_within)
    with pytest.raises(Unreachable):
        paged.list_ours()
    for handle in handles:
        paged.destroy(handle)
    assert not list(paged.list_ours())


def test_machines_of_another_deployment_are_left_alone(
    account: Cloud, proxy: FaultProxy, ec2: Ec2Provider, token: str
) -> None:
    other = driver(proxy.url, deployment="another")
    handle = other.create(SPEC, token=token)
    assert token not in dict(ec2.list_ours())
    assert ec2.inspect(handle).power is Power.GONE
    ec2.destroy(handle)
    assert len(account.machines(token)) == 1


def test_a_machine_that_was_taken_away_is_gone(account: Cloud, ec2: Ec2Provider, token: str) -> None:
    handle = ec2.create(SPEC, token=token)
    account.ec2.terminate_instances(InstanceIds=[handle.data["id"]])
    assert ec2.inspect(handle).power is Power.GONE


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("InsufficientInstanceCapacity", OutOfCapacity),
        ("InsufficientFreeAddressesInSubnet", OutOfCapacity),
        ("VcpuLimitExceeded", OutOfCapacity),
        ("InstanceLimitExceeded", OutOfCapacity),
        ("RequestLimitExceeded", Unreachable),
        ("RequestExpired", Unreachable),
        ("Unavailable", Unreachable),
        ("UnauthorizedOperation", Refused),
        ("AuthFailure", Refused),
        ("InvalidAMIID.NotFound", Refused),
        ("InvalidSubnetID.NotFound", Refused),
    ],
)
def test_an_error_of_ec2_is_one_of_the_cores(
    account: Cloud, proxy: FaultProxy, ec2: Ec2Provider, token: str, code: str, meant: type[Exception]
) -> None:
    proxy.plan("RunInstances", faults.failing(code, 503 if code == "Unavailable" else 400))
    with pytest.raises(meant) as raised:
        ec2.create(SPEC, token=token)
    assert type(raised.value) is meant
    assert "secret" not in str(raised.value) and "arn:" not in str(raised.value)
    assert not account.machines(token)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AuthFailure", "OptInRequired", "InvalidParameterValue"])
def test_what_ec2_does_not_let_us_see_says_nothing_of_a_machine(
    proxy: FaultProxy, ec2: Ec2Provider, token: str, code: str
) -> None:
    handle = ec2.create(SPEC, token=token)
    proxy.plan("DescribeInstances", *[faults.failing(code)] * 3)
    for ask in (lambda: ec2.inspect(handle), lambda: ec2.destroy(handle), lambda: ec2.list_ours()):
        with pytest.raises(Unreachable):
            ask()


def test_without_credentials_nothing_is_given_up(
    proxy: FaultProxy, ec2: Ec2Provider, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = ec2.create(SPEC, token=token)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    for lost in (driver(proxy.url), driver(proxy.url, profile="nobody")):
        for ask in (partial(lost.inspect, handle), partial(lost.create, SPEC, token=token)):
            with pytest.raises(Unreachable):
                ask()


def test_an_order_says_whose_the_machine_is_and_keeps_it_shut(
    account: Cloud, proxy: FaultProxy, ec2: Ec2Provider, token: str
) -> None:
    ec2.create(SPEC, token=token)
    made = account.machines(token)[0]
    assert {tag["Key"]: tag["Value"] for tag in made["Tags"]} == {
        "Name": f"machine-{token}",
        "orchestrator:deployment": "tests",
        "orchestrator:token": token,
        "orchestrator:site": "a-site",
        "orchestrator:instance": "an-instance",
        "orchestrator:incarnation": "3",
    }
    assert made["MetadataOptions"]["HttpTokens"] == "required"
    assert made["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    order = _order(proxy)
    assert len(order["ClientToken"]) == 64
    assert order["BlockDeviceMapping.1.Ebs.DeleteOnTermination"] == "true"
    assert order["BlockDeviceMapping.1.Ebs.Encrypted"] == "true"
    assert "InstanceMarketOptions.MarketType" not in order
    assert {order[f"TagSpecification.{n}.ResourceType"] for n in (1, 2, 3)} == {
        "instance",
        "volume",
        "network-interface",
    }


@pytest.mark.parametrize("flavour", ["ubuntu", "windows"])
def test_the_first_boot_is_told_what_is_good_once_and_no_lasting_secret(
    account: Cloud, proxy: FaultProxy, ec2: Ec2Provider, token: str, flavour: str
) -> None:
    ec2.create(replace(SPEC, flavour=flavour), token=token)
    told = base64.b64decode(_order(proxy)["UserData"]).decode()
    assert BOOTSTRAP_TOKEN in told and "https://platform.example/api/system/bootstrap" in told and token in told
    assert all(GUEST_TOKEN not in request.body.decode() for request in proxy.seen)
    assert GUEST_TOKEN not in told


def test_a_spot_machine_cannot_be_stopped_and_says_so(proxy: FaultProxy, ec2: Ec2Provider, token: str) -> None:
    handle = ec2.create(replace(SPEC, flavour="browser"), token=token)
    assert _order(proxy)["InstanceMarketOptions.MarketType"] == "spot"
    with pytest.raises(Refused, match="spot"):
        ec2.stop(handle)


def test_the_smallest_size_that_has_the_memory_is_taken(proxy: FaultProxy, ec2: Ec2Provider, token: str) -> None:
    with pytest.raises(Refused, match="8192"):
        ec2.create(replace(SPEC, memory_mib=9000), token=token)
    ec2.create(replace(SPEC, memory_mib=2049), token=token)
    assert _order(proxy)["InstanceType"] == "t3.large"


@pytest.mark.parametrize(
    "wrong",
    [
        {"region": ""},
        {"deployment": ""},
        {"flavours": {"ubuntu": {}}},
        {"flavours": {"ubuntu": {"image": "ami-1", "imagee": "ami-2"}}},
        {"flavours": {"ubuntu": {"image": "ami-1", "sizes": ["t3.small"]}}},
        {"subnet": "subnet-1"},
    ],
    ids=str,
)
def test_an_entry_that_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        driver("http://127.0.0.1:1", **wrong)


def test_a_token_keeps_its_subnet() -> None:
    offer = Offer(image="ami-1", sizes={"t3.small": 2048}, subnets=("subnet-a", "subnet-b", "subnet-c"))
    chosen = {token: offer.subnet_for(token) for token in (f"{number}-1" for number in range(40))}
    assert set(chosen.values()) == set(offer.subnets)
    assert all(offer.subnet_for(token) == subnet for token, subnet in chosen.items())


def _order(proxy: FaultProxy) -> dict[str, str]:
    """The fields of the last order."""
    return dict(parse_qsl([each for each in proxy.seen if each.action == "RunInstances"][-1].body.decode()))
