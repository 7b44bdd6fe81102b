# SPDX-License-Identifier: Apache-2.0
"""Rows with revisions: every insert and update draws a number from the table's own sequence."""

from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Any

from api.answers import dumps

REVISION_MAX = 2**64 - 1


class Row:
    """What every kind of row has. Its event is kept ready until it changes."""

    kind = ""

    def __init__(self, row_id: str) -> None:
        self.id = row_id
        self.revision = 0
        self.deleted = False
        self._record: bytes | None = None

    def shown(self) -> dict[str, Any]:
        """The object in the api-server's JSON."""
        raise NotImplementedError

    def changed(self) -> None:
        """Forget what was made of the row."""
        self._record = None

    def record(self) -> bytes:
        """Its event on a stream, without the framing of HTTP."""
        if self._record is None:
            event = {"kind": self.kind, "type": "delete" if self.deleted else "change",
                     "value": self.shown()}
            self._record = dumps(event) + b"\n\n"
        return self._record


def _revision_of(entry: tuple[int, Row]) -> int:
    return entry[0]


class Table:
    """Rows of one kind, of all tenants, and the order of their changes."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.rows: dict[str, Any] = {}
        self.sequence = 0
        self._log: list[tuple[int, Row]] = []

    def draw(self) -> int:
        """The next number; there are gaps, as between tenants."""
        self.sequence = min(self.sequence + 1 + self.sequence * 7 % 3, REVISION_MAX)
        return self.sequence

    def put(self, row: Row, revision: int = 0) -> None:
        """Insert or update, with the next number, or with one that was drawn before: others may
        have been committed since, and a watch may have passed it. A row's own only ever grow."""
        row.revision = revision if revision > row.revision else self.draw()
        row.changed()
        self.rows[row.id] = row
        insort(self._log, (row.revision, row), key=_revision_of)
        if len(self._log) > 2 * len(self.rows) + 1000:
            self._forget_old()

    def purge(self) -> int:
        """Take the deleted rows out for good, as the daily job does; how many they were."""
        before = len(self.rows)
        self.rows = {row_id: row for row_id, row in self.rows.items() if not row.deleted}
        self._forget_old()
        return before - len(self.rows)

    def live(self) -> list[Any]:
        """Rows that are not deleted."""
        return [row for row in self.rows.values() if not row.deleted]

    def after(self, revision: int, wanted: Callable[[Any], bool],
              limit: int) -> tuple[list[Any], int]:
        """A page: rows changed after a revision, oldest first, and how far this has looked."""
        page: list[Any] = []
        at = bisect_right(self._log, revision, key=_revision_of)
        while at < len(self._log) and len(page) < limit:
            revision, row = self._log[at]
            if self._is_newest(revision, row) and wanted(row):
                page.append(row)
            at += 1
        return page, revision

    def _forget_old(self) -> None:
        self._log = [entry for entry in self._log if self._is_newest(*entry)]

    def _is_newest(self, revision: int, row: Row) -> bool:
        return row.revision == revision and self.rows.get(row.id) is row
