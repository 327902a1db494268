"""The manual: calling endpoints, errors, roles, the apply file, settings. Open to anyone signed in."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import gettext as _

from app import config
from app.dashboard import (
    alert_words,
    guardrail_words,
    light_use,
    light_words,
    manual,
    pages,
    plugin_manual,
    policy_manual,
    rollout_manual,
    webhook_manual,
)
from app.dashboard.addresses import public_root
from app.domain.proxy_snippets import Route, anthropic_script, openai_script
from app.domain.proxy_snippets import snippets as proxy_snippets
from app.domain.snippets import Address, Snippet, snippets

blueprint = Blueprint("docs", __name__)
EXAMPLE_PROJECT = "6f1c2b9e-0000-4000-8000-000000000001"
APPLY_EXAMPLE = """\
workspaces:
  - name: Acme
    members: [{email: ann@example.com, role: editor}]   # people who can sign in already
    alerts: {emails: [ops@example.com], muted: [provider_spend]}   # no emails: owners and admins
    providers:
      - slug: openai
        name: OpenAI
        dialect: openai            # openai | anthropic | demo
        base_url: https://api.openai.com/v1
        zdr: true
        may_train: false
        alert_usd_per_day: "50"    # tell us
        stop_usd_per_day: "100"    # pause it
        credentials: [{name: main, secret: "${OPENAI_API_KEY}"}]
    models:                        # own prices, in USD per million tokens, and what routing goes by
      - {id: openai/gpt-4o-mini, input_usd_per_million: "0.15", output_usd_per_million: "0.60"}
      - {id: openai/own-model, free: true, quality: 60, features: [tools, sampling], quantization: fp8}
    aliases:                       # here for all projects; a project can have its own
      - {name: fast, models: [openai/gpt-4o-mini, auto], prompt: Be brief., temperature: 0.3}
    projects:
      - name: Support
        surfaces: [endpoints, proxy]
        gateway: {baseline_model: openai/gpt-4o, min_quality: 60, cache_seconds: 3600}
        management_api: true       # keys with the right may change endpoints and keys
        endpoints:
          - slug: summarize
            model: openai/gpt-4o-mini
            failover: [demo/demo-fast]
            prompt: You are a careful editor.
            user_prompt_template: "Summarize: {{input}}"
            temperature: 0.2
            max_output_tokens: 500
            streaming_enabled: true
            limits: {requests_per_minute: 600, tokens_per_minute: 200000}
            cache_seconds: 3600
            routing: [{label: long, when: {input_tokens: {gt: 20000}}, model: openai/gpt-4o}]
            session: {ttl_seconds: 3600, max_messages: 100}   # remembers conversations
            rollout: {steps: [1, 10, 50, 100], step_minutes: 60}   # new versions go live step by step
            variables: [{name: tone, type: enum, options: [kind, short], default: short}]
            guardrails: {pii: {action: mask}, secrets: {action: block, locked: true}}
        keys:
          - name: ci
            secret: "${CI_KEY}"
            scopes: [chat]
            limits: {requests_per_minute: 60, concurrency: 5}
            allowed_endpoints: [summarize]
            labels: {team: web}
            rules: {models: [openai/*, demo/*], min_quality: 30, max_cost_usd_per_request: "0.10"}
            provider_keys: {openai: "${OPENAI_API_KEY}"}   # the customer's own: they pay there
"""
ACCOUNTS_EXAMPLE = """\
plans:                             # shared by all workspaces
  - {slug: reseller, name: Reseller, requests_per_minute: 300, included_tokens: 5000000, hard_cap: true}
workspaces:
  - name: Acme
    plan: reseller
    account:
      billing: prepaid             # metered | prepaid
      top_up_usd: "25.00"
      top_up_ref: invoice-2026-17  # credited once under this name
      rate_multiplier: "1.2"
      low_balance_usd: "5"         # tell us
      spend_alert_usd_per_day: "50"
    sub_accounts:
      - {name: Northwind, external_ref: CUST-42, budgets: [{period: month, usd: "10"}]}
    projects:
      - name: Support
        keys:
          - {name: northwind, account: Northwind}
"""
BUDGETS_EXAMPLE = """\
workspaces:
  - name: Acme
    budgets: [{period: month, usd: "500"}]
    projects:
      - name: Support
        budgets: [{period: day, usd: "25", tokens: 2000000}]
        endpoints:
          - {slug: summarize, model: openai/gpt-4o-mini, budgets: [{period: request, usd: "0.05"}]}
        keys:
          - {name: ci, budgets: [{period: month, usd: "10", hard: false}]}   # only tells
"""


@blueprint.get("/docs")
@blueprint.get("/w/<workspace>/docs")
def index() -> Response:
    """Show the manual; inside a workspace its navigation stays beside it."""
    address = Address(public_root(), EXAMPLE_PROJECT, "summarize")
    return pages.page(
        "docs/index.html",
        address=address,
        whole=snippets(address, stream=False),
        streamed=snippets(address, stream=True),
        sections=sections(),
        errors=manual.errors(),
        proxy_errors=manual.proxy_errors(),
        proxy_samples=proxy_samples(),
        chat_sample=openai_script(f"{public_root()}/v1", "auto"),
        light=light_use.sample(public_root()),
        light_fields=light_words,
        messages_sample=anthropic_script(public_root(), "openai/gpt-4o-mini"),
        limits=manual.limits(),
        key_rules=manual.key_rules(),
        analytics_sample=manual.ANALYTICS_SAMPLE.format(root=public_root()),
        key_sample=manual.KEY_SAMPLE.format(root=public_root()),
        rules_sample=manual.RULES_SAMPLE,
        management_sample=manual.MANAGEMENT_SAMPLE.format(root=public_root(), project=EXAMPLE_PROJECT),
        roles=manual.roles(),
        alert_kinds=alert_words.kinds(),
        settings=config.SETTINGS,
        apply_example=APPLY_EXAMPLE,
        accounts_example=ACCOUNTS_EXAMPLE,
        first_plans=manual.first_plans(),
        budgets_example=BUDGETS_EXAMPLE,
        guardrails_example=guardrail_words.EXAMPLE,
        **plugin_manual.context(),
        **policy_manual.context(public_root()),
        **rollout_manual.context(),
        **webhook_manual.context(public_root()),
    )


def proxy_samples() -> list[Snippet]:
    """Return how the stock SDKs are pointed at the proxy."""
    routes = [
        Route(public_root(), "openai", "openai", "gpt-4o-mini"),
        Route(public_root(), "anthropic", "anthropic", "claude-sonnet-4-5"),
    ]
    return [proxy_snippets(route)[0] for route in routes]


def sections() -> list[tuple[str, str]]:
    """Return the parts of the manual: the template's name and the heading."""
    return [*about_endpoints(), *about_models(), *about_running()]


def about_endpoints() -> list[tuple[str, str]]:
    """Return the parts about endpoints."""
    return [
        ("start", str(_("Quick start"))),
        ("call", str(_("Calling an endpoint"))),
        ("streaming", str(_("Streaming"))),
        ("errors", str(_("Errors"))),
        ("openai", str(_("Endpoints with an OpenAI SDK"))),
        ("product", str(_("An endpoint as a product"))),
        ("variables", str(_("Variables"))),
        ("guardrails", str(_("Guardrails"))),
        ("schemas", str(_("Schemas"))),
        ("sessions", str(_("Conversations"))),
        ("versions", str(_("Versions and drafts"))),
        ("examples", str(_("Examples, which prove a version"))),
        ("rules", str(_("Routing rules of an endpoint"))),
        ("openapi", str(_("What a key can ask, and the OpenAPI file"))),
        ("management", str(_("Managing endpoints and keys from code"))),
    ]


def about_models() -> list[tuple[str, str]]:
    """Return the parts about calling models by their names."""
    return [
        ("chat", str(_("Any model with an OpenAI SDK"))),
        ("models", str(_("Models and their names"))),
        ("routing", str(_("Automatic routing"))),
        ("messages", str(_("With an Anthropic SDK"))),
        ("responses", str(_("The Responses API"))),
        ("passthrough", str(_("Calling models directly"))),
        ("compare", str(_("Comparing models"))),
        ("plugins", str(_("Plugins"))),
        ("healing", str(_("Answers in JSON"))),
        ("cache", str(_("The cache"))),
        ("policies", str(_("Policies"))),
        ("rollouts", str(_("Rollouts, and the guard of new versions"))),
        ("light", str(_("Light mode"))),
    ]


def about_running() -> list[tuple[str, str]]:
    """Return the parts about keys, providers, money and the running of it all."""
    return [
        ("keys", str(_("Keys and the key API"))),
        ("failover", str(_("Providers, failover and cost"))),
        ("health", str(_("Providers that fail, and performance"))),
        ("what_if", str(_("What would have happened"))),
        ("credits", str(_("Credits and accounts"))),
        ("books", str(_("Whether the books add up"))),
        ("plans", str(_("Plans"))),
        ("budgets", str(_("Budgets"))),
        ("usage", str(_("Usage"))),
        ("analytics", str(_("Savings, end users and the analytics API"))),
        ("alerts", str(_("Provider limits and alerts"))),
        ("alert_rules", str(_("Alert rules"))),
        ("webhooks", str(_("Webhooks"))),
        ("limits", str(_("Limits"))),
        ("roles", str(_("Roles"))),
        ("kept", str(_("What is kept, and for how long"))),
        ("apply", str(_("Configuration as code"))),
        ("settings", str(_("Settings"))),
    ]
