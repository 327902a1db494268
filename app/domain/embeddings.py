"""POST /v1/embeddings: what is sent to the provider, and its vectors in the form the client asked for."""

from __future__ import annotations

import base64
import struct
from dataclasses import replace
from typing import Any

from app.domain.calls import Usage
from app.domain.dialects import OPENAI, summary
from app.domain.errors import InvalidRequest
from app.domain.fitted import Fitted
from app.domain.records import Record
from app.domain.targets import Candidate
from app.domain.wishes import OWN_FIELDS

OPERATION = "embeddings"
MOST_INPUTS = 2_048
MOST_DIMENSIONS = 100_000
FORMATS = ("float", "base64")
NOT_SENT = frozenset({"model", "stream", "stream_options"}) | OWN_FIELDS
# what each vendor knows beside the input; of others nothing is known, and they get everything
TAKES = {
    "openai": frozenset({"dimensions", "encoding_format", "user"}),
    "google": frozenset({"dimensions"}),
    "mistral": frozenset({"metadata", "output_dimension", "output_dtype"}),
    "demo": frozenset({"dimensions"}),
}
WITHOUT_DIMENSIONS = frozenset({"text-embedding-ada-002", "mistral-embed"})

Json = dict[str, Any]


def request_for(body: Json) -> Json:
    """Return the body to send upstream, without model and own fields; InvalidRequest says what is wrong."""
    request = {name: value for name, value in body.items() if name not in NOT_SENT and value is not None}
    if not is_input(request.get("input")):
        text = f"'input' must be a text, a list of token numbers, or a list of 1 to {MOST_INPUTS} of either."
        raise InvalidRequest(text, param="input")
    if request.get("encoding_format", "float") not in FORMATS:
        raise InvalidRequest(
            f"'encoding_format' must be one of: {', '.join(FORMATS)}.", param="encoding_format"
        )
    size = request.get("dimensions", 1)
    if type(size) is not int or not 0 < size <= MOST_DIMENSIONS:
        raise InvalidRequest("'dimensions' must be a whole number above 0.", param="dimensions")
    return request


def is_input(value: Any) -> bool:
    """Say whether a value is a text, tokens, or a list of either; none of them empty."""
    if not isinstance(value, list) or is_tokens(value):
        return is_one(value)
    return 0 < len(value) <= MOST_INPUTS and all(is_one(item) for item in value)


def is_one(value: Any) -> bool:
    """Say whether a value is one input."""
    return value != "" if isinstance(value, str) else is_tokens(value)


def is_tokens(value: Any) -> bool:
    """Say whether a value is a list of token numbers."""
    return isinstance(value, list) and value != [] and all(type(item) is int and item >= 0 for item in value)


def fit(request: Json, candidate: Candidate) -> Fitted:
    """Return what this candidate is sent: what its vendor does not know is dropped and named (A4).

    The form of the vectors is ours to make where the vendor may not know it.
    """
    fitted = Fitted(dict(request), candidate.model_id)
    vendor = candidate.facts.vendor if candidate.facts else candidate.provider_slug
    name = candidate.facts.name if candidate.facts else candidate.model
    if vendor != "openai":
        fitted.body.pop("encoding_format", None)
    if name in WITHOUT_DIMENSIONS:
        fitted.drop("dimensions", "output_dimension")
    elif vendor == "mistral" and "dimensions" in fitted.body:
        fitted.body["output_dimension"] = fitted.body.pop("dimensions")
    known = TAKES.get(vendor)
    if known is not None:
        fitted.drop(*sorted(fitted.body.keys() - known - {"input"}))
    return fitted


def answer(data: Json, record: Record) -> Json:
    """Return the embeddings as OpenAI's clients expect them, with our own `sluice` object beside them."""
    usage = record.usage or Usage()
    wanted = record.request.get("encoding_format", "float")
    items = data.get("data")
    return {
        "object": "list",
        "data": [in_form(item, wanted) for item in items] if isinstance(items, list) else [],
        "model": record.model_told,
        "usage": {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens},
        "sluice": summary(record),
    }


def in_form(item: Any, wanted: str) -> Any:
    """Return one embedding with its vector as numbers, or as base64 of their 32 bits each."""
    vector = item.get("embedding") if isinstance(item, dict) else None
    try:
        if wanted == "base64" and isinstance(vector, list):
            return {**item, "embedding": base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()}
        if wanted == "float" and isinstance(vector, str):
            raw = base64.b64decode(vector, validate=True)
            return {**item, "embedding": list(struct.unpack(f"<{len(raw) // 4}f", raw))}
    except (ValueError, struct.error):  # it is neither: passed on as it came
        pass
    return item


DIALECT = replace(OPENAI, answer=answer)
