"""Rules of a policy that fit the same calls, in plain words: which of them decides, and for whom."""

from __future__ import annotations

from flask_babel import gettext, ngettext

from app.dashboard import policy_words
from app.domain.policies.conditions import WORDS, Fact
from app.domain.policies.overlaps import Overlap, overlaps
from app.domain.policies.reach import OTHER
from app.domain.policies.rules import PolicyConfig

MOST_TOLD = 3


def told(config: PolicyConfig) -> list[str]:
    """Return a few such pairs, each with a call that both rules fit, and how many more there are."""
    found = overlaps(config)
    told = [sentence(config, each) for each in found[:MOST_TOLD]]
    more = len(found) - MOST_TOLD
    if more > 0:
        told.append(str(ngettext("And %(num)d more such pair.", "And %(num)d more such pairs.", more)))
    return told


def sentence(config: PolicyConfig, overlap: Overlap) -> str:
    """Say which rule comes first, and what it says."""
    later, earlier = config.rules[overlap.later], config.rules[overlap.earlier]
    texts = {"later": later.label, "earlier": earlier.label, "then": policy_words.then(earlier)}
    asked = {each.field for each in (*later.when, *earlier.when)}
    said = {field: value for field, value in overlap.call.items() if field in asked or value != OTHER}
    call = gettext(" and ").join(fact(field, value) for field, value in said.items())
    numbers = {"number": overlap.later + 1, "first": overlap.earlier + 1}
    text: str = gettext(
        "Rule %(number)d “%(later)s” also fits a call where %(call)s, but rule %(first)d “%(earlier)s”"
        " comes first and says: %(then)s",
        call=call,
        **texts,
        **numbers,
    )
    return text if text.endswith(".”") else f"{text}."


def fact(field: str, value: Fact) -> str:
    """Return one fact of a call."""
    name = str(policy_words.FACTS[field])
    if field == "streaming":
        return name if value else str(gettext("the answer is not streamed"))
    if field not in WORDS or not str(value).endswith(OTHER):
        shown = policy_words.told_fact(field, value)
        return str(gettext("%(name)s is %(value)s", name=name, value=shown))
    start = str(value).removesuffix(OTHER)
    if start:
        return str(gettext("%(name)s begins with %(start)s", name=name, start=start))
    return str(gettext("%(name)s is one that no rule names", name=name))
