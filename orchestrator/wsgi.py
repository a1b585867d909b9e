"""Plain REST for a WSGI server in production; streams, sockets and waits need `orchestrator.asgi` beside it."""

import os

from django.core.wsgi import get_wsgi_application

from common.api.requests import taking_any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
application = taking_any(get_wsgi_application())
