"""Opendatasoft v2.1 as a portal serves any dataset: pages of records, exports, and the part of its language in use.

Pages asked for without a unique order lose and repeat records, as in real life: records that the order leaves equal
come in another order at every offset.
"""

import csv
import io
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.messages import Handler, Request, Response, json_error
from transit_assets.simulator.noise import Ints, uniform

CATALOG = "/api/explore/v2.1/catalog/datasets"

Record: TypeAlias = dict[str, Any]

_MAX_LIMIT, _MAX_WINDOW = 100, 10_000
_DAILY_CALLS = 5_000
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_CONDITION = re.compile(
    r"""\s*(\w+)\s*(>=|<=|!=|=|>|<)\s*(?:date'([^']*)'|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(-?\d+(?:\.\d+)?))\s*"""
)
_AND = re.compile(r"and\b", re.IGNORECASE)


class Refused(Exception):
    """A query that Opendatasoft answers with 400; the text is its message."""


@dataclass(frozen=True)
class Condition:
    """One comparison of a `where`; `at` is the Unix time of a date literal, `text` any other literal."""

    field: str
    comparison: str
    text: str
    at: float | None = None


class Rows(Protocol):
    """The records of a dataset in columns, so that only those which are shown become records."""

    def __len__(self) -> int: ...

    def column(self, field: str) -> NDArray[Any]:
        """The values of a field, to compare and order by: numbers, Unix times, or text."""
        ...

    def records(self, index: Ints) -> list[Record]:
        """Some of the records, in this order; times are Unix times."""
        ...


@dataclass(frozen=True)
class Dataset:
    """A dataset of the portal: its fields with the labels of its CSV export, which of them are times, and its rows.

    `rows_of` may leave out rows that the conditions exclude; it need not.
    """

    name: str
    labels: Mapping[str, str]
    times: frozenset[str]
    rows_of: Callable[[Request, Sequence[Condition]], Rows]

    @property
    def path(self) -> str:
        return f"{CATALOG}/{self.name}"

    @property
    def routes(self) -> dict[str, Handler]:
        """The three ways to ask for it."""
        served = {"records": _page, "exports/json": _export_json, "exports/csv": _export_csv}
        return {f"{self.path}/{way}": partial(_limited, partial(answer, self)) for way, answer in served.items()}


def _page(dataset: Dataset, request: Request) -> Response:
    """`records`: one page of at most 100, no further than the 10,000th record."""
    limit = _whole_number(request, "limit", 10, -1, _MAX_LIMIT)
    offset = _whole_number(request, "offset", 0, 0, _MAX_WINDOW)
    limit = _MAX_LIMIT if limit == -1 else limit
    if offset + limit > _MAX_WINDOW:
        raise Refused(
            f"Invalid value for offset API parameter: {offset} was found "
            f"but offset + limit <= {_MAX_WINDOW} is expected."
        )
    rows = dataset.rows_of(request, _conditions(dataset, request))
    index = _selected(dataset, request, rows, offset)
    page = _presented(dataset, request, rows, index[offset : offset + limit])
    body = msgspec.json.encode({"total_count": len(index), "results": page})
    return Response(200, body, {"content-type": "application/json; charset=utf-8"})


def _export_json(dataset: Dataset, request: Request) -> Response:
    """`exports/json`: every record, as a bare list."""
    body = msgspec.json.encode(_exported(dataset, request))
    return Response(200, body, {"content-type": "application/json; charset=utf-8"})


def _export_csv(dataset: Dataset, request: Request) -> Response:
    """`exports/csv`: every record, with `;`, a byte order mark, and French labels where `use_labels` asks for them."""
    records = _exported(dataset, request)
    is_labelled = request.query.get("use_labels", "false").lower() == "true"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=request.query.get("delimiter", ";"))
    writer.writerow([dataset.labels[field] if is_labelled else field for field in _fields(dataset, request)])
    writer.writerows(map(_flat, record.values()) for record in records)
    has_mark = request.query.get("with_bom", "true").lower() == "true"
    body = text.getvalue().encode("utf-8-sig" if has_mark else "utf-8")
    return Response(200, body, {"content-type": "text/csv; charset=utf-8"})


def _flat(value: Any) -> Any:
    """A value as a cell: a place as `lat, lon`, a feature as the JSON of its bare geometry."""
    if not isinstance(value, dict):
        return value
    return f"{value['lat']}, {value['lon']}" if "lat" in value else json.dumps(value["geometry"])


def _exported(dataset: Dataset, request: Request) -> list[Record]:
    limit = _whole_number(request, "limit", -1, -1, 10**9)
    rows = dataset.rows_of(request, _conditions(dataset, request))
    index = _selected(dataset, request, rows)
    return _presented(dataset, request, rows, index if limit == -1 else index[:limit])


