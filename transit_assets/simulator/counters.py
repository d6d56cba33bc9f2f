"""The permanent road counters as the city's portal sends them: Opendatasoft v2.1, one record per arc and hour.

The portal keeps about fourteen months. Here a question that names no earliest hour is answered for these, and one
that does for any hour since 2018, so that a simulated lake can be filled with past years without archives.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_assets.simulator.calendar import midnight
from transit_assets.simulator.faults import Fault
from transit_assets.simulator.messages import Handler, Request
from transit_assets.simulator.noise import Ints, uniform
from transit_assets.simulator.opendatasoft import Condition, Dataset, Record, Refused, satisfies
from transit_assets.simulator.road import CLOSED, INVALID, OPEN, UNKNOWN, Counts, counts
from transit_assets.simulator.streets import Arcs, arcs

_HOUR, _DAY = 3600, 86400
_KEPT = 426 * _DAY
_BEGINNING = midnight(date(2018, 1, 1))
_MOST_RECORDS = 2_000_000  # about a gigabyte; nobody means to ask for more at once
# Opendatasoft's field names with the labels that its CSV export shows.
_LABELS = {
    "iu_ac": "Identifiant arc",
    "libelle": "Libelle",
    "t_1h": "Date et heure de comptage",
    "q": "Débit horaire",
    "k": "Taux d'occupation",
    "etat_trafic": "Etat trafic",
    "iu_nd_amont": "Identifiant noeud amont",
    "libelle_nd_amont": "Libelle noeud amont",
    "iu_nd_aval": "Identifiant noeud aval",
    "libelle_nd_aval": "Libelle noeud aval",
    "etat_barre": "Etat arc",
    "date_debut": "Date debut dispo data",
    "date_fin": "Date fin dispo data",
    "geo_point_2d": "geo_point_2d",
    "geo_shape": "geo_shape",
}
_LEVELS = ("Fluide", "Pré-saturé", "Saturé", "Bloqué", "Inconnu")
_BANDS = (15.0, 30.0, 50.0)
_STATES = {OPEN: "Ouvert", CLOSED: "Barré", INVALID: "Invalide", UNKNOWN: "Inconnu"}
_AVAILABLE_UNTIL = "2023-01-01"


class _Listed:
    """Counts as they are listed; `t_1h` is a Unix time."""

    def __init__(self, city: Arcs, found: Counts) -> None:
        self._city, self._found = city, found

    def __len__(self) -> int:
        return len(self._found)

    def column(self, field: str) -> NDArray[Any]:
        found = self._found
        match field:
            case "t_1h":
                return found.hour_end
            case "q":
                return found.flow
            case "k":
                return found.occupancy
            case "iu_ac":
                return self._city.arc_id[found.arc]
        return np.array([str(record[field]) for record in self.records(np.arange(len(self)))], dtype=np.str_)

    def records(self, index: Ints) -> list[Record]:
        found, city = self._found.take(index), self._city
        level = np.where(np.isnan(found.occupancy), len(_BANDS) + 1, np.digitize(found.occupancy, _BANDS))
        columns = (found.arc, found.hour_end, found.flow, found.occupancy, level, found.state)
        lat, lon, arc_id, renamed_at = (
            values.tolist() for values in (city.lat, city.lon, city.arc_id, city.renamed_at)
        )
        return [
            {
                "iu_ac": arc_id[arc],
                "libelle": city.name[arc] if end > renamed_at[arc] else city.old_name[arc],
                "t_1h": end,
                "q": None if flow != flow else flow,  # NaN is not itself
                "k": None if occupancy != occupancy else occupancy,
                "etat_trafic": _LEVELS[level],
                "iu_nd_amont": city.upstream[arc][0],
                "libelle_nd_amont": city.upstream[arc][1],
                "iu_nd_aval": city.downstream[arc][0],
                "libelle_nd_aval": city.downstream[arc][1],
                "etat_barre": _STATES[state],
                "date_debut": city.available_from[arc],
                "date_fin": _AVAILABLE_UNTIL,
                "geo_point_2d": {"lon": lon[arc], "lat": lat[arc]},
                "geo_shape": city.shape[arc],
            }
            for arc, end, flow, occupancy, level, state in zip(*(values.tolist() for values in columns), strict=True)
        ]


def _rows(request: Request, conditions: Sequence[Condition]) -> _Listed:
    """The records of the arcs and hours that the conditions leave. Raises Refused where these are too many."""
    city = arcs(request.seed)
    index = np.arange(request.arcs)
    for condition in conditions:
        if condition.field == "iu_ac" and condition.comparison == "=":
            index = index[city.arc_id[index] == condition.text]
    ends = _hour_ends(request, conditions)
    if len(ends) * len(index) > _MOST_RECORDS:
        raise Refused(
            f"the simulator gives at most {_MOST_RECORDS} records at once, not {len(ends)} hours of {len(index)} arcs: "
            "name an earliest hour, `where=t_1h >= date'2026-01-01'`"
        )
    found = counts(request.seed, index, ends, request.unix_time, 60 * request.counts_delay_minutes)
    return _Listed(city, found.take(_listed(request, found)) if request.fault is None else _faulty(request, found))


def _hour_ends(request: Request, conditions: Sequence[Condition]) -> Ints:
    """Ends of the hours that conditions on `t_1h` leave, and that are over."""
    bounds = [condition for condition in conditions if condition.field == "t_1h" and condition.at is not None]
    since = [bound.at for bound in bounds if bound.comparison in (">", ">=", "=") and bound.at is not None]
    first = max([_BEGINNING + _HOUR, *(since or [request.unix_time - _KEPT])])
    last = min([request.unix_time, *(bound.at for bound in bounds if bound.comparison[0] in "<=" and bound.at)])
    ends = np.arange(-(-first // _HOUR), last // _HOUR + 1, dtype=np.int64) * _HOUR
    for bound in bounds:
        ends = ends[satisfies(bound, ends)]
    return ends


def _listed(request: Request, found: Counts) -> Ints:
    """The order in which the portal has the records, which is none."""
    return np.argsort(uniform(request.seed, "road/listed", found.arc, found.hour_end), kind="stable")


def _faulty(request: Request, found: Counts) -> Counts:
    """The records as a fault lists them: in another order, or a tenth of them twice, half of these with other flows."""
    order = _listed(request, found)
    if request.fault is Fault.REORDERED:
        return found.take(order[::-1])
    if request.fault is not Fault.DUPLICATED:
        return found.take(order)
    again = found.take(np.concatenate([order, order[: len(order) // 10]]))
    again.flow[len(order) :: 2] += 1.0
    return again


COUNTERS = Dataset("comptages-routiers-permanents", _LABELS, frozenset({"t_1h"}), _rows)
ROUTES: dict[str, Handler] = COUNTERS.routes
