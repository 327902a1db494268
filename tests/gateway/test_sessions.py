"""Sessions through the doors: begun, gone on with, refused, kept as guardrails left them, paid and ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app.database import Database, database
from app.domain import chat_sessions as rules
from app.domain.actors import SYSTEM
from app.jobs import maintenance
from app.models import Account, ChatSession, ChatTurn, Reservation
from app.models.columns import utc_now
from app.prepared import Lane
from app.services import chat_sessions, endpoints, key_rotation, keys, session_holds
from app.services import records as record_rows
from tests.money import USD, account_of, make_prepaid, mistakes, rows, set_budget
from tests.providers_world import add_endpoint, add_provider, records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion, openai_stream
from tests.world import World

FORBIDDEN = "This session does not exist or belongs to another key."


class Talk:
    """A conversation with the endpoint `talk`, which keeps sessions, at a scripted upstream."""

    def __init__(self, client: FlaskClient, world: World, upstream: Upstream) -> None:
        self.client, self.world, self.upstream = client, world, upstream
        self.headers = world.acme.headers
        add_provider(world.acme, upstream, "up")
        set_price(world.acme, "up/m", input_usd_per_million="1", output_usd_per_million="2")
        self.path = add_endpoint(
            world.acme, "talk", "up/m", prompt="Be brief.", session={}, max_output_tokens=50
        )

    def set_up(self, **fields: Any) -> None:
        """Change the endpoint."""
        listed = endpoints.list_all(SYSTEM, self.world.acme.workspace.id, self.world.acme.project.id)
        found = next(view for view in listed if view.endpoint.slug == "talk")
        endpoints.save(SYSTEM, self.world.acme.workspace.id, found.endpoint.id, fields)

    def send(self, message: str, session_id: Any = None, **more: Any) -> Any:
        """Send one turn."""
        named = {} if session_id is None else {"session_id": session_id}
        headers = more.pop("headers", self.headers)
        body = {"message": message, **named, **more}
        return self.client.post(self.path, json=body, headers=headers)

    def say(self, message: str, session_id: Any = None) -> str:
        """Send one turn that is answered; return the session's id."""
        answer = self.send(message, session_id)
        assert answer.status_code == 200, answer.json
        return str(answer.json["meta"]["session_id"])

    def sent(self, place: int = -1) -> list[tuple[str, str]]:
        """Return the roles and texts that the provider got."""
        return [(each["role"], each["content"]) for each in self.upstream.requests[place].json["messages"]]


@pytest.fixture
def talk(client: FlaskClient, world: World, upstream: Upstream) -> Talk:
    talk = Talk(client, world, upstream)
    upstream.script("m", *(openai_completion(f"Answer {number}.") for number in range(1, 9)))
    return talk


def test_a_session_is_begun_and_gone_on_with(talk: Talk) -> None:
    session_id = talk.say("One?")
    assert talk.sent() == [("system", "Be brief."), ("user", "One?")]
    assert talk.say("Two?", session_id) == session_id
    assert talk.say("Three?", session_id.upper()) == session_id
    assert talk.sent() == [
        ("system", "Be brief."),
        ("user", "One?"), ("assistant", "Answer 1."),
        ("user", "Two?"), ("assistant", "Answer 2."),
        ("user", "Three?"),
    ]  # fmt: skip
    [session] = rows(ChatSession)
    assert (session.messages, session.tokens) == (6, 30)
    assert [turn.state for turn in rows(ChatTurn)] == ["done"] * 3
    assert [record.session_id for record in records()] == [session_id] * 3


def test_the_openai_route_keeps_sessions_and_tells_the_provider_nothing_of_them(talk: Talk) -> None:
    path = f"/api/{talk.world.acme.project.id}/v1/chat/completions"
    body = {"model": "talk", "messages": [{"role": "user", "content": "One?"}]}
    first = talk.client.post(path, json=body, headers=talk.headers)
    session_id = first.headers["X-Sluice-Session-Id"]
    assert first.json["sluice"]["session_id"] == session_id
    body |= {"session_id": session_id, "stream": True}
    talk.upstream.script("m", openai_stream("Answer", " 2."))
    second = talk.client.post(path, json=body, headers=talk.headers)
    assert second.headers["X-Sluice-Session-Id"] == session_id
    assert f'"session_id":"{session_id}"' in second.get_data(as_text=True).splitlines()[-4]
    assert "session_id" not in talk.upstream.requests[-1].json
    talk.upstream.script("m", openai_completion("Answer 3."))
    talk.say("Three?", session_id)
    assert talk.sent()[-2:] == [("assistant", "Answer 2."), ("user", "Three?")]


