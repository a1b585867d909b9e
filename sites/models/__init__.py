"""Who: tenants, the people and agents that act for them, and the keys they show at the door."""

from sites.models.agent import Agent
from sites.models.api_key import ApiKey
from sites.models.audit import AuditEntry
from sites.models.invitation import Invitation
from sites.models.kept_answer import KeptAnswer
from sites.models.membership import Membership
from sites.models.owned import SiteOwned
from sites.models.second_factor import SecondFactor
from sites.models.site import Site
from sites.models.user import User

__all__ = [
    "Agent",
    "ApiKey",
    "AuditEntry",
    "Invitation",
    "KeptAnswer",
    "Membership",
    "SecondFactor",
    "Site",
    "SiteOwned",
    "User",
]
