"""A version's changes in the words of its forms, whatever part of an endpoint changed."""

from __future__ import annotations

from flask import Flask

from app.dashboard.change_words import changes
from app.domain.endpoints import EndpointConfig, parse_config

RULE = {"label": "long ones", "model": "demo/b", "when": {"input_tokens": {"gt": 2000}, "streaming": False}}
FULL = {
    "model": "demo/a",
    "variables": [{"name": "tone", "type": "enum", "options": ["kind", "short"], "required": True}],
    "guardrails": {
        "pii": {"action": "redact", "kinds": ["email"], "on": "input"},
        "patterns": {"action": "mask", "patterns": [{"name": "order", "pattern": "A-[0-9]+"}]},
        "language": {"allowed": ["de"], "action": "flag"},
    },
    "session": {"ttl_seconds": 7200, "max_messages": 10},
    "routing": [RULE],
    "cache_seconds": 86_400,
}


def test_parts_are_told_by_their_labels(app: Flask) -> None:
    with app.test_request_context():
        found = {each.field: each for each in changes(EndpointConfig("demo/a"), parse_config(FULL))}
    lines = {name: [line.text for line in each.lines] for name, each in found.items()}
    assert "“tone” → Kind: One of a few" in lines["variables"]
    assert "“tone” → Must be filled in: yes" in lines["variables"]
    assert "Personal data → What happens: hides it and puts it back" in lines["guardrails"]
    assert "Personal data → What to look for: E-mail addresses" in lines["guardrails"]
    assert "Patterns of your own → Patterns → “order” → Pattern: A-[0-9]+" in lines["guardrails"]
    assert "Language → Languages to let through: German" in lines["guardrails"]
    assert "Forgotten after: 2 hours" in lines["session"]
    when = "the request’s length in tokens is above 2000, the answer is not streamed"
    assert f"“long ones” → When: {when}" in lines["routing"]
    assert found["cache_seconds"].after == "1 day"
