"""What the fields of light mode mean, in plain words."""

from __future__ import annotations

from flask_babel import gettext as _

from app.domain.light.tiers import PREMIUM_FROM, STANDARD_FROM

__all__ = ["PREMIUM_FROM", "STANDARD_FROM"]

Rows = list[tuple[str, str]]


def common() -> Rows:
    """Return what both bodies may say."""
    who = "planKey, region, country, locale, platform, cohortKey, featureKey, trialStatus"
    return [
        ("userId, policyKey", _("Needed: your name of the end user, and the policy, in any case.")),
        ("requestId", _("Your own id of the request, at most 128 visible ASCII characters.")),
        ("requestedProvider", _("The provider you would ask, in any case: OPENAI.")),
        ("requestedModel", _("The model you would ask, alone or as provider/model.")),
        ("requestedCapabilityTier", _("Without a model: economy, standard or premium.")),
        (who, _("What rules may ask of the user, as in the headers of the proxy.")),
        ("taskType", _("The kind of task, such as code, summarization or chat.")),
        ("promptVersion", _("Which version of your prompt you use; it is handed back.")),
        ("inputTokens", _("About how long the input is.")),
    ]


def asked() -> Rows:
    """Return what may be sent for advice."""
    return [
        *common(),
        ("maxOutputTokens, temperature, stream", _("What you would send to the model.")),
        ("cacheLookup", _("What your own cache said, in any form; it is handed back.")),
        ("includePrompt", _("true: with the system prompt and template that the rule names.")),
    ]


def advised() -> Rows:
    """Return what the advice says."""
    return [
        ("action, reason", _("ALLOW, DOWNGRADE, FALLBACK or BLOCK, and why in plain words.")),
        ("message", _("What to tell the user of a blocked request.")),
        (
            "provider, model, modelId",
            _("Whom to ask: OPENAI, gpt-4o-mini, openai/gpt-4o-mini. None when blocked."),
        ),
        ("candidates", _("All models that may answer, in order: the next stands in when one fails.")),
        ("excluded", _("Models that were named and may not answer, each with the reason.")),
        ("capabilityTier", _("The tier of the model.")),
        ("policyKey, policyVersion, rule", _("Which policy, version and rule decided.")),
        (
            "rolloutState, arm",
            _("OFF, SHADOW, CANARY or FULL; and the user’s side of a rollout: old or new."),
        ),
        ("promptVersion, prompt", _("Which prompt to use, and its texts where they were asked for.")),
        (
            "maxUsdPerRequest, maxInputUsdPerMillion",
            _("The rule’s bounds on the price: your call must keep to them."),
        ),
        ("estimatedCostUsd", _("About what the call costs, where inputTokens was sent.")),
        ("requestId, cacheLookup", _("As they were sent; without an id of yours, one of ours.")),
    ]


def reported() -> Rows:
    """Return what may be reported."""
    return [
        *common(),
        ("provider, model", _("Who answered; left out, what was advised or asked for.")),
        (
            "promptTokens, completionTokens",
            _("What the provider counted; or totalTokens, which counts as input."),
        ),
        ("cacheStatus", _("Of your own cache: NONE, MISS, HIT or a word like SEMANTIC_HIT.")),
        ("actionTaken", _("What you did: ALLOW, DOWNGRADE, FALLBACK or BLOCK.")),
        ("status, errorCode", _("The provider’s status, as a number or as success or error; and its code.")),
        ("latencyMs", _("How long the call took.")),
        ("costUsd", _("What it cost you.")),
        ("createdAt", _("When it was made, at most 7 days ago; left out: now.")),
        ("policyVersion, arm", _("As the advice said.")),
        ("tags", _("Up to 10 words of your own.")),
    ]
