"""Where the platform is and with which key: from arguments, the environment, or a profile's file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from orchestrator_client.errors import NotConfigured
from orchestrator_client.profiles import Profiles


@dataclass(frozen=True, slots=True)
class Settings:
    """`api_key` shows in no `repr`."""

    url: str
    api_key: str = field(repr=False)

    def __post_init__(self) -> None:
        try:
            parsed = httpx.URL(self.url)
            is_web = parsed.scheme in {"http", "https"} and bool(parsed.host)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise NotConfigured("An address like https://host is needed; this one can't be read.") from error
        if not is_web or parsed.userinfo:
            raise NotConfigured("An address like https://host is needed, without a name and a password in it.")
        if parsed.query or parsed.fragment:
            raise NotConfigured("An address like https://host is needed, without a query or a fragment.")
        if any(not "\x21" <= character <= "\x7e" for character in self.api_key):
            raise NotConfigured("The API key has spaces or characters that no key has.")

    @classmethod
    def find(
        cls,
        *,
        url: str | None = None,
        api_key: str | None = None,
        profile: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Settings:
        """Arguments win over a profile that is named, over `ORCHESTRATOR_URL` and `ORCHESTRATOR_API_KEY`, over the
        profile in use. A profile's key goes to that profile's address and to no other.

        Raises:
            NotConfigured: no address or key is known.
        """
        known = os.environ if environment is None else environment
        if profile is None:
            url = url or known.get("ORCHESTRATOR_URL") or None
            api_key = api_key or known.get("ORCHESTRATOR_API_KEY") or None
        if url and api_key:
            return cls(url.rstrip("/"), api_key)
        kept = Profiles.at(known).settings_of(profile or known.get("ORCHESTRATOR_PROFILE"))
        if kept is None:
            raise NotConfigured(_missing(url))
        if url and url.rstrip("/") != kept[0]:
            raise NotConfigured(f"No key for {url} is known: the profile's belongs to {kept[0]}.")
        return cls(kept[0], api_key or kept[1])


def _missing(url: str | None) -> str:
    what = "an API key (ORCHESTRATOR_API_KEY)" if url else "an address and an API key"
    return f"Say {what}: `orchestrator login`, or ORCHESTRATOR_URL and ORCHESTRATOR_API_KEY, or arguments."
