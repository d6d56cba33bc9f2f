"""The files of GTFS that are read, their columns, and what is found wrong in them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class File:
    """A file of a feed. `required` columns must be there and have a value in every row, `other` ones are read too."""

    name: str
    required: tuple[str, ...]
    other: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    is_required: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        return self.required + self.other


AGENCY = File("agency.txt", ("agency_name", "agency_timezone"), ("agency_id",))
STOPS = File(
    "stops.txt",
    ("stop_id",),
    ("stop_name", "stop_lat", "stop_lon", "location_type", "parent_station"),
    key=("stop_id",),
)
ROUTES = File(
    "routes.txt", ("route_id", "route_type"), ("agency_id", "route_short_name", "route_long_name"), key=("route_id",)
)
TRIPS = File(
    "trips.txt",
    ("route_id", "service_id", "trip_id"),
    ("trip_headsign", "trip_short_name", "direction_id"),
    key=("trip_id",),
)
STOP_TIMES = File(
    "stop_times.txt",
    ("trip_id", "stop_id", "stop_sequence"),
    ("arrival_time", "departure_time", "start_pickup_drop_off_window"),
    key=("trip_id", "stop_sequence"),
)
CALENDAR = File(
    "calendar.txt",
    ("service_id", *WEEKDAYS, "start_date", "end_date"),
    key=("service_id",),
    is_required=False,
)
CALENDAR_DATES = File(
    "calendar_dates.txt", ("service_id", "date", "exception_type"), key=("service_id", "date"), is_required=False
)
SMALL_FILES = (AGENCY, STOPS, ROUTES, TRIPS, CALENDAR, CALENDAR_DATES)
"""Read whole: a network like Île-de-France's has half a million trips, and 26 times as many stop times."""

FILES = {file.name: file for file in (*SMALL_FILES, STOP_TIMES)}


@dataclass(frozen=True)
class Finding:
    """A rule that rows of a file break: the first of them, and how many there are.

    `line` is the row as editors count, the header being 1 and blank lines left out; None where it is the whole file.
    `routes` are those that the rows belong to; None means that the rows could be any route's.
    """

    file: str
    line: int | None
    rule: str
    detail: str
    is_error: bool = True
    rows: int = 1
    routes: tuple[str, ...] | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file} line {self.line:,}"
        others = f", and {self.rows - 1:,} more" if self.rows > 1 else ""
        return f"{place}: {self.rule}: {self.detail}{others}"

    def blocks(self, routes: Iterable[str] | None = None) -> bool:
        """Whether it makes the schedule of some routes (default: of all) unusable."""
        if not self.is_error or self.routes is None or routes is None:
            return self.is_error
        return not set(self.routes).isdisjoint(routes)


class Findings:
    """Collects findings, one for each file, rule and group of routes: the first row and their number."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, tuple[str, ...] | None], Finding] = {}

    def add(
        self,
        file: File,
        rule: str,
        detail: str,
        line: int | None = None,
        *,
        rows: int = 1,
        is_error: bool = True,
        routes: Collection[str] | None = None,
    ) -> None:
        """Note rows that break a rule, of which `line` is the first."""
        of = None if routes is None else tuple(sorted(set(routes)))
        held = self._found.get((file.name, rule, of))
        if held is None:
            self._found[file.name, rule, of] = Finding(file.name, line, rule, detail, is_error, rows, of)
        else:
            is_earlier = line is not None and held.line is not None and line < held.line
            self._found[file.name, rule, of] = Finding(
                file.name,
                line if is_earlier else held.line,
                rule,
                detail if is_earlier else held.detail,
                is_error,
                held.rows + rows,
                of,
            )

    def all(self) -> tuple[Finding, ...]:
        """Errors first, then by file and line."""
        return tuple(sorted(self._found.values(), key=lambda one: (not one.is_error, one.file, one.line or 0)))
