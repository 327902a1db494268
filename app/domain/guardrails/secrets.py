"""Secrets: keys, tokens and passwords as the services that hand them out write them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from app.domain.guardrails.detectors import Detector, begins, holds
from app.domain.guardrails.secret_forms import FORMS

KEY_PREFIX = "sk-sluice-"
# Words that stand where a secret will be, in examples and templates.
STAND_INS = ("example", "changeme", "your", "placeholder", "redacted", "secret", "password", "xxxx", "****")
CALL = re.compile(r"[A-Za-z_][A-Za-z_.]*[(\[]")  # getenv("…")
SIMPLE = frozenset({"pass", "password", "passwd", "pwd", "secret", "changeme", "xxx", "xxxx", "..."})
LEAST_ENTROPY = 2.5  # bits per character: “aaaaaaaa1” is no password that somebody uses


def entropy(text: str) -> float:
    """Return Shannon's entropy of the characters, in bits each."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def is_random(text: str) -> bool:
    """Say whether a value looks like a secret: letters and digits or signs mixed, no stand-in, no code."""
    lowered = text.casefold()
    if any(word in lowered for word in STAND_INS) or text[0] in "$<{[%" or CALL.match(text):
        return False
    signs = any(not character.isalnum() for character in text)
    kinds = sum((any(map(str.islower, text)), any(map(str.isupper, text)), signs))
    has_both = any(map(str.isalpha, text)) and any(map(str.isdecimal, text))
    return (has_both or kinds == 3) and entropy(text) >= LEAST_ENTROPY


def is_set(text: str) -> bool:
    """Say whether a password in an address is one, not a stand-in for it."""
    return text.casefold() not in SIMPLE and text[0] not in "$<{[%*"


CHECKS = {"is_random": is_random, "is_set": is_set}


def secret_kinds() -> dict[str, str]:
    """Return every kind and what people read."""
    return {form.id: form.words for form in FORMS}


@cache
def by_kind() -> dict[str, Detector]:
    """Return the detector of each kind."""
    return {form.id: detector(form.id, form.words, form.sources, form.hint, form.check) for form in FORMS}


def detector(
    kind: str, words: str, sources: tuple[str, ...], hint: tuple[str, ...], check: str = ""
) -> Detector:
    """Return the detector of one form; every secret is masked by the same word."""
    written = tuple(rf"(?:{source})" for source in sources)
    quick = begins(*hint[1:]) if hint[0] == "begins" else holds(*hint[1:]) if hint[0] == "holds" else hint[0]
    return Detector(kind, words, "Secret", "SECRET", written, accepts=CHECKS.get(check), hint=quick, least=8)


def secrets(kinds: Sequence[str], key_prefix: str = KEY_PREFIX) -> Iterator[Detector]:
    """Yield the detectors of the kinds; this gateway's own keys begin with `key_prefix`."""
    for kind in kinds:
        if kind == "sluice" and key_prefix != KEY_PREFIX:
            yield own_keys(key_prefix)
        else:
            yield by_kind()[kind]


@cache
def own_keys(prefix: str) -> Detector:
    """Return the detector of keys that this gateway makes."""
    plain = "".join(
        character if character.isalnum() else rf"\x{{{ord(character):x}}}" for character in prefix
    )
    return detector("sluice", "Sluice key", (rf"\b{plain}[A-Za-z0-9_\-]{{43}}",), ("holds", plain))
