"""The `Idempotency-Key` header of every POST: read at the door, and its answer kept on the way out."""

from __future__ import annotations

import hashlib
import logging
import re
from typing import Any, ClassVar

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from common.errors import Invalid
from sites import idempotency
from sites.idempotency import Answer, Attempt
from sites.principal import Principal

logger = logging.getLogger(__name__)

SHORT_LEASE_S, LONG_LEASE_S = 60.0, 660.0
"""Longer than anything within one transaction takes; longer than any action on a machine does."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NOT_KEPT = frozenset({408, 429})
"""Beside what is 500 and above: these ask for the same request again, which must then be looked at anew."""
_OF_ONE_REQUEST = frozenset({"Set-Cookie", "X-Request-ID"})


class _Replay(Exception):
    """Not a failure: the handler is passed by, because its answer is known."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class AnswersOnce(APIView):
    """A view whose POST may carry a key. A view of `scoped = False` cannot keep its answer in the work's own
    transaction, so its lease outlasts the longest work."""

    scoped: ClassVar[bool]
    idempotent: ClassVar[bool] = True
    _attempt: Attempt | None = None
    _kept = False

    def begin_once(self, request: Request) -> None:
        """Take the request's key, if it shows one. Call it when the caller is known and no transaction is open.

        Raises:
            Invalid: the key is none, or the body no JSON.
            Conflict: as `sites.idempotency.begin`.
        """
        key = request.META.get("HTTP_IDEMPOTENCY_KEY") if request.method == "POST" else None
        if key is None or not isinstance(request.auth, Principal):
            return
        if not _KEY.fullmatch(key):
            raise Invalid("Idempotency-Key: 1 to 255 visible ASCII characters, without spaces.")
        lease_s = SHORT_LEASE_S if self.scoped else LONG_LEASE_S
        route = f"{request.method} {request.path}"
        found = idempotency.begin(request.auth, route=route, key=key, sent=_sent(request), lease_s=lease_s)
        if isinstance(found, Answer):
            raise _Replay(found)
        self._attempt = found

    def handle_exception(self, exc: Exception) -> Any:
        return _replayed(exc.answer) if isinstance(exc, _Replay) else super().handle_exception(exc)

    def keep_answer(self, response: HttpResponseBase) -> None:
        """Keep a finished answer, in the transaction that is open; call it once the answer is rendered.

        Raises:
            InFlight: the lease was lost while a transaction is open, which is to be undone.
        """
        attempt, status = self._attempt, response.status_code
        if attempt is None or status >= 500 or status in _NOT_KEPT or not isinstance(response, HttpResponse):
            return
        if self.scoped and status < 400:
            idempotency.keep(attempt, _answer(response))
        else:
            self._keep_what_was_done(attempt, _answer(response))
        self._kept = True

    def _keep_what_was_done(self, attempt: Attempt, answer: Answer) -> None:
        """What was done cannot be undone, so the caller gets the answer, whether it could be kept or not."""
        try:
            idempotency.keep(attempt, answer)
        except (DatabaseError, idempotency.InFlight) as error:
            logger.warning("an answer could not be kept for its Idempotency-Key: %s", error)

    def forget_kept(self) -> None:
        """The transaction that held the answer was undone, and so was what had been kept."""
        self._kept = False

    def give_up_key(self) -> None:
        """Free the key where no answer was kept. To be called at the very end, whatever happened."""
        if self._attempt is not None and not self._kept:
            try:
                idempotency.release(self._attempt)
            except DatabaseError as error:
                logger.warning("an Idempotency-Key stays taken until its lease is over: %s", error)


def _sent(request: Request) -> bytes:
    """What tells two requests apart: the query, and the body as JSON however it was written, with what is in files."""
    query = str(request.META.get("QUERY_STRING", "")).encode(errors="surrogateescape")
    body: bytes = orjson.dumps(request.data, default=_told, option=orjson.OPT_SORT_KEYS)
    return query + b"\0" + body


def _told(part: Any) -> str:
    if not isinstance(part, UploadedFile):
        return str(part)
    digest = hashlib.sha256(part.read()).hexdigest()
    part.seek(0)
    return f"{part.name}\0{part.content_type}\0{digest}"


def _answer(response: HttpResponse) -> Answer:
    headers = {name: value for name, value in response.items() if name not in _OF_ONE_REQUEST}
    return Answer(response.status_code, headers, response.content.decode(errors="replace"))


def _replayed(answer: Answer) -> HttpResponse:
    headers = {**answer.headers, "Idempotency-Replayed": "true"}
    return HttpResponse((answer.body or "").encode(), status=answer.status, headers=headers)
