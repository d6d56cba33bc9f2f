"""Vélib' as its two providers send it: the operator's GBFS and the city's Opendatasoft v2.1.

Both speak about the same state at every instant. The operator publishes once a minute. As in real
life a few stations are listed twice, rarely a record has no code, and pages asked for without an
order lose and repeat stations.
"""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np

from transit_assets.simulator.bikes import BikeState, bike_state
from transit_assets.simulator.city import stations
from transit_assets.simulator.faults import Fault
from transit_assets.simulator.messages import Handler, Request, Response, json_error
from transit_assets.simulator.noise import Ints, uniform

GBFS_PATH = "/opendata/Velib_Metropole"
ODS_PATH = "/api/explore/v2.1/catalog/datasets/velib-disponibilite-en-temps-reel"

Record: TypeAlias = dict[str, Any]

_MAX_LIMIT, _MAX_WINDOW = 100, 10_000
_DAILY_CALLS = 5_000
_NAMELESS_SHARE = 1 / 20_000  # of the operator's records, so that a quarantine has something to show
# Opendatasoft's field names with the labels that its CSV export shows.
_LABELS = {
    "stationcode": "Identifiant station",
    "name": "Nom station",
    "is_installed": "Station en fonctionnement",
    "capacity": "Capacité de la station",
    "numdocksavailable": "Nombre bornettes libres",
    "numbikesavailable": "Nombre total vélos disponibles",
    "mechanical": "Vélos mécaniques disponibles",
    "ebike": "Vélos électriques disponibles",
    "is_renting": "Borne de paiement disponible",
    "is_returning": "Retour vélib possible",
    "duedate": "Actualisation de la donnée",
    "coordonnees_geo": "Coordonnées géographiques",
    "nom_arrondissement_communes": "Nom communes équipées",
    "code_insee_commune": "Code INSEE communes équipées",
    "station_opening_hours": "station_opening_hours",
}


class _Refused(Exception):
    """A query that Opendatasoft answers with 400; the text is its message."""


