"""What operators may ask of an instance: each order is a service, and stands where the service would not refuse it."""

from __future__ import annotations

from common.admin_orders import Order
from instances import extending, services
from instances.models import Desired, Instance, Status
from sites.admin_base import through


def _stays(instance: Instance) -> bool:
    return instance.desired_state != Desired.DELETED


def _may_start(instance: Instance) -> bool:
    return _stays(instance) and instance.desired_state == Desired.STOPPED and instance.status != Status.ERROR


def _may_stop(instance: Instance) -> bool:
    return _stays(instance) and instance.desired_state == Desired.RUNNING and instance.status != Status.ERROR


def _may_extend(instance: Instance) -> bool:
    return instance.expires_at is not None and _may_restart(instance)


def _may_restart(instance: Instance) -> bool:
    return instance.status == Status.RUNNING and instance.desired_state == Desired.RUNNING


def _may_retry(instance: Instance) -> bool:
    return instance.status == Status.ERROR and _stays(instance)


ORDERS = (
    Order("start", "Start", "play_arrow", through(services.request_start), _may_start),
    Order("stop", "Stop", "stop", through(services.request_stop), _may_stop),
    Order("restart", "Restart", "restart_alt", through(services.request_restart), _may_restart),
    Order("extend", "Extend", "more_time", through(extending.request_extension), _may_extend),
    Order("retry", "Retry", "replay", through(services.request_retry), _may_retry),
    Order(
        "delete",
        "Delete",
        "delete",
        through(services.request_deletion),
        _stays,
        warning="The machine and its disk are destroyed. There is no way back.",
    ),
)
