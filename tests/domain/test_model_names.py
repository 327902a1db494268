"""What a model's name stands for (C8, C28, A12, R19): every rule, and which comes first."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from app.domain.aliases import Alias, Preset
from app.domain.catalog import Catalog, Model
from app.domain.errors import GatewayError, InvalidRequest, ModelNotFound
from app.domain.gateway_settings import DEFAULTS
from app.domain.lineups import Lineup, Seller
from app.domain.model_names import check_modality, requested_names, resolve, resolve_one, spelling
from app.services.catalog import shipped

SLUGS = {"openai": "openai", "anthropic": "anthropic", "groq": "groq", "xai": "xai", "ollama": "local"}


def lineup_of(aliases: Mapping[str, Alias] | None = None, slugs: Mapping[str, str] = SLUGS) -> Lineup:
    known: Catalog = shipped()
    models: dict[str, Model] = {
        f"{slug}/{model.name}": model
        for slug, vendor in slugs.items()
        for model in known.list(vendor)
        if not model.deprecated
    }
    models["ollama/llama3:8b"] = Model("local/llama3:8b", "Llama 3 8B", context_tokens=8_000)
    by_name: dict[str, tuple[str, ...]] = {}
    for model_id in models:
        name = model_id.partition("/")[2]
        by_name[name] = (*by_name.get(name, ()), model_id)
    sellers = {
        slug: Seller(slug, slug, slug, "openai", "", vendor, False, False, False, "ready", ())
        for slug, vendor in slugs.items()
    }
    return Lineup(
        "p", sellers, models, by_name, aliases or {}, known, DEFAULTS, False, None, time.monotonic()
    )


LINEUP = lineup_of()


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("openai:gpt-4o", "openai/gpt-4o"),
        ("gpt-4o", "openai/gpt-4o"),
        ("OpenAI/gpt-4o", "openai/gpt-4o"),
        ("OPENAI:gpt-4o", "openai/gpt-4o"),
        ("openai/a-model-nobody-knows", "openai/a-model-nobody-knows"),
        ("gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06"),
        ("claude-opus-4-5-20251101", "anthropic/claude-opus-4-5-20251101"),
        ("llama3:8b", "ollama/llama3:8b"),
        ("ollama/llama3:8b", "ollama/llama3:8b"),
        ("ollama:llama3:8b", "ollama/llama3:8b"),
        ("gpt-oss:20b", "ollama/gpt-oss:20b"),
        ("qwen/qwen3.8-27b", "groq/qwen/qwen3.8-27b"),
        ("openai/gpt-oss-120b", "openai/gpt-oss-120b"),  # a provider's name comes before a bare one
        ("groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
    ],
)
def test_a_name_stands_for_one_model_and_is_remembered_as_written(name: str, model: str) -> None:
    found = resolve_one(name, LINEUP)
    assert found.models == (model,) and not found.routed
    assert found.spelled == {model: name}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gpt-none", "/v1/models"),
        ("nobody/gpt-4o", "/v1/models"),
        ("auto/video", "text and embedding"),
        ("auto:free", "auto"),
        ("gpt-4o:thinking", "variant"),
        ("gpt-none:online", "gpt-none:online"),
    ],
)
def test_what_stands_for_nothing_is_refused_by_name(name: str, told: str) -> None:
    with pytest.raises(ModelNotFound, match=told) as refused:
        resolve_one(name, LINEUP)
    assert refused.value.param == "model"


def test_a_name_that_two_providers_offer_must_say_which() -> None:
    lineup = lineup_of(slugs={"openai": "openai", "work": "openai", "ollama": "local"})
    with pytest.raises(ModelNotFound, match="openai/gpt-4o, work/gpt-4o"):
        resolve_one("gpt-4o", lineup)
    assert resolve_one("work/gpt-4o", lineup).models == ("work/gpt-4o",)


def test_an_alias_comes_before_everything() -> None:
    preset = Preset(prompt="Be brief.", temperature=0.1)
    aliases = {
        "gpt-4o": Alias("gpt-4o", ("anthropic/claude-haiku-4-5", "openai/gpt-4o-mini"), preset),
        "choose": Alias("choose", ("openai/gpt-4o:online", "auto")),
    }
    lineup = lineup_of(aliases)
    found = resolve_one("gpt-4o", lineup)
    assert found.models == ("anthropic/claude-haiku-4-5", "openai/gpt-4o-mini")
    assert (found.alias, found.preset, found.spelled) == ("gpt-4o", preset, {})
    assert resolve_one("openai/gpt-4o", lineup).models == ("openai/gpt-4o",)
    both = resolve_one("choose", lineup)
    assert (both.models, both.routed, both.plugins) == (("openai/gpt-4o",), True, ("web-search",))
    assert resolve_one("gpt-4o:online", lineup).models == found.models
    assert spelling("openai/gpt-4o", lineup) == "openai/gpt-4o"  # its bare name is the alias now


@pytest.mark.parametrize(
    ("name", "modality"), [("auto", None), ("AUTO", None), ("auto/embedding", "embedding")]
)
def test_auto_leaves_the_choice_to_us(name: str, modality: str | None) -> None:
    found = resolve_one(name, LINEUP)
    assert (found.models, found.routed, found.modality) == ((), True, modality)


def test_several_names_are_tried_in_order_and_doubles_once() -> None:
    found = resolve(["gpt-4o", "openai:gpt-4o", "anthropic/claude-haiku-4-5", "auto"], LINEUP)
    assert found.models == ("openai/gpt-4o", "anthropic/claude-haiku-4-5") and found.routed
    assert found.spelled["openai/gpt-4o"] == "gpt-4o"


def test_a_name_of_a_list_that_stands_for_nothing_is_passed_over_and_told() -> None:
    found = resolve(["gpt-none", "gpt-4o"], LINEUP)
    assert found.models == ("openai/gpt-4o",)
    [(name, why)] = found.missing
    assert name == "gpt-none" and "does not exist here" in why
    with pytest.raises(ModelNotFound, match="gpt-none"):
        resolve(["gpt-none", "gpt-nor-this"], LINEUP)


@pytest.mark.parametrize(
    ("name", "model", "reasons", "plugins"),
    [
        ("gpt-4o:free", "openai/gpt-5-nano", False, ()),
        ("openai/gpt-4o:free", "openai/gpt-5-nano", False, ()),
        ("openai:gpt-4o:FREE", "openai/gpt-5-nano", False, ()),
        ("llama3.2:free", "ollama/gpt-oss:20b", False, ()),  # all are free: the best of them
        ("text-embedding-3-large:free", "openai/text-embedding-3-small", False, ()),
        ("gpt-5:thinking", "openai/gpt-5", True, ()),
        ("grok-4-1-fast-non-reasoning:thinking", "xai/grok-4-1-fast-reasoning", True, ()),
        ("claude-haiku-4-5:extended", "anthropic/claude-haiku-5-5", False, ()),
        ("claude-opus-5:extended", "anthropic/claude-opus-5", False, ()),
        ("gpt-4o:online", "openai/gpt-4o", False, ("web-search",)),
        ("gpt-5:thinking:online", "openai/gpt-5", True, ("web-search",)),
        ("gpt-4o-2024-08-06:online", "openai/gpt-4o-2024-08-06", False, ("web-search",)),
        ("openai/nobody-knows:free", "openai/nobody-knows:free", False, ()),  # may be the upstream's own name
    ],
)
def test_a_suffix_picks_a_variant(name: str, model: str, reasons: bool, plugins: tuple[str, ...]) -> None:
    found = resolve_one(name, LINEUP)
    assert (found.models, found.reasons, found.plugins) == ((model,), reasons, plugins)


def test_auto_can_think_and_go_online() -> None:
    found = resolve_one("auto:thinking:online", LINEUP)
    assert (found.routed, found.reasons, found.plugins) == (True, True, ("web-search",))


def test_a_suffix_adds_to_the_body_what_the_client_did_not_say() -> None:
    found = resolve_one("gpt-5:thinking:online", LINEUP)
    body: dict[str, Any] = {"model": "gpt-5:thinking:online"}
    assert found.asked_of(body) == {**body, "reasoning_effort": "medium", "plugins": ["web-search"]}
    own = {"reasoning_effort": "high", "plugins": ["web-search", "gutenberg"]}
    assert found.asked_of(own) == own
    assert body == {"model": "gpt-5:thinking:online"}  # the client's body stays as it is
    assert resolve_one("gpt-5", LINEUP).asked_of(body) is body


def test_every_listed_spelling_stands_for_its_model() -> None:
    for model_id in LINEUP.models:
        assert resolve_one(spelling(model_id, LINEUP), LINEUP).models == (model_id,)
    assert spelling("openai/gpt-4o", LINEUP) == "gpt-4o"
    assert spelling("groq/openai/gpt-oss-120b", LINEUP) == "groq/openai/gpt-oss-120b"


@pytest.mark.parametrize(
    ("names", "operation", "told"),
    [
        (["gpt-4o"], "embeddings", "GET /v1/models.modality=embedding"),
        (["gpt-4o", "text-embedding-3-small"], "embeddings", "openai/gpt-4o"),
        (["text-embedding-3-small"], "chat", "POST /v1/embeddings"),
        (["auto/embedding"], "chat", "auto/embedding"),
        (["auto/text"], "embeddings", "auto/text"),
    ],
)
def test_a_model_of_the_wrong_kind_is_refused(names: list[str], operation: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        check_modality(resolve(names, LINEUP), operation, LINEUP)


@pytest.mark.parametrize(
    ("name", "operation", "modality"),
    [
        ("gpt-4o", "chat", "text"),
        ("auto", "count_tokens", "text"),
        ("auto", "embeddings", "embedding"),
        ("auto/embedding", "embeddings", "embedding"),
        ("openai/nobody-knows", "embeddings", "embedding"),
    ],
)
def test_the_route_says_which_kind_is_needed(name: str, operation: str, modality: str) -> None:
    assert check_modality(resolve_one(name, LINEUP), operation, LINEUP) == modality
    assert all(LINEUP.models[found].modality == modality for found in LINEUP.of_kind(modality))


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ("auto",)),
        ({"model": None}, ("auto",)),
        ({"model": " a "}, ("a",)),
        ({"model": ["a", "b"]}, ("a", "b")),
    ],
)
def test_the_body_names_one_model_or_several(body: dict[str, Any], names: tuple[str, ...]) -> None:
    assert requested_names(body) == names


@pytest.mark.parametrize("model", ["", " ", 7, [], ["a"] * 7, ["a", 7], "x" * 201, "a\nb"])
def test_what_is_no_name_is_refused(model: Any) -> None:
    with pytest.raises(GatewayError, match="'model' must be"):
        requested_names({"model": model})
