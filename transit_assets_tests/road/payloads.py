"""Small payloads in every provider's form, for the tests of the road."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from transit_assets.road.clean.arcs import arc_descriptions
from transit_assets.road.clean.counts import counts_hourly
from transit_assets.road.clean.formats import decode_archive
from transit_assets.road.clean.records import Landed
from transit_assets.road.schema import ARC_DESCRIPTIONS, COUNTS_HOURLY
from transit_assets_tests.ruled import Ruled, ruled

NOON = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)

_NODES = ("iu_nd_amont", "libelle_nd_amont", "iu_nd_aval", "libelle_nd_aval")
_HISTORY = ("iu_ac", "libelle", *_NODES, "t_1h", "q", "k", "etat_trafic", "etat_barre")
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
_ARC = {
    "iu_ac": "4264",
    "libelle": "AV_Champs_Elysees",
    "iu_nd_amont": "2294",
    "libelle_nd_amont": "Av_Champs_Elysees-Washington",
    "iu_nd_aval": "2293",
    "libelle_nd_aval": "Av_Champs_Elysees-Berri",
}
LINE = {"type": "LineString", "coordinates": [[2.3, 48.87], [2.31, 48.87]]}


def historic(t_1h: str = "2019-05-01 13:00:00", **said: Any) -> dict[str, Any]:
    """One row of a history extract."""
    return _ARC | {"t_1h": t_1h, "q": "900.0", "k": "12.5", "etat_trafic": "1", "etat_barre": "3"} | said


def exported(t_1h: str = "2019-05-01T13:00:00+02:00", **said: Any) -> dict[str, Any]:
    """One row of a CSV export."""
    return (
        _ARC
        | {"t_1h": t_1h, "q": "900.0", "k": "12.5", "etat_trafic": "Fluide", "etat_barre": "Invalide"}
        | {"geo_point_2d": "48.87, 2.305", "geo_shape": json.dumps(LINE)}
        | said
    )


def answered(t_1h: str = "2019-05-01T13:00:00+02:00", **said: Any) -> dict[str, Any]:
    """One record of Opendatasoft v2.1."""
    place = {"geo_point_2d": {"lon": 2.305, "lat": 48.87}}
    shape = {"geo_shape": {"type": "Feature", "geometry": LINE, "properties": {}}}
    return exported(t_1h) | {"q": 900.0, "k": 12.5} | place | shape | said


def _csv(rows: Iterable[Mapping[str, Any]], names: Iterable[str], labels: Mapping[str, str], delimiter: str) -> bytes:
    def cell(value: Any) -> str:
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"' if delimiter in text or '"' in text else text

    names = list(names)
    lines = [[labels.get(name, name) for name in names], *([row.get(name) for name in names] for row in rows)]
    return "\n".join(delimiter.join(cell(value) for value in line) for line in lines).encode() + b"\n"


def history(*rows: Mapping[str, Any], extra: Iterable[str] = ()) -> bytes:
    return _csv(rows, [*_HISTORY, *extra], {}, ",")


def export(*rows: Mapping[str, Any], bom: bool = True, labels: bool = True, first: str = "iu_ac") -> bytes:
    names = sorted(_LABELS, key=lambda name: name != first)
    return b"\xef\xbb\xbf" * bom + _csv(rows, names, _LABELS if labels else {}, ";")


def answer(*records: Any) -> bytes:
    return json.dumps({"total_count": len(records), "results": records}).encode()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.txt", content)
    return buffer.getvalue()


def months(payload: bytes) -> dict[str, pa.Table]:
    """A payload's records by Paris month."""
    found: dict[str, list[pa.Table]] = {}
    for month, rows in decode_archive(io.BytesIO(payload)):
        found.setdefault(month, []).append(rows)
    return {month: pa.concat_tables(rows).combine_chunks() for month, rows in found.items()}


def landed(*payloads: bytes | Path) -> dict[date, list[Landed]]:
    """Payloads as the landing gives them, in the order in which they are heard."""
    found: dict[date, list[Landed]] = {}
    for number, payload in enumerate(payloads):
        content = payload if isinstance(payload, bytes) else payload.read_bytes()
        for month, rows in months(content).items():
            one = Landed(
                hashlib.sha256(content).hexdigest(),
                NOON + timedelta(minutes=number),
                rows["source"][0].as_py(),
                rows,
            )
            found.setdefault(date.fromisoformat(month), []).append(one)
    return found


def counts(*payloads: bytes | Path) -> dict[date, Ruled]:
    """The counts of every month of some payloads, ruled on."""
    return {month: ruled(COUNTS_HOURLY, counts_hourly(month, found)) for month, found in landed(*payloads).items()}


def descriptions(*payloads: bytes | Path) -> dict[date, Ruled]:
    """The descriptions of every month of some payloads, ruled on."""
    return {
        month: ruled(ARC_DESCRIPTIONS, arc_descriptions(month, found)) for month, found in landed(*payloads).items()
    }
