"""The filters of the list of requests: read from the URL, and written into links again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from app.domain.ids import is_uuid
from app.services.receipts import Cursor, Filters

NAMES = (
    "outcome",
    "project",
    "endpoint_id",
    "who",
    "model",
    "source",
    "end_user",
    "provider",
    "exact_model",
    "range",
    "since",
    "until",
    "id",
    "policy",
    "action",
    "arm",
    "live",
)
RARE = (
    "project", "source", "end_user", "provider", "exact_model", "since", "until", "id", "policy", "action",
    "arm",
)  # fmt: skip
RANGES = {"15m": 15, "1h": 60, "24h": 24 * 60, "7d": 7 * 24 * 60, "30d": 30 * 24 * 60}  # minutes


@dataclass(frozen=True, slots=True)
class Asked:
    """What the URL asks for: filters, place in the list, and the fields as they were typed."""

    filters: Filters
    cursor: Cursor | None
    fields: dict[str, str]
    paused: bool

    @property
    def is_live(self) -> bool:
        """Say whether newer requests would belong on this page."""
        until = self.filters.until
        return self.cursor is None and not self.paused and (until is None or until > datetime.now(UTC))

    @property
    def is_filtered(self) -> bool:
        """Say whether anything but pausing is asked for."""
        return any(self.fields[name] for name in NAMES if name != "live")

    @property
    def is_rare(self) -> bool:
        """Say whether a filter is set that the form folds away."""
        return any(self.fields[name] for name in RARE)

    def link(self, **changes: str) -> dict[str, Any]:
        """Return the arguments of a link to this list, with changes."""
        return {name: value for name, value in {**self.fields, **changes}.items() if value}


def read(args: MultiDict[str, str]) -> Asked:
    """Read the URL; what makes no sense does not restrict."""
    fields = {name: args.get(name, "").strip()[:200] for name in NAMES}
    return Asked(filters_of(fields), read_cursor(args), fields, paused=fields["live"] == "off")


def filters_of(fields: dict[str, str]) -> Filters:
    """Return the filters that the fields stand for."""
    return Filters(
        outcome=fields["outcome"],
        endpoint_id=fields["endpoint_id"] if is_uuid(fields["endpoint_id"]) else "",
        project_id=fields["project"] if is_uuid(fields["project"]) else "",
        who=fields["who"],
        model=fields["model"],
        source=fields["source"],
        end_user=fields["end_user"],
        provider=fields["provider"],
        exact_model=fields["exact_model"],
        since=latest(range_start(fields["range"]), moment(fields["since"])),
        until=moment(fields["until"]),
        request_id=fields["id"],
        policy_key=fields["policy"].lower(),
        action=fields["action"],
        arm=fields["arm"],
    )


def range_start(name: str) -> datetime | None:
    """Return the start of a named range that ends now."""
    return datetime.now(UTC) - timedelta(minutes=RANGES[name]) if name in RANGES else None


def moment(text: str) -> datetime | None:
    """Read what a date and time field sends, in UTC; None when it is empty or not readable."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def latest(first: datetime | None, second: datetime | None) -> datetime | None:
    """Return the later of two starts."""
    starts = [start for start in (first, second) if start is not None]
    return max(starts) if starts else None


def read_cursor(args: MultiDict[str, str]) -> Cursor | None:
    """Return the place in the list: `before` leads to older requests, `after` to newer ones."""
    for name, forward in (("before", True), ("after", False)):
        at, _, row_id = args.get(name, "").partition("_")
        if at.isdecimal() and len(at) < 18 and is_uuid(row_id):
            moment_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(at))
            return Cursor(moment_at, row_id, forward)
    return None


def write_cursor(cursor: Cursor | None) -> str:
    """Write a place in the list into a URL; empty without one."""
    if cursor is None:
        return ""
    since_epoch = cursor.created_at - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{since_epoch // timedelta(microseconds=1)}_{cursor.id}"
