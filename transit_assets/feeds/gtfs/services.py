"""On which dates a service runs: `calendar.txt` and `calendar_dates.txt`, either of which may be absent."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds.gtfs.files import CALENDAR, CALENDAR_DATES, WEEKDAYS, Findings
from transit_assets.feeds.gtfs.rows import Rows

CALENDAR_SCHEMA = pa.schema(
    [
        ("service_id", pa.string()),
        *((name, pa.bool_()) for name in WEEKDAYS),
        ("start_date", pa.date32()),
        ("end_date", pa.date32()),
    ]
)
EXCEPTIONS_SCHEMA = pa.schema([("service_id", pa.string()), ("date", pa.date32()), ("is_added", pa.bool_())])


class Services:
    """The services of a feed, from tables of `CALENDAR_SCHEMA` and `EXCEPTIONS_SCHEMA`."""

    def __init__(self, calendar: pa.Table, exceptions: pa.Table) -> None:
        self.calendar, self.exceptions = calendar, exceptions
        self._ids = np.array(calendar["service_id"].to_pylist(), dtype=object)
        self._start, self._end = (_days(calendar[name]) for name in ("start_date", "end_date"))
        weekdays = [calendar[name].to_numpy() for name in WEEKDAYS]
        self._weekdays = np.array(weekdays, dtype=bool).reshape(7, calendar.num_rows)
        self._exceptions: dict[date, tuple[set[str], set[str]]] = {}
        for row in exceptions.to_pylist():
            added, removed = self._exceptions.setdefault(row["date"], (set(), set()))
            (added if row["is_added"] else removed).add(row["service_id"])

    def __contains__(self, service_id: str) -> bool:
        return service_id in self.ids

    @property
    def ids(self) -> set[str]:
        return {*self._ids.tolist(), *self.exceptions["service_id"].to_pylist()}

    def active(self, day: date) -> set[str]:
        """The services that run on a date."""
        number = np.datetime64(day, "D").astype(np.int64)
        runs = (self._start <= number) & (number <= self._end) & self._weekdays[day.weekday()]
        added, removed = self._exceptions.get(day, (set(), set()))
        return {*self._ids[runs].tolist()} - removed | added

    def dates(self, of: Collection[str] | None = None) -> Iterator[date]:
        """Dates on which any of some services (default: of all) runs, in order."""
        wanted = self.ids if of is None else set(of)
        is_wanted = np.array([service_id in wanted for service_id in self._ids], dtype=bool)
        starts, ends = self._start[is_wanted], self._end[is_wanted]
        said = {day for day, (added, _) in self._exceptions.items() if not added.isdisjoint(wanted)}
        if len(starts):
            said |= {date(1970, 1, 1) + timedelta(days=int(number)) for number in (starts.min(), ends.max())}
        if not said:
            return
        day = min(said)
        while day <= max(said):
            if not self.active(day).isdisjoint(wanted):
                yield day
            day += timedelta(days=1)


def read_services(calendar: pa.Table | None, calendar_dates: pa.Table | None, findings: Findings) -> Services:
    """Services of the two files as text; rows that say no date or service are noted and left out."""
    if calendar is None and calendar_dates is None:
        detail = "neither calendar.txt nor calendar_dates.txt is in the zip"
        findings.add(CALENDAR, "missing_calendar_and_calendar_date_files", detail)
    return Services(
        CALENDAR_SCHEMA.empty_table() if calendar is None else _calendar(calendar, findings),
        EXCEPTIONS_SCHEMA.empty_table() if calendar_dates is None else _exceptions(calendar_dates, findings),
    )


def _calendar(table: pa.Table, findings: Findings) -> pa.Table:
    rows = Rows(CALENDAR, table, findings)
    start, end = (_dates(rows, name) for name in ("start_date", "end_date"))
    is_backwards = pc.fill_null(pc.less(end, start), False)
    rows.note(is_backwards, "start_and_end_range_out_of_order", "it ends on {end_date} and starts on {start_date}")
    for name in WEEKDAYS:
        is_flag = pc.is_in(pc.fill_null(table[name], "0"), pa.array(["0", "1"]))
        rows.note(pc.invert(is_flag), "unexpected_enum_value", f"{name} is {{{name}!r}}, neither 0 nor 1")
    flags = [pc.fill_null(pc.equal(table[name], "1"), False) for name in WEEKDAYS]
    made = pa.table([table["service_id"], *flags, start, end], schema=CALENDAR_SCHEMA)
    return made.filter(_are_all_known(made, "service_id", "start_date", "end_date"))


def _exceptions(table: pa.Table, findings: Findings) -> pa.Table:
    rows = Rows(CALENDAR_DATES, table, findings)
    day, kind = _dates(rows, "date"), table["exception_type"]
    is_known = pc.is_in(pc.fill_null(kind, "1"), pa.array(["1", "2"]))
    rows.note(pc.invert(is_known), "unexpected_enum_value", "exception_type is {exception_type!r}, neither 1 nor 2")
    is_added = pc.if_else(is_known, pc.equal(kind, "1"), None)
    made = pa.table([table["service_id"], day, is_added], schema=EXCEPTIONS_SCHEMA)
    return made.filter(_are_all_known(made, *EXCEPTIONS_SCHEMA.names))


def _are_all_known(table: pa.Table, *names: str) -> np.ndarray:
    return np.all([table[name].is_valid().to_numpy() for name in names], axis=0)


def _dates(rows: Rows, name: str) -> pa.Array:
    text = rows.table[name].combine_chunks()
    read = pc.strptime(text, format="%Y%m%d", unit="s", error_is_null=True)
    # Of 30 February strptime makes a day of March.
    is_date = pc.fill_null(pc.equal(pc.strftime(read, format="%Y%m%d"), text), False)
    rows.note(pc.and_(text.is_valid(), pc.invert(is_date)), "invalid_date", f"{name} is {{{name}!r}}")
    return pc.if_else(is_date, read, None).cast(pa.date32())


def _days(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.int32()).to_numpy().astype(np.int64)
