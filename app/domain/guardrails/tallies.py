"""What the rules of one side found in one call, until it is told in verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.guardrails.guarding import Verdict
from app.domain.guardrails.rules import Rule

OUTCOMES = {
    "block": "blocked",
    "mask": "masked",
    "redact": "redacted",
    "flag": "flagged",
    "shadow": "would_block",
}
NOT_WHOLE = "The answer did not come to its end."
STOPPED = "Another guardrail stopped the answer first."


class Tally:
    """Counts what each rule finds."""

    def __init__(self, rules: Sequence[Rule], side: str) -> None:
        self._rules, self._side = rules, side
        self._found: dict[str, list[str]] = {}
        self._told: dict[str, Verdict] = {}
        self._failed: dict[str, str] = {}

    def add(self, rule: str, kind: str) -> None:
        """A rule found something."""
        self._found.setdefault(rule, []).append(kind)

    def tell(self, verdict: Verdict) -> None:
        """A rule about whole texts gave its verdict."""
        self._told[verdict.rule] = verdict

    def fail(self, rule: str, detail: str) -> None:
        """A rule could not run."""
        self._failed[rule] = detail

    def verdicts(self, unseen: str = "") -> list[Verdict]:
        """Return one verdict of each rule. `unseen`: why a rule that found nothing did not see all."""
        return [self._told.get(rule.name) or self._verdict(rule, unseen) for rule in self._rules]

    def _verdict(self, rule: Rule, unseen: str) -> Verdict:
        kinds = self._found.get(rule.name)
        if kinds:
            told = tuple(dict.fromkeys(kinds))
            outcome = OUTCOMES[rule.action]
            return Verdict(rule.name, self._side, rule.action, outcome, told, len(kinds))
        if rule.name in self._failed:
            detail = self._failed[rule.name]
            return Verdict(rule.name, self._side, rule.action, "failed", detail=detail)
        outcome = "not_evaluated" if unseen else "passed"
        return Verdict(rule.name, self._side, rule.action, outcome, detail=unseen)
