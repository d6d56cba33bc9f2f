"""Times of the rail's feeds to instants and service dates."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from transit_assets.rail.clean import times


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2022-06-24 10:51:00", datetime(2022, 6, 24, 8, 51, tzinfo=UTC)),
        ("24/06/2022 11:02", datetime(2022, 6, 24, 9, 2, tzinfo=UTC)),
        ("24-06-2022 11:02", datetime(2022, 6, 24, 9, 2, tzinfo=UTC)),
        ("20240428T044500", datetime(2024, 4, 28, 2, 45, tzinfo=UTC)),
        ("2024-04-22T21:59:51.014Z", datetime(2024, 4, 22, 21, 59, 51, 14_000, tzinfo=UTC)),
        ("2025-01-24T17:06:41.000+01:00", datetime(2025, 1, 24, 16, 6, 41, tzinfo=UTC)),
        ("2024-03-31 02:30:00", None),  # the clock leaves it out
        ("2024-10-27 02:30:00", datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),  # the second of two
        ("32/06/2022 11:02", None),
        ("1970-01-01 00:00:00", None),
        ("soon", None),
        ("2024", None),
    ],
)
def test_times_are_of_paris_unless_they_say_otherwise(written: str, at: datetime | None) -> None:
    read = times.instants(pa.array([written]))
    assert read.values.to_pylist() == [at] == [times.instant(written)]
    assert read.unreadable.to_pylist() == [at is None]


def test_no_time_is_no_complaint() -> None:
    read = times.instants(pa.array([None, "", " "], pa.string()))
    assert read.values.null_count == 3
    assert not any(read.unreadable.to_pylist())


@pytest.mark.parametrize(
    ("at", "service", "paris"),
    [
        (datetime(2022, 6, 24, 23, 18, tzinfo=UTC), date(2022, 6, 24), date(2022, 6, 25)),  # the last train, 01:18
        (datetime(2022, 6, 25, 0, 59, tzinfo=UTC), date(2022, 6, 24), date(2022, 6, 25)),
        (datetime(2022, 6, 25, 1, 0, tzinfo=UTC), date(2022, 6, 25), date(2022, 6, 25)),
        (
            datetime(2024, 10, 27, 1, 59, tzinfo=UTC),
            date(2024, 10, 26),
            date(2024, 10, 27),
        ),  # 02:59 for the second time
        (datetime(2024, 3, 31, 1, 0, tzinfo=UTC), date(2024, 3, 31), date(2024, 3, 31)),  # 03:00, an hour after 01:59
    ],
)
def test_a_service_date_begins_at_three_in_the_morning(at: datetime, service: date, paris: date) -> None:
    column = pa.array([at, None], pa.timestamp("us", tz="UTC"))
    assert times.service_dates(column).to_pylist() == [service, None]
    assert times.paris_days(column).to_pylist() == [paris, None]
    assert (times.service_date(at), times.paris_day(at)) == (service, paris)


def test_collectors_name_their_files_by_paris_time() -> None:
    assert times.of_stamp("20240423001001") == datetime(2024, 4, 22, 22, 10, 1, tzinfo=UTC)
    assert times.of_stamp("20241399001001") is None
