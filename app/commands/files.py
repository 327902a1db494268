"""Configuration as a file: `apply` takes it, `export` writes it."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

import click
import orjson
from flask import current_app
from flask.cli import with_appcontext

from app.commands.schema import upgrade
from app.domain import apply_file, strict_yaml
from app.domain.actors import SYSTEM
from app.services.apply import PruneNeedsYes, apply
from app.services.export import export


@click.command("apply")
@click.argument("file", type=click.File("rb"))
@click.option("--prune", is_flag=True, help="Also switch off what the file does not name; shows it first.")
@click.option("--yes", is_flag=True, help="Really do what --prune shows.")
@with_appcontext
def apply_command(file: BinaryIO, prune: bool, yes: bool) -> None:
    """Bring workspaces to what FILE says, all or nothing.

    FILE is YAML or JSON; - is standard input. Prints one JSON object: what was created, changed, unchanged
    and pruned, and every key minted now with its secret, which cannot be read again. ${NAME} in the file
    stands for an environment variable.
    """
    document = apply_file.read(file.read(apply_file.MOST_BYTES + 1), os.environ)
    upgrade()
    timezone = current_app.config["SETTINGS"].timezone
    try:
        report = apply(SYSTEM, document, timezone=timezone, prune_rest=prune, yes=yes)
    except PruneNeedsYes as error:
        print_json({"would_prune": error.paths})
        raise
    print_json(report.as_dict())


@click.command("export")
@click.option("--workspace", metavar="NAME", help="Only this workspace.")
@with_appcontext
def export_command(workspace: str | None) -> None:
    """Print the configuration in the form that `apply` takes, secrets as ${NAME}."""
    click.echo(strict_yaml.dump(export(SYSTEM, workspace)), nl=False)


def print_json(value: object) -> None:
    """Write one JSON object to standard output."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
