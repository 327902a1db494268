"""What is kept for how long, and the room for records to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, null, select, tuple_, update
from sqlalchemy.orm import Session

from app.database import database
from app.models import LoginAttempt, OneTimeLink, Project, RecordRow
from app.models.columns import utc_now

MONTHS_AHEAD = 2
BATCH = 500
LINKS_KEPT = timedelta(days=30)
ATTEMPTS_KEPT = timedelta(days=1)


def make_partitions() -> None:
    """Make the records' partitions for this month and the next ones; PostgreSQL only."""
    database.transaction(lambda session: make_partitions_from(session, datetime.now(UTC)))


def make_partitions_from(session: Session, now: datetime) -> None:
    """Make the partitions for the month of `now` and those after it, where they are missing."""
    if session.get_bind().dialect.name != "postgresql":
        return
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(MONTHS_AHEAD + 1):
        following = (first + timedelta(days=32)).replace(day=1)
        make_partition(session.connection(), first, following)
        first = following


def make_partition(connection: Connection, first: datetime, following: datetime) -> None:
    """Make one month's partition; rows that came before it leave the default one for it.

    There are some only where this was not done for months. Who writes meanwhile waits, or tries again: a row
    that slipped into the default partition after the others left would refuse the new one.
    """
    name = f"records_{first:%Y_%m}"
    run = connection.exec_driver_sql
    if run(f"SELECT to_regclass('{name}')").scalar() is not None:
        return
    start, end = f"'{first:%Y-%m-%d} 00:00:00+00'", f"'{following:%Y-%m-%d} 00:00:00+00'"
    run("SET LOCAL statement_timeout = '10min'")
    run("LOCK TABLE records_default IN ACCESS EXCLUSIVE MODE")
    within = f"created_at >= {start} AND created_at < {end}"
    run(f"CREATE TABLE {name} (LIKE records INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    run(f"INSERT INTO {name} SELECT * FROM records_default WHERE {within}")
    run(f"DELETE FROM records_default WHERE {within}")
    run(f"ALTER TABLE records ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})")


def purge_content() -> None:
    """Forget prompts and answers older than their project keeps them; the records stay (G5)."""
    kept = database.read(lambda s: list(s.execute(select(Project.id, Project.content_retention_days))))
    for project_id, days in kept:
        until = utc_now() - timedelta(days=days)
        while database.transaction(lambda s, p=project_id, u=until: forget_some(s, p, u)):  # type: ignore[misc]
            pass


def forget_some(session: Session, project_id: str, until: datetime) -> int:
    """Forget the content of a batch of a project's records before `until`; return how many there were."""
    old = RecordRow.project_id == project_id, RecordRow.created_at < until, RecordRow.content.is_not(None)
    found = select(RecordRow.created_at, RecordRow.id).where(*old).limit(BATCH)
    keys = [tuple(row) for row in session.execute(found)]
    if keys:
        mine = tuple_(RecordRow.created_at, RecordRow.id).in_(keys)
        session.execute(update(RecordRow).where(mine).values(content=null()))
    return len(keys)


def purge_leftovers() -> None:
    """Drop one-time links long past and sign-in attempts that no longer count."""

    def work(session: Session) -> None:
        session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < utc_now() - LINKS_KEPT))
        session.execute(delete(LoginAttempt).where(LoginAttempt.created_at < utc_now() - ATTEMPTS_KEPT))

    database.transaction(work)
