"""The command line, bin/sluice: everything an operator does without a browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import click
from flask import Flask
from flask.cli import ScriptInfo
from redis import RedisError
from sqlalchemy.exc import DBAPIError

from app.commands import books, checks, end_users, files, people, processes
from app.config import ConfigError
from app.domain.errors import GatewayError

COMMANDS = (
    books.audit,
    checks.check,
    end_users.erase_end_user,
    files.apply_command,
    files.export_command,
    people.create_admin,
    people.setup_link,
    people.reset_link,
    processes.migrate,
    processes.worker,
)


def register(app: Flask) -> None:
    """Add the commands to the application."""
    for command in COMMANDS:
        app.cli.add_command(command)


def main(create_app: Callable[[], Flask]) -> None:
    """Run a command; what is wrong with the settings, the input or a server is one line."""
    os.umask(0o077)
    group = click.Group("sluice", commands=list(COMMANDS), help="Run Sluice without a browser.")
    group.context_settings = {"terminal_width": 110}
    info = ScriptInfo(create_app=create_app, set_debug_flag=False)
    try:
        group.main(prog_name="bin/sluice", standalone_mode=False, obj=info)
    except click.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        fail(error.format_message(), error.exit_code)
    except (ConfigError, GatewayError) as error:
        fail(str(error))
    except RedisError:
        fail("Redis cannot be reached. Is bin/run running, or SLUICE_REDIS_URL right?")
    except DBAPIError as error:
        fail(f"The database says: {first_line(error.orig)}.")


def first_line(error: BaseException | None) -> str:
    """Return the driver's words without the details, which quote rows."""
    return str(error).partition("\n")[0].rstrip(".")


def fail(message: str, exit_code: int = 1) -> None:
    """End with one line."""
    click.echo(f"sluice: {message}", err=True)
    sys.exit(exit_code)
