"""What must hold in the books, in words for people: each check, and what to do where it finds something."""

from __future__ import annotations

from dataclasses import dataclass

DAMAGE = (
    "Nothing is mended by itself. Find out who changed the database, then correct it with a backup at hand."
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold. A report only informs: small differences are normal there."""

    title: str
    advice: str
    is_report: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a check does not hold: in what, what should stand there, and what does."""

    check: str
    workspace_id: str
    thing: str
    expected: str
    found: str


CHECKS = {
    "balance": Check(
        "Each balance is the sum of its ledger",
        f"Somebody or something changed the balance or the ledger beside the product. {DAMAGE}",
    ),
    "limits": Check(
        "No balance is negative, and no more is held than there is",
        f"Only a change of the database beside the product can do this. {DAMAGE}",
    ),
    "chain": Check(
        "Each ledger entry continues the one before it",
        f"An entry was removed, inserted or changed. {DAMAGE}",
    ),
    "held": Check(
        "What an account holds is what its open calls hold",
        "Credit may be kept from being spent, or be spent twice. If it is still here after a quarter of an "
        f"hour without calls, correct it. {DAMAGE}",
    ),
    "charged": Check(
        "Each charged call stands in the ledger once, with its amount",
        f"A ledger entry is missing or another amount stands in it. {DAMAGE}",
    ),
    "stray": Check(
        "Each charge in the ledger belongs to a call",
        f"Somebody was charged for a call that is not there. Credit it by a correction. {DAMAGE}",
    ),
    "most": Check(
        "No call was charged more than was held for it",
        f"Credit the difference by a correction. {DAMAGE}",
    ),
    "budget": Check(
        "A budget counts what its calls hold and were charged",
        f"Calls may be refused too early or too late until the period ends. {DAMAGE}",
    ),
    "stuck": Check(
        "No hold outlives its call",
        "Every web process ends expired holds within seconds. See that one runs, and look into its log for "
        "“cannot be swept”.",
    ),
    "day": Check(
        "A day's spend is what the ledger charged on it",
        f"Alerts on a day's spend may come too early or too late. {DAMAGE}",
    ),
    "key": Check(
        "No Idempotency-Key waits for a call that has ended",
        "The same request is answered “in flight” until the key expires, after a day. A new one helps.",
    ),
    "provider": Check(
        "A provider's day counts the calls that left receipts",
        "A call over midnight or a lost receipt makes a small difference; a growing one means lost receipts.",
        is_report=True,
    ),
    "hour": Check(
        "An hour's usage is the sum of its receipts",
        "The charts are off by this much. What was charged is not touched.",
        is_report=True,
    ),
}
