"""What the gateway is told by its environment, read once at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_LONGEST_SOCKET_PATH = 100  # the kernel takes 107 bytes; a socket is bound under a slightly longer name first


class BadConfig(ValueError):
    """A variable is missing or makes no sense; the text names it and never shows a secret."""


@dataclass(frozen=True, slots=True)
class Config:
    """`guest_port` is None where guests come by the unix socket alone; `public_port` 0 lets the kernel choose."""

    directory: Path
    secret: str = field(repr=False)
    redis_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    public_host: str
    public_port: int
    guest_host: str
    guest_port: int | None
    public_url: str = ""

    @property
    def scheme(self) -> str:
        """Of the addresses of WebSockets that clients are told; they reach us by the names they used."""
        return "wss" if self.public_url.startswith("https://") else "ws"

    @property
    def guest_socket(self) -> Path:
        """Where guests dial. Its directory is bound into every sandbox and holds nothing else."""
        return self.directory / "guest" / "guest.sock"

    @property
    def internal_socket(self) -> Path:
        """Where the hub asks. Nobody else may."""
        return self.directory / "internal.sock"

    @property
    def lock(self) -> Path:
        """Held by the one gateway that serves this directory."""
        return self.directory / "gateway.lock"


def read(environment: Mapping[str, str]) -> Config:
    """The configuration that `environment` asks for.

    Raises:
        BadConfig: a variable is missing or wrong.
    """
    redis_url = _required(environment, "REDIS_URL")
    guest_port = environment.get("GATEWAY_GUEST_PORT", "")
    config = Config(
        directory=Path(_required(environment, "GATEWAY_DIR")).absolute(),
        secret=_required(environment, "GATEWAY_SECRET"),
        redis_url=redis_url,
        broker_url=environment.get("CELERY_BROKER_URL") or redis_url,
        public_host=environment.get("GATEWAY_HOST", "127.0.0.1"),
        public_port=_port("GATEWAY_PORT", environment.get("GATEWAY_PORT", "8001")),
        guest_host=environment.get("GATEWAY_GUEST_HOST", "127.0.0.1"),
        guest_port=_port("GATEWAY_GUEST_PORT", guest_port) if guest_port else None,
        public_url=environment.get("GATEWAY_PUBLIC_URL") or environment.get("PUBLIC_URL", ""),
    )
    if len(bytes(config.guest_socket)) > _LONGEST_SOCKET_PATH:
        raise BadConfig(f"GATEWAY_DIR is too long for a unix socket: {config.guest_socket}")
    return config


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise BadConfig(f"{name} is not set")
    return value


def _port(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > 65_535:
        raise BadConfig(f"{name} is no port: {value!r}")
    return int(value)