def _conditions(dataset: Dataset, request: Request) -> list[Condition]:
    """What a `where` asks for: comparisons of a field with a literal, joined by `and`."""
    where, found, place = request.query.get("where", "").strip(), [], 0
    while place < len(where):
        read = _CONDITION.match(where, place)
        if read is None or read[1] not in dataset.labels:
            raise Refused(
                "ODSQL query is malformed: the simulator reads comparisons of a field with a literal, "
                f"joined by `and`, not {where[place:]!r}"
            )
        field, comparison, at, *texts = read.groups()
        text = next((text for text in texts if text is not None), "")
        instant = None if at is None else _unix_time(at, request)
        found.append(Condition(field, comparison, re.sub(r"\\(.)", r"\1", text), instant))
        place = read.end()
        joined = _AND.match(where, place)
        if place < len(where) and (joined is None or joined.end() == len(where)):
            raise Refused(f"ODSQL query is malformed: `and` and a comparison are expected at {where[place:]!r}")
        place = joined.end() if joined else place
    return found


def _unix_time(text: str, request: Request) -> float:
    """The instant of a date literal; one without offset is read in the time zone of the answer."""
    try:
        found = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise Refused(f"ODSQL query is malformed: invalid date {text!r}") from None
    return (found if found.tzinfo else found.replace(tzinfo=_zone(request))).timestamp()


def _zone(request: Request) -> ZoneInfo:
    name = request.query.get("timezone", "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Refused(f"Unknown timezone: {name}") from None


def _selected(dataset: Dataset, request: Request, rows: Rows, offset: int | None = None) -> Ints:
    """Places of the rows after `where` and `order_by`; of a page, at this offset, rows that are equal are shuffled."""
    is_wanted = np.ones(len(rows), dtype=bool)
    for condition in _conditions(dataset, request):
        is_wanted &= satisfies(condition, rows.column(condition.field))
    index = np.flatnonzero(is_wanted)
    if offset is not None:
        drift = 40.0 * uniform(request.seed, "unordered", np.arange(len(index)), request.unix_time // 60, offset)
        index = index[np.argsort(np.arange(len(index)) + drift, kind="stable")]
    keys = [_ranks(dataset, key.split(), rows, index) for key in request.query.get("order_by", "").split(",") if key]
    return index[np.lexsort(keys[::-1])] if keys else index


def satisfies(condition: Condition, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values of its field a condition holds for. Raises Refused where it compares a number with a text."""
    compare = _COMPARED[condition.comparison]
    if values.dtype.kind == "U":
        return np.asarray(compare(values, condition.text))
    try:
        wanted = condition.at if condition.at is not None else float(condition.text)
    except ValueError:
        raise Refused(f"{condition.field} is a number, which {condition.text!r} is not") from None
    return np.asarray(compare(values, wanted))


def _ranks(dataset: Dataset, key: list[str], rows: Rows, index: Ints) -> Ints:
    """One key of an `order_by` as numbers to sort by; what is unknown comes last."""
    field, *direction = key or [""]
    if field not in dataset.labels or [word.lower() for word in direction] not in ([], ["asc"], ["desc"]):
        raise Refused(f"Unknown field: {' '.join(key)}")
    ranks = np.unique(rows.column(field)[index], return_inverse=True)[1]
    return -ranks if [word.lower() for word in direction] == ["desc"] else ranks


def _fields(dataset: Dataset, request: Request) -> list[str]:
    fields = [field.strip() for field in request.query.get("select", "*").split(",")]
    unknown = [field for field in fields if field != "*" and field not in dataset.labels]
    if unknown:
        raise Refused(f"Unknown field: {unknown[0]}")
    return list(dataset.labels) if "*" in fields else fields


def _presented(dataset: Dataset, request: Request, rows: Rows, index: Ints) -> list[Record]:
    """Records with the asked fields, and their times in the asked time zone."""
    fields, zone = _fields(dataset, request), _zone(request)
    records = rows.records(index)
    for field in dataset.times:
        shown = {at: datetime.fromtimestamp(at, zone).isoformat() for at in {record[field] for record in records}}
        for record in records:
            record[field] = shown[record[field]]
    if len(fields) == len(dataset.labels):
        return records
    return [{field: record[field] for field in fields} for record in records]


def _whole_number(request: Request, name: str, default: int, lowest: int, highest: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"-?\d+", text) or not lowest <= int(text) <= highest:
        raise Refused(
            f"Invalid value for {name} API parameter: {text} was found but {lowest} <= {name} <= {highest} is expected."
        )
    return int(text)


def _limited(answer: Handler, request: Request) -> Response:
    """The answer with the portal's limits in its headers; 400 for a query it refuses."""
    try:
        response = answer(request)
    except Refused as refusal:
        response = json_error(400, str(refusal), "InvalidRESTParameterError")
    now = request.instant.astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    limits = {
        "x-ratelimit-limit": str(_DAILY_CALLS),
        # A pure function counts no calls: it tells of one call a minute since midnight.
        "x-ratelimit-remaining": str(_DAILY_CALLS - int((now - midnight).total_seconds()) // 60 - 1),
        "x-ratelimit-reset": (midnight + timedelta(days=1)).isoformat(sep=" "),
    }
    return Response(response.status, response.body, {**response.headers, **limits})
