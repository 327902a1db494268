"""A stored routing decision in plain words: what was asked, who was considered, who was chosen and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain import policy_stories
from app.domain.pricing import format_usd, nano_to_usd
from app.domain.sentences import Sentence

KINDS = {
    "code": Sentence("programming"),
    "reasoning": Sentence("reasoning"),
    "extraction": Sentence("picking out data"),
    "summarization": Sentence("summarizing"),
    "creative": Sentence("creative writing"),
    "analysis": Sentence("analysis"),
    "chat": Sentence("conversation"),
    "embedding": Sentence("embeddings"),
}
COMPLEXITIES = {
    "simple": Sentence("simple"),
    "moderate": Sentence("of middling difficulty"),
    "complex": Sentence("difficult"),
}
STRATEGIES = {
    "auto": Sentence("The cheapest model that is good enough comes first."),
    "lowest_cost": Sentence("The client asked for the cheapest model."),
    "lowest_latency": Sentence("The client asked for the model that begins to answer soonest."),
    "highest_throughput": Sentence("The client asked for the model that writes fastest."),
    "quality": Sentence("The client asked for the best model."),
    "pinned": Sentence("The client insists on one provider."),
    "in_order": Sentence("The client named the models; they are tried in its order."),
    "by_policy": Sentence("The policy's rule named the models; they are tried in its order."),
}
STAYED = Sentence("The conversation stays with the model that answered it before, so that its cache serves.")
STATES = {
    "first": Sentence("First choice"),
    "next": Sentence("Stands in"),
    "fits": Sentence("Fits"),
    "excluded": Sentence("Excluded"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One model that was considered. `state`: first | next | fits | excluded."""

    model_id: str
    quality: int | None
    cost: str
    state: str
    label: Sentence
    why: str


@dataclass(frozen=True, slots=True)
class Story:
    """A decision in plain words. `signs`: what the kind of the request was told by."""

    kind: Sentence | None
    signs: tuple[str, ...]
    strategy: Sentence
    floor: Sentence | None
    lines: tuple[Line, ...]
    first: str
    stands_in: tuple[str, ...]
    baseline: Sentence | None
    is_choice: bool  # ours; else the client named the models
    others_count: int  # how many more would fit; of many only the first are listed
    excluded_count: int

    @property
    def chain(self) -> tuple[Line, ...]:
        """Return the models that are tried."""
        return tuple(line for line in self.lines if line.state in ("first", "next"))

    @property
    def others(self) -> tuple[Line, ...]:
        """Return the models that would do as well."""
        return tuple(line for line in self.lines if line.state == "fits")

    @property
    def excluded(self) -> tuple[Line, ...]:
        """Return the models that could not."""
        return tuple(line for line in self.lines if line.state == "excluded")


def tell(routing: Mapping[str, Any]) -> Story:
    """Tell a decision as it is stored."""
    chain, kind = list(routing["chain"]), routing.get("classification")
    strategy = STRATEGIES.get(routing["strategy"], STRATEGIES["auto"])
    floor = routing.get("min_quality")
    return Story(
        kind=kind_of(kind) if kind else None,
        signs=tuple(kind["reasons"]) if kind else (),
        strategy=STAYED if routing.get("sticky") else strategy,
        floor=Sentence("Good enough here means a quality of %(floor)d.", {"floor": floor}) if floor else None,
        lines=tuple(lines(routing, chain)),
        first=chain[0] if chain else "",
        stands_in=tuple(chain[1:]),
        baseline=baseline_of(routing),
        is_choice=kind is not None,
        others_count=max(0, routing.get("fitting", 0) - len(chain)),
        excluded_count=routing.get("excluded", 0),
    )


def kind_of(kind: Mapping[str, Any]) -> Sentence:
    """Say what a request was taken for."""
    values = {
        "kind": KINDS.get(kind["category"], KINDS["chat"]),
        "complexity": COMPLEXITIES.get(kind["complexity"], COMPLEXITIES["simple"]),
        "confidence": kind["confidence"],
    }
    return Sentence("Taken for %(kind)s, %(complexity)s (%(confidence)d%% sure).", values)


