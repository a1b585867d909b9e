"""`/api/schema` and `/api/docs`: the OpenAPI document for programs, and as a page to try it on."""

from __future__ import annotations

from functools import cache

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from orchestrator.browsable.document import document

_READ = ["get", "head"]


class SchemaView(SpectacularAPIView):
    """Made and written once in each process: it takes half a second, and anybody may ask for it."""

    http_method_names = _READ

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        renderer = request.accepted_renderer
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        named = {"Content-Disposition": f'inline; filename="Orchestrator.{renderer.format}"'}
        return HttpResponse(
            _written(renderer.media_type), content_type=f"{renderer.media_type}{charset}", headers=named
        )


class DocsView(SpectacularSwaggerSplitView):
    """What it reads it finds at `schema`."""

    http_method_names = _READ
    url_name = "schema"


@cache
def _written(media_type: str) -> bytes:
    renderer = next(one for one in SpectacularAPIView.renderer_classes if one.media_type == media_type)
    written = renderer().render(document(), media_type, {})
    return written if isinstance(written, bytes) else written.encode()
