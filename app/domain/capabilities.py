"""What this gateway can do, for clients that ask before they use it (A23)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.domain.catalog import FEATURES
from app.domain.model_cards import MODALITIES, OWNER
from app.domain.model_names import MOST_NAMES
from app.domain.model_variants import SUFFIXES
from app.domain.plugins import PLUGINS
from app.domain.wishes import OWN_FIELDS, POLICIES, QUANTIZATIONS, ROUTING_HEADER

REQUEST_HEADERS = (
    "authorization", "idempotency-key", "x-aig-tag", "x-api-key", "x-baseline-model", "x-byok-<provider>",
    "x-cache", "x-request-id", "x-routing",
)  # fmt: skip


def told(routes: Iterable[str]) -> dict[str, Any]:
    """Return the routes that there are, and what can be asked of them."""
    return {
        "object": "capabilities",
        "owned_by": OWNER,
        "routes": sorted(routes),
        "modalities": list(MODALITIES),
        "model_features": sorted(FEATURES),
        "model_names": {
            "forms": ["alias", "auto", "auto/<modality>", "provider/model", "provider:model", "model"],
            "suffixes": [f":{suffix}" for suffix in SUFFIXES],
            "most_in_a_list": MOST_NAMES,
        },
        "routing": {
            "policies": list(POLICIES),
            "x_routing": list(ROUTING_HEADER),
            "quantizations": list(QUANTIZATIONS),
        },
        "plugins": [{"id": plugin.name, "paid": plugin.paid} for plugin in PLUGINS],
        "body_fields": sorted(OWN_FIELDS),
        "request_headers": list(REQUEST_HEADERS),
    }
