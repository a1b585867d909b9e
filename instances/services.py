"""What may be asked about instances. A request writes only what is wished; workers make it true."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from common import clock
from common.errors import Conflict, Invalid
from common.tenancy import site_scope
from instances import extending, lifecycle, placing, pools, selectors, tasks, templates, timelimits, usage
from instances.flavours import DEFAULT_FLAVOUR
from instances.models import Desired, Instance, Status
from instances.models.template import MachineSpec
from sites import audit
from sites.models import Agent, Membership
from sites.principal import Principal

S, D = Status, Desired
_LIMITS = {"timeout_ms", "on_timeout", "idle_stop_minutes"}


def request_instance(
    principal: Principal,
    *,
    name: str,
    user_id: UUID | None = None,
    agent_id: UUID | None = None,
    template: str | None = None,
    desired_state: str = D.RUNNING,
    **spec: Any,
) -> Instance:
    """Ask for an instance; it is `pending` at once and a worker makes it, or comes from the template's warm pool.

    `spec` is any of `templates.SPEC`; what is not given is as the template says (`name`, `id`, either with `@version`),
    without one as the settings and the model say.

    Raises:
        Forbidden: the principal may not write instances.
        Invalid: the user is no member of the site, the agent, template, provider or region is not the site's, a
            variable that the template asks for is missing, or it would run for too long.
        TooMany: a quota of the site is used up.
    """
    principal.must("instances:write")
    with site_scope(principal.site_id):
        owner_id = user_id or principal.user_id
        _must_be_member(principal, owner_id)
        _must_be_agent(principal, agent_id)
        who = {"name": name, "user_id": owner_id, "created_by_id": principal.user_id, "agent_id": agent_id}
        origin, found, spec = _spec(principal, template, spec)
        instance_type = spec.get("instance_type", DEFAULT_FLAVOUR)
        wished = {name: spec.get(name) or "" for name in templates.PLACE}
        place = placing.chosen(principal.site_id, instance_type=instance_type, **wished)
        usage.reserve_instance(principal.site_id, instance_type=instance_type, running=desired_state == D.RUNNING)
        if found is not None and desired_state == D.RUNNING:
            claimed = pools.claim(principal.site_id, origin, found, spec, who)
            if claimed is not None:
                audit.record(principal, "instance.created", claimed, instance_type=instance_type)
                return claimed
        environment = spec.pop("environment_variables", None) or {}
        instance = Instance(
            site_id=principal.site_id,
            desired_state=desired_state,
            status_since=clock.now(),
            deadline_at=clock.in_s(lifecycle.PENDING_WITHIN_S),
            look_again_at=clock.now(),
            **who,
            **origin,
            **{**spec, "provider": place.name, "region": place.region},
        )
        instance.set_environment(environment)
        instance.save(force_insert=True, using="default")
        lifecycle.record(instance, "requested", status_to=instance.status)
        audit.record(principal, "instance.created", instance, instance_type=instance_type)
        instance.save(update_fields=["last_event"])
        _look_on_commit(instance)
        return instance


def change_instance(principal: Principal, instance_id: UUID, **changes: Any) -> Instance:
    """Change name, agent, configuration, environment or tools; and the wish, where `desired_state` is among them.

    A running machine takes a new environment over; a new size or resolution is used by its next incarnation.

    Raises:
        NotFound, Forbidden, Invalid, Conflict: nothing was changed.
    """
    principal.must("instances:write")
    with site_scope(principal.site_id):
        instance = selectors.locked_instance(principal, instance_id)
        desired_state = changes.pop("desired_state", None)
        if "user_id" in changes:
            _must_be_member(principal, changes["user_id"])
        if changes.get("agent_id"):
            _must_be_agent(principal, changes["agent_id"])
        for column, value in changes.items():
            if column == "environment_variables":
                instance.set_environment(value)
            else:
                setattr(instance, column, value)
        if "environment_variables" in changes and instance.status in (S.STARTING, S.RUNNING):
            _wake(instance)
        if changes.keys() & _LIMITS:
            _set_end(instance)
        if changes:
            lifecycle.record(instance, "changed", fields=sorted(changes))
        if desired_state:
            _wish(instance, desired_state)
        instance.save()
        asked = {"desired_state": desired_state} if desired_state else {}
        audit.record(principal, "instance.changed", instance, fields=sorted(changes), **asked)
        return instance


def request_stop(principal: Principal, instance_id: UUID) -> Instance:
    """Have it stopped, its disk kept; already stopped or stopping is success.

    Raises:
        Conflict: it is being deleted, or in error, where only retry and delete lead on.
    """
    return _with_locked(principal, instance_id, partial(_wish, desired_state=D.STOPPED), "instance.stop_requested")


def request_start(principal: Principal, instance_id: UUID) -> Instance:
    """Have it started; already running or on its way is success. An instance in error is tried anew.

    Raises:
        Conflict: it is being deleted.
        TooMany: as many run as the site may have.
    """
    return _with_locked(principal, instance_id, partial(_wish, desired_state=D.RUNNING), "instance.start_requested")


def request_restart(principal: Principal, instance_id: UUID) -> Instance:
    """Have it stopped and started again.

    Raises:
        Conflict: it is not running.
    """

    def restart(instance: Instance) -> None:
        if instance.status != S.RUNNING or instance.desired_state != D.RUNNING:
            message = f"Only a running instance can be restarted; this one is {instance.status}."
            raise Conflict(message, **_state(instance))
        instance.restart_generation += 1
        lifecycle.record(instance, "restart_requested")
        _wake(instance)

    return _with_locked(principal, instance_id, restart, "instance.restart_requested")


def request_pause(principal: Principal, instance_id: UUID) -> Instance:
    """Have it held still where it is, memory and all; a machine that cannot be held is stopped. Twice is success.

    Raises:
        Conflict: it is not running, or is not to run on.
    """

    def pause(instance: Instance) -> None:
        if instance.desired_state == D.PAUSED and instance.status != S.ERROR:
            return
        if instance.status != S.RUNNING or instance.desired_state != D.RUNNING:
            message = f"Only a running instance can be paused; this one is {instance.status}."
            raise Conflict(message, **_state(instance))
        _wish(instance, D.PAUSED)

    return _with_locked(principal, instance_id, pause, "instance.pause_requested")


def request_resume(principal: Principal, instance_id: UUID) -> Instance:
    """Have a paused instance go on; one that runs already is success.

    Raises:
        Conflict: it is neither paused nor running.
    """

    def resume(instance: Instance) -> None:
        paused = instance.desired_state == D.PAUSED and instance.status != S.ERROR
        if not paused and (instance.status, instance.desired_state) != (S.RUNNING, D.RUNNING):
            message = f"Only a paused instance can be resumed; this one is {instance.status}."
            raise Conflict(message, **_state(instance))
        _wish(instance, D.RUNNING)

    return _with_locked(principal, instance_id, resume, "instance.resume_requested")


def request_retry(principal: Principal, instance_id: UUID) -> Instance:
    """Have an instance in error start over with a new machine, once the old one is confirmed gone.

    Raises:
        Conflict: it is not in error.
    """

    def retry(instance: Instance) -> None:
        if instance.status != S.ERROR or instance.desired_state == D.DELETED:
            raise Conflict(
                f"Only an instance in error can be retried; this one is {instance.status}.", **_state(instance)
            )
        _wish(instance, D.RUNNING)

    return _with_locked(principal, instance_id, retry, "instance.retry_requested")


def request_deletion(principal: Principal, instance_id: UUID) -> Instance:
    """Have the machine destroyed and then the row hidden; accepted in every status, and twice."""
    return _with_locked(principal, instance_id, partial(_wish, desired_state=D.DELETED), "instance.deletion_requested")


# --- what the services share --------------------------------------------------------------------------------------
def _with_locked(principal: Principal, instance_id: UUID, change: Any, action: str) -> Instance:
    principal.must("instances:write")
    with site_scope(principal.site_id):
        instance = selectors.locked_instance(principal, instance_id)
        change(instance)
        instance.save()
        audit.record(principal, action, instance)
        return instance


def _wish(instance: Instance, desired_state: str) -> None:
    """Write the wish into a locked row, if it is one that can come true."""
    if instance.desired_state == D.DELETED:
        if desired_state == D.DELETED:
            return
        raise Conflict("The instance is being deleted.", **_state(instance))
    in_error = instance.status == S.ERROR
    if in_error and desired_state == D.STOPPED:
        raise Conflict("The instance is in error: retry it or delete it.", **_state(instance))
    if instance.desired_state == desired_state and not in_error:
        return
    if desired_state == D.RUNNING and instance.desired_state not in usage.SHALL_RUN:
        usage.reserve_running(instance.site_id)
    if desired_state == D.RUNNING and (in_error or instance.desired_state == D.STOPPED):
        timelimits.start_anew(instance)
    resumed = instance.desired_state == D.PAUSED
    instance.desired_state, instance.wish_reason = desired_state, ""
    kind = {
        D.RUNNING: "resume_requested" if resumed else "start_requested",
        D.PAUSED: "pause_requested",
        D.STOPPED: "stop_requested",
        D.DELETED: "deletion_requested",
    }
    lifecycle.record(instance, "retry_requested" if in_error and desired_state == D.RUNNING else kind[D(desired_state)])
    _wake(instance)


def _spec(
    principal: Principal, template: str | None, given: Mapping[str, Any]
) -> tuple[dict[str, Any], MachineSpec | None, dict[str, Any]]:
    """Where the spec comes from, as it is there, and the spec: the request's over the template's over the settings'."""
    if template is not None:
        template_id, version, found = templates.taken_from(principal, template)
        spec = templates.merged(found, given)
        extending.must_be_within(spec["timeout_ms"])
        return {"template_id": template_id, "template_version": version}, found, spec
    usual = extending.usual_limits()
    spec = {**usual, **{name: value for name, value in given.items() if value is not None or name in usual}}
    extending.must_be_within(spec["timeout_ms"])
    return {}, None, spec


