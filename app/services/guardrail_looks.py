"""One look of guardrails at whole texts: what each rule says of them, and the texts as they may go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import TypeVar

from app.domain.guardrails import masks, wholes
from app.domain.guardrails.guarding import Verdict
from app.domain.guardrails.rules import Rule
from app.domain.guardrails.screens import Finding, Scan, Screen
from app.services.passwords import off_hub

T = TypeVar("T")
log = logging.getLogger(__name__)
OUTCOMES = {
    "block": "blocked", "mask": "masked", "redact": "redacted", "flag": "flagged", "shadow": "would_block",
}  # fmt: skip
NOT_CARRIED_OUT = "it could not be carried out"
LONG = 20_000  # characters: so many can take longer to search than other calls should wait


class NotJudged(Exception):
    """A judge could not be asked, or gave no answer that can be read; the text says why."""


Judge = Callable[[Rule, str], bool]


class Look:
    """What a screen sees in texts. `beside`: texts that are sent along, whose placeholders are taken.

    `together`: how many texts, in order, are parts of one message each; what is cut in two there is found.
    """

    def __init__(
        self,
        screen: Screen,
        side: str,
        texts: Sequence[str],
        vault: masks.Vault,
        beside: Iterable[str] = (),
        *,
        together: Sequence[int] = (),
        readable: bool = True,
    ) -> None:
        self.screen, self.side, self.texts = screen, side, list(texts)
        self.scan = scanned(screen, texts, together) if readable else nothing_carried_out(screen)
        self.masked = masks.apply(self.texts, self.scan.findings, vault, beside)

    def verdict(self, rule: Rule, judge: Judge) -> Verdict:
        """Return what one rule says."""
        if rule.name in self.scan.failed:
            return self.said(rule, "failed", detail=NOT_CARRIED_OUT)
        try:
            return self.looked(rule, judge)
        except NotJudged as error:
            return self.said(rule, "failed", detail=str(error))
        except Exception as error:
            log.error("guardrail %s failed: %s", rule.kind, type(error).__name__)
            return self.said(rule, "failed", detail=NOT_CARRIED_OUT)

    def looked(self, rule: Rule, judge: Judge) -> Verdict:
        """Carry out one rule; a judge sees no more than the model does."""
        if rule.kind == "judge":
            return self.found(rule, int(judge(rule, "\n".join(self.masked))))
        if rule.is_whole:
            return whole_verdict(rule, self.side, wholes.check(rule, self.texts))
        mine = [each for each in self.scan.findings if each.rule == rule.name]
        return self.found(rule, sum(not each.continued for each in mine), kinds_of(mine))

    def found(self, rule: Rule, count: int, kinds: tuple[str, ...] = ()) -> Verdict:
        """Return the verdict of a rule that found something so often."""
        outcome = OUTCOMES[rule.action] if count else "passed"
        return Verdict(rule.name, self.side, rule.action, outcome, kinds, count)

    def said(self, rule: Rule, outcome: str, *, detail: str = "") -> Verdict:
        """Return the verdict of a rule that found nothing."""
        return Verdict(rule.name, self.side, rule.action, outcome, detail=detail)


def searched(size: int, search: Callable[[], T]) -> T:
    """Return what a search through so many characters finds; a long one is made beside the other calls."""
    return off_hub(search) if size > LONG else search()


def whole_verdict(rule: Rule, side: str, seen: wholes.Whole) -> Verdict:
    """Return the verdict of a rule about a whole text; what could not be told was not evaluated."""
    if not seen.decided:
        return Verdict(rule.name, side, rule.action, "not_evaluated", detail=seen.detail)
    outcome = OUTCOMES[rule.action] if seen.breaks else "passed"
    return Verdict(rule.name, side, rule.action, outcome, count=int(seen.breaks), detail=seen.detail)


def stops(rule: Rule, verdict: Verdict) -> bool:
    """Say whether nothing goes on after this verdict: a match, or a rule that closes and could not run."""
    return verdict.outcome == "blocked" or (verdict.outcome == "failed" and rule.closes)


def scanned(screen: Screen, texts: Sequence[str], together: Sequence[int] = ()) -> Scan:
    """Return what a screen finds; where it breaks down, none of its rules was carried out."""
    try:
        scan = screen.scan(texts)
        if not any(count > 1 for count in together):
            return scan
        starts = [0, *accumulate(together)]
        joined = screen.scan(["".join(texts[start:end]) for start, end in pairwise(starts)])
        cut = [piece for each in joined.findings for piece in pieces(each, texts, *starts[each.part :][:2])]
        return Scan((*scan.findings, *cut), tuple(dict.fromkeys((*scan.failed, *joined.failed))))
    except Exception as error:
        log.error("guardrails failed: %s", type(error).__name__)
        return nothing_carried_out(screen)


def pieces(found: Finding, texts: Sequence[str], first: int, last: int) -> list[Finding]:
    """Return a finding in the texts `first` to `last` put together, by text; none where one holds all."""
    told, begin = list[Finding](), 0
    for part in range(first, last):
        end = begin + len(texts[part])
        if found.start < end and found.end > begin:
            start, stop = max(found.start, begin) - begin, min(found.end, end) - begin
            told.append(replace(found, part=part, start=start, end=stop, continued=bool(told)))
        begin = end
    return told if len(told) > 1 else []


def nothing_carried_out(screen: Screen) -> Scan:
    """Return the result of a search that could not be made."""
    return Scan((), tuple(rule.name for rule in screen.rules))


def kinds_of(found: Iterable[Finding]) -> tuple[str, ...]:
    """Return what was found, in words, each once."""
    return tuple(dict.fromkeys(each.kind for each in found))
