"""What one partition of a table is: a day or a month, by the name of its partition column.

A partition is named by its first day, whatever its length: `2023-10-01` is a day in a column `day`, and October in a
column `month`. Days are local days of a city; which one is for the domain to say. A service date is a day too: the
one on which a train began.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import Enum
from itertools import pairwise

from transit_assets.lake.schema import Table


class Period(Enum):
    """The length of a partition; the value is its word, in SQL as for the reader."""

    DAY = "day"
    MONTH = "month"

    @classmethod
    def of(cls, table: Table) -> "Period":
        """The period of a table's partitions. Raises ValueError for a table that has none."""
        period = PARTITION_COLUMNS.get(table.partition_by or "")
        if period is None:
            raise ValueError(f"{table.relation} is partitioned by {table.partition_by}, no day and no month")
        return period

    def start(self, day: date) -> date:
        """First day of the period that contains a day."""
        return day.replace(day=1) if self is Period.MONTH else day

    def after(self, day: date) -> date:
        """First day of the period that follows the one of a day."""
        return self.start(self.start(day) + timedelta(days=32 if self is Period.MONTH else 1))

    def before(self, day: date, number: int) -> date:
        """First day of the period that lies so many before the one of a day."""
        start = self.start(day)
        for _ in range(number):
            start = self.start(start - timedelta(days=1))
        return start

    def key(self, day: date) -> str:
        """The partition that contains a day."""
        return self.start(day).isoformat()

    def between(self, first: date, last: date) -> list[str]:
        """The partitions that contain the days from the first to the last, both included."""
        keys, start = [], self.start(first)
        while start <= last:
            keys.append(start.isoformat())
            start = self.after(start)
        return keys

    def ranges(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """Runs of consecutive partitions as (first, last), in order: what one single-run backfill can take."""
        ordered = sorted({date.fromisoformat(key) for key in keys})
        if not ordered:
            return []
        breaks = [(before, after) for before, after in pairwise(ordered) if after != self.after(before)]
        firsts = [ordered[0], *(after for _, after in breaks)]
        lasts = [*(before for before, _ in breaks), ordered[-1]]
        return [(first.isoformat(), last.isoformat()) for first, last in zip(firsts, lasts, strict=True)]


PARTITION_COLUMNS = {"day": Period.DAY, "service_date": Period.DAY, "month": Period.MONTH}
"""Names of partition columns, and what one partition of them is."""
