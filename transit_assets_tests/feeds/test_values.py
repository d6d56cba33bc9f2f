"""Values as providers write them, read or refused but never guessed."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_assets.feeds import values


@pytest.mark.parametrize(
    ("written", "read", "is_unreadable"),
    [
        (4, 4, False),
        (4.0, 4, False),
        ("4", 4, False),
        (" 4 ", 4, False),
        ("4.0", 4, False),
        (None, None, False),
        ("", None, False),
        (4.5, None, True),
        ("abc", None, True),
        (2**40, None, True),
        ("9" * 30, None, True),
        (float("nan"), None, False),
        (float("inf"), None, True),
    ],
)
def test_a_count_is_a_whole_number_or_unreadable(written: Any, read: int | None, is_unreadable: bool) -> None:
    found = values.integer(values.column([written]), pa.int32())
    assert (found.values[0].as_py(), found.unreadable[0].as_py()) == (read, is_unreadable)


@pytest.mark.parametrize(
    ("written", "read", "is_unreadable"),
    [
        ("OUI", True, False),
        ("oui", True, False),
        ("NON", False, False),
        (1, True, False),
        (0, False, False),
        (True, True, False),
        (False, False, False),
        ("true", True, False),
        (None, None, False),
        ("", None, False),
        ("peut-être", None, True),
        (2, None, True),
    ],
)
def test_a_flag_is_yes_no_or_unknown(written: Any, read: bool | None, is_unreadable: bool) -> None:
    found = values.flag(values.column([written]))
    assert (found.values[0].as_py(), found.unreadable[0].as_py()) == (read, is_unreadable)


SUMMER = datetime(2022, 8, 31, 9, 6, 0, 482000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "read", "is_unreadable"),
    [
        ("2022-08-31T11:06:00.482+02:00", SUMMER, False),
        ("2022-08-31T09:06:00.482Z", SUMMER, False),
        ("2022-08-31 09:06:00.482+00:00", SUMMER, False),
        (1661936760, SUMMER.replace(microsecond=0), False),
        ("1661936760", SUMMER.replace(microsecond=0), False),
        (1661936760000, SUMMER.replace(microsecond=0), False),
        (0, None, False),  # GBFS: never reported
        ("", None, False),
        (None, None, False),
        ("2022-08-31T11:06:00", None, True),  # which zone?
        ("2022-13-31T11:06:00Z", None, True),
        ("yesterday", None, True),
        (-5, None, True),
        (10**17, None, True),
    ],
)
def test_an_instant_has_an_offset_or_is_unreadable(written: Any, read: datetime | None, is_unreadable: bool) -> None:
    found = values.instant(values.column([written]))
    assert (found.values[0].as_py(), found.unreadable[0].as_py()) == (read, is_unreadable)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)


@given(st.lists(SCALARS, max_size=8))
def test_no_value_crashes_a_reader(written: list[Any]) -> None:
    raw = values.column(written)
    for read in (values.integer(raw, pa.int32()), values.flag(raw), values.number(raw), values.instant(raw)):
        assert len(read.values) == len(read.unreadable) == len(written)
        assert read.unreadable.null_count == 0
    assert len(values.text(raw)) == len(written)
