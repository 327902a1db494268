"""The catalog finds models, lets a workspace's rows win, and refuses a file that is not exactly right."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.catalog import MANUAL, Catalog, Override
from app.domain.catalog_file import parse
from app.domain.pricing import FREE, Price

PRICE = {"input_nano_usd_per_million": 150_000_000, "output_nano_usd_per_million": 600_000_000}
LONG_PRICE = {"input_nano_usd_per_million": 300_000_000, "output_nano_usd_per_million": 900_000_000}


def a_model(**changes: Any) -> dict[str, Any]:
    return {
        "id": "openai/gpt-4o-mini",
        "display_name": "GPT-4o mini",
        "price": PRICE,
        "context_tokens": 128_000,
        "max_output_tokens": 16_384,
        "features": ["streaming", "tools"],
    } | changes


def a_vendor(**changes: Any) -> dict[str, Any]:
    return {
        "slug": "openai",
        "name": "OpenAI",
        "dialect": "openai",
        "base_url": "https://api.openai.com/v1",
        "zdr": True,
    } | changes


def a_file(*models: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "as_of": "2026-11-21",
        "generated_from": "a test",
        "vendors": [a_vendor(), a_vendor(slug="groq", name="Groq", zdr=False)],
        "models": list(models) or [a_model()],
    } | changes


@pytest.fixture
def catalog() -> Catalog:
    groq = a_model(id="groq/openai/gpt-oss-20b", display_name="GPT-OSS 20B")
    long_context = {"above_input_tokens": 272_000, "price": LONG_PRICE}
    return parse(a_file(a_model(), groq, a_model(id="openai/gpt-5.4", long_context=long_context)))


def test_a_model_is_found_by_vendor_and_name(catalog: Catalog) -> None:
    model = catalog.find("groq/openai/gpt-oss-20b")
    assert model is not None
    assert (model.vendor, model.name) == ("groq", "openai/gpt-oss-20b")
    assert model.price == Price(150_000_000, 600_000_000)


def test_an_unknown_model_is_none(catalog: Catalog) -> None:
    assert catalog.find("openai/gpt-9") is None
    assert catalog.find("gpt-4o-mini") is None


@pytest.mark.parametrize("snapshot", ["openai/gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini-20240718"])
def test_a_dated_snapshot_counts_as_its_family(catalog: Catalog, snapshot: str) -> None:
    model = catalog.find(snapshot)
    assert model is not None
    assert (model.id, model.price) == (snapshot, Price(150_000_000, 600_000_000))


def test_a_longer_name_is_not_a_snapshot(catalog: Catalog) -> None:
    assert catalog.find("openai/gpt-4o-mini-audio") is None
    assert catalog.find("openai/gpt-4o-mini-2024") is None


def test_models_are_listed_by_vendor_or_all(catalog: Catalog) -> None:
    assert [model.id for model in catalog.list("openai")] == ["openai/gpt-4o-mini", "openai/gpt-5.4"]
    assert len(catalog.list()) == 3
    assert catalog.list("nobody") == ()


def test_a_long_input_takes_the_long_context_price(catalog: Catalog) -> None:
    model = catalog.find("openai/gpt-5.4")
    assert model is not None
    assert model.price_at(272_000) == Price(150_000_000, 600_000_000)
    assert model.price_at(272_001) == Price(300_000_000, 900_000_000)


def test_an_override_makes_the_whole_price(catalog: Catalog) -> None:
    row = Override("openai/gpt-5.4", input_nano_usd_per_million=1, output_nano_usd_per_million=2)
    model = catalog.with_overrides([row]).find("openai/gpt-5.4")
    assert model is not None
    assert (model.price, model.price_at(10**6), model.source) == (Price(1, 2), Price(1, 2), MANUAL)
    assert model.context_tokens == 128_000


def test_an_override_without_a_price_keeps_the_shipped_one(catalog: Catalog) -> None:
    row = Override("openai/gpt-4o-mini", context_tokens=64_000, features=frozenset({"vision"}))
    model = catalog.with_overrides([row]).find("openai/gpt-4o-mini")
    assert model is not None
    assert (model.price, model.context_tokens) == (Price(150_000_000, 600_000_000), 64_000)
    assert model.features == {"vision"}


def test_an_override_may_only_multiply_the_shipped_price(catalog: Catalog) -> None:
    row = Override("eu/gpt-5.4", multiplier_ppm=1_500_000)
    model = catalog.with_overrides([row], {"eu": "openai"}).find("eu/gpt-5.4")
    assert model is not None and (model.id, model.multiplier_ppm) == ("eu/gpt-5.4", 1_500_000)
    assert model.price_at(272_001) == Price(300_000_000, 900_000_000)


def test_a_dated_snapshot_takes_the_row_of_its_family(catalog: Catalog) -> None:
    own = catalog.with_overrides([Override("openai/gpt-4o-mini", multiplier_ppm=2_000_000)])
    dated = own.find_served("openai", "openai", "gpt-4o-mini-2024-07-18")
    assert dated is not None
    assert (dated.id, dated.multiplier_ppm) == ("openai/gpt-4o-mini-2024-07-18", 2_000_000)


def test_an_override_can_say_that_a_model_is_free(catalog: Catalog) -> None:
    model = catalog.with_overrides([Override("openai/gpt-4o-mini", free=True)]).find("openai/gpt-4o-mini")
    assert model is not None
    assert (model.free, model.price) == (True, FREE)


def test_an_override_adds_a_model_whose_cost_is_unknown(catalog: Catalog) -> None:
    model = catalog.with_overrides([Override("acme/llama", context_tokens=8192)]).find("acme/llama")
    assert model is not None
    assert (model.price, model.free, model.context_tokens) == (None, False, 8192)


def test_overrides_leave_the_shipped_catalog_alone(catalog: Catalog) -> None:
    catalog.with_overrides([Override("openai/gpt-4o-mini", free=True), Override("acme/llama")])
    assert catalog.find("acme/llama") is None
    assert catalog.models["openai/gpt-4o-mini"].free is False


def test_half_a_price_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="together"):
        catalog.with_overrides([Override("openai/gpt-4o-mini", input_nano_usd_per_million=1)])


def test_a_row_for_a_providers_own_slug_wins_over_its_vendor(catalog: Catalog) -> None:
    own = catalog.with_overrides([Override("openai-eu/gpt-4o-mini", free=True)])
    served = own.find_served("openai-eu", "openai", "gpt-4o-mini")
    assert served is not None and served.free
    other = own.find_served("openai-us", "openai", "gpt-4o-mini")
    assert other is not None and not other.free


def test_a_provider_slug_that_is_another_vendors_name_does_not_borrow_its_prices(catalog: Catalog) -> None:
    assert catalog.find_served("openai", "groq", "gpt-4o-mini") is None


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ([], "catalog"),
        (a_file(surprise=1), r"catalog\.surprise"),
        (a_file(models={}), "models"),
        (a_file("gpt"), r"models\[0\]"),  # type: ignore[arg-type]
        (a_file(a_model(colour="red")), r"models\[0\]\.colour"),
        (a_file(a_model(), a_model()), r"models\[1\]: openai/gpt-4o-mini is there twice"),
        (a_file(a_model(id="gpt-4o-mini")), r"models\[0\]\.id"),
        (a_file(a_model(id="acme/gpt")), r"models\[acme/gpt\]\.id: no such vendor"),
        (a_file(a_model(display_name=None)), r"models\[0\]\.display_name"),
        (a_file(a_model(context_tokens=True)), r"models\[0\]\.context_tokens"),
        (a_file(a_model(context_tokens=1.5)), r"models\[0\]\.context_tokens"),
        (a_file(a_model(max_output_tokens=0)), r"models\[0\]\.max_output_tokens"),
        (a_file(a_model(features=["telepathy"])), r"models\[0\]\.features: unknown: telepathy"),
        (a_file(a_model(features="tools")), r"models\[0\]\.features"),
        (a_file(a_model(source="hearsay")), r"models\[0\]\.source"),
        (a_file(a_model(free="yes")), r"models\[0\]\.free"),
        (a_file(a_model(free=True)), r"models\[0\]\.price: a free model"),
        (a_file(a_model(price={"input_nano_usd_per_million": 1})), r"price\.output_nano_usd_per_million"),
        (a_file(a_model(price=PRICE | {"input_nano_usd_per_million": -1})), r"price\.input_nano"),
        (a_file(a_model(price=dict.fromkeys(PRICE, 0))), r"models\[0\]\.price: is zero"),
        (a_file(a_model(price=PRICE | {"image": 1})), r"models\[0\]\.price\.image"),
        (a_file(a_model(long_context={"price": PRICE})), r"long_context\.above_input_tokens"),
        (a_file(vendors=[a_vendor(dialect="smoke")]), r"vendors\[0\]\.dialect"),
        (a_file(vendors=[a_vendor(slug="Open AI")]), r"vendors\[0\]\.slug"),
    ],
)
def test_a_broken_file_is_refused_with_its_path(broken: dict[str, Any], path: str) -> None:
    with pytest.raises(ValueError, match=path):
        parse(broken)
