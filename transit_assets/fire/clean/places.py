"""Places on the British grid (OSGB36) to latitude and longitude (WGS 84), and names of boroughs."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pyproj import Transformer

# The Ordnance Survey's own Helmert step, spelt out: PROJ would otherwise choose by the grids that a machine has. It is
# within 2 m of the exact places of recorded calls, which are told to 50 m only.
_TO_WGS84 = (
    "+proj=pipeline +step +inv +proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy "
    "+step +proj=push +v_3 +step +proj=cart +ellps=airy "
    "+step +proj=helmert +x=446.448 +y=-125.157 +z=542.06 +rx=0.15 +ry=0.247 +rz=0.842 +s=-20.489 "
    "+convention=position_vector +step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3 "
    "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
)
_DECIMALS = 6  # a tenth of a metre
_SMALL_WORDS = {"and", "of", "upon", "on", "the"}
UNPLACED = frozenset({"not geo-coded", "not geo coded", "e00000000"})
"""Borough, ward and their codes of a call that could not be placed."""


def wgs84(easting: np.ndarray, northing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latitudes and longitudes of places on the British grid, in metres; NaN stays NaN."""
    longitude, latitude = _transformer().transform(easting, northing)
    is_known = np.isfinite(easting) & np.isfinite(northing)
    return tuple(np.where(is_known, np.round(values, _DECIMALS), np.nan) for values in (latitude, longitude))  # type: ignore[return-value]


@cache
def _transformer() -> "Transformer":
    from pyproj import Transformer

    return Transformer.from_pipeline(_TO_WGS84)


def borough(written: str | None) -> str | None:
    """`KENSINGTON AND CHELSEA` or `Kensington And chelsea` as `Kensington and Chelsea`; None for `NOT GEO-CODED`."""
    if written is None or written.lower() in UNPLACED:
        return None
    words = written.replace("&", " and ").lower().split()
    return " ".join(word if at and word in _SMALL_WORDS else word.capitalize() for at, word in enumerate(words))
