"""The file of profiles: addresses and keys by name, readable by its owner alone."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from orchestrator_client.errors import NotConfigured

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Profiles:
    """`{"in_use": name, "profiles": {name: {"url", "api_key"}}}` in one file of mode 0600."""

    path: Path

    @classmethod
    def at(cls, environment: Mapping[str, str] | None = None) -> Profiles:
        """`ORCHESTRATOR_PROFILES`, or `orchestrator/profiles.json` in the user's folder of settings."""
        named = (os.environ if environment is None else environment).get("ORCHESTRATOR_PROFILES")
        return cls(Path(named) if named else user_config_path("orchestrator") / "profiles.json")

    def settings_of(self, name: str | None = None) -> tuple[str, str] | None:
        """Address and key of one profile; without a name, of the one in use, or None where there is none.

        Raises:
            NotConfigured: there is no profile of that name, or the file can't be used.
        """
        kept = self._read()
        chosen = name or kept["in_use"]
        if chosen not in kept["profiles"]:
            if name:
                raise NotConfigured(f"No profile is named {name!r}; `orchestrator profiles list` shows them.")
            return None
        profile = kept["profiles"][chosen]
        return profile["url"], profile["api_key"]

    def addresses(self) -> dict[str, str]:
        """Each profile's address."""
        return {name: profile["url"] for name, profile in sorted(self._read()["profiles"].items())}

    def in_use(self) -> str | None:
        kept = self._read()
        return kept["in_use"] if kept["in_use"] in kept["profiles"] else None

    def keep(self, name: str, *, url: str, api_key: str) -> None:
        """Write one profile, and use it from now on."""
        kept = self._read()
        kept["profiles"][name] = {"url": url, "api_key": api_key}
        self._write({**kept, "in_use": name})

    def use(self, name: str) -> None:
        """Raises NotConfigured: there is none of that name."""
        self.settings_of(name)
        self._write({**self._read(), "in_use": name})

    def remove(self, name: str) -> None:
        """Raises NotConfigured: there is none of that name."""
        self.settings_of(name)
        kept = self._read()
        del kept["profiles"][name]
        self._write(kept)

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open() as file:
                if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise NotConfigured(f"Others may read {self.path}, which holds keys: chmod 600 it.")
                kept = json.load(file)
            return {"in_use": kept.get("in_use"), "profiles": dict(kept["profiles"])}
        except FileNotFoundError:
            return {"in_use": None, "profiles": {}}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotConfigured(f"{self.path} can't be read ({type(error).__name__}).") from error

    def _write(self, kept: dict[str, Any]) -> None:
        """All at once, never readable by others. Raises NotConfigured: it can't be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, fresh = tempfile.mkstemp(dir=self.path.parent, prefix=".profiles-")
            with os.fdopen(handle, "w") as file:
                json.dump(kept, file, indent=2)
            Path(fresh).replace(self.path)
        except OSError as error:
            raise NotConfigured(f"{self.path} can't be written: {error.strerror}.") from error
