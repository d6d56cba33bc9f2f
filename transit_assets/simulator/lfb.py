"""The London Fire Brigade's files on the simulated London Datastore: what there is to fetch, and the files.

`/api/dataset/<id>` lists the files of a dataset, `/download/<dataset>/<file>/<name>` gives one. The real brigade
replaces its files every month, which would leave the month that runs without data: here every file has all calls since
2018 up to the end of yesterday, London time. The last two calendar years come as a file per month, older ones as a file
per year, so that whoever asks for a few weeks of late is not sent a year of them.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import numpy as np

from transit_assets.simulator.faults import Fault
from transit_assets.simulator.fire import DAYS_BEFORE_1970, Calls, Vehicles, month
from transit_assets.simulator.lfb_files import (
    INCIDENT_HEADER,
    MOBILISATION_HEADER,
    incidents_csv,
    mobilisations_csv,
    stations_csv,
)
from transit_assets.simulator.messages import Handler, Request, Response, json_error

INCIDENTS_PATH, MOBILISATIONS_PATH = "/api/dataset/em8xy", "/api/dataset/24r65"
_DOWNLOADS = "/download/"
_FIRST_YEAR = 2018
_LONDON = ZoneInfo("Europe/London")
_HOST = "data.london.gov.uk"
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
_STATIONS = "stations"


@dataclass(frozen=True)
class _Dataset:
    """A dataset of the portal: its id, how its pages and files are called, and how its files are written.

    `lines` writes calls and their vehicles, `other` says a line otherwise, as a fault has it.
    """

    id: str
    slug: str
    title: str
    file: str
    header: str
    lines: Callable[[int, Calls, Vehicles], bytes]
    other: Callable[[bytes], bytes]


def _with_more_calls(line: bytes) -> bytes:
    return line.rpartition(b",")[0] + b",9.0\n"


def _with_a_delay(line: bytes) -> bytes:
    return line.removesuffix(b",,\n") + b",12,Not held up\n" if line.endswith(b",,\n") else line


_DATASETS = {
    one.id: one
    for one in (
        _Dataset(
            "em8xy",
            "london-fire-brigade-incident-records",
            "London Fire Brigade Incident Records",
            "LFB Incident data",
            INCIDENT_HEADER,
            incidents_csv,
            _with_more_calls,
        ),
        _Dataset(
            "24r65",
            "london-fire-brigade-mobilisation-records",
            "London Fire Brigade Mobilisation Records",
            "LFB Mobilisation data",
            MOBILISATION_HEADER,
            mobilisations_csv,
            _with_a_delay,
        ),
    )
}


def _listing(dataset: _Dataset) -> Handler:
    def handler(request: Request) -> Response:
        today = _today(request)
        files = [(name, f"{dataset.file} - {words}") for name, words in _periods(today)]
        if dataset.file == "LFB Incident data":
            files.append((_STATIONS, "LFB station locations"))
        if request.fault is Fault.REORDERED:
            files.reverse()
        published = f"{today}T00:00:00.000Z"
        answer = {
            "id": dataset.id,
            "slug": dataset.slug,
            "title": dataset.title,
            "sharing": "public",
            "createdAt": "2014-03-27T12:00:00.000Z",
            "updatedAt": published,
            "tags": ["fire", "lfb"],
            "topics": ["crime-and-community-safety"],
            "resources": {
                name: _resource(request, dataset, name, title, order, published)
                for order, (name, title) in enumerate(files)
            },
        }
        return Response(200, json.dumps(answer).encode(), {"content-type": "application/json; charset=utf-8"})

    return handler


def _resource(request: Request, dataset: _Dataset, name: str, title: str, order: int, published: str) -> dict[str, Any]:
    host = request.headers.get("host", _HOST)
    scheme = "http" if _LOOPBACK.fullmatch(host) else "https"
    return {
        "title": f"{title}.csv",
        "format": "csv",
        "url": f"{scheme}://{host}{_DOWNLOADS}{dataset.id}/{name}/{quote(title)}.csv",
        "order": order,
        "check_http_status": 200,
        "check_timestamp": published,
    }


def _periods(today: date) -> Iterator[tuple[str, str]]:
    """Names of the files there are, and their periods in words, oldest first."""
    for year in range(_FIRST_YEAR, today.year - 1):
        yield str(year), str(year)
    for year in (today.year - 1, today.year):
        for number in range(1, 13):
            first = date(year, number, 1)
            if year >= _FIRST_YEAR and first < today:
                yield f"{first:%Y-%m}", f"{first:%B %Y}"


def _file(request: Request) -> Response:
    """A file of the portal; its name at the end of the path is decoration."""
    parts = request.path.removeprefix(_DOWNLOADS).split("/")
    dataset = _DATASETS.get(parts[0])
    name = parts[1] if len(parts) > 1 else ""
    today = _today(request)
    known = {_STATIONS, *(period for period, _ in _periods(today))}
    if dataset is None or name not in known:
        return json_error(404, f"there is no file at {request.path}", code="NotFound")
    headers = {"content-type": "text/csv"}
    if name == _STATIONS:
        return Response(200, stations_csv(), headers)
    body = b"".join(_lines(request.seed, request.calls_per_day, dataset.id, first, today) for first in _months(name))
    if request.fault in (Fault.DUPLICATED, Fault.REORDERED):
        body = _faulty(body, request.fault, dataset.other)
    return Response(200, dataset.header.encode() + body, headers)


def _months(name: str) -> list[date]:
    year, _, number = name.partition("-")
    numbers = [int(number)] if number else range(1, 13)
    return [date(int(year), one, 1) for one in numbers]


def _lines(seed: int, calls_per_day: int, dataset: str, first: date, today: date) -> bytes:
    """What is published of a month on a day."""
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return _written(seed, calls_per_day, dataset, first, min(after, today))


@lru_cache(maxsize=48)
def _written(seed: int, calls_per_day: int, dataset: str, first: date, end: date) -> bytes:
    """The lines of a month's calls before a day."""
    calls, vehicles = month(seed, calls_per_day, first)
    count = int(np.searchsorted(calls.day, end.toordinal() - DAYS_BEFORE_1970))
    calls = Calls(*(values[:count] for values in vars(calls).values()))
    return _DATASETS[dataset].lines(seed, calls, vehicles.take(np.flatnonzero(vehicles.call < count)))


def _faulty(body: bytes, fault: Fault, other: Callable[[bytes], bytes]) -> bytes:
    """The lines in another order, or a tenth of them twice, half of these with something else in them."""
    lines = body.splitlines(keepends=True)
    if fault is Fault.REORDERED:
        return b"".join(reversed(lines))
    again = [other(line) if number % 2 else line for number, line in enumerate(lines[: len(lines) // 10])]
    return b"".join([*lines, *again])


def _today(request: Request) -> date:
    return datetime.fromtimestamp(request.unix_time, UTC).astimezone(_LONDON).date()


ROUTES: dict[str, Handler] = {
    INCIDENTS_PATH: _listing(_DATASETS["em8xy"]),
    MOBILISATIONS_PATH: _listing(_DATASETS["24r65"]),
    _DOWNLOADS: _file,
}
