"""Client of Orchestrator: `Client` waits for each answer, `AsyncClient` is awaited; both know the whole API."""

from orchestrator_client import fields, models
from orchestrator_client._async.client import AsyncClient
from orchestrator_client._async.desktop import AsyncDesktop
from orchestrator_client._async.pages import AsyncPages
from orchestrator_client._sync.client import Client
from orchestrator_client._sync.desktop import Desktop
from orchestrator_client._sync.pages import Pages
from orchestrator_client.errors import (
    APIError,
    BadArgument,
    Conflict,
    Forbidden,
    GuestFailed,
    GuestTimeout,
    InvalidRequest,
    NotAuthenticated,
    NotConfigured,
    NotFound,
    NotReachable,
    OrchestratorError,
    PreconditionFailed,
    RateLimited,
    TooLarge,
    Unavailable,
    UnexpectedAnswer,
    WaitTimeout,
)
from orchestrator_client.settings import Settings
from orchestrator_client.version import VERSION as __version__

__all__ = [
    "APIError",
    "AsyncClient",
    "AsyncDesktop",
    "AsyncPages",
    "BadArgument",
    "Client",
    "Conflict",
    "Desktop",
    "Forbidden",
    "GuestFailed",
    "GuestTimeout",
    "InvalidRequest",
    "NotAuthenticated",
    "NotConfigured",
    "NotFound",
    "NotReachable",
    "OrchestratorError",
    "Pages",
    "PreconditionFailed",
    "RateLimited",
    "Settings",
    "TooLarge",
    "Unavailable",
    "UnexpectedAnswer",
    "WaitTimeout",
    "__version__",
    "fields",
    "models",
]
