"""How often somebody may be wrong: failures counted in Redis by all processes together, in windows of time."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Attempts:
    """At most `times` failures of one `who` in each `window_s` seconds, for `what`."""

    what: str
    times: int
    window_s: int = 900

    def wait_s(self, who: str) -> int:
        """Seconds until `who` may try again; 0: now."""
        return self._left_s() if int(cache.get(self._name(who), 0)) >= self.times else 0

    def failed(self, who: str) -> None:
        """Count a failure of `who`."""
        name = self._name(who)
        cache.add(name, 0, timeout=2 * self.window_s)
        cache.incr(name)

    def forget(self, who: str) -> None:
        """Somebody who was right in the end begins anew."""
        cache.delete(self._name(who))

    def _left_s(self) -> int:
        return max(1, int(self.window_s - time.time() % self.window_s))

    def _name(self, who: str) -> str:
        # Hashed: addresses and emails of people have no business in a cache.
        whose = hashlib.sha256(who.encode(errors="surrogatepass")).hexdigest()
        return f"failed:{self.what}:{int(time.time()) // self.window_s}:{whose}"
