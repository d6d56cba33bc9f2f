"""Vélib' stations as Opendatasoft has them, typed: v2.1 answers and exports, and v1 answers in archives.

v1 wraps the fields of a station in a record with an id, leaves out those that are null, and gives a
place as [lat, lon]; v2.1 is flat and names lon and lat. Flags are OUI and NON.
"""

from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct, field

from transit_assets.feeds.opendatasoft import decode_records
from transit_assets.feeds.payloads import Stations, each_typed

Flag: TypeAlias = str | bool | int | None


class Place(Struct, gc=False):
    """A point of v2.1, in degrees."""

    lon: float
    lat: float


class StationRecord(Struct, gc=False):
    """One station; what the answer lacks is None."""

    code: str | int | None = field(default=None, name="stationcode")
    name: str | None = None
    capacity: int | None = None
    bikes: int | None = field(default=None, name="numbikesavailable")
    mechanical: int | None = None
    ebike: int | None = None
    docks_free: int | None = field(default=None, name="numdocksavailable")
    is_installed: Flag = None
    is_renting: Flag = None
    is_returning: Flag = None
    reported_at: datetime | None = field(default=None, name="duedate")
    place: Place | list[float] | str | None = field(default=None, name="coordonnees_geo")
    commune: str | None = field(default=None, name="nom_arrondissement_communes")
    insee_code: str | None = field(default=None, name="code_insee_commune")

    @property
    def station_code(self) -> str | None:
        """The code as text: leading data may have it as a number."""
        return None if self.code is None else str(self.code)


class ArchivedRecord(Struct, gc=False):
    """One record of v1."""

    fields: StationRecord
    recordid: str | None = None
    record_timestamp: datetime | None = None


_STATION = msgspec.json.Decoder(StationRecord)
_ARCHIVED = msgspec.json.Decoder(ArchivedRecord)


def decode_stations(payload: bytes) -> Stations[StationRecord]:
    """Type the flat records of a v2.1 answer or export. One bad record costs that record only.

    Raises PayloadUnreadable where there is no list of records.
    """
    return each_typed(decode_records(payload).rows or (), _STATION)


def decode_archived(payload: bytes) -> Stations[ArchivedRecord]:
    """Type the records of a v1 answer, or a bare list of them, as `decode_stations` does."""
    return each_typed(decode_records(payload).rows or (), _ARCHIVED)
