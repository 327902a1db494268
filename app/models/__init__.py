"""The tables, one file per noun. Importing this package registers them all."""

from app.models.accounts import Account, LoginAttempt, Membership, OneTimeLink, User, Workspace
from app.models.alert_rules import AlertRule, AlertSample
from app.models.alerts import Alert
from app.models.audit import AuditEvent
from app.models.chat_sessions import ChatSession, ChatTurn
from app.models.endpoints import Endpoint, EndpointVersion, Publication
from app.models.examples import Example, ExampleRun
from app.models.keys import Key
from app.models.money import (
    Budget,
    BudgetPeriod,
    IdempotencyKey,
    LedgerEntry,
    Plan,
    Reservation,
)
from app.models.policies import Policy, PolicyPublication, PolicyVersion
from app.models.projects import Project
from app.models.providers import Credential, ModelOverride, Provider
from app.models.records import RecordRow
from app.models.rollouts import ArmCount, Rollout
from app.models.routing import Alias, Memory, PluginSetting
from app.models.usage import DailySpend, ReportedHour, UsageHour
from app.models.webhooks import Delivery, Webhook

__all__ = [
    "Account",
    "Alert",
    "AlertRule",
    "AlertSample",
    "Alias",
    "ArmCount",
    "AuditEvent",
    "Budget",
    "BudgetPeriod",
    "ChatSession",
    "ChatTurn",
    "Credential",
    "DailySpend",
    "Delivery",
    "Endpoint",
    "EndpointVersion",
    "Example",
    "ExampleRun",
    "IdempotencyKey",
    "Key",
    "LedgerEntry",
    "LoginAttempt",
    "Membership",
    "Memory",
    "ModelOverride",
    "OneTimeLink",
    "Plan",
    "PluginSetting",
    "Policy",
    "PolicyPublication",
    "PolicyVersion",
    "Project",
    "Provider",
    "Publication",
    "RecordRow",
    "ReportedHour",
    "Reservation",
    "Rollout",
    "UsageHour",
    "User",
    "Webhook",
    "Workspace",
]
