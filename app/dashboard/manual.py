"""The tables of the manual: errors with their exact texts, what roles may do."""

from __future__ import annotations

from flask_babel import gettext as _

from app.domain import endpoint_errors as x
from app.domain import errors as e
from app.domain import provider_errors as p
from app.domain.key_api import RULES
from app.domain.limits import KINDS

Row = tuple[str, ...]
KEY_SAMPLE = """\
curl -X POST "{root}/api/auth" \\
  -H "Authorization: Bearer $SLUICE_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"name": "Northwind", "expires_in": 7776000, "maxCostPerRequestUsd": 0.05}}'
"""
ANALYTICS_SAMPLE = """\
curl -G "{root}/api/v1/analytics/spend" \\
  -H "Authorization: Bearer $SLUICE_KEY" \\
  -d by=model -d from=2026-03-01 -d to=2026-03-31 -d policy=support_chat
"""
MANAGEMENT_SAMPLE = """\
curl -X PATCH "{root}/api/{project}/admin/endpoints/summarize" \\
  -H "Authorization: Bearer $SLUICE_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"prompt": "You are a careful editor.", "note": "kinder"}}'
"""
RULES_SAMPLE = """\
- label: long texts
  when:
    input_tokens: {gt: 20000}
    streaming: false
  model: anthropic/claude-sonnet-4-5
- label: nights and low budget
  when:
    time_of_day: {between: ["22:00", "06:00"]}
    monthly_spend_pct: {gte: 80}
  model: openai/gpt-4o-mini
  failover: [demo/demo-fast]
"""


def errors() -> list[Row]:
    """Return status, text and meaning of each error on the native routes."""
    return [*errors_at_the_door(), *errors_of_checks_and_models()]


def errors_at_the_door() -> list[Row]:
    """Return the errors before a call is looked at closely."""
    return [
        ("400", _("The body is not valid JSON: …"), _("Send one JSON object, as plain UTF-8.")),
        ("400", "This project serves '…' routes; …", _("The project does not offer this kind of route.")),
        ("401", "Missing Bearer token.", _("Send the header Authorization: Bearer and the key.")),
        ("401", "Invalid token format.", _("What was sent cannot be a key: 16 to 200 visible characters.")),
        ("401", e.NotAuthenticated.default, _("The key is unknown, revoked or past its end.")),
        ("402", "Insufficient credit balance. …", _("Top up, or lower max_tokens as the text says.")),
        ("403", "Token does not belong to this project.", _("The key is another project's.")),
        ("403", "Missing required scope: '…'. Token has: ….", _("Tick the scope on the key's page.")),
        ("403", "This key may not call the endpoint '…'.", _("Tick the endpoint on the key's page.")),
        ("403", x.SessionForbidden.default, _("Another key, or another endpoint, or it was erased.")),
        ("404", "Endpoint not found.", _("The slug is unknown, or the endpoint is switched off.")),
        ("409", e.IdempotencyConflict.default, _("Wait for the first request, or use another key.")),
        ("409", x.SessionBusy.default, _("See Conversations.")),
        ("410", x.SessionExpired.default, _("It was idle for too long.")),
        ("413", e.BodyTooLarge.default, _("At most 10 MB.")),
        ("415", e.UnsupportedEncoding.default, _("The body was compressed.")),
    ]


def errors_of_checks_and_models() -> list[Row]:
    """Return the errors of limits, money, checks and models."""
    return [
        (
            "422",
            "Send either 'message' (text) or 'messages' (a list), not both.",
            _("Also when both are missing. Other field errors name the field in the same way."),
        ),
        (
            "422",
            "Budget exceeded. …",
            _("A budget would be passed; the text says which."),
        ),
        ("422", "Blocked by the guardrail “…”.", _("See Guardrails. The text never tells what was found.")),
        ("422", "'variables.…' must be ….", _("A variable is missing, unknown, or of the wrong kind.")),
        ("422", _("The request does not fit the endpoint's input schema: …"), _("See Schemas.")),
        ("429", "This session holds at most …", _("Begin a new one; waiting does not help.")),
        ("429", "Quota exceeded: …", _("The plan's included tokens are used up until the month ends.")),
        ("429", e.RateLimited.default, _("A limit is reached. Wait as Retry-After says; see Limits.")),
        (
            "502",
            f"{x.OutputSchemaInvalid.default[:-1]}: …",
            _("Mended and asked again, it still did not. It is paid."),
        ),
        ("502", p.ProviderFailed.default, _("Every model of the endpoint was tried and failed.")),
        ("502", p.ProviderTimedOut.default, _("The last model tried did not answer in time.")),
        ("502", _("No model can answer. …"), _("No provider of the endpoint is on and has a key.")),
        ("503", e.Overloaded.default, _("Restarting, or its database is away. Wait as Retry-After says.")),
    ]


