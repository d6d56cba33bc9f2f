"""The timetable as the GTFS zip that Île-de-France Mobilités publishes: a new one on the first of each month.

It tells of that month and of the next. Public holidays are exceptions; trains past midnight have times past 24:00:00.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from transit_assets.simulator.calendar import SATURDAY, SUNDAY, WORKDAY, day_of
from transit_assets.simulator.messages import Handler, Request, Response
from transit_assets.simulator.rail_line import LINE, STOPS
from transit_assets.simulator.rail_timetable import Timetable, is_summer, timetable

PATH = "/stif/GTFS/IDFM-gtfs.zip"
ROUTE = f"IDFM:{LINE}"
_PARIS = ZoneInfo("Europe/Paris")
_EPOCH = date(1970, 1, 1)

Row: TypeAlias = tuple[object, ...]
_NAMES = {WORKDAY: "weekday", SATURDAY: "saturday", SUNDAY: "sunday"}


def gtfs(request: Request) -> Response:
    """The zip that is on offer at the instant."""
    today = request.instant.astimezone(_PARIS).date()
    version = today.replace(day=1)
    at = datetime(version.year, version.month, 1, tzinfo=_PARIS)
    headers = {
        "content-type": "application/zip",
        "last-modified": at.astimezone(ZoneInfo("GMT")).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    return Response(200, _zip(request.seed, version), headers)


@lru_cache(maxsize=4)
def _zip(seed: int, month: date) -> bytes:
    days = _days(month)
    kinds = sorted({(day_of(_number(day)).kind, is_summer(day)) for day in days})
    tables = {of: timetable(seed, *of) for of in kinds}
    files: dict[str, tuple[Sequence[str], Iterable[Row]]] = {
        "agency.txt": (("agency_id", "agency_name", "agency_url", "agency_timezone"), _agencies()),
        "stops.txt": (
            ("stop_id", "stop_name", "stop_lat", "stop_lon", "location_type", "parent_station"),
            _stops(),
        ),
        "routes.txt": (
            ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type"),
            [(ROUTE, "IDFM:71", "B", "RER B", 2)],
        ),
        "trips.txt": (
            ("route_id", "service_id", "trip_id", "trip_headsign", "trip_short_name", "direction_id"),
            [row for of, table in tables.items() for row in _trips(of, table)],
        ),
        "stop_times.txt": (
            (
                "trip_id",
                "arrival_time",
                "departure_time",
                "stop_id",
                "stop_sequence",
                "pickup_type",
                "drop_off_type",
            ),
            [row for table in tables.values() for row in _stop_times(table)],
        ),
        "calendar.txt": (
            ("service_id", *_WEEKDAYS, "start_date", "end_date"),
            [_calendar(of, days) for of in kinds],
        ),
        "calendar_dates.txt": (("service_id", "date", "exception_type"), _exceptions(kinds, days)),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, (header, rows) in files.items():
            # The same bytes whenever it is asked for: no clock of this machine in it.
            info = zipfile.ZipInfo(name, (month.year, month.month, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(info, _csv(header, rows))
    return target.getvalue()


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _days(month: date) -> list[date]:
    """All days of a month and of the next one."""
    end = (month + timedelta(days=63)).replace(day=1)
    end = end if end.month != (month + timedelta(days=31)).month else (end + timedelta(days=31)).replace(day=1)
    return [month + timedelta(days=number) for number in range((end - month).days)]


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _service(of: tuple[int, bool]) -> str:
    return f"IDFM:{_NAMES[of[0]]}{'-summer' if of[1] else ''}"


def _runs(of: tuple[int, bool], weekday: int) -> bool:
    return (SATURDAY if weekday == 5 else SUNDAY if weekday == 6 else WORKDAY) == of[0]


def _calendar(of: tuple[int, bool], days: Sequence[date]) -> Row:
    of_season = [day for day in days if is_summer(day) == of[1]]
    flags = (int(_runs(of, weekday)) for weekday in range(7))
    return (_service(of), *flags, f"{of_season[0]:%Y%m%d}", f"{of_season[-1]:%Y%m%d}")


def _exceptions(kinds: Sequence[tuple[int, bool]], days: Sequence[date]) -> Sequence[Row]:
    """Services that are added (1) and taken (2) on days that are no common ones of their weekday."""
    found: list[Row] = []
    for day in days:
        for of in kinds:
            runs = day_of(_number(day)).kind == of[0] and is_summer(day) == of[1]
            would = _runs(of, day.weekday()) and is_summer(day) == of[1]
            if runs != would:
                found.append((_service(of), f"{day:%Y%m%d}", 1 if runs else 2))
    return found


def _agencies() -> Sequence[Row]:
    return [("IDFM:71", "RER", "https://www.transilien.com", "Europe/Paris")]


def _stops() -> Sequence[Row]:
    stations = [(f"IDFM:{stop.area}", stop.name, stop.lat, stop.lon, 1, "") for stop in STOPS]
    platforms = [
        (f"IDFM:monomodalStopPlace:{stop.place}", stop.name, stop.lat, stop.lon, 0, f"IDFM:{stop.area}")
        for stop in STOPS
    ]
    return stations + platforms


def _trips(of: tuple[int, bool], table: Timetable) -> Iterable[Row]:
    for trip in table.trips:
        reference = f"IDFM:TN:SNCF:{trip.reference}"
        yield ROUTE, _service(of), reference, trip.headsign, trip.number, trip.direction


def _stop_times(table: Timetable) -> Iterable[Row]:
    for trip in table.trips:
        calls = slice(trip.first, trip.end)
        columns = (column[calls].tolist() for column in (table.stop, table.arrival, table.departure))
        for sequence, (stop, arrival, departure) in enumerate(zip(*columns, strict=True)):
            place = f"IDFM:monomodalStopPlace:{STOPS[stop].place}"
            yield f"IDFM:TN:SNCF:{trip.reference}", _clock(arrival), _clock(departure), place, sequence, 0, 0


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _csv(header: Sequence[str], rows: Iterable[Row]) -> bytes:
    """No value of the feed has a comma or a quote in it."""
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


ROUTES: dict[str, Handler] = {PATH: gtfs}
