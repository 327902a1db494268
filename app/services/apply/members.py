"""The members of an apply file: roles for people who can sign in already."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.database import database
from app.domain.errors import InvalidInput
from app.domain.fields import text
from app.models import Membership, User
from app.services import audit, members, people
from app.services.apply.report import Item, Run, refusals_at

UNKNOWN = (
    "Nobody signs in with this address. Invite them on the Members page, "
    "or make them an admin with bin/sluice create-admin."
)


def apply_member(run: Run, item: Item) -> None:
    """Give a person their role in the workspace; make them a member where they are not yet."""
    with refusals_at(item):
        email = people.check_email(item.text("email"))
        role = text(item.fields, "role", most=16, required=True)
        members.check_role(role)
        user = find_person(email)
        had = {m.user.id: m.membership.role for m in members.list_all(run.actor, run.workspace_id)}
        if user.id in had:
            members.set_role(run.actor, run.workspace_id, user.id, role)
        else:
            add(run, user, role)
    run.report.note(item.path, created=user.id not in had, changed=had.get(user.id) != role)


def find_person(email: str) -> User:
    """Return the person; raise InvalidInput where there is none."""
    user = database.read(lambda session: people.get_by_email(session, email))
    if user is None:
        raise InvalidInput(UNKNOWN, param="email")
    return user


def add(run: Run, user: User, role: str) -> None:
    """Make the person a member."""

    def work(session: Session) -> None:
        session.add(Membership(workspace_id=run.workspace_id, user_id=user.id, role=role))
        change = audit.Change("member.add", user.id, user.email, {"role": [None, role]})
        audit.write(session, run.actor, run.workspace_id, change)
        session.flush()

    database.transaction(work)
