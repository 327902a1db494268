"""Guardrails in words that everybody understands: what each looks for, what it does, what it said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

Rule = Mapping[str, Any]

TITLES = {
    "addresses": _l("From where"),
    "hours": _l("At what times"),
    "length": _l("Length"),
    "keywords": _l("Words"),
    "secrets": _l("Keys and passwords"),
    "pii": _l("Personal data"),
    "patterns": _l("Patterns of your own"),
    "injection": _l("Attempts to take over the model"),
    "language": _l("Language"),
    "json_only": _l("Nothing but JSON"),
    "judge": _l("A rule in your own words"),
}
ABOUT = {
    "addresses": _l("Keys work from these network addresses only; calls from elsewhere are refused."),
    "hours": _l("Keys work at these times only, in the time zone of the workspace."),
    "length": _l("Stops texts that are longer than this."),
    "keywords": _l("Looks for words and phrases of a list, in upper or lower case, also inside other words."),
    "secrets": _l("Looks for keys, tokens and passwords that somebody pasted by mistake."),
    "pii": _l("Looks for e-mail addresses, phone numbers, card numbers and the like."),
    "patterns": _l("Looks for numbers and codes of your own, for example customer numbers."),
    "injection": _l("Looks for phrases that try to make the model forget its instructions or reveal them."),
    "language": _l("Lets only texts in these languages through."),
    "json_only": _l("Lets only answers through that are JSON and nothing else."),
    "judge": _l("A model reads the text and says whether it breaks your rule: a small paid call each time."),
}
ICONS = {
    "addresses": "globe", "hours": "clock", "length": "list", "keywords": "filter", "secrets": "key",
    "pii": "user", "patterns": "search", "injection": "shield", "language": "book", "json_only": "code",
    "judge": "users",
}  # fmt: skip
ACTIONS = {
    "block": _l("Stop the call"),
    "mask": _l("Replace it"),
    "redact": _l("Hide it from the model and put it back"),
    "flag": _l("Let it through and note it"),
    "shadow": _l("Only watch"),
    "off": _l("Switched off"),
}
SHORT = {
    "block": _l("stops the call"),
    "mask": _l("replaces it"),
    "redact": _l("hides it and puts it back"),
    "flag": _l("notes it"),
    "shadow": _l("only watches"),
    "off": _l("off"),
}
SIDES = {
    "both": _l("Both sides"),
    "input": _l("Only what is asked"),
    "output": _l("Only what is answered"),
}
OUTCOMES = {
    "passed": _l("nothing found"),
    "blocked": _l("stopped the call"),
    "masked": _l("replaced what it found"),
    "redacted": _l("hid what it found from the model"),
    "flagged": _l("found something and let it through"),
    "would_block": _l("would have stopped the call, but only watches"),
    "not_evaluated": _l("not evaluated"),
    "failed": _l("could not be checked"),
}
TONES = {
    "passed": "ok", "blocked": "error", "masked": "warn", "redacted": "warn", "flagged": "warn",
    "would_block": "warn", "not_evaluated": "neutral", "failed": "error",
}  # fmt: skip
PII = {
    "email": _l("E-mail addresses"),
    "phone": _l("Phone numbers"),
    "card": _l("Card numbers"),
    "iban": _l("Bank accounts (IBAN)"),
    "ssn": _l("US social security numbers"),
    "national_id": _l("National ID and tax numbers"),
    "ip": _l("IP addresses"),
}
DAYS = {
    "mon": _l("Monday"), "tue": _l("Tuesday"), "wed": _l("Wednesday"), "thu": _l("Thursday"),
    "fri": _l("Friday"), "sat": _l("Saturday"), "sun": _l("Sunday"),
}  # fmt: skip


def told(kind: str, rule: Rule) -> str:
    """Return what a rule does, in a few words; empty where it does nothing, or says what cannot be."""
    what = holds(kind, rule)
    if kind in ("addresses", "hours"):
        return what
    if rule.get("action") == "off" or (kind in NEEDED and not rule.get(NEEDED[kind])):
        return ""
    does = str(SHORT.get(rule.get("action") or "block", ""))
    return f"{does} ({what})" if what else does


NEEDED = {
    "length": "most_characters",
    "keywords": "words",
    "patterns": "patterns",
    "language": "allowed",
    "judge": "rule",
}


def holds(kind: str, rule: Rule) -> str:
    """Return what a rule is about, where that can be said in a few words."""
    if kind == "hours" and rule:
        return hours(rule)
    name, count = LISTS.get(kind, (None, None))
    if name is not None and rule.get(name):
        return str(count(len(rule[name])))
    most = rule.get("most_characters")
    if isinstance(most, int):
        return str(_("longer than %(most)s characters", most=f"{most:,}"))
    return ""


def hours(rule: Rule) -> str:
    """Return a time window in words."""
    days = ", ".join(str(DAYS[day]) for day in rule.get("days") or () if day in DAYS)
    since, to = rule.get("from") or "00:00", rule.get("to") or "24:00"
    times = str(_("from %(since)s to %(to)s", since=since, to=to))
    return f"{days}, {times}" if days else times


LISTS: Mapping[str, Any] = {
    "addresses": ("allow", lambda n: ngettext("%(num)d address", "%(num)d addresses", n)),
    "keywords": ("words", lambda n: ngettext("%(num)d word", "%(num)d words", n)),
    "patterns": ("patterns", lambda n: ngettext("%(num)d pattern", "%(num)d patterns", n)),
    "language": ("allowed", lambda n: ngettext("%(num)d language", "%(num)d languages", n)),
    "pii": ("kinds", lambda n: ngettext("%(num)d kind", "%(num)d kinds", n)),
    "secrets": ("kinds", lambda n: ngettext("%(num)d kind", "%(num)d kinds", n)),
}


def name_of(rule: str) -> str:
    """Return a verdict's rule as people read it: the kind's title, a pattern by its own name."""
    kind, _sep, own = rule.partition(":")
    if kind == "pattern":
        return str(_("Pattern “%(name)s”", name=own))
    return str(TITLES.get(kind, kind))


def summary(settings: Mapping[str, Rule]) -> str:
    """Return all that is set in one line; empty where nothing is."""
    parts = [
        f"{TITLES[kind]}: {told(kind, rule) or _('off')}" for kind, rule in settings.items() if kind in TITLES
    ]
    return "; ".join(parts)


CHANGED = "guardrail_"  # before the kind, in the activity log


def changed(name: str, before: Rule | None, after: Rule | None) -> tuple[str, str, str]:
    """Return a changed rule as the activity log tells it: its name, what it said and what it says."""
    kind = name.removeprefix(CHANGED)
    title = _("Guardrail “%(name)s”", name=TITLES.get(kind, kind))
    return str(title), said(kind, before), said(kind, after)


def said(kind: str, rule: Rule | None) -> str:
    """Return what a level said of a rule."""
    if not rule:
        return str(_("nothing"))
    return told(kind, rule) or str(_("off"))


EXAMPLE = """\
workspaces:
  - name: Initrode
    guardrails:
      secrets: {action: block, locked: true}         # nobody below may change it
      pii: {action: mask, kinds: [email, iban, card], names: [Ann Example], on: both}
      hours: {from: "07:00", to: "20:00", days: [mon, tue, wed, thu, fri]}
    projects:
      - name: Helpdesk
        guardrails:
          pii: {action: redact, on: input}       # the kinds stay those of the workspace
          patterns:
            action: block
            patterns: [{name: order number, pattern: "A-[0-9]{6}", action: flag}]
        endpoints:
          - slug: answer
            model: demo/demo-fast
            guardrails:
              injection: {action: block}
              language: {action: flag, allowed: [en, de]}
              judge: {action: shadow, on: input, model: demo/demo-fast, rule: asks for medical advice}
        keys:
          - name: office
            guardrails:
              addresses: {allow: [203.0.113.0/24]}
              length: {action: block, most_characters: 20000}
"""
