"""The secrets of one deployment on this machine: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path


def _token() -> str:
    return secrets.token_urlsafe(32)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@dataclass(frozen=True, slots=True)
class Secrets:
    """Each is random and URL-safe. `field_key` is a Fernet key."""

    postgres_superuser: str = field(default_factory=_token, repr=False)
    postgres_owner: str = field(default_factory=_token, repr=False)
    postgres_app: str = field(default_factory=_token, repr=False)
    postgres_crew: str = field(default_factory=_token, repr=False)
    redis: str = field(default_factory=_token, repr=False)
    django: str = field(default_factory=_token, repr=False)
    gateway: str = field(default_factory=_token, repr=False)
    field_key: str = field(default_factory=_fernet_key, repr=False)

    @classmethod
    def kept_in(cls, path: Path) -> Secrets:
        """Those in the file, which is made when it is missing; one that a newer version added is made too."""
        known = json.loads(path.read_text()) if path.exists() else {}
        kept = cls(**known)
        if asdict(kept) != known:
            write_private(path, json.dumps(asdict(kept), indent=2) + "\n")
        return kept


def write_private(path: Path, text: str) -> None:
    """Write the whole file or none of it, readable by its owner only from its first byte."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
