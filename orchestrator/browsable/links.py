"""An answer as a page shows it: JSON, coloured, with each id that has an address of its own as a link there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from django.conf import settings
from django.urls import Resolver404, resolve
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from common.api.handlers import unknown_route

NOUNS = (
    *("instances", "templates", "recordings", "browser-states", "schedules", "plans", "logs", "webhooks"),
    *("agents", "users", "memberships", "invitations", "keys", "sites", "audit", "providers"),
)
_POINTERS = {"created_by": "users", "parent_log": "logs", "parent_id": "plans", "depends_on": "plans"}
"""Names of fields that do not tell by themselves what they point at."""
_LINE = re.compile(r'^(\s*)(?:"((?:[^"\\]|\\.)*)": )?(.*?)(,?)$')
_IN_THE_SITE = re.compile(r"/(?![/\\])")
_UUID = re.compile(r'"([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"')


def shown(text: str, *, path: str, is_list: bool, keep: Mapping[str, str]) -> SafeString:
    """`text`: indented JSON, one value a line. `path`: where it came from. `keep`: the query that links carry on."""
    of: str = ""
    lines = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        indent, name, value, comma = match.groups() if match else ("", None, line, "")
        of = name or of
        key = format_html('<span class="key">"{}"</span>: ', name) if name is not None else ""
        lines.append(f"{indent}{key}{_value(value, of, path, is_list, keep)}{comma}")
    return mark_safe("\n".join(lines))


def _value(value: str, name: str, path: str, is_list: bool, keep: Mapping[str, str]) -> str:
    found = _UUID.fullmatch(value)
    if found is not None:
        target = _address(name, found.group(1), path, is_list)
        return _link(target, value, keep) if target else _coloured(value)
    if value.startswith(('"http://', '"https://')):
        named = value[1:-1]
        own = named.removeprefix(settings.PUBLIC_URL)
        if not _IN_THE_SITE.match(own):  # another's, whatever its address begins with
            return _link(named, value, {})
        return _link(own, value, {} if "?" in own else keep)
    return _coloured(value)


def _address(name: str, row_id: str, path: str, is_list: bool) -> str | None:
    if name == "id":
        candidate = f"{path}/{row_id}" if is_list else path
    elif name in _POINTERS:
        candidate = f"/api/{_POINTERS[name]}/{row_id}"
    elif name.endswith("_id"):
        candidate = f"/api/{name.removesuffix('_id').replace('_', '-')}s/{row_id}"
    else:
        return None
    if is_known(candidate):
        return candidate
    noun = f"/api/{path.rpartition('/')[2]}/{row_id}"  # a list below another row, such as an instance's plans
    return noun if name == "id" and is_list and is_known(noun) else None


def is_known(path: str) -> bool:
    """Whether an address of ours leads anywhere."""
    try:
        return resolve(path).func is not unknown_route
    except Resolver404:
        return False


def _link(target: str, value: str, keep: Mapping[str, str]) -> str:
    address = f"{target}?{urlencode(keep)}" if keep else target
    return format_html('<a href="{}">{}</a>', address, value)


def _coloured(value: str) -> str:
    kind = "text" if value.startswith('"') else "mark" if value[:1] in "{}[]" else "bare"
    return format_html('<span class="{}">{}</span>', kind, value)
