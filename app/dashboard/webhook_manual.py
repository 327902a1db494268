"""What the manual says of alert rules and webhooks: their names, a file, and a receiver to copy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from app.dashboard import alert_rule_form, webhook_words
from app.domain.webhooks import EVENTS, MOST_TRIES

RECEIVER = Path(__file__).resolve().parents[2] / "templates" / "docs" / "webhook_receiver.py"
FILE = """\
workspaces:
  - name: Acme
    alerts:
      rules:
        - name: Support gets dear
          metric: spend
          where: {project: Support, plan: pro}
          window: day                # 5m | 1h | day | month
          direction: over            # over | under
          bound: "20.00"
        - {name: Odd failures, metric: error_rate, kind: anomaly, by: [webhook]}
    webhooks:
      - name: Pager
        url: https://hooks.example.com/sluice
        events: [alert.created, rollout.rolled_back]   # none: all of them
        secret: "${HOOK_SECRET}"     # none: minted, and shown in the result, once
    projects:
      - {name: Support}
"""
RULE_SAMPLE = """\
curl -X POST "{root}/api/v1/alert-rules" \\
  -H "Authorization: Bearer $SLUICE_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"name": "Slow answers", "metric": "p95_latency", "window": "1h", "bound": 8000}}'
"""
PAYLOAD = """\
{
  "id": "01a200a8-42b0-7024-aabe-8ac6c058beac",
  "type": "alert.created",
  "created": 1795307356,
  "data": {
    "workspace": "acme",
    "kind": "rule",
    "rule": "Support gets dear",
    "metric": "spend",
    "measured": "$24.00",
    "bound": "$20.00",
    "window": "day",
    "where": {"project": "Support", "plan": "pro"},
    "calls": 8
  }
}
"""


def context(root: str) -> dict[str, Any]:
    """Return what the parts about alert rules and webhooks show."""
    return {
        "rules_file": FILE,
        "alert_rule_sample": RULE_SAMPLE.format(root=root),
        "webhook_payload": PAYLOAD,
        "webhook_receiver": receiver(),
        "webhook_events": [(name, webhook_words.event(name)) for name in EVENTS],
        "webhook_tries": MOST_TRIES,
        "alert_metrics": [one for _, group in alert_rule_form.metrics() for one in group],
    }


@cache
def receiver() -> str:
    """Return the sample receiver as it is run by its test."""
    return RECEIVER.read_text(encoding="utf-8")
