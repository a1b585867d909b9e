"""Carries calls of the asynchronous client to the platform: the key, timeouts, repeats, errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from orchestrator_client.calls import USER_AGENT, Call
from orchestrator_client.errors import BadArgument, NotReachable, UnexpectedAnswer, from_response
from orchestrator_client.resuming import QUIET_S
from orchestrator_client.retries import Retries, may_repeat
from orchestrator_client.settings import Settings


class AsyncTransport:
    """`http` may be a client of the caller's, for proxies, certificates or tests; the caller closes it then."""

    def __init__(
        self, settings: Settings, *, timeout_s: float, retries: Retries, http: httpx.AsyncClient | None = None
    ) -> None:
        self.settings = settings
        self._timeout_s = timeout_s
        self._retries = retries
        self._owned = http is None
        self._http = http or httpx.AsyncClient()

    async def send(self, call: Call) -> httpx.Response:
        """The answer, below 400.

        Raises:
            APIError: the platform said no.
            NotReachable: there was no answer.
            UnexpectedAnswer: a redirect, which would carry the key elsewhere.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception(partial(may_repeat, call)),
            stop=stop_after_attempt(self._retries.attempts),
            wait=self._retries.pause_s,
            reraise=True,
        )
        return await retrying(self._once, call)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx.Response]:
        """An answer whose body comes bit by bit; raises as `send`, also while it is read. It is not tried again."""
        try:
            response = await self._http.send(self._request(call, read_s=QUIET_S), stream=True, follow_redirects=False)
            try:
                if response.status_code >= 300:
                    await response.aread()
                _check(response, call)
                yield response
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            raise self._not_reachable(error) from error

    async def aclose(self) -> None:
        """Close the connections. Closed twice is closed."""
        if self._owned:
            await self._http.aclose()

    async def _once(self, call: Call) -> httpx.Response:
        try:
            request = self._request(call, read_s=self._timeout_s + (call.timeout_s or 0))
            response = await self._http.send(request, follow_redirects=False)
        except httpx.RequestError as error:
            raise self._not_reachable(error) from error
        _check(response, call)
        return response

    def _request(self, call: Call, *, read_s: float) -> httpx.Request:
        said = {"Authorization": f"Bearer {self.settings.api_key}", "User-Agent": USER_AGENT}
        try:
            return self._http.build_request(
                call.method,
                self.settings.url + call.path,
                params=call.query(),
                json=call.body(),
                headers={**call.headers(), **said},
                timeout=httpx.Timeout(self._timeout_s, read=read_s),
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise BadArgument(f"This can't be sent: {error}") from error

    def _not_reachable(self, error: httpx.RequestError) -> NotReachable:
        what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "can't be reached"
        return NotReachable(f"{self.settings.url} {what}: {type(error).__name__} {error}".rstrip())


def _check(response: httpx.Response, call: Call) -> None:
    if response.has_redirect_location:
        raise UnexpectedAnswer(f"{response.request.url.host} sends elsewhere; name the address it sends to.")
    if response.is_error and response.status_code not in call.good:
        raise from_response(response)
