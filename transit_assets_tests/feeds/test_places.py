"""Places in every form that providers write them in."""

import struct
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.feeds.places import coordinates, pair

WKB = struct.pack("<BIdd", 1, 1, 2.3, 48.8)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("48.8, 2.3", ("48.8", " 2.3")),
        ("48.8; 2.3", ("48.8", " 2.3")),
        ([48.8, 2.3], (48.8, 2.3)),
        (WKB, (48.8, 2.3)),
        (None, (None, None)),
        ("", (None, None)),
    ],
)
def test_a_place_is_a_latitude_and_a_longitude(written: Any, read: tuple[Any, Any]) -> None:
    assert pair(written) == read


@pytest.mark.parametrize("written", ["48.8", "48,8, 2,3", WKB[:-1], [48.8], {"x": 1}])
def test_what_is_no_place_stays_visible(written: Any) -> None:
    assert pair(written) == (f"no place: {written}", f"no place: {written}")


def test_a_column_of_structs_is_read_without_looking_at_each() -> None:
    places = pa.array([{"lon": 2.3, "lat": 48.8}, None])
    assert [column.to_pylist() for column in coordinates(places)] == [[48.8, None], [2.3, None]]
