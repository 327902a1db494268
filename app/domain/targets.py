"""What a call is for: an endpoint's version and the candidates that may answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.budgets import BudgetFacts
from app.domain.calls import Upstream
from app.domain.catalog import Model
from app.domain.decisions import Decision
from app.domain.endpoints import EndpointConfig
from app.domain.gateway_settings import DEFAULTS, GatewaySettings
from app.domain.limits import NO_LIMITS, Limits
from app.domain.policies.governed import Governed
from app.domain.policies.rules import NO_BOUNDS, Bounds
from app.domain.rollouts import IN_SHADOW, Arm, RolloutFacts
from app.domain.wishes import NO_WISHES, Wishes

REPORT = "report"  # the operation of light mode that tells of a call which its client made


@dataclass(frozen=True, slots=True)
class CredentialValue:
    """A provider's secret, decrypted; it stays in this process. `own`: the caller's, who pays there (R18)."""

    id: str
    name: str
    secret: str = field(repr=False)
    own: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model at one provider that may answer. `facts` is its catalog row; None when it has none."""

    model_id: str  # provider/model
    provider_id: str
    provider_slug: str
    provider_name: str
    dialect: str
    base_url: str
    model: str  # the id the upstream knows
    facts: Model | None
    credentials: tuple[CredentialValue, ...]
    watched: bool = False  # the provider has a threshold on what it may cost in a day
    zdr: bool = False  # keeps nothing of what it is sent
    may_train: bool = False  # on what it is sent

    @property
    def is_own(self) -> bool:
        """Say whether only the caller's own keys would be used: then nothing is charged here (R18)."""
        return bool(self.credentials) and all(credential.own for credential in self.credentials)

    def upstream(self, credential: CredentialValue, seconds: float, **more: Any) -> Upstream:
        """Return where one attempt with this credential goes, for at most so many seconds."""
        return Upstream(
            provider_slug=self.provider_slug,
            dialect=self.dialect,
            base_url=self.base_url,
            model=self.model,
            secret=credential.secret,
            timeout_total_seconds=seconds,
            **more,
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """A model of the chain that could not even be tried, and why, in plain words.

    `keyless`: it could be with a key of the caller's own (R18).
    """

    model_id: str
    reason: str
    keyless: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What is called: an endpoint's published version, or a provider's own route (then without endpoint).

    `operation` says what is asked for: chat, or on a provider's own route responses, messages, embeddings,
    models, count_tokens. `forwards`: the body goes on as it came, and so does the answer. `requested` is
    the model as the client wrote it, on the routes where the body names any model; `routed`: it leaves the
    choice to us.
    """

    workspace_id: str
    project_id: str
    endpoint_id: str | None
    slug: str
    version: int | None
    config: EndpointConfig
    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...]
    log_content: bool
    config_stamp: str | None  # the workspace's configuration stamp when this was read
    read_at: float  # time.monotonic()
    limits: Limits = NO_LIMITS
    budgets: tuple[BudgetFacts, ...] = ()  # the endpoint's own
    operation: str = "chat"
    forwards: bool = False
    history_tokens: int = 0  # what a previous response brings along: it joins the hold's input
    requested: str = ""
    altered: bool = False  # a suffix of the model's name added something to the body
    spelled: Mapping[str, str] = field(default_factory=dict)  # models named plainly, as the client wrote them
    routed: bool = False
    wishes: Wishes = NO_WISHES
    gateway: GatewaySettings = DEFAULTS
    siblings: tuple[Candidate, ...] = ()  # the same models at other providers: they stand in (A13)
    baseline: Model | None = None  # what savings are measured against; None: the dearest that fits (O37)
    by_rule: tuple[Candidate | Skipped, ...] = ()  # models that only routing rules name (P31)
    rule: str = ""  # the label of the one that chose this chain
    policy: Governed | None = None  # what the project's policy said of the call (K3)
    bounds: Bounds = NO_BOUNDS  # of the policy's rule
    rollout: RolloutFacts | None = None  # of the endpoint, under way
    arm: Arm | None = None  # on which side of a rollout the call is

    @property
    def asks_nobody(self) -> bool:
        """Say whether no model is asked: the policy blocks the call, or its client has made it already."""
        return (self.policy is not None and self.policy.blocks) or self.operation == REPORT

    @property
    def in_shadow(self) -> bool:
        """Say whether the call is only compared: nobody gets its answer, and nobody here pays for it."""
        return self.arm is not None and self.arm.name == IN_SHADOW


@dataclass(frozen=True, slots=True)
class Plan:
    """Who may answer, in order; later steps may only narrow it. `decision`: why, where a model is asked for.

    `sticky_key`: under which a conversation's last model is remembered; empty: it is not. `eligible`: who
    may come first in its place. `baseline`: what savings are measured against.
    """

    candidates: tuple[Candidate, ...]
    decision: Decision | None = None
    sticky_key: str = ""
    eligible: tuple[Candidate, ...] = ()
    baseline: Model | None = None
