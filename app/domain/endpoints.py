"""What an endpoint is made of: one validated configuration, the same for form, file and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from app.domain.chat_sessions import SessionSettings, parse_session
from app.domain.endpoint_routes import RouteRule, parse_routes
from app.domain.endpoint_schemas import parse_schema
from app.domain.errors import InvalidInput
from app.domain.fields import Collector, number, refuse_unknown, switch, text, texts, whole
from app.domain.guardrails.levels import given
from app.domain.guardrails.settings import Settings
from app.domain.ids import is_slug
from app.domain.limits import NO_LIMITS, Limits, limits_of
from app.domain.templates import INPUT, names_in
from app.domain.variables import Variable, parse_variables

RESERVED_SLUGS = frozenset(
    {"chat", "v1", "models", "info", "endpoints", "tokens", "sessions", "admin", "proxy", "mcp"}
)  # O19
SCHEMA_VERSION = 1
MOST_FAILOVERS = 5
MOST_OUTPUT_TOKENS = 200_000
MOST_CACHE_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """The fields of one endpoint version (P10, P11). Models are `provider/model`."""

    model: str
    failover: tuple[str, ...] = ()
    prompt: str = ""
    user_prompt_template: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    streaming_enabled: bool = False
    description: str = ""
    limits: Limits = NO_LIMITS
    variables: tuple[Variable, ...] = ()
    guardrails: Settings = field(default_factory=dict)
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    session: SessionSettings | None = None
    routing: tuple[RouteRule, ...] = ()
    cache_seconds: int = 0

    @property
    def streams(self) -> bool:
        """Say whether an answer may be streamed: one that must fit a schema is not (P15)."""
        return self.streaming_enabled and self.output_schema is None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; of what came later than the first versions only what is set."""
        values = {**{f.name: getattr(self, f.name) for f in fields(self)}, "failover": list(self.failover)}
        values["limits"] = self.limits.as_dict()
        values["variables"] = [variable.as_dict() for variable in self.variables]
        values["routing"] = [rule.as_dict() for rule in self.routing]
        values["session"] = self.session.as_dict() if self.session else None
        return {name: value for name, value in values.items() if value or name not in LATER}


LATER = frozenset(
    {
        "limits", "variables", "guardrails", "input_schema", "output_schema", "session", "routing",
        "cache_seconds",
    }
)  # fmt: skip
FIELDS = frozenset(field.name for field in fields(EndpointConfig))


def parse_config(raw: Mapping[str, Any]) -> EndpointConfig:
    """Check every field; raise InvalidFields with all that is wrong."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    take = collect.take
    config = EndpointConfig(
        model=take(model_id, raw, "model") or "",
        failover=take(failover_ids, raw) or (),
        prompt=take(text, raw, "prompt", most=100_000) or "",
        user_prompt_template=take(text, raw, "user_prompt_template", most=100_000) or "",
        temperature=take(number, raw, "temperature", 0, 2),
        top_p=take(number, raw, "top_p", 0, 1),
        max_output_tokens=take(whole, raw, "max_output_tokens", 1, MOST_OUTPUT_TOKENS),
        streaming_enabled=take(switch, raw, "streaming_enabled") or False,
        description=take(text, raw, "description", most=1_000) or "",
        limits=take(limits_of, raw) or NO_LIMITS,
        variables=take(parse_variables, raw) or (),
        guardrails=take(given, raw) or {},
        input_schema=take(parse_schema, raw, "input_schema"),
        output_schema=take(parse_schema, raw, "output_schema"),
        session=take(parse_session, raw),
        routing=take(parse_routes, raw) or (),
        cache_seconds=take(whole, raw, "cache_seconds", 0, MOST_CACHE_SECONDS) or 0,
    )
    collect.errors |= contradictions(config)
    collect.finish()
    return config


def contradictions(config: EndpointConfig) -> dict[str, str]:
    """Return what does not go together, by the field where it can be mended."""
    errors = {}
    if config.output_schema is not None and config.streaming_enabled:
        errors["output_schema"] = (
            "An answer that must fit a schema cannot be streamed. Switch streaming off, or remove the schema."
        )
    template, known = config.user_prompt_template, {variable.name for variable in config.variables}
    if template and not {*names_in(template)} & {INPUT, *known}:
        errors["user_prompt_template"] = "Must contain {{input}}, where the caller's text goes."
    for name in ("prompt", "user_prompt_template") if known else ():
        strangers = [each for each in names_in(getattr(config, name)) if each not in known | {INPUT}]
        if strangers:
            errors[name] = f"{{{{{strangers[0]}}}}} is no variable of this endpoint. Add it, or take it out."
    return errors


def model_id(raw: Mapping[str, Any], name: str) -> str:
    """Return a `provider/model` id."""
    value = text(raw, name, most=200, required=True)
    check_model_id(value, name)
    return value


def failover_ids(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models to try next, in order."""
    values = texts(raw, "failover", most=MOST_FAILOVERS)
    for value in values:
        check_model_id(value, "failover")
    return values


def check_model_id(value: str, name: str) -> None:
    """Raise InvalidInput unless `value` reads `provider/model`."""
    provider, slash, model = value.partition("/")
    if not slash or not is_slug(provider) or not model or not model.isprintable() or " " in model:
        raise InvalidInput("Write it as provider/model, for example openai/gpt-4o-mini.", param=name)


def parse_slug(raw: Mapping[str, Any]) -> str:
    """Return the endpoint's slug; reserved words are refused (O19)."""
    value = text(raw, "slug", most=64, required=True)
    if not is_slug(value):
        raise InvalidInput("Use lower-case letters, digits, dashes and underscores.", param="slug")
    if value in RESERVED_SLUGS:
        raise InvalidInput(f"“{value}” is a reserved word. Pick another.", param="slug")
    return value