def test_without_sessions_an_id_is_refused_and_none_is_given(talk: Talk) -> None:
    talk.set_up(session=None)
    assert "session_id" not in talk.send("Hi").json["meta"]
    assert talk.send("Hi", str(uuid4())).status_code == 422


@pytest.mark.parametrize("wrong", ["s-1", 7, ["x"], "0e2f0000-0000-4000-8000-0000000000c"])
def test_a_malformed_id_is_refused(talk: Talk, wrong: Any) -> None:
    answer = talk.send("Hi", wrong)
    assert answer.status_code == 422 and "session_id" in answer.json["error"]
    assert not talk.upstream.requests


def test_nobody_elses_session_can_be_gone_on_with(talk: Talk) -> None:
    acme, session_id = talk.world.acme, talk.say("My secret is 42.")
    other_key = keys.create(SYSTEM, acme.workspace.id, acme.project.id, {"name": "another"})
    add_endpoint(acme, "beside", "up/m", session={})
    beside = f"/api/{acme.project.id}/beside"
    body = {"message": "What is it?", "session_id": session_id}
    answers = [
        talk.send("What is it?", session_id, headers={"Authorization": f"Bearer {other_key.secret}"}),
        talk.client.post(beside, json=body, headers=talk.headers),
        talk.send("What is it?", str(uuid4())),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert {answer.json["error"] for answer in answers} == {FORBIDDEN}
    assert len(talk.upstream.requests) == 1


def test_a_rotated_key_keeps_its_sessions(talk: Talk) -> None:
    session_id, acme = talk.say("One?"), talk.world.acme
    made = key_rotation.rotate(SYSTEM, acme.workspace.id, acme.key.id)
    talk.headers = {"Authorization": f"Bearer {made.secret}"}
    assert talk.say("Two?", session_id) == session_id


def test_an_expired_session_is_gone_for_good(talk: Talk) -> None:
    session_id = talk.say("One?")
    passed = update(ChatSession).values(expires_at=utc_now() - timedelta(seconds=1))
    database.transaction(lambda session: session.execute(passed))
    answer = talk.send("Two?", session_id)
    assert answer.status_code == 410 and "expired" in answer.json["error"]
    assert rows(ChatSession) == rows(ChatTurn) == []
    assert talk.send("Two?", session_id).status_code == 403
    assert len(talk.upstream.requests) == 1


def test_a_full_session_is_refused_before_any_cost(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    make_prepaid(talk.world.acme, USD)
    talk.set_up(session={"max_messages": 3})
    session_id = talk.say("One?")
    talk.say("Two?", session_id)
    balance = account_of(talk.world.acme).balance_nano_usd
    full = talk.send("Three?", session_id)
    talk.set_up(session={"max_messages": 100, "max_tokens": 20})
    spent = talk.send("Three?", session_id)
    talk.set_up(session={})
    monkeypatch.setattr(rules, "MOST_BYTES", 200)
    long = talk.send("Three?" * 20, session_id)
    for answer, word in ((full, "3 messages"), (spent, "20 tokens"), (long, "pictures")):
        assert answer.status_code == 429 and word in answer.json["error"]
        assert answer.headers["X-Should-Retry"] == "false" and "Retry-After" not in answer.headers
    assert talk.say("Three?", session_id) == session_id
    assert len(talk.upstream.requests) == 3
    assert balance > account_of(talk.world.acme).balance_nano_usd
    assert mistakes() == []


def test_a_call_that_fails_leaves_nothing(talk: Talk) -> None:
    talk.upstream.script("m", error_reply(500), error_reply(500), error_reply(500))
    assert talk.send("One?").status_code == 502
    assert rows(ChatSession) == []
    talk.upstream.script("m", openai_completion("Answer."), openai_stream("Half", finish=None, done=False))
    session_id = talk.say("One?")
    cut = talk.send("Two?", session_id, stream=True)
    assert "error" in cut.get_data(as_text=True)
    talk.upstream.script("m", openai_completion("Answer."))
    talk.say("Three?", session_id)
    assert [text for _, text in talk.sent()] == ["Be brief.", "One?", "Answer.", "Three?"]


def test_what_guardrails_block_is_not_kept(talk: Talk) -> None:
    talk.set_up(guardrails={"keywords": {"action": "block", "words": ["Voldemort"]}})
    session_id = talk.say("One?")
    assert talk.send("Voldemort?", session_id).status_code == 422
    talk.say("Two?", session_id)
    assert ("user", "Voldemort?") not in talk.sent() and len(rows(ChatTurn)) == 2


def test_the_template_is_for_the_new_turn_and_tool_calls_are_kept(talk: Talk) -> None:
    talk.set_up(user_prompt_template="Say: {{input}}")
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    talk.upstream.script("m", openai_completion("", tool_calls=[call]), openai_completion("Noon."))
    path = f"/api/{talk.world.acme.project.id}/v1/chat/completions"
    tools = [{"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}]
    body = {"model": "talk", "messages": [{"role": "user", "content": "Time?"}], "tools": tools}
    first = talk.client.post(path, json=body, headers=talk.headers)
    body["session_id"] = first.json["sluice"]["session_id"]
    body["messages"] = [{"role": "tool", "tool_call_id": "c1", "content": "12:00"}]
    assert talk.client.post(path, json=body, headers=talk.headers).status_code == 200
    assert talk.upstream.requests[-1].json["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Time?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
    ]


def test_the_history_is_held_for_and_a_refused_hold_leaves_nothing(talk: Talk) -> None:
    make_prepaid(talk.world.acme, USD)
    session_id = talk.say("x" * 4_000)
    talk.say("Two?", session_id)
    first, second = (hold.amount_nano_usd for hold in rows(Reservation, Reservation.created_at))
    assert second > first > 4_000_000  # 4,000 bytes at 1,000 nano-dollars each
    poor = update(Account).values(balance_nano_usd=1_000_000)
    database.transaction(lambda session: session.execute(poor))
    before = [(turn.id, turn.state) for turn in in_order()]
    assert talk.send("Three?", session_id).status_code == 402
    assert [(turn.id, turn.state) for turn in in_order()] == before
    assert rows(ChatSession)[0].expires_at > utc_now() + timedelta(minutes=50)
    assert talk.send("Three?").status_code == 200  # without the history it fits
    make_poor = update(Account).values(balance_nano_usd=1_000)
    database.transaction(lambda session: session.execute(make_poor))
    assert talk.send("Four?").status_code == 402
    assert len(rows(ChatSession)) == 2


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The transactions that are begun, the outermost ones only."""
    found: list[str] = []
    run, at_once = Database._run, Lane.run

    def counted(self: Database, sessions: Any, work: Any) -> Any:
        outermost = not found or found[-1] != "under way"
        if not outermost:
            return run(self, sessions, work)
        found.append("under way")
        try:
            return run(self, sessions, work)
        finally:
            found[found.index("under way")] = "done"

    def stated(self: Lane, *args: Any) -> Any:
        found.append("done")
        return at_once(self, *args)

    monkeypatch.setattr(record_rows.writer, "put", lambda row: None)  # written beside the call, in batches
    monkeypatch.setattr(Database, "_run", counted)
    monkeypatch.setattr(Lane, "run", stated)
    yield found


@pytest.mark.parametrize("paid", ["from a balance", "within a budget", ""])
def test_a_turn_takes_two_transactions(talk: Talk, transactions: list[str], paid: str) -> None:
    acme = talk.world.acme
    if paid == "from a balance":
        make_prepaid(acme, USD)
    elif paid:
        set_budget(acme, "project", acme.project.id, "day", usd=USD)
    session_id = talk.say("One?")
    transactions.clear()
    talk.say("Two?", session_id)
    assert transactions == ["done", "done"]
    assert bool(rows(Reservation)) is bool(paid)


def test_where_the_whole_answer_is_too_dear_a_shorter_one_is_held(talk: Talk) -> None:
    talk.set_up(max_output_tokens=None)
    make_prepaid(talk.world.acme, 2_000_000)
    session_id = talk.say("One?")
    talk.say("Two?", session_id)
    limits = [request.json["max_tokens"] for request in talk.upstream.requests]
    assert 0 < limits[1] < limits[0] < 1_000  # with the history less is left for the answer
    assert [turn.state for turn in in_order()] == ["done", "done"] and mistakes() == []


def in_background(send: Any) -> threading.Thread:
    """Send from another thread."""
    thread = threading.Thread(target=send)
    thread.start()
    return thread


def until(condition: Any) -> None:
    """Wait until the condition holds."""
    pause = threading.Event()
    for _ in range(1_000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never came")


@pytest.mark.parametrize("prepaid", [True, False])
def test_concurrent_turns_run_in_the_order_in_which_they_came(talk: Talk, prepaid: bool) -> None:
    if prepaid:
        make_prepaid(talk.world.acme, USD)
    session_id, app = talk.say("Begin"), talk.client.application
    talk.upstream.script("m", *(openai_completion(f"To {number}.") for number in range(4)))
    answers: list[int] = []

    def send(number: int) -> None:
        body = {"message": f"Turn {number}", "session_id": session_id}
        answer = app.test_client().post(talk.path, json=body, headers=talk.headers)
        answers.append(answer.status_code)

    blocker = open_place(session_id)
    threads = []
    for number in range(4):
        threads.append(in_background(lambda n=number: send(n)))  # type: ignore[misc]
        until(lambda n=number: len(rows(ChatTurn)) == 3 + n)  # type: ignore[misc]
    assert len(talk.upstream.requests) == 1
    close_place(session_id, blocker)
    for thread in threads:
        thread.join(30)
    assert answers == [200] * 4
    assert [record.steps.get("turns", 0) > 0 for record in records()] == [False, *[True] * 4]
    said = [message["content"] for turn in in_order() for message in turn.messages]
    assert said[2:] == [text for n in range(4) for text in (f"Turn {n}", f"To {n}.")]
    assert talk.sent()[-1] == ("user", "Turn 3")
    if prepaid:
        assert mistakes() == []


def open_place(session_id: str) -> str:
    """Let another call, of another worker, be at its turn in the session."""

    def work(session: Any) -> str:
        found = session.get(ChatSession, session_id)
        turn = ChatTurn(
            session_id=session_id, workspace_id=found.workspace_id, number=2, state="open",
            expires_at=utc_now() + timedelta(minutes=10),
        )  # fmt: skip
        session.add(turn)
        session.flush()
        return str(turn.id)

    return database.transaction(work)


def close_place(session_id: str, turn_id: str) -> None:
    """Let that call end."""
    ended = chat_sessions.TurnEnd(session_id, turn_id, (), 0, 3600)
    database.transaction(lambda session: chat_sessions.end_turn(session, ended))


def in_order() -> list[ChatTurn]:
    return sorted(rows(ChatTurn), key=lambda turn: turn.number)


def test_whoever_waits_too_long_is_told_so_and_gives_the_place_up(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_holds, "WAIT_SECONDS", 0.0)
    session_id = talk.say("One?")
    open_place(session_id)
    answer = talk.send("Two?", session_id)
    assert answer.status_code == 409 and "still being answered" in answer.json["error"]
    assert [turn.state for turn in in_order()] == ["done", "open"]


def test_the_turn_of_a_call_that_died_stops_nobody(talk: Talk) -> None:
    session_id = talk.say("One?")
    open_place(session_id)
    died = update(ChatTurn).where(ChatTurn.state == "open").values(expires_at=utc_now())
    database.transaction(lambda session: session.execute(died))
    talk.say("Two?", session_id)
    assert [turn.state for turn in in_order()] == ["done", "done"]


def test_a_session_takes_only_so_many_who_wait(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_sessions, "MOST_OPEN", 1)
    session_id = talk.say("One?")
    open_place(session_id)
    assert talk.send("Two?", session_id).status_code == 409
    assert len(rows(ChatTurn)) == 2


def test_a_request_sent_again_is_answered_from_the_first_even_when_its_session_is_gone(talk: Talk) -> None:
    headers = {**talk.headers, "Idempotency-Key": "once"}
    first = talk.send("One?", headers=headers)
    again = talk.send("One?", headers=headers)
    assert again.json == first.json and len(rows(ChatTurn)) == 1
    session_id = first.json["meta"]["session_id"]
    headers["Idempotency-Key"] = "twice"
    second = talk.send("Two?", session_id, headers=headers)
    database.transaction(lambda session: session.execute(update(ChatSession).values(expires_at=utc_now())))
    assert talk.send("Two?", session_id, headers=headers).json == second.json
    assert talk.send("Three?", session_id, headers={**headers, "Idempotency-Key": "new"}).status_code == 410


def test_a_key_reads_and_erases_its_own_sessions_only(talk: Talk) -> None:
    session_id = talk.say("One?")
    acme, path = talk.world.acme, f"/api/{talk.world.acme.project.id}/sessions/{talk.say('Other?')}"
    talk.say("Two?", session_id)
    mine = path.rpartition("/")[0] + f"/{session_id}"
    told = talk.client.get(mine, headers=talk.headers).json
    assert told["ok"] and told["endpoint"] == "talk" and told["tokens"] == 20
    texts = [message["content"] for message in told["messages"]]
    assert texts == ["One?", "Answer 1.", "Two?", "Answer 3."]
    made = keys.create(SYSTEM, acme.workspace.id, acme.project.id, {"name": "another"})
    another = {"Authorization": f"Bearer {made.secret}"}
    for send in (talk.client.get, talk.client.delete):
        refused = send(mine, headers=another)
        assert refused.status_code == 403 and refused.json["error"] == FORBIDDEN
    assert talk.client.delete(mine, headers=talk.headers).json["deleted"] is True
    assert talk.client.get(mine, headers=talk.headers).status_code == 403
    assert talk.send("Three?", session_id).status_code == 403
    database.transaction(lambda session: session.execute(update(ChatSession).values(expires_at=utc_now())))
    assert talk.client.get(path, headers=talk.headers).status_code == 410
    assert rows(ChatSession) == rows(ChatTurn) == []


def test_what_is_erased_while_it_is_answered_stays_erased(talk: Talk) -> None:
    session_id = talk.say("One?")
    turn_id = open_place(session_id)
    path = f"/api/{talk.world.acme.project.id}/sessions/{session_id}"
    assert talk.client.delete(path, headers=talk.headers).status_code == 200
    said = ({"role": "user", "content": "Two?"},)
    ended = chat_sessions.TurnEnd(session_id, turn_id, said, 10, 3600)
    database.transaction(lambda session: chat_sessions.end_turn(session, ended))
    assert rows(ChatSession) == rows(ChatTurn) == []


def test_sessions_past_their_time_are_purged(talk: Talk) -> None:
    kept, over = talk.say("One?"), talk.say("Two?")
    passed = update(ChatSession).where(ChatSession.id == over).values(expires_at=utc_now())
    database.transaction(lambda session: session.execute(passed))
    maintenance.purge_sessions()
    assert [row.id for row in rows(ChatSession)] == [kept] and len(rows(ChatTurn)) == 1


def test_who_sends_only_variables_said_what_the_template_makes_of_them(talk: Talk) -> None:
    about = {"user_prompt_template": "Greet {{name}}.", "variables": [{"name": "name", "type": "string"}]}
    talk.set_up(**about)
    first = talk.client.post(talk.path, json={"variables": {"name": "Ann"}}, headers=talk.headers)
    body = {"variables": {"name": "Bob"}, "session_id": first.json["meta"]["session_id"]}
    assert talk.client.post(talk.path, json=body, headers=talk.headers).status_code == 200
    assert [text for _, text in talk.sent()] == ["Be brief.", "Greet Ann.", "Answer 1.", "Greet Bob."]


def test_what_guardrails_took_out_stays_out_of_the_session(talk: Talk) -> None:
    talk.set_up(guardrails={"pii": {"kinds": ["email"], "action": "redact", "on": "input"}})
    talk.upstream.script("m", openai_completion("Is [[EMAIL_001]] right?"), openai_completion("Done."))
    first = talk.send("Write to ann@example.org")
    assert first.json["content"] == "Is ann@example.org right?"
    session_id = talk.say("No, to bob@example.org", first.json["meta"]["session_id"])
    assert [text for _, text in talk.sent()] == [
        "Be brief.",
        "Write to [[EMAIL_001]]",
        "Is [[EMAIL_001]] right?",
        "No, to [[EMAIL_002]]",
    ]
    path = f"/api/{talk.world.acme.project.id}/sessions/{session_id}"
    assert "example.org" not in talk.client.get(path, headers=talk.headers).text


def test_what_no_database_takes_does_not_stand_in_the_way_of_the_charge(talk: Talk) -> None:
    make_prepaid(talk.world.acme, USD)
    talk.upstream.script("m", openai_completion("A\x00B"))
    session_id = talk.say("C\x00D")
    ended = chat_sessions.TurnEnd(session_id, open_place(session_id), ({"content": "E\ud800F"},), 1, 3600)
    database.transaction(lambda session: chat_sessions.end_turn(session, ended))
    said = [message["content"] for turn in in_order() for message in turn.messages]
    assert said == ["C\ufffdD", "A\ufffdB", "E?F"]
    assert mistakes() == []


def test_a_turn_that_is_ended_again_counts_once(talk: Talk) -> None:
    session_id = talk.say("One?")
    said = ({"role": "user", "content": "Two?"}, {"role": "assistant", "content": "Yes."})
    ended = chat_sessions.TurnEnd(session_id, open_place(session_id), said, 7, 3600)
    for _ in range(2):
        database.transaction(lambda session: chat_sessions.end_turn(session, ended))
    late = chat_sessions.TurnEnd(session_id, ended.turn_id, (), 0, 3600)
    database.transaction(lambda session: chat_sessions.end_turn(session, late))
    [session] = rows(ChatSession)
    assert (session.messages, session.tokens, len(rows(ChatTurn))) == (4, 17, 2)
