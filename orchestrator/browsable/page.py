"""What a page of the API tells and offers: forms by field, filters, links, and what may be asked of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.utils.text import capfirst
from rest_framework.request import Request, override_method
from rest_framework.response import Response

from common.api.renderers import BrowsableAPIRenderer, dumps
from orchestrator.browsable import document
from orchestrator.browsable.forms import Field, Form, filters_of, form_of
from orchestrator.browsable.links import NOUNS, is_known, shown
from sites.principal import Principal

_METHODS = ("POST", "PATCH", "DELETE")
"""PUT means what PATCH means, and one form is enough."""
_TITLES = {"PATCH": "Change", "DELETE": "Delete"}


def context(
    renderer: BrowsableAPIRenderer, data: Any, *, view: Any, request: Request, response: Response
) -> dict[str, Any]:
    """What `rest_framework/api.html` shows of an answer, and what it offers besides."""
    path = request.path
    template = document.template_of(path)
    body: Mapping[str, Any] = data if isinstance(data, dict) else {}
    is_list, failed = isinstance(body.get("results"), list), response.status_code >= 400
    keep = _kept(request)
    row = {} if is_list or failed else body
    wrong_method = response.status_code == 405
    return {
        "request": request,
        "response": response,
        "user": request.user,
        "principal": request.auth if isinstance(request.auth, Principal) else None,
        "name": _name(view, template),
        "row_name": next((row[name] for name in ("name", "title", "email") if row.get(name)), ""),
        "description": view.get_view_description(html=False),
        "breadcrumblist": [(name, _with(url, keep)) for name, url in _crumbs(request)],
        "nouns": [(noun, _with(f"/api/{noun}", keep)) for noun in NOUNS if is_known(f"/api/{noun}")],
        "content": shown(dumps(data, indented=True).decode(), path=path, is_list=is_list, keep=keep),
        "error": body if failed else None,
        "only_takes": [method for method in view.allowed_methods if method in _METHODS] if wrong_method else None,
        "sites": _sites(body, request),
        "pages": {way: body.get(way) for way in ("previous", "next")} if is_list else {},
        "count": body.get("count") if is_list else None,
        "filters": _filters(template, request) if is_list else [],
        "forms": [] if response.status_code == 404 else _forms(renderer, view, request, template, row, keep),
        "links": [] if failed else _links(template, path, keep),
    }


def _forms(
    renderer: BrowsableAPIRenderer,
    view: Any,
    request: Request,
    template: str | None,
    row: Mapping[str, Any],
    keep: Mapping[str, str],
) -> list[Form]:
    """For what the caller may do here; and for what is asked of a row without a body, below its address."""
    if template is None or not isinstance(request.auth, Principal):
        return []

    def may(method: str) -> bool:
        with override_method(view, request, method) as asked:  # type: ignore[no-untyped-call]
            return bool(renderer.show_form_for_method(view, method, asked, None))

    forms = _orders(template, request.path, keep) if may("PATCH") else []
    for method in _METHODS:
        operation = document.operation(template, method)
        if operation and may(method):
            title = _TITLES.get(method) or _new(template)
            known = row if method == "PATCH" else {}
            forms.append(form_of(operation, method, _with(request.path, keep), title, known))
    return forms


def _orders(template: str, path: str, keep: Mapping[str, str]) -> list[Form]:
    return [
        form_of(operations["post"], "POST", _with(f"{path}/{word}", keep), capfirst(word), {})
        for word, operations in document.below(template)
        if set(operations) == {"post"} and "requestBody" not in operations["post"]
    ]


def _crumbs(request: Request) -> list[tuple[str, str]]:
    """The addresses above this one that lead somewhere, each by its name."""
    words = request.path.strip("/").split("/")
    paths = ["/api/", *("/" + "/".join(words[:length]) for length in range(2, len(words) + 1))]
    known = [(path, document.template_of(path)) for path in paths]
    return [("API" if path == "/api/" else _title(template), path) for path, template in known if template]


def _title(template: str) -> str:
    """`Instances` for the list and `Instance` for one; a word below a row is named after both."""
    words = template.removeprefix("/api/").split("/")
    nouns = [word for word in words if "{" not in word]
    if "{" in words[-1]:
        return capfirst(_one(nouns[-1])).replace("_", " ")
    return capfirst(" ".join([*(_one(noun) for noun in nouns[:-1]), nouns[-1]]))


def _name(view: Any, template: str | None) -> str:
    return str(view.get_view_name()) if template in (None, "/api/") else _title(template)


def _new(template: str) -> str:
    noun = template.rpartition("/")[2]
    return f"New {_one(noun)}" if noun.endswith("s") else capfirst(noun)


def _one(noun: str) -> str:
    return noun.removesuffix("s")


def _kept(request: Request) -> dict[str, str]:
    """What every link carries on: the site that a member of several has named."""
    named = request.query_params.get("site_id")
    return {"site_id": named} if named else {}


def _with(url: str, keep: Mapping[str, str]) -> str:
    return f"{url}?{urlencode(keep)}" if keep else url


def _sites(body: Mapping[str, Any], request: Request) -> list[tuple[str, str]]:
    """The choice of somebody who belongs to several sites and has named none."""
    if body.get("code") != "SITE_REQUIRED":
        return []
    return [(site["name"], f"{request.path}?site_id={site['id']}") for site in body["details"]["sites"]]


def _filters(template: str | None, request: Request) -> list[Field]:
    operation = document.operation(template, "GET") if template else None
    return filters_of(operation, dict(request.query_params.lists())) if operation else []


def _links(template: str | None, path: str, keep: Mapping[str, str]) -> list[tuple[str, str]]:
    """What lies below this address and can be opened, or has a form of its own there."""
    if template is None or template == "/api/":
        return []
    return [
        (capfirst(word), _with(f"{path}/{word}", keep))
        for word, operations in document.below(template)
        if "get" in operations or "requestBody" in operations.get("post", {})
    ]
