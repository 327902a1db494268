"""Applies the guardrails of workspace, project, endpoint and key to a call: what goes in, what comes out.

Rules come in their order; the first that stops the call is named, and those after it were not evaluated.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial

from app.domain import chat_bodies, client_texts
from app.domain.bodies import encoded
from app.domain.calls import Chunk
from app.domain.embeddings import OPERATION as EMBEDDINGS
from app.domain.endpoint_errors import GuardrailBlocked
from app.domain.guardrails.answer_plans import plan_of
from app.domain.guardrails.guarding import Guarding, Verdict
from app.domain.guardrails.rules import Rule
from app.domain.guardrails.screens import Screen, Unfinished
from app.domain.prompts import client_messages
from app.domain.records import Record
from app.services import answer_guards, guardrail_settings, judges
from app.services.guardrail_looks import Look, searched, stops
from app.services.key_rotation import prefix

NOT_KEPT = "(stopped by a guardrail, so it is not kept)"


def check_input(record: Record) -> None:
    """Raise GuardrailBlocked, or mask what must not go on; every rule leaves its verdict on the record."""
    guards = guardrail_settings.of(record)
    if guards is None:
        return
    record.guarding = record.guarding or Guarding()
    if not guards.input:
        return
    try:
        look_at(record, record.guarding, guards.input)
    except GuardrailBlocked:
        record.messages = [{"role": "user", "content": NOT_KEPT}]
        raise


def look_at(record: Record, guarding: Guarding, screen: Screen) -> None:
    """Carry out every rule in order on what the client sends in this turn."""
    body, readable = record.call.body, not hides_its_text(record)
    texts, together = client_texts.read(body), client_texts.together(body)
    begin = partial(Look, screen, "input", texts, guarding.vault, history_of(record))
    look = searched(sum(map(len, texts)), partial(begin, together=together, readable=readable))
    judge = partial(judges.ask, record)
    for number, rule in enumerate(screen.rules, 1):
        verdict = look.verdict(rule, judge)
        guarding.verdicts.append(verdict)
        if stops(rule, verdict):
            guarding.verdicts += [look.said(rest, "not_evaluated") for rest in screen.rules[number:]]
            raise GuardrailBlocked(refusal(verdict))
    if look.masked != look.texts:
        put_back(record, look.masked)


def check_output(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Return the answer as guardrails let it pass; AnswerBlocked where they do not."""
    guards = guardrail_settings.of(record)
    if guards is None:
        return chunks
    return answer_guards.guarded(chunks, record, guards.rules, prefix.value, partial(decide, record))


def stops_answer(record: Record, text: str) -> bool:
    """Say whether a rule stops an answer for something that is found in its text: then nobody mends it."""
    guards = guardrail_settings.of(record)
    if guards is None:
        return False
    try:
        found = plan_of(guards.rules, prefix.value).acting.spans(text, 0)
        return any(span.action == "block" for span in found)
    except Unfinished:
        return True


def decide(record: Record, rule: Rule, answers: Sequence[str]) -> Verdict:
    """Return what a rule about whole texts says of an answer."""
    return Look(guardrail_settings.NO_SCREEN, "output", answers, {}).verdict(
        rule, partial(judges.ask, record)
    )


def history_of(record: Record) -> list[str]:
    """Return what was said in the turns before, which guardrails looked at when it came in."""
    return client_texts.read({"messages": record.session.history}) if record.session else []


def hides_its_text(record: Record) -> bool:
    """Say whether the client sends numbers of tokens, which nobody can read here."""
    target = record.target
    is_embedding = target is not None and target.operation == EMBEDDINGS
    return is_embedding and client_texts.has_tokens(record.call.body)


def refusal(verdict: Verdict) -> str:
    """Return the error's text: it names the rule and the kinds, never the match (O40)."""
    if verdict.outcome == "failed":
        return f"The guardrail “{verdict.rule}” could not be checked, so the call was stopped."
    kinds = f" ({', '.join(verdict.kinds)})" if verdict.kinds else ""
    return f"Blocked by the guardrail “{verdict.rule}”{kinds}."


def put_back(record: Record, texts: Sequence[str]) -> None:
    """Let the call go on with these texts: for provider, cache, log and session alike."""
    call, target = record.call, record.target
    call.body = client_texts.written(call.body, texts)
    if call.chat:
        fresh = chat_bodies.of(call)
        call.chat = {**call.chat, **{name: fresh[name] for name in client_texts.FIELDS if name in fresh}}
    is_endpoint = target is not None and target.endpoint_id is not None
    record.messages = client_messages(call) if is_endpoint else []  # what is refused now is kept like this
    if target is not None and target.forwards:
        call.raw_body = encoded(call.body)
