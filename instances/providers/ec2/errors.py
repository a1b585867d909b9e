"""What EC2's answers, and its silence, mean to the core. EC2's own texts are not repeated: they may name keys."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from instances.providers.base import OutOfCapacity, Refused, Unreachable

NOT_FOUND = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
ENDED_BEFORE = "IdempotentInstanceTerminated"
OTHER_ORDER = "IdempotentParameterMismatch"
NOT_NOW = frozenset({"IncorrectInstanceState", "IncorrectState", "OperationNotPermitted"})
CAPACITY = frozenset(
    {
        "InsufficientInstanceCapacity",
        "InsufficientHostCapacity",
        "InsufficientReservedInstanceCapacity",
        "InsufficientCapacity",
        "InsufficientVolumeCapacity",
        "InsufficientFreeAddressesInSubnet",
        "InsufficientAddressCapacity",
        "SpotMaxPriceTooLow",
    }
)
QUOTA = frozenset(
    {
        "InstanceLimitExceeded",
        "VcpuLimitExceeded",
        "VolumeLimitExceeded",
        "MaxSpotInstanceCountExceeded",
        "NetworkInterfaceLimitExceeded",
    }
)
THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "RequestThrottled",
        "SlowDown",
        "BandwidthLimitExceeded",
    }
)
# Rights that come back without anybody's order: a role's credentials are renewed, a clock is set.
PASSING_AUTH = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
AUTH = frozenset(
    {
        "AuthFailure",
        "UnauthorizedOperation",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "OptInRequired",
        "PendingVerification",
        "Blocked",
    }
)

Meant = Unreachable | OutOfCapacity | Refused

log = logging.getLogger(__name__)


def code_of(error: ClientError) -> str:
    """EC2's name of the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def meaning(what: str, *, ordering: bool = False) -> Iterator[None]:
    """Turn boto's errors into the core's. `ordering` is set where a refusal is final: for a machine or its start.

    Elsewhere a refusal ends nothing: while EC2 does not let us look, nothing can be said of a machine.

    Raises:
        Unreachable, OutOfCapacity, Refused: as `instances.providers.base` says.
    """
    try:
        yield
    except ClientError as error:
        log.warning("EC2 answered %s with %s", what, code_of(error))
        raise _of_answer(error, ordering=ordering) from error
    except (BotoCoreError, ResponseParserError) as error:
        log.warning("EC2 did not answer %s: %s", what, type(error).__name__)
        raise _of_silence(error, ordering=ordering) from error


def _of_answer(error: ClientError, *, ordering: bool) -> Meant:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if code in THROTTLED:
        return Unreachable("EC2 takes no more requests for the moment.")
    if code in CAPACITY:
        return OutOfCapacity("EC2 has no room for this kind of machine just now.")
    if code in QUOTA:
        return OutOfCapacity("The account's limit of EC2 is reached.")
    if code == OTHER_ORDER:
        return Unreachable("EC2 has taken another order of this name; its machine will show.")
    if code in NOT_NOW or code in PASSING_AUTH or status >= 500:
        return Unreachable(f"EC2 cannot do that just now ({code}).")
    if not ordering:
        return Unreachable(f"EC2 said {code}.")
    if code in AUTH:
        return Refused(f"The platform's account may not do that at EC2 ({code}).")
    return Refused(f"EC2 refused the machine ({code}).")


def _of_silence(error: Exception, *, ordering: bool) -> Meant:
    if ordering and isinstance(error, ParamValidationError):
        return Refused("The machines of this type are not configured rightly at EC2.")
    return Unreachable(f"EC2 was not reached ({type(error).__name__}).")
