"""Vélib' as its two providers send it: the operator's GBFS and the city's Opendatasoft v2.1.

Both speak about the same state at every instant. The operator publishes once a minute. As in real
life a few stations are listed twice, rarely a record has no code, and pages asked for without an
order lose and repeat stations.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.bikes import BikeState, bike_state
from transit_assets.simulator.city import stations
from transit_assets.simulator.faults import Fault
from transit_assets.simulator.messages import Handler, Request, Response
from transit_assets.simulator.noise import Ints, uniform
from transit_assets.simulator.opendatasoft import Dataset, Record

GBFS_PATH = "/opendata/Velib_Metropole"

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


class _Listed:
    """Records as they are listed; `duedate` is a Unix time."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def column(self, field: str) -> NDArray[Any]:
        values = [record[field] for record in self._records]
        return np.array(values if all(isinstance(value, int) for value in values) else list(map(str, values)))

    def records(self, index: Ints) -> list[Record]:
        return [self._records[place] for place in index.tolist()]


STATIONS = Dataset(
    "velib-disponibilite-en-temps-reel",
    _LABELS,
    frozenset({"duedate"}),
    lambda request, conditions: _Listed(_records(request)),
)
ODS_PATH = STATIONS.path

ROUTES: dict[str, Handler] = {
    f"{GBFS_PATH}/station_status.json": station_status,
    f"{GBFS_PATH}/station_information.json": station_information,
    **STATIONS.routes,
}
