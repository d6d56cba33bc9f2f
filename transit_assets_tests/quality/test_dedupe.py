from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_assets.quality.dedupe import keep_last
from transit_assets_tests.quality.conftest import COUNTS, candidates, row

KEY = COUNTS.key


@pytest.mark.parametrize(
    ("rows", "kept", "duplicates", "conflicts"),
    [
        ([], [], 0, 0),
        ([row("1", 1), row("2", 1), row("1", 2)], [("1", 1, 5), ("1", 2, 5), ("2", 1, 5)], 0, 0),
        ([row("1", 1), row("1", 1)], [("1", 1, 5)], 1, 0),
        ([row("1", 1, bikes=1), row("1", 1, bikes=2)], [("1", 1, 2)], 1, 1),
        ([row("1", 1, bikes=2), row("1", 1, bikes=1), row("1", 1, bikes=2)], [("1", 1, 2)], 2, 1),
        ([row("1", 1, bikes=None), row("1", 1, bikes=2)], [("1", 1, 2)], 1, 1),
        ([row("1", 1, bikes=None), row("1", 1, bikes=None)], [("1", 1, None)], 1, 0),
        ([row("1", 1, payload_sha256="b"), row("1", 1, row_number=9)], [("1", 1, 5)], 1, 0),
    ],
)
def test_the_last_row_of_a_key_is_kept_and_conflicts_are_counted(
    rows: list[dict[str, Any]], kept: list[tuple[Any, ...]], duplicates: int, conflicts: int
) -> None:
    result = keep_last(candidates(*rows), KEY)
    found = [(one["station_code"], one["reported_at"].minute, one["bikes"]) for one in result.rows.to_pylist()]
    assert found == kept
    assert (result.duplicates, result.conflicts) == (duplicates, conflicts)


@pytest.mark.parametrize("minutes", [(20, 10, 30), (20, 30, 10), (30, 20, 10)])
def test_a_repeated_report_keeps_its_first_poll_and_its_last(minutes: tuple[int, ...]) -> None:
    """Sources that merge come in the order of precedence, not of polls."""
    polls = [{"polled_at": f"2026-03-01 11:{m}:00", "first_polled_at": f"2026-03-01 11:{m}:00"} for m in minutes]
    result = keep_last(candidates(*(row("1", 1, **poll) for poll in polls), row("0", 1)), KEY)
    one = result.rows.to_pylist()[1]
    assert (one["first_polled_at"].minute, one["polled_at"].minute) == (10, 30)
    assert result.conflicts == 0


@pytest.mark.parametrize(("stale", "expected"), [([False, True], False), ([True, False], False), ([True, True], True)])
def test_a_report_that_was_fresh_at_its_first_poll_is_not_stale(stale: list[bool], expected: bool) -> None:
    schema = pa.schema([("code", pa.string()), ("is_stale", pa.bool_())])
    result = keep_last(pa.table([pa.array(["a", "a"]), pa.array(stale)], schema=schema), ("code",))
    assert result.rows["is_stale"].to_pylist() == [expected]
    assert (result.duplicates, result.conflicts) == (1, 0)


@given(st.lists(st.tuples(st.sampled_from(["b", "a", "é", None]), st.integers(0, 3), st.integers(0, 2))))
def test_it_agrees_with_a_dictionary(rows: list[tuple[str | None, int, int]]) -> None:
    naive: dict[tuple[str | None, int], int] = {(code, at): bikes for code, at, bikes in rows}
    conflicts = sum(bikes != naive[code, at] for code, at, bikes in rows)
    schema = pa.schema([("code", pa.string()), ("at", pa.int32()), ("bikes", pa.int32())])
    columns = [pa.array([one[i] for one in rows], field.type) for i, field in enumerate(schema)]
    result = keep_last(pa.table(columns, schema=schema), ("code", "at"))
    found = {(one["code"], one["at"]): one["bikes"] for one in result.rows.to_pylist()}
    assert found == naive
    assert list(found) == sorted(found, key=lambda key: (key[0] or "", key[1]))
    assert (result.duplicates, result.conflicts) == (len(rows) - len(naive), conflicts)
