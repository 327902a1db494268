"""The shipped catalog: complete, true to its sources, small and quick."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from app.domain.catalog import EMBEDDING, FEATURES, TEXT, Override
from app.domain.catalog_file import parse
from app.domain.pricing import FREE, Price
from app.services.catalog import CATALOG_FILE, resolve, shipped

ROOT = Path(__file__).resolve().parents[2]


def test_a_model_people_use_has_its_published_price() -> None:
    model = resolve("openai/gpt-4o-mini")
    assert model is not None
    assert model.price == Price(150_000_000, 600_000_000, 75_000_000)
    assert (model.context_tokens, model.max_output_tokens) == (128_000, 16_384)


def test_a_workspaces_own_row_wins() -> None:
    rows = [Override("openai/gpt-4o-mini", free=True), Override("openai/gpt-4o", free=True)]
    model = resolve("openai/gpt-4o-mini", rows)
    assert model is not None and model.free
    assert shipped().models["openai/gpt-4o-mini"].free is False


def test_every_model_is_priced_or_free_and_fully_described() -> None:
    for model in shipped().list():
        assert model.price is not None, model.id
        assert model.free == (model.price == FREE), model.id
        assert model.context_tokens, model.id
        assert (model.max_output_tokens or 1) <= model.context_tokens, model.id
        assert model.features == {"embeddings"} or "streaming" in model.features, model.id
        assert model.features <= FEATURES, model.id
        assert model.display_name.strip() == model.display_name != "", model.id


def test_every_model_has_a_quality_and_the_small_stand_below_the_large() -> None:
    quality = {model.id: model.quality for model in shipped().list()}
    assert all(value is not None and 40 <= value <= 97 for value in quality.values())
    families = (
        ("openai/gpt-5-nano", "openai/gpt-5-mini", "openai/gpt-5", "openai/gpt-5.4", "openai/gpt-6-sol"),
        ("openai/gpt-3.5-turbo", "openai/gpt-4o-mini", "openai/gpt-4o", "openai/gpt-4.1", "openai/gpt-5"),
        ("anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-4-5", "anthropic/claude-opus-4-5"),
        ("google/gemini-2.5-flash-lite", "google/gemini-2.5-flash", "google/gemini-2.5-pro"),
        ("demo/demo-fast", "demo/demo-careful"),
        ("openai/text-embedding-ada-002", "openai/text-embedding-3-small", "openai/text-embedding-3-large"),
    )
    for family in families:
        values = [quality[name] or 0 for name in family]
        assert values == sorted(set(values)), family


def test_embedding_models_are_told_apart_and_have_no_output_price() -> None:
    embedding = [model for model in shipped().list() if model.modality == EMBEDDING]
    assert {"openai", "google", "mistral", "demo", "local"} == {model.vendor for model in embedding}
    assert all(model.price and model.price.output_nano_usd_per_million == 0 for model in embedding)
    assert shipped().models["openai/gpt-4o"].modality == TEXT


def test_a_long_context_price_is_within_reach_and_not_lower() -> None:
    tiered = [model for model in shipped().list() if model.long_context]
    assert tiered
    for model in tiered:
        assert model.long_context and model.price and model.context_tokens
        assert model.long_context.above_input_tokens < model.context_tokens
        assert model.long_context.price.input_nano_usd_per_million > model.price.input_nano_usd_per_million


def test_anthropic_models_state_the_output_limit_their_dialect_demands() -> None:
    assert all(model.max_output_tokens for model in shipped().list("anthropic"))


def test_every_vendor_is_there_with_its_models_and_privacy_facts() -> None:
    vendors = shipped().vendors
    assert {model.vendor for model in shipped().list()} == set(vendors)
    assert {slug for slug in vendors if vendors[slug].may_train} == {"deepseek", "minimax", "moonshot", "xai"}
    assert {"openai", "anthropic", "google", "mistral"} <= {slug for slug in vendors if vendors[slug].zdr}
    assert not any(vendors[slug].zdr for slug in ("deepseek", "groq", "together", "fireworks"))


def test_the_demo_models_are_labelled_and_cost_something() -> None:
    demo = shipped().list("demo")
    assert [model.name for model in demo] == ["demo-careful", "demo-embedding", "demo-fast"]
    assert all("not a real model" in model.display_name and model.price != FREE for model in demo)


def test_the_file_is_sorted_small_and_quick_to_read() -> None:
    raw = json.loads(CATALOG_FILE.read_bytes())
    ids = [row["id"] for row in raw["models"]]
    assert ids == sorted(ids)
    assert all(list(row) == sorted(row) for row in raw["models"] + raw["vendors"])
    assert CATALOG_FILE.stat().st_size < 150_000
    assert min(_seconds_to_load() for _ in range(3)) < 0.03


def _seconds_to_load() -> float:
    started = time.perf_counter()
    parse(json.loads(CATALOG_FILE.read_bytes()))
    return time.perf_counter() - started


def test_the_file_is_what_its_sources_make() -> None:
    check = [sys.executable, ROOT / "bin" / "refresh-catalog", "--check"]
    result = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
