"""What the guest is told at its birth: read once, from a JSON file that the provider binds into the machine."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path

DEFAULT_PATH = "/run/guest.json"


class BadConfig(ValueError):
    """The file is missing, is no JSON object, or lacks a field."""


@dataclass(frozen=True, slots=True)
class Config:
    """`gateway` is `unix:/path` or a `ws(s)://` address; `egress` is `unix:/path`, or empty where there is no proxy.

    Without a line to the gateway for `alone_s` the guest runs `when_alone`, which ends its machine; 0: never.
    `runtime_dir` holds sockets and logs, `private_dir` (a tmpfs) what only this user may read.
    """

    incarnation: str
    token: str = field(repr=False)
    flavour: str
    width: int
    height: int
    gateway: str
    egress: str = ""
    home: str = "/home/user"
    runtime_dir: str = "/run/guest"
    private_dir: str = "/run/user/1000"
    relay_port: int = 3128
    cdp_port: int = 9222
    browser_flags: tuple[str, ...] = ()
    alone_s: float = 0
    when_alone: tuple[str, ...] = ("systemctl", "poweroff")


def read() -> Config:
    """The configuration from the file that `GUEST_CONFIG` names, or from where the provider puts it.

    Raises:
        BadConfig: with the file's name, never with its content.
    """
    path = Path(os.environ.get("GUEST_CONFIG", DEFAULT_PATH))
    known = {each.name for each in fields(Config)}
    try:
        given = json.loads(path.read_bytes())
        return Config(**{name: value for name, value in given.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadConfig(f"{path} is no configuration of a guest: {type(error).__name__}") from None