def _set_end(instance: Instance) -> None:
    """A run that is under way is measured by the new limit from its beginning."""
    extending.must_be_within(instance.timeout_ms)
    if instance.status in (S.RUNNING, S.PAUSED):
        instance.expires_at = timelimits.expiry_of(instance, instance.started_at or clock.now())
        _wake(instance)


def _wake(instance: Instance) -> None:
    """Count the change of intent, so that no step in flight can overlook it, and have a worker look."""
    instance.generation += 1
    instance.look_again_at = clock.now()
    _look_on_commit(instance)


def _look_on_commit(instance: Instance) -> None:
    transaction.on_commit(partial(tasks.look_soon, instance.pk))


def _must_be_member(principal: Principal, user_id: UUID) -> None:
    if not Membership.of(principal.site_id).filter(user_id=user_id).exists():
        raise Invalid(
            "user_id: no member of this site has that id.", fields={"user_id": ["Not a member of this site."]}
        )


def _must_be_agent(principal: Principal, agent_id: UUID | None) -> None:
    if agent_id and not Agent.of(principal.site_id).filter(pk=agent_id).exists():
        raise Invalid("agent_id: this site has no such agent.", fields={"agent_id": ["Not an agent of this site."]})


def _state(instance: Instance) -> dict[str, Any]:
    return {"status": instance.status, "desired_state": instance.desired_state}
