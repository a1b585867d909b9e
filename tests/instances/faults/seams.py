"""Every place where a step speaks to something outside itself, found in the code, and a fault before or after each."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from instances import guestlink, lifecycle, ports, reconcile
from instances.providers import base
from instances.providers.base import OutOfCapacity, Refused, Unreachable

NOTHING_DONE = (OutOfCapacity, Refused, guestlink.GuestRefused, guestlink.GuestBusy)
"""Faults whose contract says that nothing was done: they come before the call has acted, never after."""

REFUSALS = (Refused, guestlink.GuestRefused)
"""Faults after which an instance may rightly be in error."""


class Killed(BaseException):
    """The worker is gone in this moment: nothing of it runs any more, no `except` and no tidying up."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Strike at the `number`-th call of the step, `before` or `after` it acted."""

    number: int
    seam: str
    side: str
    kind: type[BaseException]

    def __str__(self) -> str:
        return f"{self.kind.__name__} {self.side} call {self.number} ({self.seam})"

    def exception(self) -> BaseException:
        if self.kind is guestlink.GuestRefused:
            return guestlink.GuestRefused("failed", "injected")
        return self.kind("injected")


def methods_of_providers() -> dict[str, str]:
    """Each method that some driver may have, with its docstring: of every protocol on the providers' page."""
    protocols = [known for known in vars(base).values() if getattr(known, "_is_protocol", False)]
    return {name: inspect.getdoc(member) or "" for one in protocols for name, member in _public(one)}


def methods_of_guests() -> dict[str, str]:
    """Each method of the way to guests; what the real one raises is told in its own docstring."""
    real = guestlink.GuestLink
    return {name: inspect.getdoc(getattr(real, name)) or "" for name, _ in _public(ports.GuestPath)}


def functions_of_lifecycle() -> list[str]:
    """The functions of `lifecycle` that the steps' pages call: all that it may write by."""
    called = (node.func for node in _nodes_of_the_steps() if isinstance(node, ast.Call))
    names = {
        func.attr
        for func in called
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == "lifecycle"
    }
    return sorted(name for name in names if inspect.isfunction(getattr(lifecycle, name)))


def writes_past_lifecycle() -> list[str]:
    """Calls on the steps' pages that would write a row by themselves."""
    called = [
        node.func.attr
        for node in _nodes_of_the_steps()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return [name for name in called if name in {"save", "update", "delete", "bulk_update", "bulk_create", "execute"}]


def pages_of_the_steps() -> list[Path]:
    """The text of every step and of what they share."""
    return sorted(Path(path) for folder in reconcile.__path__ for path in Path(folder).glob("*.py"))


def _nodes_of_the_steps() -> Iterator[ast.AST]:
    for page in pages_of_the_steps():
        yield from ast.walk(ast.parse(page.read_text()))


def faults_of(seam: str) -> list[type[BaseException]]:
    """What may happen at a seam: a kill always; what its contract names; for our own writes a lost database."""
    owner, _, name = seam.partition(".")
    if owner == "lifecycle":
        return [Killed, OperationalError]
    doc = (methods_of_providers() if owner == "provider" else methods_of_guests())[name]
    known = [Unreachable, OutOfCapacity, Refused, *_errors_of_guests()]
    return [Killed, *(kind for kind in known if kind.__name__ in doc)]


class Seams:
    """Stands in every seam. `calls` are those of the step that runs; `armed` strikes once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, provider: object, guests: object) -> None:
        self.calls: list[str] = []
        self.answered: set[int] = set()
        self.armed: Fault | None = None
        self.struck = 0
        for name in methods_of_providers():
            if hasattr(provider, name):
                self._stand_in(monkeypatch, provider, "provider", name)
        for name in methods_of_guests():
            self._stand_in(monkeypatch, guests, "guests", name)
        for name in functions_of_lifecycle():
            self._stand_in(monkeypatch, lifecycle, "lifecycle", name)

    def points(self) -> Iterator[Fault]:
        """Every fault that the calls of the last step leave room for."""
        for number, seam in enumerate(self.calls):
            for kind in faults_of(seam):
                yield Fault(number, seam, "before", kind)
                if kind not in NOTHING_DONE and number in self.answered:
                    yield Fault(number, seam, "after", kind)

    def forget(self) -> None:
        """Before a step: no call was made yet."""
        self.calls.clear()
        self.answered.clear()

    def _stand_in(self, monkeypatch: pytest.MonkeyPatch, owner: Any, kind: str, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def around(*args: Any, **kwargs: Any) -> Any:
            number = len(self.calls)
            self.calls.append(f"{kind}.{name}")
            self._strike(number, "before")
            found = original(*args, **kwargs)
            if isinstance(found, Iterator):
                found = iter(list(found))
            self.answered.add(number)
            self._strike(number, "after")
            return found

        monkeypatch.setattr(owner, name, around)

    def _strike(self, number: int, side: str) -> None:
        armed = self.armed
        if armed is not None and (armed.number, armed.side) == (number, side):
            self.armed = None
            self.struck += 1
            raise armed.exception()


def _public(protocol: type) -> list[tuple[str, Any]]:
    return [
        (name, member)
        for name, member in vars(protocol).items()
        if not name.startswith("_") and inspect.isfunction(member)
    ]


def _errors_of_guests() -> list[type[Exception]]:
    kinds = (known for known in vars(guestlink).values() if inspect.isclass(known))
    return [kind for kind in kinds if issubclass(kind, guestlink.GuestError) and kind is not guestlink.GuestError]
