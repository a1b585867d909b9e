"""The synchronous half of the client, from the asynchronous one, token by token."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import unasync

_WORDS = {
    "_async": "_sync",
    "aclosing": "closing",
    "aclose": "close",
    "aiter_sse": "iter_sse",
    "aiter_bytes": "iter_bytes",
    "aread": "read",
    "asynccontextmanager": "contextmanager",
    "AsyncHTTPTransport": "HTTPTransport",
    "AsyncRetrying": "Retrying",
    "asyncio": "time",
}


def write_synchronous_half(package: Path) -> None:
    """Write `_sync/` anew from `_async/`."""
    source, target = package / "_async", package / "_sync"
    shutil.rmtree(target, ignore_errors=True)
    files = [str(file) for file in sorted(source.glob("*.py"))]
    # Our own `AsyncClient` is `Client` without it; unasync would call it `SyncClient`.
    names = {name for file in files for name in re.findall(r"\bAsync[A-Z]\w*", Path(file).read_text())}
    words = {name: name.removeprefix("Async") for name in sorted(names)} | _WORDS
    unasync.unasync_files(files, [unasync.Rule(f"{source}/", f"{target}/", additional_replacements=words)])
    for file in target.glob("*.py"):
        text = file.read_text().replace("asynchronous client", "client").replace("Asynchronous", "Synchronous")
        text = re.sub(r"\bGenerator\[(.+?), None\]", r"Generator[\1, None, None]", text)
        first, _, rest = text.partition("\n")
        file.write_text(f"{first}\n# Made from _async/{file.name} by generator/; not edited by hand.\n{rest}")
