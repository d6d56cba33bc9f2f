"""Times in digits are read without `strptime`, and must come out as it reads them."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from transit_assets.fire.clean import times

FORMS = ("%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M")


@pytest.mark.parametrize("form", FORMS)
def test_times_in_digits_are_those_that_python_reads(form: str) -> None:
    written = [datetime(2008, 12, 31, 23, 58) + timedelta(days=17.37 * step) for step in range(400)]
    texts = [f"{at:{form}}" for at in written]

    read = times.walls(pa.array([None, *texts, None]))

    assert read.values.to_pylist() == [None, *(datetime.strptime(text, form) for text in texts), None]
    assert not any(read.unreadable.to_pylist())


@pytest.mark.parametrize(
    "text",
    [
        "29/02/2017 10:00:00",
        "31/04/2017 10:00:00",
        "00/04/2017 10:00:00",
        "01/13/2017 10:00:00",
        "01/00/2017 10:00:00",
        "01/02/2017 24:00:00",
        "01/02/2017 10:60:00",
        "01/02/2017 10:0/:00",
        "31/12/2016 23:59:60",
        "01.02.2017 10:00:00",
        "0a/02/2017 10:00:00",
        "no time of any kind",
    ],
)
def test_what_is_no_time_is_unreadable_among_times_and_alone(text: str) -> None:
    among = times.walls(pa.array(["28/02/2017 10:00:00", text, "01/03/2017 23:59:59"]))
    alone = times.walls(pa.array([text]))

    assert among.values.to_pylist() == [datetime(2017, 2, 28, 10), None, datetime(2017, 3, 1, 23, 59, 59)]
    assert among.unreadable.to_pylist() == [False, True, False]
    assert (alone.values.to_pylist(), alone.unreadable.to_pylist()) == ([None], [True])


def test_several_forms_and_slices_are_read_each_as_it_is() -> None:
    texts = ["01/03/2017 23:59:59", "2017-03-02 00:00:01", "29/02/2016 10:00", None, " 2017-03-02T00:00:01.250 "]
    said = [datetime(2017, 3, 1, 23, 59, 59), datetime(2017, 3, 2, 0, 0, 1), datetime(2016, 2, 29, 10), None]

    read = times.walls(pa.array(["skipped", *texts, "skipped"]).slice(1, 5))

    assert read.values.to_pylist() == [*said, datetime(2017, 3, 2, 0, 0, 1)]
    assert not any(read.unreadable.to_pylist())


def test_clocks_are_seconds_since_midnight() -> None:
    read = times.clocks(pa.array(["00:00:00", "23:59:59", None, "24:00:00"]))

    assert read.values.to_pylist() == [0, 86_399, None, None]
    assert read.unreadable.to_pylist() == [False, False, False, True]
