"""The words of what-ifs: what would have happened in one sentence, and what cannot be told."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from app.domain import what_ifs
from app.domain.pricing import format_usd
from app.domain.what_ifs import Difference, Totals

MOST_MODELS = 3  # that are named in the sentence


def changes() -> list[tuple[str, str, str, str]]:
    """Return what can be changed: name, title, what it answers, icon."""
    return [
        ("policy", _("A policy"), _("Which model would answer whom, and who would be refused."), "filter"),
        ("prices", _("Prices"), _("What the same requests would cost at other prices."), "coins"),
        ("guardrails", _("Guardrails"), _("What would be stopped, masked or flagged."), "shield"),
        ("routing", _("Routing"), _("Whom “auto”, an alias or another quality would choose."), "swap"),
    ]


def title(change: str) -> str:
    """Return the title of one kind of change."""
    return next(title for name, title, _text, _icon in changes() if name == change)


def sentence(totals: Totals) -> str:
    """Say in one sentence what would have been different."""
    first = ngettext(
        "Of the last request that could be compared", "Of the last %(num)d requests that could be compared",
        totals.compared,
    )  # fmt: skip
    told = [part for part in (*moved(totals), *refusals(totals), *marks(totals)) if part]
    if not told:
        told = [str(_("none would have gone to another model or been refused"))]
    return f"{first}, {'; '.join(told)}. {money(totals)}"


def moved(totals: Totals) -> list[str]:
    """Say how many would have gone to which models."""
    found = [
        str(
            ngettext(
                "%(num)d would have gone to %(model)s", "%(num)d would have gone to %(model)s", n, model=m
            )
        )
        for m, n in totals.moved.most_common(MOST_MODELS)
    ]
    rest = totals.moved.total() - sum(n for _m, n in totals.moved.most_common(MOST_MODELS))
    return [*found, str(_("%(num)d to other models", num=rest))] if rest else found


def refusals(totals: Totals) -> list[str]:
    """Say how many would have been refused, and how many no longer."""
    blocked = _("%(num)d would have been refused", num=totals.blocked) if totals.blocked else ""
    opened = (
        _("%(num)d that nobody answered would have been answered", num=totals.opened) if totals.opened else ""
    )
    return [str(blocked), str(opened)]


def marks(totals: Totals) -> list[str]:
    """Say how many would have been masked or flagged."""
    return [f"{count} {act(name)}" for name, count in totals.acts.most_common()]


def act(name: str) -> str:
    """Return the words for something that a guardrail would have done."""
    words = {
        "masked": _("would have been masked"),
        "redacted": _("would have been redacted"),
        "flagged": _("would have been flagged"),
        "would_block": _("would have been noted by a rule that only watches"),
    }
    return str(words.get(name, name))


def money(totals: Totals) -> str:
    """Say what all of them would have cost, and how much less or more that is."""
    if not totals.priced:
        return str(_("What they would have cost is not known."))
    saved, after = totals.saved_nano_usd, format_usd(totals.after_nano_usd)
    if not saved:
        return str(_("They would have cost the same, %(cost)s.", cost=after))
    if saved > 0:
        return str(_("They would have cost %(cost)s, %(less)s less.", cost=after, less=format_usd(saved)))
    return str(_("They would have cost %(cost)s, %(more)s more.", cost=after, more=format_usd(-saved)))


def reckoned(change: str) -> str:
    """Say how the cost with the change is reckoned."""
    if change == "prices":
        return str(_("the same tokens, at these prices"))
    if change == "guardrails":
        return str(_("nothing for what stops before a model is asked"))
    return str(_("the same tokens, at today’s prices"))


def difference(one: Difference) -> str:
    """Write how much less or more one request would have cost."""
    saved = one.saved_nano_usd
    if saved is None:
        return "?"
    return "0" if not saved else f"{'−' if saved > 0 else '+'}{format_usd(abs(saved))}"


def untold(code: str) -> str:
    """Say why something cannot be told."""
    words = {
        what_ifs.NO_CONTENT: _("what was asked was not kept, and it depends on that"),
        what_ifs.NO_PRICE: _("the price of the model is not known"),
        what_ifs.NO_ANSWER: _("nobody answered then, so the number of tokens is not known"),
        what_ifs.CACHED: _("it came from the cache, so another model’s number of tokens is not known"),
        what_ifs.ELSEWHERE: _("it was paid with a key of the customer’s own"),
        what_ifs.SPEND: _("it depends on what was spent by then in that month"),
        what_ifs.NOT_NAMED: _("it named no model: endpoints and the providers’ own routes choose otherwise"),
        what_ifs.GOVERNED: _("a policy chose its model; try the policy instead"),
        what_ifs.NO_TIME: _("there was no time left to look at it; ask for fewer requests"),
    }
    return str(words.get(code, code))