def _published(request: Request) -> BikeState:
    return bike_state(request.seed, request.unix_time // 60 * 60)


def _listed(request: Request, state: BikeState) -> tuple[Ints, Ints]:
    """Positions in the state in the order in which they are listed, and bikes to take off the count of each."""
    minute, count = request.unix_time // 60, len(state.index)
    order = np.arange(count)
    if request.fault is Fault.REORDERED:
        order = np.argsort(uniform(request.seed, "reordered", order, minute), kind="stable")
    twice = 2 if uniform(request.seed, "twice", minute)[0] < 0.15 else 0
    if request.fault is Fault.DUPLICATED:
        twice = count // 10
    again = (uniform(request.seed, "again", np.arange(twice), minute) * count).astype(np.int64)
    wrong = np.zeros(count + twice, dtype=np.int64)
    if request.fault is Fault.DUPLICATED:
        wrong[count::2] = 1
    return np.concatenate([order, again]), wrong


def _columns(request: Request) -> tuple[Ints, dict[str, list[Any]]]:
    """Positions of the listed stations in the city, and what they report, as lists."""
    state = _published(request)
    listed, wrong = _listed(request, state)
    mechanical = state.mechanical[listed]
    taken = np.minimum(wrong, mechanical)
    columns = {
        "mechanical": mechanical - taken,
        "ebike": state.ebike[listed],
        "docks": state.docks[listed] + taken,
        "is_installed": state.is_installed[listed],
        "is_open": state.is_open[listed],
        "reported_at": state.reported_at[listed],
    }
    return state.index[listed], {name: values.tolist() for name, values in columns.items()}


def _gbfs(updated_at: int, records: Sequence[Record]) -> Response:
    body = msgspec.json.encode({"lastUpdatedOther": updated_at, "ttl": 3600, "data": {"stations": records}})
    return Response(200, body, {"content-type": "application/json"})


def station_status(request: Request) -> Response:
    """The operator's `station_status.json`."""
    city = stations(request.seed)
    index, columns = _columns(request)
    is_nameless = uniform(request.seed, "nameless", index, request.unix_time // 60) < _NAMELESS_SHARE
    records = [
        {
            "station_id": station_id,
            "num_bikes_available": mechanical + ebike,
            "numBikesAvailable": mechanical + ebike,
            "num_bikes_available_types": [{"mechanical": mechanical}, {"ebike": ebike}],
            "num_docks_available": docks,
            "numDocksAvailable": docks,
            "is_installed": int(is_installed),
            "is_returning": int(is_open),
            "is_renting": int(is_open),
            "last_reported": reported_at,
            "stationCode": None if has_no_code else city.code[place],
            "station_opening_hours": None,
        }
        for place, station_id, has_no_code, mechanical, ebike, docks, is_installed, is_open, reported_at in zip(
            index.tolist(), city.station_id[index].tolist(), is_nameless.tolist(), *columns.values(), strict=True
        )
    ]
    return _gbfs(request.unix_time // 60 * 60, records)


def station_information(request: Request) -> Response:
    """The operator's `station_information.json`, published once an hour."""
    city, hour = stations(request.seed), request.unix_time // 3600 * 3600
    known = _information(request.seed)
    records = [known[place] for place in np.flatnonzero(city.opened_at <= hour).tolist()]
    if request.fault is Fault.REORDERED:
        records.reverse()
    if request.fault is Fault.DUPLICATED:
        records += [record | {"capacity": record["capacity"] + 1} for record in records[::10]]
    return _gbfs(hour, records)


@lru_cache(maxsize=4)
def _information(seed: int) -> list[Record]:
    city = stations(seed)
    places = zip(city.station_id.tolist(), city.code, city.name, city.lat.tolist(), city.lon.tolist(), strict=True)
    return [
        {"station_id": station_id, "stationCode": code, "name": name, "lat": lat, "lon": lon, "capacity": capacity}
        | ({"rental_methods": ["CREDITCARD"]} if has_card_reader else {})
        | {"station_opening_hours": None}
        for (station_id, code, name, lat, lon), capacity, has_card_reader in zip(
            places, city.capacity.tolist(), city.has_card_reader.tolist(), strict=True
        )
    ]


def _records(request: Request) -> list[Record]:
    """The dataset's records, before any filter, order or page; `duedate` is a Unix time."""
    city = stations(request.seed)
    index, columns = _columns(request)
    yes_no = ("NON", "OUI")
    return [
        {
            "stationcode": city.code[place],
            "name": city.name[place],
            "is_installed": yes_no[is_installed],
            "capacity": capacity,
            "numdocksavailable": docks,
            "numbikesavailable": mechanical + ebike,
            "mechanical": mechanical,
            "ebike": ebike,
            "is_renting": yes_no[is_open],
            "is_returning": yes_no[is_open],
            "duedate": reported_at,
            "coordonnees_geo": {"lon": lon, "lat": lat},
            "nom_arrondissement_communes": city.commune[place],
            "code_insee_commune": city.insee[place],
            "station_opening_hours": None,
        }
        for place, capacity, lat, lon, mechanical, ebike, docks, is_installed, is_open, reported_at in zip(
            index.tolist(),
            city.capacity[index].tolist(),
            city.lat[index].tolist(),
            city.lon[index].tolist(),
            *columns.values(),
            strict=True,
        )
    ]


def _selected(request: Request) -> list[Record]:
    """Records after `where` and `order_by`."""
    records = _records(request)
    for condition in filter(None, re.split(r"\s+and\s+", request.query.get("where", "").strip(), flags=re.IGNORECASE)):
        equality = re.fullmatch(r"(\w+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(\d+))", condition)
        if equality is None or equality[1] not in _LABELS:
            raise _Refused(f"ODSQL query is malformed: the simulator reads only field = value, not {condition!r}")
        wanted = next(value for value in equality.groups()[1:] if value is not None)
        records = [record for record in records if str(record[equality[1]]) == wanted]
    keys = [key.split() for key in request.query.get("order_by", "").split(",") if key.strip()]
    for field, *direction in reversed(keys):
        if field not in _LABELS or [word.lower() for word in direction] not in ([], ["asc"], ["desc"]):
            raise _Refused(f"Unknown field: {field}")
        is_descending = [word.lower() for word in direction] == ["desc"]
        records.sort(key=lambda record: _sortable(record[field]), reverse=is_descending)
    return records


def _sortable(value: Any) -> Any:
    """Numbers by size, everything else by its text; a field holds one kind."""
    return value if isinstance(value, int) else str(value)


def _presented(request: Request, records: list[Record]) -> list[Record]:
    """Records with the asked fields, and `duedate` in the asked time zone."""
    fields = [field.strip() for field in request.query.get("select", "*").split(",")]
    unknown = [field for field in fields if field != "*" and field not in _LABELS]
    if unknown:
        raise _Refused(f"Unknown field: {unknown[0]}")
    times = _iso([record["duedate"] for record in records], request.query.get("timezone", "UTC"))
    for record, time in zip(records, times, strict=True):
        record["duedate"] = time
    return records if "*" in fields else [{field: record[field] for field in fields} for record in records]


def _iso(unix_times: list[int], zone: str) -> list[str]:
    """Unix times in ISO 8601 with the offset of a time zone."""
    if zone == "UTC":
        return [f"{text}+00:00" for text in np.array(unix_times, dtype="datetime64[s]").astype(str).tolist()]
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise _Refused(f"Unknown timezone: {zone}") from None
    return [datetime.fromtimestamp(unix_time, place).isoformat() for unix_time in unix_times]


def _whole_number(request: Request, name: str, default: int, lowest: int, highest: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"-?\d+", text) or not lowest <= int(text) <= highest:
        raise _Refused(
            f"Invalid value for {name} API parameter: {text} was found but {lowest} <= {name} <= {highest} is expected."
        )
    return int(text)


def records_page(request: Request) -> Response:
    """`records`: one page of at most 100, no further than the 10,000th record."""
    limit = _whole_number(request, "limit", 10, -1, _MAX_LIMIT)
    offset = _whole_number(request, "offset", 0, 0, _MAX_WINDOW)
    limit = _MAX_LIMIT if limit == -1 else limit
    if offset + limit > _MAX_WINDOW:
        raise _Refused(
            f"Invalid value for offset API parameter: {offset} was found "
            f"but offset + limit <= {_MAX_WINDOW} is expected."
        )
    records = _selected(request)
    if not request.query.get("order_by"):
        place = np.arange(len(records))
        drift = 40.0 * uniform(request.seed, "unordered", place, request.unix_time // 60, offset)
        records = [records[number] for number in np.argsort(place + drift, kind="stable").tolist()]
    page = _presented(request, records[offset : offset + limit])
    body = msgspec.json.encode({"total_count": len(records), "results": page})
    return Response(200, body, {"content-type": "application/json; charset=utf-8"})


def export_json(request: Request) -> Response:
    """`exports/json`: every record, as a bare list."""
    body = msgspec.json.encode(_presented(request, _exported(request)))
    return Response(200, body, {"content-type": "application/json; charset=utf-8"})


def export_csv(request: Request) -> Response:
    """`exports/csv`: every record, with `;`, a byte order mark, and French labels where `use_labels` asks for them."""
    records = _presented(request, _exported(request))
    is_labelled = request.query.get("use_labels", "false").lower() == "true"
    fields = list(records[0]) if records else list(_LABELS)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=request.query.get("delimiter", ";"))
    writer.writerow([_LABELS[field] if is_labelled else field for field in fields])
    for record in records:
        place = record.get("coordonnees_geo")
        flat = record | ({"coordonnees_geo": f"{place['lat']}, {place['lon']}"} if place else {})
        writer.writerow(flat.values())
    has_mark = request.query.get("with_bom", "true").lower() == "true"
    body = text.getvalue().encode("utf-8-sig" if has_mark else "utf-8")
    return Response(200, body, {"content-type": "text/csv; charset=utf-8"})


def _exported(request: Request) -> list[Record]:
    limit = _whole_number(request, "limit", -1, -1, 10**9)
    records = _selected(request)
    return records if limit == -1 else records[:limit]


def _opendatasoft(handler: Handler, request: Request) -> Response:
    """The handler's answer with the portal's limits in its headers; 400 for a query it refuses."""
    try:
        response = handler(request)
    except _Refused as refusal:
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


ROUTES: dict[str, Handler] = {
    f"{GBFS_PATH}/station_status.json": station_status,
    f"{GBFS_PATH}/station_information.json": station_information,
    f"{ODS_PATH}/records": partial(_opendatasoft, records_page),
    f"{ODS_PATH}/exports/json": partial(_opendatasoft, export_json),
    f"{ODS_PATH}/exports/csv": partial(_opendatasoft, export_csv),
}
