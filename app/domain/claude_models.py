"""What a Claude model takes, told by its name: sampling, and which of the ways to think."""

from __future__ import annotations

import re
from dataclasses import dataclass

OLD = re.compile(r"claude-(?:instant|[123](?![0-9]))")
NEWER = re.compile(r"claude-([a-z]+)-([0-9]{1,2})(?:-([0-9]{1,2}))?(?![0-9])")
LAST_SAMPLED = {"haiku": (4, 5)}  # later ones answer 400 to temperature and top_p
ALWAYS_THINKS = ("fable", "mythos")
NONE, BUDGET, ADAPTIVE = "none", "budget", "adaptive"


@dataclass(frozen=True, slots=True)
class Claude:
    """One model's ways. `thinking`: none, with a budget of tokens, or adaptive by effort.

    `switched_off`: the type that stops a model which thinks by itself; None: leaving thinking out does;
    empty: nothing does.
    """

    takes_sampling: bool = True
    thinking: str = BUDGET
    takes_budget: bool = True
    efforts: tuple[str, ...] = ()
    switched_off: str | None = None


def claude(model: str) -> Claude:
    """Return the ways of a model; one that only speaks the dialect takes sampling and a budget."""
    if "claude" not in model:
        return Claude()
    if OLD.search(model):
        return Claude(thinking=BUDGET if "claude-3-7" in model else NONE)
    found = NEWER.search(model)
    family, version = (found[1], (int(found[2]), int(found[3] or 0))) if found else ("", (99, 0))
    sampled = found is not None and version <= LAST_SAMPLED.get(family, (4, 6))
    if version < (4, 6):
        return Claude(takes_sampling=sampled)
    efforts = (
        ("low", "medium", "high", "max") if version == (4, 6) else ("low", "medium", "high", "xhigh", "max")
    )
    return Claude(sampled, ADAPTIVE, version == (4, 6), efforts, switched_off(family, version))


def switched_off(family: str, version: tuple[int, int]) -> str | None:
    """Return what stops the thinking of an adaptive model."""
    if family in ALWAYS_THINKS or not family:
        return ""
    if version < (5, 0):
        return None
    if version >= (5, 5) and family != "haiku":
        return "between_tools" if family == "sonnet" else ""
    return "disabled"
