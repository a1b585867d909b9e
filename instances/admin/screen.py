"""The screen of a running instance for its admin page: a picture now, without a line in anybody's log."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from common.errors import PlatformError
from guest.protocol.actions import Screenshot
from instances import perform
from instances.models import Instance, Status
from sites.admin_base import asking
from sites.roles import Role

STATUS_HEADER = "X-Instance-Status"
_PICTURE = Screenshot(format="jpeg", quality=70)


def picture_of(request: HttpRequest, instance: Instance) -> HttpResponse:
    """A JPEG, or 204 where there is nothing to show; the header tells the status in either case.

    No transaction may be open around it: the machine takes its time.
    """
    if instance.status != Status.RUNNING:
        return _answer(instance)
    try:
        with asking(request, instance.site_id, as_role=Role.OWNER) as principal:
            answer = perform.watch(principal, UUID(str(instance.pk)), _PICTURE)
    except PlatformError as error:
        return HttpResponse(error.message, status=error.status, content_type="text/plain; charset=utf-8")
    return _answer(instance, answer.blob)


def _answer(instance: Instance, picture: bytes = b"") -> HttpResponse:
    headers = {STATUS_HEADER: instance.status, "Cache-Control": "no-store"}
    return HttpResponse(picture, status=200 if picture else 204, content_type="image/jpeg", headers=headers)
