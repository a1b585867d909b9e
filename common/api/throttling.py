"""Limits on how often somebody may ask, counted in Redis by all processes together."""

from __future__ import annotations

import hashlib
import time
from typing import ClassVar

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView


class Limit(BaseThrottle):
    """At most `times` in each `window_s` seconds. REST framework's own reads, counts and writes in three steps, between
    which a crowd slips through; this is one increment."""

    what: ClassVar[str]
    times: ClassVar[int]
    window_s: ClassVar[int] = 3600

    def who(self, request: Request, view: APIView) -> str:
        """Whose asking is counted."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: APIView) -> bool:
        window = int(time.time()) // self.window_s
        # Hashed: addresses and emails of people have no business in a cache.
        whose = hashlib.sha256(self.who(request, view).encode(errors="surrogatepass")).hexdigest()
        name = f"limit:{self.what}:{window}:{whose}"
        cache.add(name, 0, timeout=2 * self.window_s)
        return int(cache.incr(name)) <= self.times

    def wait(self) -> float:
        """Seconds until the next window."""
        return self.window_s - time.time() % self.window_s


class ByAddress(Limit):
    """By the client's address; behind proxies that one only where TRUSTED_PROXIES says how many they are."""

    def who(self, request: Request, view: APIView) -> str:
        return str(self.get_ident(request))


class ByEmail(Limit):
    """By the email in the body, whether anybody has it or not."""

    def who(self, request: Request, view: APIView) -> str:
        body = request.data
        return str(body.get("email", "")).strip().lower() if isinstance(body, dict) else ""
