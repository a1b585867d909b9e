"""Who is asking: made once at the door, and every service's first argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from common.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller within one site; `door` is somebody who comes in by a letter's token.

    `agent_id` is set when a key of an agent was shown; `key_id` when any key was.
    """

    site_id: UUID
    user_id: UUID
    role: str
    scopes: frozenset[str]
    via: Literal["key", "session", "ticket", "console", "door", "schedule"]
    agent_id: UUID | None = None
    key_id: UUID | None = None

    is_authenticated = True
    is_active = True

    def must(self, scope: str) -> None:
        """Return when the principal has `scope`.

        Raises:
            Forbidden: it has not; `details` names the scope.
        """
        if scope not in self.scopes:
            raise Forbidden(scope=scope)
