"""A machine of EC2 from its order to a desktop that answers: what cloud-init would do, this test does."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from infra.deployment import Deployment
from instances import ports, reconcile, tasks
from instances.guestlink import GuestLink
from instances.models import Instance
from instances.providers import registry
from tests import make
from tests.contracts.provider import until
from tests.gateway.rig import Gateway, free_port
from tests.guest.desk import ROOT, settings_for
from tests.instances.providers.ec2_cloud import Cloud, driver
from tests.realtime.served import PROJECT, Web

pytestmark = [pytest.mark.django_db, pytest.mark.machine]


@dataclass
class Platform:
    """A real `web` and a real gateway, whose guest door takes TCP; steps are taken by hand."""

    web: Web
    gateway: Gateway
    api: httpx.Client

    def redeem(self, **body: str) -> httpx.Response:
        return httpx.post(f"{self.web.url}/api/system/bootstrap", json=body, trust_env=False)


@pytest.fixture
def platform(services: Deployment, account: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    folder, door = Path(tempfile.mkdtemp(prefix="gw-")), free_port()
    gateway = Gateway(folder, settings.REDIS_URL, GATEWAY_SECRET=settings.GATEWAY_SECRET, GATEWAY_GUEST_PORT=str(door))
    gateway.launch()
    web = Web(
        folder,
        PROJECT,
        GATEWAY_PUBLIC_GUEST_URL=f"ws://127.0.0.1:{door}",
        DEFAULT_PROVIDER="aws",
        GATEWAY_DIR=str(gateway.directory),
    )
    installed = ports.guests()
    ports.install_guests(GuestLink(redis_url=settings.REDIS_URL, gateway_dir=gateway.directory))
    registry.install("aws", driver(account.url, bootstrap_url=f"{web.url}/api/system/bootstrap"))
    monkeypatch.setattr(tasks, "look_soon", lambda instance_id: None)
    until(lambda: gateway.health() is not None)
    _, key = make.key(make.site())
    with httpx.Client(base_url=web.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=60) as api:
        yield Platform(web, gateway, api)
    ports.install_guests(installed)
    web.stop()
    gateway.end(signal.SIGTERM)
    shutil.rmtree(folder)


def first_boot(account: Cloud, machine: str, folder: Path) -> dict[str, str]:
    """Do as the machine's user-data says, but in `folder`: what its guest finds there."""
    (made,) = account.machines(machine)
    told = account.ec2.describe_instance_attribute(InstanceId=made["InstanceId"], Attribute="userData")
    script = base64.b64decode(told["UserData"]["Value"]).decode()
    found = re.search(r"<<'EOF'\n(.*)\nEOF\n", script)
    assert found, script
    (folder / "bootstrap.json").write_text(found[1])
    places = {name: settings_for(folder)[name] for name in ("home", "runtime_dir", "private_dir", "cdp_port")}
    (folder / "places.json").write_text(json.dumps(places))
    (folder / "home").mkdir()
    return json.loads(found[1])


def test_a_machine_of_ec2_bootstraps_and_answers_over_tcp(platform: Platform, account: Cloud) -> None:
    asked = platform.api.post("/api/instances", json={"name": "in the cloud", "instance_type": "ubuntu"}).json()
    for _ in range(2):  # ordered, made
        reconcile.step(asked["id"])
    instance = Instance.everywhere.get(pk=asked["id"])
    assert (instance.status, instance.provider) == ("starting", "aws")
    folder = Path(tempfile.mkdtemp(prefix="desk-"))
    told = first_boot(account, instance.machine, folder)
    guest = subprocess.Popen(
        [sys.executable, "-P", "-m", "guest", "--bootstrap", str(folder)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        until(lambda: _stepped(instance).status == "running", within_s=60, what="the guest")
        done = platform.api.post(
            f"/api/instances/{asked['id']}/actions", json={"type": "bash", "command": "echo from the cloud"}
        ).json()
        assert done["shell"]["stdout"] == "from the cloud\n"
        again = platform.redeem(machine=told["machine"], token=told["token"], claim="c" * 40)
        assert again.status_code == 409, again.text
        assert told["token"] not in json.dumps(json.loads((folder / "guest.json").read_text()))
        assert not (folder / "bootstrap.json").exists()
    finally:
        guest.terminate()
        guest.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _stepped(instance: Instance) -> Instance:
    reconcile.step(instance.pk)
    return Instance.everywhere.get(pk=instance.pk)
