"""Machines of Amazon EC2. Nothing is kept here: a machine is found by its id, or by the tags it was made with.

At most one machine carries a token: it is looked for by tag first, and the order's ClientToken follows from the token,
so EC2 itself answers a repeated order with the first one's machine.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from instances.providers import user_data
from instances.providers.base import Handle, Power, Refused, Sighting, Spec, Unreachable
from instances.providers.ec2 import errors, machine, offers
from instances.providers.ec2.machine import Machine
from instances.providers.ec2.offers import Offer

_TOKEN = re.compile(r"[a-z0-9-]{1,64}")
_MOST_LIVES = 4
_ONE_TIME = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}


class Ec2Provider:
    """One region of one account. `region`, `profile` (of the AWS configuration) and `endpoint_url` say which; the
    credentials come from where boto3 looks for them.

    `blind_for_s` is how long after its launch a machine may be missing in EC2's answers and yet exist.
    """

    def __init__(
        self,
        *,
        region: str,
        deployment: str,
        bootstrap_url: str,
        flavours: Mapping[str, Mapping[str, Any]],
        profile: str = "",
        endpoint_url: str = "",
        connect_timeout_s: float = 2.0,
        read_timeout_s: float = 8.0,
        blind_for_s: float = 180.0,
        page_size: int = 1000,
        **shared: Any,
    ) -> None:
        """`shared` is what all flavours have in common; see `offers.Offer`. Raises `Refused`."""
        if not region or not deployment:
            raise Refused("the provider is configured without a region or without the deployment's name")
        self._offers = offers.read(flavours, shared)
        self._region, self._deployment, self._bootstrap_url = region, deployment, bootstrap_url
        self.blind_for_s = blind_for_s
        self._page_size = page_size
        self._session: dict[str, Any] = {"profile_name": profile or None, "region_name": region}
        self._endpoint_url = endpoint_url or None
        # One try: the core asks again by itself, and a step must be over before its lease runs out.
        self._config = Config(
            connect_timeout=connect_timeout_s,
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=32,
        )
        self._lock = threading.Lock()
        self._made: Any = None

    def create(self, spec: Spec, *, token: str) -> Handle:
        if not _TOKEN.fullmatch(token):
            raise Refused("that is no name for a machine")
        offer = self._offer(spec.flavour)
        order = self._order(offer, spec, token)
        there = self._tagged(token)
        for each in there:
            if each.can_serve:
                return each.handle(token, self._region)
            if each.lives:
                raise Unreachable("The machine that had this name is still being removed.")
        return self._run(order, token, lives=len(there)).handle(token, self._region)

    def inspect(self, handle: Handle) -> Sighting:
        found = self._find(handle)
        if found is not None:
            return found.sighting()
        if self._may_be_unseen(handle):
            return Sighting(Power.RISING, "EC2 does not show the machine yet.")
        return Sighting(Power.GONE)

    def destroy(self, handle: Handle) -> None:
        self._must_be_here(handle)
        token = handle.data["token"]
        there = self._tagged(token)
        if not any(each.id == handle.data["id"] for each in there):
            there += self._by_id(handle)
        doomed = [each.id for each in there if each.can_serve and each.belongs_to(self._deployment, token)]
        if doomed:
            self._terminate(doomed)
        if not any(each.id == handle.data["id"] for each in there) and self._may_be_unseen(handle):
            raise Unreachable("EC2 does not show the machine yet; it cannot be removed before.")

    def list_ours(self) -> Iterator[tuple[str, Handle]]:
        # All pages before the first machine is told of: half a list would look like machines that have gone.
        found = self._described(_tag(machine.DEPLOYMENT, self._deployment), _states(*machine.LISTED))
        named = [(each.tags[machine.TOKEN], each) for each in found if machine.TOKEN in each.tags]
        return iter([(token, each.handle(token, self._region)) for token, each in named])

    def stop(self, handle: Handle) -> None:
        found = self._find(handle)
        if found is None and self._may_be_unseen(handle):
            raise Unreachable("EC2 does not show the machine yet; it cannot be stopped before.")
        if found is None or found.state not in ("pending", "running"):
            return
        if found.is_spot:
            raise Refused("a spot machine cannot be stopped, only deleted")
        with errors.meaning("StopInstances"):
            self._ec2().stop_instances(InstanceIds=[found.id])

    def start(self, handle: Handle) -> None:
        found = self._find(handle)
        if found is None and self._may_be_unseen(handle):
            raise Unreachable("EC2 does not show the machine yet.")
        if found is None or not found.can_serve:
            raise Refused("the machine does not exist any more")
        if found.state == "stopping":
            raise Unreachable("The machine is still on its way down.")
        if found.state == "stopped":
            with errors.meaning("StartInstances", ordering=True):
                self._ec2().start_instances(InstanceIds=[found.id])

    def capabilities(self) -> dict[str, str]:
        """For each flavour `ok`; those that are not offered are not named. Asks nobody."""
        return dict.fromkeys(self._offers, "ok")

    # --- orders ---------------------------------------------------------------------------------------------------
    def _offer(self, flavour: str) -> Offer:
        if flavour not in self._offers:
            raise Refused(f"machines of the type {flavour!r} are not offered here")
        return self._offers[flavour]

    def _order(self, offer: Offer, spec: Spec, token: str) -> dict[str, Any]:
        """RunInstances' arguments: the same for the same spec and token, or EC2 would not know the order again."""
        tags = [{"Key": name, "Value": value} for name, value in self._tags(spec, token).items()]
        kinds = ("instance", "volume", "network-interface", *(("spot-instances-request",) if offer.spot else ()))
        disk = {"VolumeSize": offer.disk_for(spec.disk_mib), "VolumeType": "gp3"}
        order: dict[str, Any] = {
            "ImageId": offer.image,
            "InstanceType": offer.size_for(spec.memory_mib),
            "MinCount": 1,
            "MaxCount": 1,
            "UserData": user_data.first_boot(spec, token=token, url=self._bootstrap_url, install=offer.install),
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled"},
            "BlockDeviceMappings": [
                {"DeviceName": offer.root_device, "Ebs": disk | {"DeleteOnTermination": True, "Encrypted": True}}
            ],
            "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in kinds],
            "SubnetId": offer.subnet_for(token),
            "SecurityGroupIds": list(offer.security_groups),
            "KeyName": offer.key_name,
            "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": _ONE_TIME} if offer.spot else None,
        }
        return {name: value for name, value in order.items() if value}

    def _tags(self, spec: Spec, token: str) -> dict[str, str]:
        labels = {f"orchestrator:{name}": value for name, value in sorted(spec.labels.items())}
        return labels | {machine.DEPLOYMENT: self._deployment, machine.TOKEN: token, "Name": f"machine-{token}"}

    def _run(self, order: Mapping[str, Any], token: str, *, lives: int) -> Machine:
        """`lives` is how many machines of this token have ended: a ClientToken is good for one machine only."""
        for life in range(lives, lives + _MOST_LIVES):
            with errors.meaning("RunInstances", ordering=True):
                try:
                    return machine.read_order(
                        self._ec2().run_instances(**order, ClientToken=self._client_token(token, life))
                    )
                except ClientError as error:
                    if errors.code_of(error) != errors.ENDED_BEFORE:
                        raise
        raise Unreachable("Machines of this name have ended too often; EC2 takes no further order of it yet.")

    def _client_token(self, token: str, life: int) -> str:
        """64 characters, EC2's most."""
        return hashlib.sha256(f"{self._deployment}\0{token}\0{life}".encode()).hexdigest()

    # --- looks ----------------------------------------------------------------------------------------------------
    def _find(self, handle: Handle) -> Machine | None:
        """The handle's machine; None where EC2 shows none. An id may be hidden for a while, and so may tags."""
        self._must_be_here(handle)
        token = handle.data["token"]
        found = self._by_id(handle)
        if not found:
            found = [each for each in self._tagged(token) if each.lives]
        elif not found[0].belongs_to(self._deployment, token):
            return replace(found[0], state=machine.ENDED, why="")
        return found[0] if found else None

    def _must_be_here(self, handle: Handle) -> None:
        """Raises `Unreachable` where the entry named another region when the machine was made: there it is still."""
        region = handle.data.get("region", self._region)
        if region != self._region:
            raise Unreachable(f"The machine is in {region}, and its provider is configured for {self._region}.")

    def _tagged(self, token: str) -> list[Machine]:
        """All that were made for the token, those of the last hour that have ended too."""
        return self._described(_tag(machine.DEPLOYMENT, self._deployment), _tag(machine.TOKEN, token))

    def _by_id(self, handle: Handle) -> list[Machine]:
        with errors.meaning("DescribeInstances"):
            try:
                page = self._ec2().describe_instances(InstanceIds=[handle.data["id"]])
            except ClientError as error:
                if errors.code_of(error) in errors.NOT_FOUND:
                    return []
                raise
            return machine.read_all([page])

    def _described(self, *filters: dict[str, Any]) -> list[Machine]:
        with errors.meaning("DescribeInstances"):
            pages = self._ec2().get_paginator("describe_instances")
            return machine.read_all(pages.paginate(Filters=list(filters), MaxResults=self._page_size))

    def _may_be_unseen(self, handle: Handle) -> bool:
        age = datetime.now(UTC) - datetime.fromisoformat(handle.data["launched_at"])
        return age < timedelta(seconds=self.blind_for_s)

    def _terminate(self, ids: list[str]) -> None:
        with errors.meaning("TerminateInstances"):
            try:
                self._ec2().terminate_instances(InstanceIds=ids)
            except ClientError as error:
                if errors.code_of(error) not in errors.NOT_FOUND:
                    raise
                # Somebody else was quicker, or EC2 does not show it yet: the next look tells which.
                raise Unreachable("EC2 does not know the machine just now.") from error

    def _ec2(self) -> Any:
        """Made when it is first needed: it reads EC2's whole model, which takes longer than a health check may."""
        with self._lock:
            if self._made is None:
                session = boto3.session.Session(**self._session)
                self._made = session.client("ec2", endpoint_url=self._endpoint_url, config=self._config)
            return self._made


def _tag(name: str, value: str) -> dict[str, Any]:
    return {"Name": f"tag:{name}", "Values": [value]}


def _states(*names: str) -> dict[str, Any]:
    return {"Name": "instance-state-name", "Values": list(names)}
