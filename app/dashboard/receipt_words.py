"""Words and numbers of requests and receipts: sentences translated, durations and costs for people."""

from __future__ import annotations

from flask_babel import gettext as _

from app.domain.pricing import format_usd
from app.domain.receipts import OUTCOMES, tone_of
from app.domain.sentences import Sentence


def say(sentence: Sentence) -> str:
    """Translate a sentence and those inside it."""
    values = {n: say(v) if isinstance(v, Sentence) else v for n, v in sentence.values.items()}
    return str(_(sentence.text, **values))


def outcome(name: str) -> str:
    """Return the one or two words for an outcome."""
    return say(OUTCOMES[name]) if name in OUTCOMES else name


def status(name: str) -> str:
    """Return the look of an outcome, as the status macro knows it."""
    return {"ok": "ok", "warn": "warn"}.get(tone_of(name), "error")


def outcomes() -> list[tuple[str, str]]:
    """Return what the filter offers."""
    return [(name, say(words)) for name, words in OUTCOMES.items()]


def milliseconds(value: int | None) -> str:
    """Write a duration: 340 ms, 1.2 s, 2 min 5 s."""
    if value is None:
        return "–"
    if value < 1_000:
        return f"{value} ms"
    if value < 60_000:
        return f"{value / 1000:.1f} s"
    minutes, seconds = divmod(value // 1000, 60)
    return f"{minutes} min {seconds} s"


def microseconds(value: int) -> str:
    """Write a short duration: 85 µs, 1.24 ms; longer ones as `milliseconds` does."""
    if value < 1_000:
        return f"{value} µs"
    return f"{value / 1000:.2f} ms" if value < 100_000 else milliseconds(value // 1000)


def cost(nano_usd: int | None) -> str:
    """Write a cost for people."""
    return str(_("unknown")) if nano_usd is None else format_usd(nano_usd)


def actions() -> list[tuple[str, str]]:
    """Return what a policy can say of a call, for the filter."""
    return [
        ("ALLOW", str(_("Allowed"))),
        ("DOWNGRADE", str(_("Another model"))),
        ("FALLBACK", str(_("With stand-ins"))),
        ("BLOCK", str(_("Blocked"))),
    ]


def arms() -> list[tuple[str, str]]:
    """Return the sides of a rollout, for the filter."""
    return [
        ("old", str(_("Old version"))),
        ("new", str(_("New version"))),
        ("shadow", str(_("In shadow"))),
    ]
