"""The parameters that a model takes, as a JSON schema: without those that would be dropped for it (A23)."""

from __future__ import annotations

from typing import Any

from app.domain.catalog import EMBEDDING
from app.domain.parameters import fit
from app.domain.targets import Candidate

Json = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
MESSAGE: Json = {
    "type": "object",
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": {"type": ["string", "array", "null"]},
    },
    "required": ["role"],
}
TOOL: Json = {
    "type": "object",
    "properties": {"type": {"const": "function"}, "function": {"type": "object"}},
    "required": ["type"],
}
NUMBER: Json = {"type": "number"}
WHOLE: Json = {"type": "integer", "minimum": 1}
FLAG: Json = {"type": "boolean"}
# each parameter beyond the messages: its schema, and a value with which to see whether it would be dropped
CHAT: dict[str, tuple[Json, Any]] = {
    "max_completion_tokens": (WHOLE, 100),
    "max_tokens": (WHOLE, 100),
    "temperature": ({"type": "number", "minimum": 0, "maximum": 2}, 0.5),
    "top_p": ({"type": "number", "minimum": 0, "maximum": 1}, 0.5),
    "n": (WHOLE, 2),
    "stop": ({"type": ["string", "array"]}, ["x"]),
    "seed": ({"type": "integer"}, 7),
    "frequency_penalty": ({"type": "number", "minimum": -2, "maximum": 2}, 0.5),
    "presence_penalty": ({"type": "number", "minimum": -2, "maximum": 2}, 0.5),
    "logit_bias": ({"type": "object"}, {"50256": -100}),
    "logprobs": (FLAG, True),
    "top_logprobs": ({"type": "integer", "minimum": 0, "maximum": 20}, 2),
    "tools": ({"type": "array", "items": TOOL}, [{"type": "function", "function": {"name": "f"}}]),
    "tool_choice": ({"type": ["string", "object"]}, "auto"),
    "parallel_tool_calls": (FLAG, False),
    "response_format": ({"type": "object"}, {"type": "json_object"}),
    "reasoning_effort": ({"enum": ["none", "minimal", "low", "medium", "high", "xhigh"]}, "high"),
    "user": ({"type": "string"}, "someone"),
}
EMBEDDINGS: Json = {
    "input": {"type": ["string", "array"]},
    "dimensions": WHOLE,
    "encoding_format": {"enum": ["float", "base64"]},
    "user": {"type": "string"},
}
GATEWAYS_OWN: Json = {
    "routing": {"type": "object"},
    "data_collection": {"enum": ["allow", "deny"]},
    "zdr": FLAG,
    "preferred_max_latency": NUMBER,
    "preferred_min_throughput": NUMBER,
    "plugins": {"type": "array", "items": {"type": "string"}},
    "fallbacks": FLAG,
}


def schema(name: str, candidate: Candidate) -> Json:
    """Return the schema of a request's body for this model."""
    if candidate.facts is not None and candidate.facts.modality == EMBEDDING:
        own, required = EMBEDDINGS, ["model", "input"]
    else:
        own = {parameter: CHAT[parameter][0] for parameter in taken(candidate)}
        own = {"messages": {"type": "array", "items": MESSAGE, "minItems": 1}, **own, "stream": FLAG}
        required = ["model", "messages"]
    return {
        "$schema": DIALECT,
        "title": name,
        "type": "object",
        "properties": {"model": {"const": name}, **own, **GATEWAYS_OWN},
        "required": required,
        "additionalProperties": True,
    }


def taken(candidate: Candidate) -> list[str]:
    """Return the parameters that reach the model: each is tried alone, as a request would send it."""
    return [name for name, (_, value) in CHAT.items() if reaches(candidate, name, value)]


def reaches(candidate: Candidate, name: str, value: Any) -> bool:
    """Say whether a parameter is passed on, under its own name or another."""
    body: Json = {"messages": [{"role": "user", "content": "Hi"}], name: value}
    if name in ("tool_choice", "parallel_tool_calls"):
        body["tools"] = CHAT["tools"][1]
    if name == "top_logprobs":
        body["logprobs"] = True
    dropped = f"{name} is not supported by "
    return not any(text.startswith(dropped) for text in fit(body, candidate).changed)
