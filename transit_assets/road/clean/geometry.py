"""The line of an arc as providers write it, to one GeoJSON geometry and the direction of traffic on it."""

import json
import math
import struct
from functools import lru_cache
from typing import Any, NamedTuple

_WKB_LINE, _WKB_HEAD = 2, struct.Struct("<BII")


class Line(NamedTuple):
    """The geometry as compact JSON, its bearing in degrees, or what is wrong with it."""

    geometry: str | None
    bearing: float | None
    problem: str | None = None


NO_LINE = Line(None, None)


@lru_cache(maxsize=20_000)  # one text for every hour of an arc, and Paris has 3,000 arcs
def line(written: str | bytes | None) -> Line:
    """Read a GeoJSON geometry or Feature, or a WKB line."""
    if not written:
        return NO_LINE
    try:
        geometry = _wkb(written) if isinstance(written, bytes) and written[:1] == b"\x01" else _geojson(written)
        if geometry is None:
            return NO_LINE
        points = _points(geometry)
    except (ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError):
        shown = written.hex() if isinstance(written, bytes) else written
        return Line(None, None, f"geometry_is_a_line: '{shown[:60]}'")
    return Line(json.dumps(geometry, separators=(",", ":")), _bearing(points[0], points[-1]))


def _geojson(written: str | bytes) -> dict[str, Any] | None:
    text = written.decode() if isinstance(written, bytes) else written
    found = json.loads(text.replace(";", ","))  # 72 of 9,834 records of one export have `;` for every comma
    if isinstance(found, str):  # JSON in a JSON text
        found = json.loads(found)
    if found is not None and found["type"] == "Feature":
        found = found["geometry"]
    return None if found is None else {"type": found["type"], "coordinates": found["coordinates"]}


def _wkb(written: bytes) -> dict[str, Any]:
    _, kind, count = _WKB_HEAD.unpack_from(written)
    if kind != _WKB_LINE:
        raise ValueError(kind)
    flat = struct.unpack_from(f"<{2 * count}d", written, _WKB_HEAD.size)
    return {"type": "LineString", "coordinates": [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]}


def _points(geometry: dict[str, Any]) -> list[tuple[float, float]]:
    """Longitudes and latitudes from the first to the last point."""
    parts = {"LineString": 1, "MultiLineString": 2}[geometry["type"]]
    lines = [geometry["coordinates"]] if parts == 1 else geometry["coordinates"]
    points = [(float(point[0]), float(point[1])) for one in lines for point in one]
    if not points or not all(abs(longitude) <= 180 and abs(latitude) <= 90 for longitude, latitude in points):
        raise ValueError("no points on earth")
    return points


def _bearing(first: tuple[float, float], last: tuple[float, float]) -> float | None:
    """Degrees clockwise from north; on the scale of a street the earth is flat. None where the ends are one."""
    north = last[1] - first[1]
    east = (last[0] - first[0]) * math.cos(math.radians((first[1] + last[1]) / 2))
    return math.degrees(math.atan2(east, north)) % 360 if north or east else None