def lines(routing: Mapping[str, Any], chain: list[str]) -> Iterator[Line]:
    """Yield the models that were considered: those to try in their order, then the others."""
    considered = list(routing.get("considered") or ())
    place = {model_id: number for number, model_id in enumerate(chain)}
    considered.sort(key=lambda each: place.get(each["model_id"], len(chain)))
    for each in considered:
        state = state_of(each, place)
        cost = each["estimated_nano_usd"]
        yield Line(
            model_id=each["model_id"],
            quality=each["score"],
            cost="–" if cost is None else format_usd(cost),
            state=state,
            label=STATES[state],
            why=" ".join(each["reasons"]),
        )


def state_of(considered: Mapping[str, Any], place: Mapping[str, int]) -> str:
    """Return what became of a model."""
    if considered["filtered_out_by"]:
        return "excluded"
    number = place.get(considered["model_id"])
    if number is None:
        return "fits"
    return "next" if number else "first"


def baseline_of(routing: Mapping[str, Any]) -> Sentence | None:
    """Say what savings are measured against."""
    model, cost = routing.get("baseline_model"), routing.get("baseline_nano_usd")
    if not model:
        return None
    if cost is None:
        return Sentence("Savings are measured against %(model)s.", {"model": model})
    values = {"model": model, "cost": format_usd(cost)}
    return Sentence("Savings are measured against %(model)s, which would cost about %(cost)s.", values)


def savings(routing: Mapping[str, Any], nano_usd: int | None) -> Sentence | None:
    """Say what an answer saved; None where nothing is known of that."""
    if nano_usd is None or not routing.get("baseline_model"):
        return None
    values = {"saved": format_usd(nano_usd), "model": routing["baseline_model"]}
    if nano_usd == 0:
        return Sentence("Nothing was saved: %(model)s would have cost no more for the same tokens.", values)
    return Sentence(
        "%(saved)s was saved: so much more would %(model)s have cost for the same tokens.", values
    )


def receipt(row: Any) -> dict[str, Any]:
    """Return a stored record as a routing receipt (R20)."""
    routing = row.routing or {}
    return {
        "object": "receipt",
        "receipt_id": row.id,
        "created_at": row.created_at.isoformat(),
        "classification": routing.get("classification"),
        "candidates": [candidate(each) for each in routing.get("considered") or ()],
        "decision": {
            "model_id": answered_by(row),
            "strategy": routing.get("strategy", "in_order"),
            "routing_decision": row.routing_decision,
            "fallback_chain": list(routing.get("chain", ()))[1:],
            "prompt_rewritten": False,
            "sticky": routing.get("sticky", False),
            "baseline_model": routing.get("baseline_model"),
        },
        "execution": {
            "actual_cost_usd": usd(row.cost_nano_usd),
            "savings_usd": usd(row.savings_nano_usd),
            "actual_latency_ms": row.duration_ms,
            "status": row.outcome,
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "cached": row.cached,
            "attempts": list(row.attempts),
            "guardrails": list(row.guardrails or ()),
            "warnings": list(row.warnings or ()),
        },
        "policy": policy_stories.receipt(row),
        "reported": reported(row),
    }


def candidate(considered: Mapping[str, Any]) -> dict[str, Any]:
    """Return one candidate of a receipt."""
    return {
        "model_id": considered["model_id"],
        "score": considered["score"],
        "est_cost_usd": usd(considered["estimated_nano_usd"]),
        "reasons": list(considered["reasons"]),
        "filtered_out_by": considered["filtered_out_by"],
    }


def answered_by(row: Any) -> str | None:
    """Return the model that answered, as provider/model."""
    tried = [each["model_id"] for each in row.attempts if each["status"] == "answered"]
    return tried[-1] if tried else None


def usd(nano_usd: int | None) -> float | None:
    """Return dollars as JSON shows them."""
    return None if nano_usd is None else float(nano_to_usd(nano_usd))


def reported(row: Any) -> dict[str, Any] | None:
    """Return what a client reported of its own call (light mode); None of a call that we made."""
    if row.reported is None:
        return None
    nano_usd = {name: row.reported.get(f"{name}_nano_usd") for name in ("cost", "catalog", "savings")}
    plain = {name: value for name, value in row.reported.items() if not name.endswith("_nano_usd")}
    return plain | {f"{name}_usd": usd(value) for name, value in nano_usd.items()}
