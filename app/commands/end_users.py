"""End users of the workspaces: erased on request."""

from __future__ import annotations

from math import inf

import click
from flask.cli import with_appcontext

from app.domain.actors import SYSTEM
from app.domain.errors import InvalidInput
from app.services import erasures, workspaces


@click.command("erase-end-user")
@click.argument("workspace")
@click.argument("end_user")
@with_appcontext
def erase_end_user(workspace: str, end_user: str) -> None:
    """Erase what WORKSPACE keeps of END_USER; every sum stays as it is."""
    row = workspaces.get_by_name(SYSTEM, workspace)
    if row is None:
        raise InvalidInput(f"There is no workspace “{workspace}”.")
    erased = erasures.erase(SYSTEM, row.id, end_user, seconds=inf)
    parts = f"{erased.conversations} conversations, {erased.memories} memories"
    click.echo(f"Erased from {erased.requests} requests; {parts}.")
