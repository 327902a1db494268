"""Fits a request to the model that is about to get it: what it cannot take is dropped and named (A3, A4)."""

from __future__ import annotations

from typing import Any

from app.domain import vendor_parameters as vendors
from app.domain.anthropic_parameters import fit_anthropic
from app.domain.catalog import MANUAL, Model
from app.domain.chat_messages import for_chat, without_images
from app.domain.chat_tools import fit_tools
from app.domain.fitted import Fitted
from app.domain.targets import Candidate
from app.domain.thinking import ASKING, asked_effort

SAMPLING = ("temperature", "top_p", "top_k")
TOOLS = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call")
DEMO_TAKES = frozenset(
    {
        "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "user", "response_format"
    }
)  # fmt: skip
UNSTATED = Model("", "").features  # a row of the workspace's own that says nothing of what the model can do


def fit(body: dict[str, Any], candidate: Candidate, most_output: int | None = None) -> Fitted:
    """Return what this candidate is sent, and what was changed for it; models not in the catalog get all.

    `most_output`: what is held covers an answer of so many tokens, and the client set no limit (O27).
    """
    facts, fitted = candidate.facts, Fitted(dict(body), candidate.model_id)
    if most_output is not None:
        limit = facts.max_output_tokens if facts else None
        fitted.body["max_tokens"] = min(most_output, limit or most_output)
    if facts is not None and knows_features(facts):
        fit_features(fitted, facts, candidate.dialect)
    if candidate.dialect == "anthropic":
        fit_anthropic(fitted, candidate.model)
    elif candidate.dialect == "demo":
        fitted.drop(*sorted(fitted.body.keys() - DEMO_TAKES))
    else:
        fit_openai(fitted, candidate)
    return fitted


def knows_features(facts: Model) -> bool:
    """Say whether what the model can do was ever told: a row that only sets a price tells nothing."""
    return facts.source != MANUAL or facts.features != UNSTATED


def fit_features(fitted: Fitted, facts: Model, dialect: str) -> None:
    """Drop what the catalog says that the model cannot do."""
    features, body = facts.features, fitted.body
    if "sampling" not in features:
        fitted.drop(*SAMPLING, *vendors.NOT_WITHOUT_SAMPLING.get(facts.vendor, ()))
    if "tools" not in features:
        fitted.drop(*TOOLS)
    if "reasoning" in features:
        fitted.drop(*vendors.NOT_WITH_REASONING.get(facts.vendor, ()))
    elif asked_effort(body) == "none":
        fitted.drop_quietly(*ASKING)
    else:
        fitted.drop(*ASKING)
    if "json_schema" not in features and fitted.format == "json_schema":
        fitted.ask_in_words()
        if dialect == "openai":
            body["response_format"] = {"type": "json_object"}
    if "vision" not in features and (messages := without_images(body["messages"])) is not None:
        body["messages"] = messages
        fitted.say(f"images are not supported by {fitted.model_id} and were left out")


def fit_openai(fitted: Fitted, candidate: Candidate) -> None:
    """Rename and drop what the vendor calls otherwise or refuses; strangers get everything."""
    body, vendor = fitted.body, vendor_of(candidate)
    if vendor == "openai" and fitted.format == "json_schema" and not asks_for_object(body["response_format"]):
        fitted.ask_in_words()
    for name, theirs in vendors.RENAMED.get(vendor, {}).items():
        if name in body:
            body[theirs] = body.pop(name)
    if "thinking" in body and vendor not in vendors.THINKS_IN_OWN_WORDS:
        say_as_effort(fitted)
    refused = vendors.REFUSED.get(vendor)
    if body.get("tools"):
        fit_tools(fitted, strict=refused is not None)
    if refused is None:
        return
    if not refused.isdisjoint(body):
        fitted.drop(*sorted(refused & body.keys()))
    body["messages"] = for_chat(body["messages"], vendors.REASONING_SENT_BACK.get(vendor, ""))


def asks_for_object(wanted: dict[str, Any]) -> bool:
    """Say whether an answer is to be an object: OpenAI itself takes no other schema; nonsense passes."""
    named = wanted.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    return not isinstance(schema, dict) or schema.get("type", "object") == "object" or "$ref" in schema


def say_as_effort(fitted: Fitted) -> None:
    """Say Anthropic's `thinking` as an effort."""
    effort = asked_effort(fitted.body)
    fitted.drop_quietly("thinking", "output_config")
    if effort not in (None, "none"):
        fitted.body["reasoning_effort"] = "xhigh" if effort == "max" else effort


def vendor_of(candidate: Candidate) -> str:
    """Return whose API it is: the catalog's vendor, else the provider's own slug."""
    vendor = candidate.facts.vendor if candidate.facts else ""
    return vendor if vendor in vendors.REFUSED else candidate.provider_slug
