"""What the manual says of policies: an example call, rules as YAML, and the tables."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app.domain.policies.contexts import TRIAL_STATUSES
from app.domain.policies.errors import PolicyBlocked, RequestIdUsed

Row = tuple[str, ...]
CALL = """\
curl "{root}/runtime/proxy/chat/completions" \\
  -H "Authorization: Bearer $SLUICE_KEY" \\
  -H "Content-Type: application/json" \\
  -H "x-kagu-user-id: user_123" \\
  -H "x-kagu-policy-key: support_chat" \\
  -H "x-kagu-plan-id: free" \\
  -d '{{"model": "openai/gpt-4o", "messages": [{{"role": "user", "content": "Hello"}}]}}'
"""
RULES = """\
- label: Expired trials
  when: {trial_status: EXPIRED}
  action: BLOCK
  message: Your trial is over. Please choose a plan.
- label: Free users
  when: {plan: [free, starter]}
  action: DOWNGRADE
  models: [openai/gpt-4o-mini, fast]     # fast: an alias
  max_usd_per_request: "0.01"
- label: Europe
  when: {region: eu, country: {not: ch}}
  action: FALLBACK
  models: [mistral/mistral-large-latest]
  providers: [openai, mistral]
- label: Long texts at night
  when:
    input_tokens: {gt: 20000}
    time_of_day: {between: ["22:00", "06:00"]}
  action: DOWNGRADE
  models: [auto]
  min_quality: 60
  prompt: support@3                      # of version 3 of the endpoint support
"""
FILE = """\
workspaces:
  - name: Acme
    projects:
      - name: Support
        surfaces: [proxy]
        policies:
          - key: support_chat
            name: Support chat
            note: Free users get the small model
            rules:
              - {label: Free users, when: {plan: free}, action: DOWNGRADE, models: [openai/gpt-4o-mini]}
"""


def context(root: str) -> dict[str, Any]:
    """Return what the page of the manual shows."""
    return {
        "policy_call": CALL.format(root=root),
        "policy_rules": RULES,
        "policy_file": FILE,
        "policy_headers": headers(),
        "policy_actions": actions(),
        "policy_conditions": conditions(),
        "policy_bounds": bounds(),
        "policy_answer": answer(),
        "policy_errors": errors(),
    }


def headers() -> list[Row]:
    """Return the headers of a call, and what each says."""
    return [
        ("x-kagu-user-id", _("needed"), _("your own, lasting id of the end user, of at most 200 characters")),
        ("x-kagu-policy-key", _("needed"), _("the policy’s key, in upper or lower case")),
        (
            "x-kagu-request-id",
            "",
            _("your id of this request: it can be used once in a project, within 30 days"),
        ),
        ("x-kagu-plan-id", "", _("the end user’s plan: your own word for it, or key or id of a plan here")),
        ("x-kagu-region, x-kagu-country, x-kagu-locale", "", _("where they are, and their language")),
        ("x-kagu-platform", "", _("for example web or ios")),
        ("x-kagu-feature-key, x-kagu-cohort-key", "", _("what they use, and which group they belong to")),
        ("x-kagu-trial-status", "", ", ".join(TRIAL_STATUSES)),
    ]


def actions() -> list[Row]:
    """Return the actions of rules."""
    return [
        ("ALLOW", _("The model that was asked for answers. Bounds and a prompt hold for it.")),
        ("DOWNGRADE", _("The rule’s models answer in its place, one after the other until one does.")),
        ("FALLBACK", _("The model that was asked for answers; if it cannot, the rule’s models stand in.")),
        ("BLOCK", _("Nobody answers: 403 with the rule’s message. No model is asked, nothing is charged.")),
    ]


def conditions() -> list[Row]:
    """Return the conditions of rules, and what each compares."""
    return [
        (
            "plan, region, country, locale, platform, cohort, feature, trial_status",
            _("what the headers say; a locale en holds for en-GB, too"),
        ),
        ("user", _("the end user’s id; here upper and lower case differ")),
        ("model", _("the model that was asked for, as provider/model; an alias by its name")),
        (
            "task_type",
            _(
                "the kind of work, told from the messages without asking a model: code, reasoning, "
                "extraction, summarization, creative, analysis, chat"
            ),
        ),
        ("input_tokens", _("about how many tokens the client’s messages are")),
        ("streaming", _("whether a stream was asked for: true or false")),
        ("time_of_day", _("the time where the workspace is, like 22:00")),
        ("monthly_spend_pct", _("how much of the project’s monthly budget in dollars is spent, in per cent")),
    ]


def bounds() -> list[Row]:
    """Return the bounds of rules."""
    return [
        ("max_usd_per_request", _("models whose answer may cost more; a longer one is cut to fit")),
        ("max_input_usd_per_million", _("models whose million tokens of input cost more")),
        ("min_quality", _("models below this quality, 0 to 100")),
        ("providers", _("models of all other providers")),
        ("excluded_providers", _("models of these providers")),
    ]


def answer() -> list[Row]:
    """Return what `kagu` in an answer tells, with the header of the same."""
    return [
        ("requestId", "x-kagu-request-id", _("your id of the request, else ours")),
        ("action", "x-kagu-action", _("ALLOW, DOWNGRADE or FALLBACK")),
        ("rolloutState", "x-kagu-rollout-state", _("OFF: switched off; SHADOW, CANARY or FULL")),
        ("policyKey", "", _("the policy")),
        ("policyVersion", "x-kagu-policy-version", _("which of its versions decided")),
        ("arm", "", _("old or new during a rollout, else null")),
        ("rule", "", _("the name of the rule that held; null: none did")),
        ("usedFallback", "x-kagu-used-fallback", _("whether another model answered than the first in line")),
        ("modelRequested", "", _("the model that was asked for")),
        ("model, provider", "", _("who answered")),
        ("costUsd, savingsUsd", "", _("what it cost, and what that saved; null: not known")),
    ]


def errors() -> list[Row]:
    """Return status, code and meaning of the errors, in the order in which they are looked for."""
    return [
        ("401", "invalid_api_key", _("There is no key, or it is not valid.")),
        ("400", "invalid_request", _("The project does not serve the proxy, or a header or field is wrong.")),
        ("404", "not_found", _("The project has no policy with this key.")),
        ("404", "model_not_found", _("There is no such model.")),
        ("400", "no_models_available", _("The rule’s bounds, the key or the request leave no model.")),
        ("429", "rate_limit_exceeded", _("A limit is reached; Retry-After says how long to wait.")),
        ("403", PolicyBlocked.code, _("A rule says BLOCK; the text is its message.")),
        ("409", RequestIdUsed.code, _("This x-kagu-request-id was used before. Nothing is charged again.")),
        ("402", "insufficient_balance, budget_exceeded", _("The money does not suffice.")),
        ("422", "guardrail_blocked", _("A guardrail stopped what was asked, or the answer.")),
        (
            "502, 503, 504",
            "provider_error …",
            _("No model answered. The id of the request can be used again."),
        ),
    ]
