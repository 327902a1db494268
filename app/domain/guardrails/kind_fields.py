"""The fields of each kind of guardrail: what may be written in them, and why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.fields import switch, text, texts, whole
from app.domain.guardrails import personal, secrets
from app.domain.guardrails.patterns import LONGEST, check_pattern
from app.domain.guardrails.words import plain

ACTIONS = ("block", "mask", "redact", "flag", "shadow", "off")
SIDES = ("input", "output", "both")
LOCK = frozenset({"locked"})
COMMON = LOCK | {"action", "on"}
MASKING = frozenset({"keywords", "secrets", "pii", "patterns"})
# Why the others cannot take out what they find.
NO_PART = {
    "length": "it is about the whole text",
    "injection": "a text that tries this is not to be trusted at all",
    "language": "it is about the whole text",
    "json_only": "it is about the whole text",
    "judge": "it is about the whole text",
}
MOST_WORDS = 5_000
MOST_NAMES = 1_000
MOST_PATTERNS = 50
MOST_ADDRESSES = 200
MOST_CHARACTERS = 10_000_000
LONGEST_RULE = 2_000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# code → what people read; what the detection tells apart well
LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish",
    "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician", "gu": "Gujarati",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian",
    "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ka": "Georgian", "kk": "Kazakh", "kn": "Kannada",
    "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam",
    "mn": "Mongolian", "mr": "Marathi", "ms": "Malay", "my": "Burmese", "ne": "Nepali", "nl": "Dutch",
    "no": "Norwegian", "pa": "Punjabi", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian",
    "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
PATTERN_FIELDS = frozenset({"name", "pattern", "action"})


def checked(kind: str, name: str, value: Any) -> Any:
    """Return the clean value of one field; raise InvalidInput or InvalidFields with the reason."""
    raw = {name: value}
    if name == "locked":
        return switch(raw, name)
    if name == "action":
        return action(kind, value, name)
    if name == "on":
        return one_of(value, SIDES, name)
    return OWN[kind, name](raw, name)


def action(kind: str, value: Any, path: str) -> str:
    """Return the action; masks are refused where there is no part to take out."""
    found = one_of(value, ACTIONS, path)
    if found in ("mask", "redact") and kind not in MASKING:
        raise InvalidInput(
            f"This guardrail cannot {found}: {NO_PART[kind]}. Use block, flag or shadow.", param=path
        )
    return found


def one_of(value: Any, known: tuple[str, ...], path: str) -> str:
    """Return a value that must be one of the known words."""
    if not isinstance(value, str) or value not in known:
        raise InvalidInput(f"Must be one of: {', '.join(known)}.", param=path)
    return value


def chosen(known: Mapping[str, str]) -> Callable[[Mapping[str, Any], str], list[str]]:
    """Return the check of a list of known words."""

    def check(raw: Mapping[str, Any], name: str) -> list[str]:
        found = listed(raw, name, len(known))
        unknown = [value for value in found if value not in known]
        if unknown:
            raise InvalidInput(f"Unknown: {unknown[0]}. Known are: {', '.join(known)}.", param=name)
        return found

    return check


def listed(raw: Mapping[str, Any], name: str, most: int, longest: int = 200) -> list[str]:
    """Return a list of texts without doubles."""
    if not isinstance(raw[name], list | tuple):
        raise InvalidInput("Must be a list of texts.", param=name)
    return list(texts(raw, name, most=most, longest=longest))


def words(most: int) -> Callable[[Mapping[str, Any], str], list[str]]:
    """Return the check of a list of words to find."""

    def check(raw: Mapping[str, Any], name: str) -> list[str]:
        found = listed(raw, name, most)
        if any(not plain([word]) or not any(map(str.isprintable, word)) for word in found):
            raise InvalidInput("An entry has no visible character.", param=name)
        return found

    return check


def most_characters(raw: Mapping[str, Any], name: str) -> int:
    """Return how many characters a text may have."""
    found = whole(raw, name, 1, MOST_CHARACTERS)
    assert found is not None
    return found


def networks(raw: Mapping[str, Any], name: str) -> list[str]:
    """Return the networks from which calls are let in, each written the usual way."""
    found = []
    for value in listed(raw, name, MOST_ADDRESSES):
        try:
            found.append(str(ip_network(value, strict=False)))
        except ValueError:
            raise InvalidInput(
                f"“{value}” is no IP address or network. Write it like 203.0.113.7 or 203.0.113.0/24.",
                param=name,
            ) from None
    if not found:
        raise InvalidInput("Name at least one address: an empty list would let nobody in.", param=name)
    return list(dict.fromkeys(found))


def clock(raw: Mapping[str, Any], name: str) -> str:
    """Return a time of day, 24:00 being the end of the day."""
    value = raw[name]
    hours, colon, minutes = value.partition(":") if isinstance(value, str) else ("", "", "")
    is_written = colon and all(
        len(part) == 2 and part.isascii() and part.isdigit() for part in (hours, minutes)
    )
    if not is_written or not (int(hours) < 24 and int(minutes) < 60 or value == "24:00"):
        raise InvalidInput("Write a time of day like 08:30.", param=name)
    return str(value)


def days(raw: Mapping[str, Any], name: str) -> list[str]:
    """Return the days of the week, in their order."""
    found = chosen(dict.fromkeys(DAYS, ""))(raw, name)
    if not found:
        raise InvalidInput("Name at least one day: an empty list would let nobody in.", param=name)
    return [day for day in DAYS if day in found]


def patterns(raw: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    """Return the patterns of one's own; errors are named like `patterns.2.pattern`, counted from 1."""
    entries = raw[name]
    if not isinstance(entries, list | tuple) or not all(isinstance(entry, Mapping) for entry in entries):
        raise InvalidInput("Must be a list of objects with name and pattern.", param=name)
    if len(entries) > MOST_PATTERNS:
        raise InvalidInput(f"Must be at most {MOST_PATTERNS} patterns.", param=name)
    errors: dict[str, str] = {}
    found = [one_pattern(entry, f"{name}.{number}", errors) for number, entry in enumerate(entries, 1)]
    names = [entry.get("name") for entry in found]
    for number, each in enumerate(names, 1):
        if each and each in names[: number - 1]:
            errors[f"{name}.{number}.name"] = "Another pattern has this name."
    if errors:
        raise InvalidFields(errors)
    return found


