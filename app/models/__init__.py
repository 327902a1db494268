"""The tables, one file per noun. Importing this package registers them all."""

from app.models.accounts import Account, LoginAttempt, Membership, OneTimeLink, User, Workspace
from app.models.audit import AuditEvent
from app.models.endpoints import Endpoint, EndpointVersion
from app.models.keys import Key
from app.models.projects import Project
from app.models.providers import Credential, ModelOverride, Provider
from app.models.records import RecordRow

__all__ = [
    "Account",
    "AuditEvent",
    "Credential",
    "Endpoint",
    "EndpointVersion",
    "Key",
    "LoginAttempt",
    "Membership",
    "ModelOverride",
    "OneTimeLink",
    "Project",
    "Provider",
    "RecordRow",
    "User",
    "Workspace",
]
