"""Lets an answer pass as its guardrails allow: searched while it streams, masked, or stopped.

Nothing goes out that may still belong to a match. Rules about whole answers hold all of it back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

import gevent

from app.domain.calls import HEARTBEAT, Chunk
from app.domain.endpoint_errors import AnswerBlocked
from app.domain.guardrails.answer_plans import AnswerPlan, plan_of
from app.domain.guardrails.guarding import Guarding, Verdict
from app.domain.guardrails.masks import disjoint, mask
from app.domain.guardrails.rules import Rule
from app.domain.guardrails.screens import Finding, Scan, Span, Unfinished
from app.domain.guardrails.spoken import SPOKEN, Key, Piece
from app.domain.guardrails.tallies import NOT_WHOLE, OUTCOMES, STOPPED, Tally
from app.domain.guardrails.window import Cut
from app.domain.records import Record
from app.services.answer_passages import HEARTBEAT_SECONDS, Chunks, Passage, Passed, restored
from app.services.cache import Cache
from app.services.guardrail_looks import searched
from app.services.passwords import off_hub

log = logging.getLogger(__name__)
FAILED = "It could not look at the answer."
UNCHECKED = "The guardrail “{name}” could not be checked, so the answer was stopped."
WITHOUT_TEXT = "There is no text in such an answer."
_plans: Cache[int, tuple[tuple[Rule, ...], AnswerPlan]] = Cache(500)
# Gives the verdict of a rule about whole texts: language, JSON, a judge.
Decide = Callable[[Rule, Sequence[str]], Verdict]


def guarded(
    chunks: Chunks, record: Record, rules: tuple[Rule, ...], key_prefix: str, decide: Decide
) -> Chunks:
    """Return the answer as the rules let it pass; what was taken out of the request is put back in it.

    `rules`: those in force for the call. The verdicts about the answer are added to the record.
    """
    record.guarding = guarding = record.guarding or Guarding()
    plan = plan_for(rules, key_prefix)
    if record.target is None or record.target.operation not in SPOKEN:
        tally = Tally(plan.rules, "output")
        guarding.verdicts += tally.verdicts(WITHOUT_TEXT)
        return chunks
    if plan.rules:
        chunks = Guard(record, guarding, plan, decide).follow(chunks)
    return restored(chunks, record, guarding) if guarding.vault else chunks


def plan_for(rules: tuple[Rule, ...], key_prefix: str) -> AnswerPlan:
    """Return the plan of the rules; a new one is made beside the other calls.

    The rules of equal calls are the very same, so nothing of them is compared.
    """
    known = _plans.get(id(rules))
    if known is not None and known[0] is rules:
        return known[1]
    plan = off_hub(lambda: plan_of(rules, key_prefix))
    _plans.put(id(rules), (rules, plan))
    return plan


def blocked(rule: str, kind: str = "") -> AnswerBlocked:
    """Return the refusal of an answer: it names the rule and the kind, never the match (O40)."""
    return AnswerBlocked(f"The answer was blocked by the guardrail “{rule}”{kind and f' ({kind})'}.")


class Guard:
    """The rules about one answer at work."""

    def __init__(self, record: Record, guarding: Guarding, plan: AnswerPlan, decide: Decide) -> None:
        self._plan, self._decide = plan, decide
        self._guarding = guarding
        guarding.told = []
        self._tally = Tally(plan.rules, "output")
        self._passage = Passage(record, plan.automaton, self.search, all_back=plan.holds_all)
        self._came: dict[Key, list[str]] = {}  # the texts as they came, for rules that only watch
        self._answers: dict[int, list[str]] = {}  # the answer of each choice as it goes out
        self._lengths: dict[int, int] = {}

    def follow(self, chunks: Chunks) -> Chunks:
        """Yield the answer; whatever happens, every rule leaves its verdict."""
        unseen = NOT_WHOLE
        try:
            with closing(chunks):
                for chunk in chunks:
                    yield from self._take(chunk)
                left = list(self._passage.finish())
                self._answered(left)
                yield from self._look_at_all()
                yield from self._tell(left)
            unseen = ""
        except AnswerBlocked:
            unseen = STOPPED
            raise
        finally:
            self._guarding.verdicts += self._tally.verdicts(unseen)

    def search(self, text: str, start: int, floor: int, *, counts: bool = True) -> list[Cut]:
        """Return what is masked in a text; raise AnswerBlocked for what may not be said at all."""
        spans = [span for span in self._spans(text, start) if span.end > floor]
        stops = next((span for span in spans if span.action == "block"), None)
        for span in spans if stops is None else (stops,):
            if counts:
                self._tally.add(span.armed.rule.name, span.armed.detector.words)
        if stops is not None:
            raise blocked(stops.armed.rule.name, stops.armed.detector.words)
        found = disjoint(list(map(finding, spans)))
        return [Cut(one.start, one.end, mask(one.label)) for one in found]

    def _spans(self, text: str, start: int) -> list[Span]:
        """Return what is found; a rule that cannot look lets nothing pass."""
        if not self._plan.acting:
            return []
        try:
            return searched(len(text) - start, lambda: self._plan.acting.spans(text, start))
        except Exception as error:
            name = error.rules[0] if isinstance(error, Unfinished) else self._plan.acting.rules[0].name
            self._tally.fail(name, FAILED)
            log.error("the guardrail %s could not look at an answer: %s", name, type(error).__name__)
            raise AnswerBlocked(UNCHECKED.format(name=name)) from None

    def _take(self, chunk: Chunk) -> Chunks:
        if chunk.data is None and not chunk.raw:
            yield chunk
            return
        event, spoken, can_split = self._passage.read(chunk)
        for piece in spoken.pieces:
            self._count(piece)
        passed = list(self._passage.take(chunk, event, spoken, can_split))
        self._answered(passed)
        yield from self._tell(passed)
        if not passed:
            yield from self._passage.sign_of_life()

    def _count(self, piece: Piece) -> None:
        """Keep what rules need that only watch, and count how long the answer is."""
        if self._plan.watching and not piece.again:
            self._came.setdefault(piece.key or piece.path, []).append(piece.text)
        if not piece.is_answer or piece.again:
            return
        self._lengths[piece.group] = size = self._lengths.get(piece.group, 0) + len(piece.text)
        for rule in self._plan.lengths:
            if size > rule.most_characters and rule.closes:
                self._tally.tell(too_long(rule))
                raise blocked(rule.name)

    def _answered(self, passed: list[Passed]) -> None:
        """Keep the answer for the rules that look at all of it."""
        if self._plan.wholes:
            for piece, text in (pair for _, texts in passed for pair in texts):
                if piece.is_answer and not piece.again:
                    self._answers.setdefault(piece.group, []).append(text)

    def _tell(self, passed: list[Passed]) -> Chunks:
        """Yield chunks; the log keeps what they say."""
        assert self._guarding.told is not None
        for chunk, texts in passed:
            self._guarding.told += [text for piece, text in texts if piece.is_told]
            yield chunk

    def _look_at_all(self) -> Chunks:
        """Ask the rules that need the whole answer; raise AnswerBlocked when one objects."""
        for rule in self._plan.lengths:
            if any(size > rule.most_characters for size in self._lengths.values()):
                self._tally.tell(too_long(rule))
        self._watch()
        answers = ["".join(texts) for texts in self._answers.values()]
        for rule in self._plan.wholes:
            verdict = yield from self._decided(rule, answers)
            self._tally.tell(verdict)
            if rule.closes and verdict.outcome == "failed":
                raise AnswerBlocked(UNCHECKED.format(name=rule.name))
            if rule.closes and verdict.outcome == "blocked":
                raise blocked(rule.name)

    def _decided(self, rule: Rule, answers: Sequence[str]) -> Generator[Chunk, None, Verdict]:
        """Return what a rule says; while a judge thinks, a stream's client hears that we are still there."""
        if rule.kind != "judge" or not self._passage.may_beat:
            return self._decide(rule, answers)
        job = gevent.spawn(self._decide, rule, answers)
        try:
            while job.join(HEARTBEAT_SECONDS) is None and not job.ready():
                yield HEARTBEAT
        finally:
            job.kill(block=False)
        verdict: Verdict = job.get()
        return verdict

    def _watch(self) -> None:
        """Let the rules look that only tell; what they cannot see stops nobody."""
        try:
            came = ["".join(texts) for texts in self._came.values()]
            scan = searched(sum(map(len, came)), lambda: self._plan.watching.scan(came))
        except Exception as error:
            log.error("guardrails could not look at an answer: %s", type(error).__name__)
            scan = Scan((), tuple(rule.name for rule in self._plan.watching.rules))
        for name in scan.failed:
            self._tally.fail(name, FAILED)
        for found in scan.findings:
            if not found.continued:
                self._tally.add(found.rule, found.kind)


def too_long(rule: Rule) -> Verdict:
    """Return the verdict on an answer that is longer than a rule allows."""
    detail = f"more than {rule.most_characters:,} characters"
    return Verdict(rule.name, "output", rule.action, OUTCOMES[rule.action], count=1, detail=detail)


def finding(span: Span) -> Finding:
    """Return a span as what was found in one text."""
    rule, detector = span.armed.rule, span.armed.detector
    return Finding(
        rule.name, detector.words, 0, span.start, span.end, rule.action, detector.label, detector.tag
    )
