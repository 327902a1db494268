"""Takes what was found out of texts: for good, or with a placeholder that is put back in the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from app.domain.guardrails.screens import SEPARATOR, Finding
from app.domain.guardrails.settings import ACTIONS

PLACEHOLDER = re.compile(r"\[\[[A-Z_]{1,24}_[0-9]{3,9}\]\]")
LONGEST_PLACEHOLDER = 2 + 24 + 1 + 9 + 2
Vault = MutableMapping[str, str]  # placeholder → what it stands for


def mask(label: str) -> str:
    """Return what stands for something taken out for good: [E-Mail REDACTED]."""
    return f"[{label} REDACTED]"


def apply(
    texts: Sequence[str], findings: Sequence[Finding], vault: Vault, beside: Iterable[str] = ()
) -> list[str]:
    """Return the texts with every finding of a mask or redact rule taken out; `vault` gets the placeholders.

    The same value gets the same placeholder. One that the texts already hold, or the texts `beside` them
    which are sent along (the turns before), is never given out: nobody can name what is not theirs.
    """
    taken = [each for each in findings if each.action in ("mask", "redact")]
    if not taken:
        return list(texts)
    book = Placeholders(vault, {found for text in (*texts, *beside) for found in PLACEHOLDER.findall(text)})
    rests = continuations(texts, taken)
    parts = list(texts)
    for part, group in groupby(sorted(taken, key=attrgetter("part", "start", "end")), attrgetter("part")):
        parts[part] = without(texts[part], disjoint(list(group)), book, rests.get(part, ""))
    return parts


def continuations(texts: Sequence[str], findings: Sequence[Finding]) -> dict[int, str]:
    """Return, by part, the rest of a match that goes on after its end; findings as `scan` tells them."""
    rests: dict[int, str] = {}
    first, rest = 0, ""
    for each in findings:
        if not each.continued:
            first, rest = each.part, ""
        else:
            rest += SEPARATOR + texts[each.part][each.start : each.end]
            rests[first] = max(rests.get(first, ""), rest, key=len)
    return rests


def restore(text: str, vault: Vault) -> str:
    """Return the text with its placeholders replaced by what they stand for; others stay as they are."""
    return PLACEHOLDER.sub(lambda match: vault.get(match[0], match[0]), text) if vault else text


def strength(finding: Finding) -> tuple[int, int]:
    """Return what decides between overlapping findings: the stronger action, then the longer one."""
    return (-ACTIONS.index(finding.action), finding.end - finding.start)


def disjoint(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings of one part, in order, with those that overlap made one: the strongest, over all."""
    found: list[Finding] = []
    for each in findings:
        if not found or each.start >= found[-1].end:
            found.append(each)
            continue
        before = found[-1]
        winner = max(before, each, key=strength)
        found[-1] = replace(winner, start=before.start, end=max(before.end, each.end))
    return found


def without(text: str, findings: Sequence[Finding], book: Placeholders, rest: str = "") -> str:
    """Return `text` with each finding replaced, continued ones left out; `rest`: see continuations."""
    pieces, position = [], 0
    for each in findings:
        pieces.append(text[position : each.start])
        if each.continued:
            pass
        elif each.action == "mask":
            pieces.append(mask(each.label))
        else:
            value = text[each.start : each.end] + (rest if each.end == len(text) else "")
            pieces.append(book.of(each.tag, value))
        position = each.end
    return "".join([*pieces, text[position:]])


class Placeholders:
    """Gives out the placeholders of one call."""

    def __init__(self, vault: Vault, taken: set[str]) -> None:
        self.vault = vault
        self.taken = taken | vault.keys()
        self.given = {(tag_of(name), value): name for name, value in vault.items()}
        self.numbers: dict[str, int] = {}
        for name in vault:
            tag = tag_of(name)
            self.numbers[tag] = max(self.numbers.get(tag, 0), int(name[len(tag) + 3 : -2]))

    def of(self, tag: str, value: str) -> str:
        """Return the placeholder of a value, a new one if it has none."""
        known = self.given.get((tag, value))
        if known is not None:
            return known
        number = self.numbers.get(tag, 0) + 1
        while (name := f"[[{tag}_{number:03d}]]") in self.taken:
            number += 1
        self.numbers[tag] = number
        self.taken.add(name)
        self.given[tag, value] = name
        self.vault[name] = value
        return name


def tag_of(placeholder: str) -> str:
    """Return the tag of a placeholder: EMAIL of [[EMAIL_001]]."""
    return placeholder[2:].rpartition("_")[0]
