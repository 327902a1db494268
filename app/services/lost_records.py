"""Counts records that could not be kept, and tells of them as soon as the database takes something again."""

from __future__ import annotations

import logging
from collections import Counter

from sqlalchemy.orm import Session

from app.database import database
from app.services import alerts
from app.services.record_rows import Row

log = logging.getLogger(__name__)
LOGGED_EVERY = 1_000


class Losses:
    """The losses of one process: `total` since it began."""

    def __init__(self) -> None:
        self.total = 0
        self._untold: Counter[str] = Counter()  # by workspace

    def add(self, row: Row, why: str) -> None:
        """Count a row that is dropped; the first and each thousandth is logged."""
        self.total += 1
        self._untold[row["workspace_id"]] += 1
        if self.total % LOGGED_EVERY == 1:
            log.error("%s records were dropped until now: %s", self.total, why)

    def tell(self) -> None:
        """Note an alert in each workspace that lost some; what cannot be told yet is told the next time."""
        if not self._untold:
            return
        untold, self._untold = self._untold, Counter()

        def work(session: Session) -> None:
            for workspace_id in sorted(untold):
                alerts.records_lost(session, workspace_id, untold[workspace_id])

        try:
            database.transaction(work)
        except Exception as error:
            self._untold.update(untold)
            log.error("lost records not told, will try again: %s", type(error).__name__)