def one_pattern(entry: Mapping[str, Any], path: str, errors: dict[str, str]) -> dict[str, str]:
    """Return one clean pattern; what is wrong goes to `errors`."""
    errors |= {f"{path}.{field}": "There is no such field." for field in entry if field not in PATTERN_FIELDS}
    found: dict[str, str] = {}
    for field, check in PATTERN_CHECKS.items():
        if field != "action" or entry.get(field) is not None:
            try:
                found[field] = check(entry, field)
            except InvalidInput as error:
                errors[f"{path}.{field}"] = error.message
    return found


def pattern_name(entry: Mapping[str, Any], field: str) -> str:
    """Return a pattern's name: it is shown to callers."""
    found = text(entry, field, most=60, required=True)
    if not found.isprintable():
        raise InvalidInput("Must be on one line.", param=field)
    return found


def pattern_source(entry: Mapping[str, Any], field: str) -> str:
    """Return a pattern that can be carried out."""
    found = entry.get(field)
    if not isinstance(found, str) or not found:
        raise InvalidInput("Please fill this in.", param=field)
    check_pattern(found, field)
    return found


PATTERN_CHECKS: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    "name": pattern_name,
    "pattern": pattern_source,
    "action": lambda entry, field: action("patterns", entry[field], field),
}
OWN: dict[tuple[str, str], Callable[[Mapping[str, Any], str], Any]] = {
    ("addresses", "allow"): networks,
    ("hours", "from"): clock,
    ("hours", "to"): clock,
    ("hours", "days"): days,
    ("length", "most_characters"): most_characters,
    ("keywords", "words"): words(MOST_WORDS),
    ("secrets", "kinds"): chosen(secrets.secret_kinds()),
    ("pii", "kinds"): chosen(personal.KINDS),
    ("pii", "names"): words(MOST_NAMES),
    ("patterns", "patterns"): patterns,
    ("language", "allowed"): chosen(LANGUAGES),
    ("judge", "rule"): lambda raw, name: text(raw, name, most=LONGEST_RULE),
    ("judge", "model"): lambda raw, name: text(raw, name, most=200),
}


def incomplete(kind: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """Return what does not fit together in one kind."""
    if kind == "hours" and fields.get("from") is not None and fields.get("from") == fields.get("to"):
        return {"to": "Must be another time than from."}
    return {}


__all__ = ["ACTIONS", "COMMON", "LANGUAGES", "LOCK", "LONGEST", "SIDES", "checked", "incomplete"]
