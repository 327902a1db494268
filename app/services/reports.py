"""Light mode: what came of calls that clients made themselves, kept apart from all that is metered (O48)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.database import database
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.endpoints import EndpointConfig
from app.domain.ids import new_id
from app.domain.light import costs, reports
from app.domain.light.told import Report
from app.domain.model_names import AUTO
from app.domain.policies.governed import Governed
from app.domain.policies.rules import DOWNGRADE
from app.domain.records import Record
from app.domain.rollouts import Arm
from app.domain.targets import REPORT, Target
from app.models import Key, ReportedHour
from app.services import (
    advice,
    arm_counts,
    idempotency,
    model_targets,
    policy_targets,
    record_rows,
    record_store,
    usage_hours,
)

SOURCE = "reported"


@dataclass(frozen=True, slots=True)
class Kept:
    """Under which record a report counts, and whether it had been sent before."""

    record_id: str
    request_id: str  # the client's own, else ours
    duplicate: bool


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return what the policy says of the reported call: version and arm are not for the client to say."""
    model_targets.check_key(caller)
    context, report = reports.read(call.body, call.headers.get(advice.REQUEST_ID), datetime.now(UTC))
    policy = advice.policy_of(caller, context, fresh=fresh)
    call.report = report
    call.told = told = replace(report.told, tier="", input_tokens=report.input_tokens)
    asked = advice.asked_of(caller, context, told, fresh=fresh)
    governed, arm = policy_targets.govern(policy, asked)
    return Target(
        workspace_id=caller.workspace_id,
        project_id=caller.project_id,
        endpoint_id=None,
        slug=policy.key,
        version=None,
        config=EndpointConfig(model=asked.requested[0]),
        candidates=(),
        skipped=(),
        log_content=False,
        config_stamp=policy.config_stamp,
        read_at=policy.read_at,
        operation=REPORT,
        requested=asked.requested[0],
        policy=governed,
        arm=arm,
    )


def keep(record: Record) -> Kept:
    """Store a report once for each id of a request, in one transaction; the same again counts no more."""
    row, numbers = rows_of(record)
    own_id, mark = row["client_request_id"], fingerprint(record.call)

    def work(session: Session) -> Kept:
        if own_id is not None:
            counted_as = idempotency.claim_report(session, caller_of(record), own_id, mark, row["id"])
            if counted_as != row["id"]:
                return Kept(counted_as, own_id, duplicate=True)
        store(session, row, numbers)
        return Kept(row["id"], own_id or row["id"], duplicate=False)

    return database.transaction(work)


def store(session: Session, row: dict[str, Any], numbers: dict[str, Any]) -> None:
    """Insert the record, and count the client's numbers where such numbers are counted."""
    record_store.insert(session, [row])
    session.execute(update(Key).where(Key.id == row["key_id"]).values(last_used_at=datetime.now(UTC)))
    usage_hours.add(session, [numbers], ReportedHour)
    arm_counts.add(session, [numbers])


def rows_of(record: Record) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the record, whose metered columns are 0, and the same with the client's own numbers."""
    report, target = record.call.report, record.target
    assert report is not None and target is not None and target.policy is not None
    notes = notes_on(report, target.policy, target.arm)
    if notes:  # the call may have been made under another version: it counts for no side of the rollout
        record.target = target = replace(target, arm=None)
    used = used_model(report, target)
    elsewhere = replace(caller_of(record), asks_elsewhere=report.told.provider)
    facts = model_targets.facts_of(elsewhere, used) if used else None
    requested = model_targets.facts_of(elsewhere, target.requested)
    cost, saved = costs.cost_of(facts, report), costs.saved_nano_usd(requested, facts, report)
    row = {**plain_row(record, report), **answered(used)}
    row["reported"] = told(report, cost, saved, notes)
    numbers = {
        "input_tokens": report.input_tokens,
        "output_tokens": report.output_tokens,
        "cost_nano_usd": report.cost_nano_usd if cost is None else cost,
        "savings_nano_usd": saved,
        "duration_ms": report.latency_ms,
        "cached": report.from_cache,
        "stands_alone": target.arm is not None and target.arm.compared_with > 0,  # nobody asks it in shadow
    }
    return row, {**row, **numbers}


def plain_row(record: Record, report: Report) -> dict[str, Any]:
    """Return the record's columns: nothing was asked, used or paid here."""
    assert record.target is not None and record.target.policy is not None
    made_at = report.made_at
    row = record_rows.complete(record_rows.row_of(record))
    own_id = record.target.policy.context.request_id
    row |= {
        "source": SOURCE,
        "operation": "chat",
        "client_request_id": own_id,
        "tag": report.tags[0] if report.tags else None,
        "outcome": report.outcome,
        "status": report.status,
        "error_code": report.error_code or ("policy_blocked" if report.outcome == "refused" else None),
        "cost_nano_usd": 0,
        "savings_nano_usd": None,
        "duration_ms": 0,
    }
    if made_at is not None:
        row |= {"id": new_id(int(made_at.timestamp() * 1000)), "created_at": made_at}
    return row


def used_model(report: Report, target: Target) -> str:
    """Return the model that answered: as reported, else as the policy says, else the one asked for.

    Empty: nobody said.
    """
    assert target.policy is not None
    ruling = target.policy.ruling
    if report.used or report.outcome == "refused":
        return report.used
    if (report.action or ruling.action) == DOWNGRADE and ruling.action == DOWNGRADE:
        return ruling.models[0]
    return "" if target.requested == AUTO else target.requested


def answered(used: str) -> dict[str, Any]:
    """Return the columns of the model that answered."""
    provider, slash, name = used.partition("/")
    if not slash:
        return {"provider": None, "model_answered": used or None}
    return {"provider": provider[:64].lower(), "model_answered": name}


def notes_on(report: Report, policy: Governed, arm: Arm | None) -> list[str]:
    """Return where the client's word differs from what the policy says of its user now."""
    notes = []
    if report.version not in (None, policy.version):
        notes.append(f"The client says version {report.version} of the policy; now it is {policy.version}.")
    if report.arm and report.arm != (arm.name if arm else ""):
        now = f"it is on the {arm.name} one" if arm else "there is no rollout"
        notes.append(f"The client says the {report.arm} side of a rollout; now {now}.")
    if arm and arm.since and report.made_at and report.made_at < arm.since:
        notes.append("The call was made before the rollout came to its share of now.")
    return notes


def told(report: Report, cost: int | None, saved: int | None, notes: list[str]) -> dict[str, Any]:
    """Return the client's own numbers, beside what the catalog's prices make of them."""
    return {
        "input_tokens": report.input_tokens,
        "output_tokens": report.output_tokens,
        "total_tokens": report.total_tokens,
        "cache_status": report.cache_status,
        "action": report.action or None,
        "latency_ms": report.latency_ms,
        "cost_nano_usd": report.cost_nano_usd,
        "catalog_nano_usd": cost,
        "savings_nano_usd": saved,
        "policy_version": report.version,
        "arm": report.arm or None,
        "prompt_version": report.told.prompt_version or None,
        "task_type": report.told.task_type or None,
        "tags": list(report.tags),
        "notes": notes,
    }


def fingerprint(call: Call) -> str:
    """Return what tells one report from another, however its JSON is written."""
    written = json.dumps({"light": call.body}, sort_keys=True)
    return hashlib.sha256(written.encode(errors="replace")).hexdigest()


def caller_of(record: Record) -> Caller:
    """Return who reports."""
    assert record.caller is not None
    return record.caller
