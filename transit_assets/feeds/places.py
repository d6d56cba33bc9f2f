"""Places as providers write them, to raw latitudes and longitudes: what is no place stays visible as such."""

import re
import struct
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.feeds import values

_SEPARATOR = re.compile("[,;]")  # `;` in 72 of 9,834 records of one export of road counts
_WKB_POINT = struct.Struct("<BIdd")


def coordinates(places: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Raw latitudes and longitudes of `"lat, lon"`, `"lat; lon"`, {lon, lat}, [lat, lon] or WKB points."""
    if pa.types.is_struct(places.type) and {"lat", "lon"} <= {field.name for field in places.type}:
        return pc.struct_field(places, "lat"), pc.struct_field(places, "lon")
    pairs = [pair(place) for place in places.to_pylist()]
    return values.column([pair[0] for pair in pairs]), values.column([pair[1] for pair in pairs])


def pair(place: Any) -> tuple[Any, Any]:
    """Raw latitude and longitude of one place; what is no place is both, so that it is named as unreadable."""
    if place is None or place == "":
        return None, None
    if isinstance(place, bytes) and len(place) == _WKB_POINT.size and place[0] == 1:
        _, _, longitude, latitude = _WKB_POINT.unpack(place)
        return latitude, longitude
    if isinstance(place, str):
        parts = _SEPARATOR.split(place)
        if len(parts) == 2:
            return parts[0], parts[1]
    if isinstance(place, list) and len(place) == 2:
        return place[0], place[1]
    return f"no place: {place}", f"no place: {place}"
