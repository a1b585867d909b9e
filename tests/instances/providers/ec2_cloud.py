"""EC2 for tests: moto's server over real HTTP, and what EC2 says of a ClientToken, which moto does not keep."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import boto3
import httpx
from moto.server import ThreadedMotoServer

from instances.providers.ec2.machine import TOKEN
from instances.providers.ec2.provider import Ec2Provider
from tests.instances.providers.fault_proxy import Answer, Request, error

REGION = "eu-central-1"
_MADE = re.compile(rb"<instanceId>(i-[0-9a-f]+)</instanceId>")
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}


class Cloud:
    """The account as it really is, whatever a driver was told of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        self.ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=url, **keys)
        self._orders: dict[str, tuple[dict[str, list[str]], Answer, str]] = {}
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        """Answer a request. An order whose ClientToken was used before gets the first one's answer."""
        name = request.field("ClientToken")
        if request.action != "RunInstances" or not name:
            return self._ask(request)
        with self._lock:
            order = parse_qs(request.body.decode())
            if name in self._orders:
                return self._again(name, order)
            answer = self._ask(request)
            if made := _MADE.search(answer.body):
                self._orders[name] = order, answer, made[1].decode()
            return answer

    def machines(self, token: str) -> list[dict[str, Any]]:
        """Those that carry the token and live."""
        tagged = self._described(Filters=[{"Name": f"tag:{TOKEN}", "Values": [token]}])
        return [each for each in tagged if each["State"]["Name"] != "terminated"]

    def _again(self, name: str, order: dict[str, list[str]]) -> Answer:
        first, answer, made = self._orders[name]
        if order != first:
            return error("IdempotentParameterMismatch")
        states = [each["State"]["Name"] for each in self._described(InstanceIds=[made])]
        return error("IdempotentInstanceTerminated") if states == ["terminated"] else answer

    def _described(self, **which: Any) -> list[dict[str, Any]]:
        pages = self.ec2.get_paginator("describe_instances").paginate(**which)
        return [each for page in pages for order in page["Reservations"] for each in order["Instances"]]

    def _ask(self, request: Request) -> Answer:
        kept = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        answer = httpx.post(self.url, content=request.body, headers=kept, trust_env=False, timeout=30)
        return Answer(answer.status_code, answer.content)


@contextmanager
def cloud() -> Iterator[Cloud]:
    """An empty account."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        one = Cloud(f"http://{host}:{port}")
        one.ec2.describe_instances()  # the first request has moto load all of its EC2, which takes seconds
        yield one
    finally:
        server.stop()


def driver(url: str, **changes: Any) -> Ec2Provider:
    """A driver for that address, which gives up soon."""
    settings: dict[str, Any] = {
        "region": REGION,
        "deployment": "tests",
        "bootstrap_url": "https://platform.example/api/system/bootstrap",
        "endpoint_url": url,
        "read_timeout_s": 15.0,
        "sizes": {"t3.small": 2048, "t3.large": 8192},
        "flavours": {
            "ubuntu": {"image": "ami-12c6146b"},
            "browser": {"image": "ami-12c6146b", "spot": True},
            "windows": {"image": "ami-12c6146b", "disk_gib": 40},
        },
    }
    return Ec2Provider(**settings | changes)
