"""What a call is for: an endpoint's version and the candidates that may answer it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.domain.budgets import BudgetFacts
from app.domain.catalog import Model
from app.domain.endpoints import EndpointConfig
from app.domain.limits import NO_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class CredentialValue:
    """A provider's secret, decrypted; it stays in this process."""

    id: str
    name: str
    secret: str = field(repr=False)


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


@dataclass(frozen=True, slots=True)
class Skipped:
    """A model of the chain that could not even be tried, and why, in plain words."""

    model_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Target:
    """What is called: an endpoint's published version, or a provider's own route (then without endpoint).

    `operation` says what is asked for: chat, or on a provider's own route responses, messages, embeddings,
    models, count_tokens. `forwards`: the body goes on as it came, and so does the answer.
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


@dataclass(frozen=True, slots=True)
class Plan:
    """Who may answer, in order; later steps may only narrow it."""

    candidates: tuple[Candidate, ...]
