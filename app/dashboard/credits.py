"""Credits: the balance, what calls under way hold of it, and the ledger; operators move money."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, g, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import books, credit_words, csv_files, forms, pages
from app.dashboard.auth import actor
from app.domain.errors import Conflict, InvalidInput, NotAllowed
from app.domain.ids import new_id
from app.domain.ledger import KINDS
from app.domain.pricing import format_usd, nano_to_usd
from app.models import LedgerEntry
from app.services import accounts, credits, ledger

blueprint = Blueprint("credits", __name__, url_prefix="/w/<workspace>/credits")
COLUMNS = ("number", "created_at", "kind", "amount_usd", "balance_after_usd", "ref", "reason", "actor_label")
MOVES = {"top_up": credits.top_up, "adjustment": credits.adjust, "refund": credits.refund}


@blueprint.get("")
def index() -> Response:
    """Show where the account stands and a page of its ledger."""
    kind, before, after = chosen_kind(), place("before"), place("after")
    page = ledger.list_page(actor(), g.workspace.id, kind=kind, before=before, after=after)
    return pages.page(
        "credits/index.html",
        part="credits/_ledger.html",
        root=accounts.find(actor(), g.workspace.id),
        standing=ledger.standing(actor(), g.workspace.id),
        page=page,
        kind=kind,
        newer=link(kind, after=page.newer),
        older=link(kind, before=page.older),
        is_first=before is None and after is None,
        is_operator=actor().is_operator,
        words=credit_words,
        format_usd=format_usd,
        books=books.badge(),
    )


@blueprint.get("/ledger.csv")
def export() -> Response:
    """Send the ledger as a file."""
    rows = ledger.export(actor(), g.workspace.id, chosen_kind())
    return csv_files.answer("ledger", COLUMNS, lines(rows))


@blueprint.get("/new")
def new() -> Response:
    """Show the form that moves money. Operators only."""
    require_operator()
    return form_page(chosen_move(request.args.get("kind", "")), {"ref": new_id()})


@blueprint.post("")
def create() -> Response:
    """Move the money, once for each form."""
    kind = chosen_move(forms.text("kind"))
    typed = {name: forms.text(name).strip() for name in ("usd", "ref", "reason")}
    try:
        entry = MOVES[kind](actor(), g.workspace.id, {**typed, "usd": forms.amount("usd")})
    except (InvalidInput, Conflict) as error:
        return form_page(kind, typed, error)
    after = format_usd(entry.balance_after_nano_usd)
    message = _("Done: %(amount)s. The balance is %(after)s.", amount=credit_words.amount(entry), after=after)
    return pages.see("credits.index", message)


def lines(rows: Iterator[LedgerEntry]) -> Iterator[list[str]]:
    """Yield the cells of each entry."""
    for entry in rows:
        amounts = {
            "amount_usd": nano_to_usd(credit_words.signed_nano_usd(entry)),
            "balance_after_usd": nano_to_usd(entry.balance_after_nano_usd),
        }
        yield [amounts.get(name) or csv_files.cell(getattr(entry, name)) for name in COLUMNS]


def chosen_kind() -> str:
    """Return the kind of entries that the address asks for."""
    kind = request.args.get("kind", "")
    return kind if kind in KINDS else ""


def chosen_move(kind: str) -> str:
    """Return what the form is for."""
    return kind if kind in MOVES else "top_up"


def place(name: str) -> int | None:
    """Return an entry's number from the address; anything else counts as absent."""
    typed = request.args.get(name, "")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else None


def link(kind: str, **beside: int | None) -> str:
    """Return the address of the page beside this one; empty where there is none."""
    values: dict[str, Any] = {name: number for name, number in beside.items() if number is not None}
    return url_for("credits.index", kind=kind or None, **values) if values else ""


def require_operator() -> None:
    """Refuse the form to those who may not send it."""
    if not actor().is_operator:
        raise NotAllowed(_("Only an operator moves money."))


def form_page(kind: str, values: dict[str, Any], error: InvalidInput | Conflict | None = None) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    return pages.page(
        "credits/new.html",
        kind=kind,
        values=values,
        errors=pages.errors_of(error) if error else {},
        root=accounts.find(actor(), g.workspace.id),
        paid_in=credits.refundable(actor(), g.workspace.id),
        format_usd=format_usd,
        status=error.status if error else 200,
    )
