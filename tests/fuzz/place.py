"""A site to fuzz: rows for whatever an operation names, and an instance whose machine and guest are there."""

from __future__ import annotations

from typing import Any

from schemathesis import Case
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation

from common.ids import new_id
from tests import make
from tests.instances.conftest import World
from tests.walls.document import OPERATIONS, Place

_BY_LABEL = {f"{operation.method} {operation.path}": operation for operation in OPERATIONS.values()}
_MACHINE = ("instances", "desktop", "instance", "plans", "recordings")
"""Ended under one name, it is gone under each."""
_QUOTAS = ("quota_instances", "quota_running", "quota_provisioning", "quota_actions_a_minute")
_MANY = 1_000_000
"""However much is drawn, a quota is not what refuses it."""
_GOES_WITH = {"memberships": ("users",), "webhooks": ("deliveries",), **dict.fromkeys(_MACHINE[:3], _MACHINE)}


class FuzzPlace(Place):
    """`seat` puts a drawn request among these rows."""

    def __init__(self, world: World) -> None:
        super().__init__(make.site(**dict.fromkeys(_QUOTAS, _MANY)))
        _, self.key = make.key(self.site)
        self._world = World(make.principal(self.site), world.provider, world.guests)

    def seat(self, case: Case) -> None:
        """Have the parts of `case` that the document allows name rows of this place.

        What breaks the document stays as it was drawn.
        """
        self.settle(case)
        if _is_sound(case, ParameterLocation.PATH):
            case.path_parameters.update(self.ids(_BY_LABEL[case.operation.label]))
        if _is_sound(case, ParameterLocation.BODY) and case.body is not NOT_SET:
            case.body = self.fitted(case.body, f"{new_id().hex}@example.com")

    def settle(self, case: Case) -> None:
        """Have `case` wait for nothing: a machine that comes to rest here does so by another test's hand."""
        if _is_sound(case, ParameterLocation.QUERY) and "timeout_s" in _BY_LABEL[case.operation.label].queries:
            case.query["timeout_s"] = 0

    def forget(self, noun: str) -> None:
        """The row is gone: the next request that names one gets another."""
        for gone in {noun, *_GOES_WITH.get(noun, ())}:
            self.rows.pop(gone, None)

    def _made(self, noun: str) -> dict[str, Any]:
        return {"id": str(self._world.running().pk)} if noun == "instances" else super()._made(noun)

    def _recording(self) -> dict[str, Any]:
        made = super()._recording()
        if "id" in made:
            return made
        # A drawn request was sooner: it records the instance already, or has ended it.
        there_are = self.owner.get(f"/api/instances/{self.row('instances')['id']}/recordings").json()["results"]
        if not there_are:
            self.forget("instances")
        return dict(there_are[0]) if there_are else super()._recording()


def _is_sound(case: Case, part: ParameterLocation) -> bool:
    drawn: Any = None if case.meta is None else case.meta.components.get(part)
    return drawn is None or drawn.mode.is_positive
