"""The ways in for people: the first set-up, an admin, a forgotten password."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from app.domain.actors import SYSTEM
from app.services import people


@click.command("setup-link")
@click.option("--base-url", help="The address that the link starts with, if not SLUICE_BASE_URL.")
@with_appcontext
def setup_link(base_url: str | None) -> None:
    """Print a one-time link that makes the first admin, until there is one."""
    token = people.new_setup_token(SYSTEM)
    if token is not None:
        click.echo(address("setup", token, base_url))


@click.command("reset-link")
@click.argument("email")
@click.option("--base-url", help="The address that the link starts with, if not SLUICE_BASE_URL.")
@with_appcontext
def reset_link(email: str, base_url: str | None) -> None:
    """Print a one-time link by which a person chooses a new password."""
    click.echo(address("reset", people.new_reset_token(SYSTEM, email), base_url))


@click.command("create-admin")
@click.argument("email")
@click.option("--password", help="Better left out: then it is asked for, or read from standard input.")
@click.option("--name", default="", help="How the dashboard greets them.")
@with_appcontext
def create_admin(email: str, password: str | None, name: str) -> None:
    """Make an admin of everything; an existing person gets the new password."""
    people.check_email(email)
    person = people.create_admin(SYSTEM, email=email, password=password or ask_password(), name=name)
    click.echo(f"{person.email} can sign in now.")


def ask_password() -> str:
    """Return a password typed twice, or the first line of standard input where nobody sits there."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("Password (10 to 200 characters)", hide_input=True, confirmation_prompt=True)
    return typed


def address(page: str, token: str, base_url: str | None) -> str:
    """Return the link's full address."""
    base = base_url or current_app.config["SETTINGS"].base_url
    return f"{base.rstrip('/')}/{page}/{token}"