def proxy_errors() -> list[Row]:
    """Return status, text and meaning of each error of the proxy itself."""
    return [
        ("400", "This project serves '…' routes; …", _("The project is not called “by model”.")),
        ("400", e.UnknownPrice.default, _("Money is counted for this call, and the model has no price.")),
        ("402", e.InsufficientBalance.default, _("Top up, or ask for a shorter answer.")),
        (
            "404",
            _("There is no such provider in this workspace. …"),
            _("Also for paths that are not listed."),
        ),
        ("429", "Provider '…' is paused.", _("It passed its daily limit. An admin can reactivate it.")),
        ("502", p.ProviderFailed.default, _("It could not be reached, or sent what is no answer.")),
        ("503", e.NoCandidate.default, _("The provider has no key that works.")),
        ("503", "Provider '…' is paused after … failures in a row, …", _("Wait as Retry-After says.")),
        ("503", "Provider '…' is disabled in this gateway.", _("An admin switched it off.")),
        ("504", p.ProviderTimedOut.default, _("Nothing came for two minutes.")),
    ]


def limits() -> list[Row]:
    """Return each limit: its name, its field in a file, what a refusal names, what it counts."""
    meanings = {
        "requests_per_minute": (_("Calls per minute"), _("Calls within any 60 seconds.")),
        "requests_per_hour": (_("Calls per hour"), _("Calls within any 60 minutes.")),
        "tokens_per_minute": (
            _("Tokens per minute"),
            _("Input and output within any 60 seconds: estimated before a call, corrected after it."),
        ),
        "burst_per_second": (_("Calls per second"), _("Calls within one second.")),
        "concurrency": (_("Calls at once"), _("Calls under way at the same time.")),
    }
    return [(name, kind, KINDS[kind].scope, meaning) for kind, (name, meaning) in meanings.items()]


def key_rules() -> list[Row]:
    """Return each rule of keys: its name in the key API, its field in a file, what it means."""
    meanings = {
        "allowedModels": _("Only these models, as provider/model; a * at the end stands for anything."),
        "allowedProviders": _("Only at these providers."),
        "excludedProviders": _("Never at these providers."),
        "minQualityThreshold": _("From 0 to 1; in a file and in the dashboard from 0 to 100."),
        "maxCostPerRequestUsd": _("The most that one call may cost, in US dollars."),
    }
    return [(theirs, RULES[theirs], meaning) for theirs, meaning in meanings.items()]


def roles() -> list[Row]:
    """Return each role and what it adds to the one before."""
    return [
        (_("Viewer"), _("Sees everything but secrets: projects, requests, receipts, prices, members.")),
        (_("Editor"), _("Also makes and changes projects, endpoints and keys, and uses Try it.")),
        (_("Admin"), _("Also providers, prices, members, settings and the activity log; erases end users.")),
        (_("Owner"), _("Also makes other owners. A workspace always has one.")),
        (_("Operator"), _("Runs the installation: makes workspaces and owns every one of them.")),
    ]


def first_plans() -> list[Row]:
    """Return the plans that every installation starts with: calls, tokens, what is beyond, trial."""
    return [
        ("Free", "60", "100,000", _("Calls are refused"), "$5.00"),
        ("Team ($99)", "600", "10,000,000", _("%(price)s per million", price="$0.40"), "–"),
        ("Business ($499)", "3,000", "50,000,000", _("%(price)s per million", price="$0.30"), "–"),
        ("Enterprise", _("No limit"), _("No limit"), "–", "–"),
    ]
