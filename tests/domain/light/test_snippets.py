"""Light mode's samples: real addresses, well-formed, and no key in them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from app.domain.light import asks, reports
from app.domain.light.snippets import LightCall, snippets

CALL = LightCall("https://ai.example.com", "o'chat", "openai/gpt-4o-mini")


def test_each_sample_asks_then_reports_with_only_its_variables() -> None:
    samples = {sample.id: sample.code for sample in snippets(CALL)}
    assert list(samples) == ["python", "typescript", "curl"]
    for code in samples.values():
        assert code.index("/runtime/light/advice") < code.index("/runtime/light/requests")
        assert "https://ai.example.com" in code
        assert set(re.findall(r"[A-Z]+_[A-Z_]+", code)) == {"KAGU_API_BASE_URL", "KAGU_PROJECT_API_KEY"}
    compile(samples["python"], "python", "exec")


def test_what_they_send_is_read() -> None:
    bodies = [json.loads(json.dumps(body)) for body in (CALL.asked, CALL.reported)]
    context, told = asks.read(bodies[0], None)
    assert context.policy_key == "o'chat" and told.model == CALL.model and not told.unknown
    report = reports.read(bodies[1], None, datetime.now(UTC))[1]
    assert report.total_tokens == 1_020 and not report.told.unknown
