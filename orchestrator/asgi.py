"""The whole `web` process as one ASGI application; `python -m orchestrator.serve` runs it."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from common.api.requests import taking_any
from orchestrator.bridge import Bridge
from orchestrator.frontdoor import LONG_AT_MOST, FrontDoor
from orchestrator.relay import GatewayRelay

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
_asgi = taking_any(get_asgi_application())  # before the routes: their models need Django set up

from instances import ports  # noqa: E402 - see above
from instances.quick.door import QuickActions  # noqa: E402 - see above
from orchestrator.routing import websocket  # noqa: E402 - see above
from orchestrator.warming import warm  # noqa: E402

_wsgi = taking_any(get_wsgi_application())
application = FrontDoor(
    quick=QuickActions(),
    wsgi=Bridge(_wsgi, workers=settings.WEB_THREADS),
    patient=Bridge(_wsgi, workers=LONG_AT_MOST, name="patient"),
    asgi=_asgi,
    websocket=websocket,
    gateway=GatewayRelay(settings.GATEWAY_UPSTREAM),
    max_body_bytes=settings.MAX_BODY_BYTES,
    warm=warm,
    hang_up=lambda: ports.guests().hang_up(),
)
