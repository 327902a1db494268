"""One way to the database: `transaction(work)` to write, `read(work)` to look.

PostgreSQL runs the work inline (psycopg yields to the hub); SQLite runs it whole in one thread, off the hub.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import gevent.monkey
import gevent.threadpool
from sqlalchemy import Engine, Pool, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from app.prepared import Lane

T = TypeVar("T")
RETRIES = 3
RETRYABLE = {"40001", "40P01"}  # serialization failure, deadlock
SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON")

_open: ContextVar[Session | None] = ContextVar("open_session", default=None)


class Database:
    """Sessions of one engine. Unbound until `configure` is called."""

    def __init__(self) -> None:
        self._write: sessionmaker[Session] | None = None
        self._read: sessionmaker[Session] | None = None
        self._beside: Pool | None = None  # where lanes are made: they never wait for the others' connections
        self._thread: gevent.threadpool.ThreadPool | None = None
        self._lanes: dict[str, Lane] = {}
        self.is_postgresql = False

    def configure(self, engine: Engine) -> None:
        """Bind to `engine`; on SQLite set the pragmas and explicit transactions."""
        if engine.dialect.name == "sqlite":
            prepare_sqlite(engine)
            if gevent.monkey.is_module_patched("socket"):
                self._thread = gevent.threadpool.ThreadPool(1)
        elif gevent.monkey.is_module_patched("socket"):
            importlib.import_module("app.database_wait").install()  # not at the top: SQLite needs no psycopg
        self._beside = engine.pool.recreate()
        for lane in self._lanes.values():
            lane.close()
        self._lanes = {}
        self.is_postgresql = engine.dialect.name == "postgresql"
        self._write = sessionmaker(engine, expire_on_commit=False)
        self._read = sessionmaker(engine.execution_options(read_only=True), expire_on_commit=False)

    def transaction(self, work: Callable[[Session], T]) -> T:
        """Run `work(session)` in one transaction and commit it; inside another, join that one.

        `work` may run again after a deadlock, so it must only touch the session.
        Functions given to `after_commit` run once the commit is through.
        """
        return self._run(self._write, work)

    def read(self, work: Callable[[Session], T]) -> T:
        """Run `work(session)` without writing; rows stay readable after it returns."""
        return self._run(self._read, work)

    @property
    def is_open(self) -> bool:
        """Whether a transaction is under way here, which `read` and `transaction` would join."""
        return _open.get() is not None

    def lane(self, name: str) -> Lane:
        """Return this process's own connection of that name, for prepared statements (PostgreSQL)."""
        lane = self._lanes.get(name)
        return lane or self._lanes.setdefault(name, Lane(self._connect))

    def _connect(self) -> Any:
        """Return a connection of the driver's that is not the pool's any more, made as all others are."""
        if self._beside is None:
            raise RuntimeError("the database is not configured")
        pooled = self._beside.connect()
        connection = pooled.driver_connection
        pooled.detach()
        return connection

    def _run(self, sessions: sessionmaker[Session] | None, work: Callable[[Session], T]) -> T:
        joined = _open.get()
        if joined is not None:
            return work(joined)
        if sessions is None:
            raise RuntimeError("the database is not configured")
        result, hooks = self._off_hub(lambda: attempt(sessions, work))
        for hook in hooks:
            hook()
        return result

    def _off_hub(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            return work()
        error, value = self._thread.apply(outcome, (work,))
        if error is not None:
            raise error
        return cast(T, value)


database = Database()


def after_commit(session: Session, hook: Callable[[], None]) -> None:
    """Have `hook` run when the session's transaction is committed; never when it is rolled back."""
    session.info.setdefault("after_commit", []).append(hook)


def outcome(work: Callable[[], T]) -> tuple[BaseException | None, Any]:
    """Run `work` and hand its error back as a value: a raised one would be printed by the pool."""
    try:
        return None, work()
    except BaseException as error:
        return error, None


def attempt(
    sessions: sessionmaker[Session], work: Callable[[Session], T]
) -> tuple[T, list[Callable[[], None]]]:
    """Run `work` and commit, up to `RETRIES` times while the database reports a deadlock."""
    for left in range(RETRIES - 1, -1, -1):
        try:
            return once(sessions, work)
        except DBAPIError as error:
            if not left or getattr(error.orig, "sqlstate", None) not in RETRYABLE:
                raise
    raise AssertionError("unreachable")


def once(sessions: sessionmaker[Session], work: Callable[[Session], T]) -> tuple[T, list[Callable[[], None]]]:
    """Run `work` in a new session, commit it, and return its result with the after-commit hooks."""
    with sessions.begin() as session:
        token = _open.set(session)
        try:
            result = work(session)
        finally:
            _open.reset(token)
    return result, session.info.pop("after_commit", [])


def insert_into(session: Session, table: type[Any]) -> sqlite.Insert:
    """Return an INSERT with ON CONFLICT in the session's own dialect; both spell it alike."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if is_sqlite else cast(sqlite.Insert, postgresql.insert(table))


def prepare_sqlite(engine: Engine) -> None:
    """Take transactions out of the driver's hands: writers start with BEGIN IMMEDIATE."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
