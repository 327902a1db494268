"""Whether the books add up."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from app.commands.files import print_json
from app.domain.actors import SYSTEM
from app.domain.books import CHECKS, Finding
from app.services import books, workspaces
from app.services.books import Result


@click.command("audit")
@click.option("--workspace", metavar="NAME", help="Only this workspace.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_appcontext
def audit(workspace: str | None, as_json: bool) -> None:
    """Check that balances, holds, budgets and ledger agree, to the last nano-dollar.

    Looks at everything that was ever booked, in one snapshot, and changes nothing. Exit code 0: all right;
    1: something was found.
    """
    result = books.check(SYSTEM, workspace)
    if as_json:
        print_json(as_dict(result))
    else:
        show(result)
    if result.findings:
        sys.exit(1)


def as_dict(result: Result) -> dict[str, object]:
    """Return the result as JSON values."""
    return {
        "ok": not result.findings,
        "at": result.at,
        "findings": as_rows(result.findings),
        "reports": as_rows(result.reports),
    }


def as_rows(findings: list[Finding]) -> list[dict[str, object]]:
    """Return findings with their words."""
    names = names_by_id()
    words = ((each, CHECKS[each.check], names.get(each.workspace_id)) for each in findings)
    return [
        {**asdict(each), "workspace": name, "title": check.title, "advice": check.advice}
        for each, check, name in words
    ]


def names_by_id() -> dict[str, str]:
    """Return the names of all workspaces."""
    return {row.id: row.name for row in workspaces.list_all(SYSTEM)}


def show(result: Result) -> None:
    """Print each check and what it found, then what to do."""
    names = names_by_id()
    for name, check in CHECKS.items():
        found = [each for each in (*result.findings, *result.reports) if each.check == name]
        click.echo(f"{check.title:<62} {verdict(found, is_report=check.is_report)}")
        for finding in found:
            click.echo(f"  {names.get(finding.workspace_id, '')}: {finding.thing}")
            click.echo(f"    expected: {finding.expected}; found: {finding.found}")
        if found:
            click.echo(f"  {check.advice}")
    count = len(result.findings)
    click.echo("The books are all right." if not count else f"Found: {count}. Nothing was changed.")


def verdict(found: list[Finding], *, is_report: bool) -> str:
    """Say how a check went."""
    if not found:
        return "all right"
    return f"{len(found)} to look at" if is_report else f"{len(found)} found"
