"""What may be asked about templates: write, change and remove them, read their versions, and take an instance's spec
from one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet

from common.errors import Conflict, Invalid, NotFound
from common.tenancy import site_scope
from instances import extending, placing, pools
from instances.models import Template, TemplateVersion
from instances.models.template import SPEC_FIELDS, MachineSpec
from sites import audit
from sites.principal import Principal

SPEC = frozenset(SPEC_FIELDS) - {"environment_names", "required_variables"}
"""What an instance takes from a template, and a request may say instead."""
PLACE = frozenset({"provider", "region"})
"""Who says one of them says where: the template's other one does not narrow it."""
_REFERENCE = re.compile(r"(?P<which>.+?)(?:@(?P<version>[0-9]{1,9}))?")


def templates_of(principal: Principal) -> QuerySet[Template]:
    """The site's templates, newest first. Sealed values stay in the database."""
    principal.must("templates:read")
    return _shown(principal)


def versions_of(principal: Principal, template_id: UUID) -> QuerySet[TemplateVersion]:
    """Every version of one template, newest first.

    Raises:
        NotFound: the site has no such template.
    """
    if not templates_of(principal).filter(pk=template_id).exists():
        raise NotFound("No such template.")
    rows = TemplateVersion.of(principal.site_id).filter(template_id=template_id)
    return rows.order_by("-number").defer("environment_variables")


def create_template(
    principal: Principal, *, name: str, description: str = "", pool_size: int = 0, **spec: Any
) -> Template:
    """Write a template; its first version is 1.

    Raises:
        Conflict: the site has one of that name.
        Invalid: its instances would run longer than the platform lets them.
    """
    principal.must("templates:write")
    with site_scope(principal.site_id):
        row = Template(site_id=principal.site_id, name=name, description=description, created_by_id=principal.user_id)
        row.pool_size = _within(pool_size)
        _set_spec(row, {**extending.usual_limits(), **spec})
        _save(row, force_insert=True)
        _keep_version(row, principal.user_id)
        audit.record(principal, "template.created", row)
        return row


def change_template(principal: Principal, template_id: UUID, **changes: Any) -> Template:
    """Change what is given. A changed spec is a new version; what runs by an older one stays as it is.

    Raises:
        NotFound, Conflict, Invalid: nothing was changed.
    """
    principal.must("templates:write")
    with site_scope(principal.site_id):
        row = _locked(principal, template_id)
        spec = {name: changes.pop(name) for name in SPEC_FIELDS if name in changes}
        if "pool_size" in changes:
            _within(changes["pool_size"])
            row.pool_failures, row.pool_failed_at, row.pool_open_until, row.pool_reason = 0, None, None, ""
        for column, value in changes.items():
            setattr(row, column, value)
        changed = any(getattr(row, name) != value for name, value in spec.items())
        if changed:
            _set_spec(row, spec)
            row.version += 1
        _save(row)
        if changed:
            _keep_version(row, principal.user_id)
        audit.record(principal, "template.changed", row, fields=sorted([*changes, *spec]))
        return _shown(principal).get(pk=row.pk)


def remove_template(principal: Principal, template_id: UUID) -> None:
    """Forget a template with its versions. Instances made by it go on."""
    principal.must("templates:write")
    with site_scope(principal.site_id):
        row = _locked(principal, template_id)
        pools.dissolve(principal.site_id, template_id)
        audit.record(principal, "template.deleted", row)
        row.delete(using="default")


def taken_from(principal: Principal, reference: str) -> tuple[UUID, int, MachineSpec]:
    """The template's id, its version and spec that `NAME`, `ID`, `NAME@VERSION` or `ID@VERSION` stands for.

    Call it inside the site's scope.

    Raises:
        Invalid: the site has no such template, or it has no such version.
    """
    principal.must("templates:read")
    found = _REFERENCE.fullmatch(reference)
    template = _named(principal, reference) or (found and found["version"] and _named(principal, found["which"]))
    if not template:
        raise _unknown("The site has no such template.")
    number = template.version if template.name == reference or not found or not found["version"] else found["version"]
    spec = TemplateVersion.of(principal.site_id).filter(template_id=template.pk, number=int(number)).first()
    if spec is None:
        raise _unknown(f"The template has no version {number}; its newest is {template.version}.")
    return template.pk, spec.number, spec


def must_exist(principal: Principal, template_id: UUID, version: int | None) -> None:
    """Return when the site has this template, and this version of it where one is named.

    Raises:
        Invalid: it has not.
    """
    versions = TemplateVersion.of(principal.site_id).filter(template_id=template_id)
    if not (versions if version is None else versions.filter(number=version)).exists():
        problem = "The site has no such template, or it has no such version."
        raise Invalid(f"template_id: {problem}", fields={"template_id": [problem]})


def merged(spec: MachineSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """A spec with what a request says instead or in addition: free fields are joined key by key, others replaced.

    Raises:
        Invalid: a variable whose value each use must bring is missing.
    """
    fields = {name: getattr(spec, name) for name in SPEC}
    both = {**fields, **given}
    if given.keys() & PLACE:
        both |= {name: given.get(name, "") for name in PLACE}
    for joined in ("configuration", "environment_variables"):
        both[joined] = {**fields[joined], **(given.get(joined) or {})}
    missing = sorted(set(spec.required_variables) - set(both["environment_variables"]))
    if missing:
        problem = f"The template needs values for {', '.join(missing)}."
        raise Invalid(f"environment_variables: {problem}", fields={"environment_variables": [problem]})
    return both


def _shown(principal: Principal) -> QuerySet[Template]:
    rows = Template.of(principal.site_id).annotate(pool_ready=pools.ready_of_template())
    return rows.order_by("-id").defer("environment_variables")


def _within(pool_size: int) -> int:
    if pool_size > settings.POOL_SIZE_MAX:
        problem = f"At most {settings.POOL_SIZE_MAX} here."
        raise Invalid(f"pool_size: {problem}", fields={"pool_size": [problem]})
    return pool_size


def _named(principal: Principal, which: str) -> Template | None:
    rows = Template.of(principal.site_id)
    try:
        return rows.filter(pk=UUID(which)).first()
    except ValueError:
        return rows.filter(name=which).first()


def _locked(principal: Principal, template_id: UUID) -> Template:
    row = Template.of(principal.site_id).select_for_update(no_key=True).filter(pk=template_id).first()
    if row is None:
        raise NotFound("No such template.")
    return row


def _set_spec(row: Template, spec: Mapping[str, Any]) -> None:
    if "timeout_ms" in spec:
        extending.must_be_within(spec["timeout_ms"])
    for column, value in spec.items():
        if column == "environment_variables":
            row.set_environment(value)
        else:
            setattr(row, column, value)
    if spec.keys() & {*PLACE, "instance_type"}:
        placing.chosen(row.site_id, instance_type=row.instance_type, provider=row.provider, region=row.region)


def _save(row: Template, **options: Any) -> None:
    try:
        row.save(using="default", **options)
    except IntegrityError as error:
        if "template_name_once" in str(error):
            raise Conflict("The site has a template of that name.", name=row.name) from error
        raise


def _keep_version(row: Template, user_id: UUID) -> None:
    spec = {name: getattr(row, name) for name in SPEC_FIELDS}
    version = TemplateVersion(
        site_id=row.site_id, template_id=row.pk, number=row.version, created_by_id=user_id, **spec
    )
    version.save(force_insert=True, using="default")


def _unknown(problem: str) -> Invalid:
    return Invalid(f"template: {problem}", fields={"template": [problem]})
