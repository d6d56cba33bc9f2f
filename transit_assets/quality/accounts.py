"""Suites about a whole partition: are its accounts right, is the day or month complete, has it drifted."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from transit_assets.lake import Lake, Load, Period, Table
from transit_assets.quality.quarantine import quarantine_table
from transit_assets.quality.suites import PARTITION, Expectation, Scope, Suite, between
from transit_assets.settings import PARIS

_LOOK_BACK = 7  # partitions: one of each weekday


class Payloads(NamedTuple):
    """The records that the payloads of one partition hold, counted apart from decoding, and their fingerprint."""

    records: int
    fingerprint: str | None


CountPayloads: TypeAlias = Callable[[Lake, Sequence[str]], Mapping[str, Payloads]]


def accounting_suite(table: Table, count_payloads: CountPayloads | None = None) -> Suite:
    """Whether the latest load was accepted, adds up, and is what lies in the table and in its quarantine.

    `count_payloads` counts the records in landing, to which the load is held where nothing has landed since.
    """
    return Suite(
        name="accounting",
        table=table,
        description=f"Landed = kept + duplicates + quarantined in {table.relation}, and the table holds what was kept.",
        expectations=(
            Expectation(
                "is_accepted",
                "expect_column_values_to_be_null",
                f"at most {table.max_quarantined_share:.0%} of the landed rows are quarantined",
                {"column": "refusal"},
            ),
            Expectation(
                "has_columns", "expect_column_values_to_be_null", "columns are as described", {"column": "drift"}
            ),
            *(
                [
                    _equal(
                        "payload_records", "landed_rows", "every record of the payloads that were read is accounted for"
                    )
                ]
                if count_payloads
                else []
            ),
            _equal("landed_rows", "accounted_rows", "landed = kept + duplicates + quarantined"),
            _equal("committed_rows", "table_rows", "the table holds the rows that its last accepted load kept"),
            _equal(
                "quarantined_rows", "quarantine_rows", "the quarantine holds the rows that the latest load turned away"
            ),
        ),
        frame=lambda scope: _accounts(scope, table, count_payloads),
        is_blocking=True,
    )


def _equal(left: str, right: str, description: str) -> Expectation:
    kwargs = {"column_A": left, "column_B": right, "ignore_row_if": "either_value_is_missing"}
    return Expectation(f"{left}_are_{right}", "expect_column_pair_values_to_be_equal", description, kwargs)


def _accounts(scope: Scope, table: Table, count_payloads: CountPayloads | None) -> pa.Table:
    payloads = count_payloads(scope.lake, scope.partitions) if count_payloads else {}
    latest = scope.lake.ledger.latest(table.relation)
    committed = scope.lake.ledger.latest(table.relation, "committed")
    held, aside = _count(scope, table), _count(scope, quarantine_table(table))
    drift = _drifted(scope.lake, table)
    rows = []
    for partition in scope.partitions or (None,):
        load, last_good = latest.get(partition), committed.get(partition)
        counted = {
            name: (getattr(load, name) or 0) if load else 0
            for name in ("landed_rows", "kept_rows", "duplicate_rows", "conflict_rows", "quarantined_rows")
        }
        rows.append(
            {
                PARTITION: partition,
                "refusal": "was never loaded" if load is None else _refusal(table, load),
                "drift": drift,
                "payload_records": _records(payloads, partition, load),
                **counted,
                "accounted_rows": counted["kept_rows"] + counted["duplicate_rows"] + counted["quarantined_rows"],
                "committed_rows": (last_good.kept_rows or 0) if last_good else 0,
                "table_rows": held.get(partition, 0),
                "quarantine_rows": aside.get(partition, 0),
            }
        )
    texts = {PARTITION: pa.string(), "refusal": pa.string(), "drift": pa.string()}
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, texts.get(name, pa.int64())) for name in rows[0]]))


def _records(payloads: Mapping[str, Payloads], partition: str | None, load: Load | None) -> int | None:
    """The records of the payloads that a load has read; None where others have landed since, and it is due again."""
    found = payloads.get(partition or "")
    return found.records if found and load and found.fingerprint == load.fingerprint else None


def _refusal(table: Table, load: Load) -> str | None:
    if load.outcome == "committed":
        return None
    broken, landed = load.quarantined_rows or 0, load.landed_rows or 0
    return (
        f"refused: {broken} of {landed} rows broke a rule, more than {table.max_quarantined_share:.0%}; "
        "the last good version stays"
    )


def _count(scope: Scope, table: Table) -> dict[str | None, int]:
    if not scope.lake.table(table).exists():
        return {}
    found = scope.query(
        f"SELECT {_partition(table)} AS {PARTITION}, count(*) AS n FROM {table.relation} GROUP BY ALL", [table]
    )
    return {row[PARTITION]: row["n"] for row in found.to_pylist()}


def _partition(table: Table) -> str:
    return f'CAST("{table.partition_by}" AS VARCHAR)' if table.partition_by else "CAST(NULL AS VARCHAR)"


def _drifted(lake: Lake, table: Table) -> str | None:
    """How the stored columns differ from the described ones, in one sentence; None where they do not."""
    if not lake.table(table).exists():
        return f"{table.relation} does not exist"
    stored = {name.name: name.type for name in pa.schema(lake.table(table).delta().schema())}
    for column in table.columns:
        if column.name not in stored:
            return f"column {column.name} is missing"
        if stored[column.name] != column.type:
            return f"column {column.name} is {stored[column.name]}, not {column.type}"
    extra = set(stored) - set(table.column_names)
    return f"column {min(extra)} is not described" if extra else None


def completeness_suite(
    table: Table,
    instants: Sequence[str],
    entity: str,
    *,
    time_zone: str = PARIS.key,
    slot_minutes: int = 15,
    least_share: float = 0.9,
    delay: timedelta = timedelta(0),
    if_any: bool = False,
) -> Suite:
    """Whether a day or month was observed throughout: an instant in each of its slots, and as many entities as usual.

    A day is local, of 23, 24 or 25 hours; of one that still runs only what has passed is expected, less the `delay`
    with which the provider publishes. Usual is the median of the seven partitions before. With `if_any` a partition
    without a row is not asked about: other feeds of its domain have made it.
    """
    period = Period.of(table).value
    return Suite(
        name="completeness",
        table=table,
        description=f"Each {period} of {table.relation} was observed throughout, and no {entity} stayed away.",
        expectations=(
            between(
                "share_of_slots",
                least_share,
                None,
                f"at least {least_share:.0%} of the {slot_minutes}-minute slots of the {period} (so far) are observed",
            ),
            between(
                "share_of_usual",
                least_share,
                None,
                f"at least {least_share:.0%} of the usual number of {entity} is there",
            ),
        ),
        frame=lambda scope: _completeness(scope, table, instants, entity, time_zone, slot_minutes, delay, if_any),
    )


def _completeness(
    scope: Scope,
    table: Table,
    instants: Sequence[str],
    entity: str,
    time_zone: str,
    slot_minutes: int,
    delay: timedelta,
    if_any: bool,
) -> pa.Table:
    day, seconds = table.partition_by, slot_minutes * 60
    following = f"CAST(day + INTERVAL 1 {Period.of(table).value} AS TIMESTAMP)"
    before = _before(scope, table)
    polls = " UNION ".join(f'SELECT "{day}" AS day, "{at}" AS polled_at FROM {table.relation}' for at in instants)
    query = f"""
        WITH days AS (
            SELECT CAST(unnest($partitions) AS DATE) AS day
        ), bounds AS (
            SELECT day, epoch(timezone($zone, CAST(day AS TIMESTAMP))) AS starts,
                least(epoch(timezone($zone, {following})), epoch($now::TIMESTAMPTZ)) AS ends
            FROM days
        ), polls AS (
            {polls}
        ), slots AS (
            SELECT day, greatest(CAST(floor((ends - starts) / {seconds}) AS BIGINT), 0) AS expected_slots,
                CAST(floor((epoch(polled_at) - starts) / {seconds}) AS BIGINT) AS slot, polled_at
            FROM bounds LEFT JOIN polls USING (day)
        ), entities AS (
            SELECT "{day}" AS day, count(DISTINCT "{entity}") AS entities FROM {table.relation} GROUP BY ALL
        )
        SELECT CAST(day AS VARCHAR) AS {PARTITION}, expected_slots, count(DISTINCT polled_at) AS polls,
            count(DISTINCT slot) FILTER (slot >= 0 AND slot < expected_slots) AS seen_slots,
            seen_slots / nullif(expected_slots, 0) AS share_of_slots, coalesce(any_value(entities), 0) AS entities
        FROM slots LEFT JOIN entities USING (day) GROUP BY day, expected_slots ORDER BY 1
    """
    wanted = sorted({*scope.partitions, *(name for names in before.values() for name in names)})
    found = scope.query(
        query, [table], wanted, {"partitions": wanted, "zone": time_zone, "now": (scope.now - delay).isoformat()}
    ).to_pylist()
    counts = {row[PARTITION]: row["entities"] for row in found}
    rows = []
    for row in found:
        if row[PARTITION] in scope.partitions and (row["polls"] or not if_any):
            usual = (
                float(np.median([counts[name] for name in before[row[PARTITION]]])) if before[row[PARTITION]] else None
            )
            rows.append(row | {"usual_entities": usual, "share_of_usual": row["entities"] / usual if usual else None})
    return pa.Table.from_pylist(
        rows,
        schema=_schema(
            texts=[PARTITION],
            counts=["expected_slots", "seen_slots", "polls", "entities"],
            numbers=["share_of_slots", "usual_entities", "share_of_usual"],
        ),
    )


def _schema(*, texts: Sequence[str], counts: Sequence[str], numbers: Sequence[str]) -> pa.Schema:
    kinds = {pa.string(): texts, pa.int64(): counts, pa.float64(): numbers}
    return pa.schema([(name, kind) for kind, names in kinds.items() for name in names])


def _before(scope: Scope, table: Table) -> dict[str, list[str]]:
    """For each partition of the scope, the last ones that the table holds before it."""
    held = scope.lake.table(table).partitions()
    return {name: [other for other in held if other < name][-_LOOK_BACK:] for name in scope.partitions}


def drift_suite(table: Table, edges: Mapping[str, Sequence[float]], *, most: float = 0.25) -> Suite:
    """Whether columns are distributed as in the seven partitions before, by population stability index.

    `edges` are the lower edges of a column's classes. Below 0.1 nothing moved, above 0.25 something did.
    """
    return Suite(
        name="drift",
        table=table,
        description=f"{', '.join(edges)} of {table.relation} are distributed as in the {_LOOK_BACK} partitions before.",
        expectations=tuple(
            between(f"{name}_stability_index", 0, most, f"{name} moved by an index of at most {most:g}")
            for name in edges
        ),
        frame=lambda scope: _drift(scope, table, edges),
    )


def _drift(scope: Scope, table: Table, edges: Mapping[str, Sequence[float]]) -> pa.Table:
    before = _before(scope, table)
    wanted = sorted({*scope.partitions, *(name for names in before.values() for name in names)})
    classes = {
        f"{name}_{number}": f'count(*) FILTER ("{name}" >= {low}'
        + (f' AND "{name}" < {high})' if high is not None else ")")
        for name, lows in edges.items()
        for number, (low, high) in enumerate(zip(lows, [*lows[1:], None], strict=True))
    }
    counted = ", ".join(f'{count} AS "{name}"' for name, count in classes.items())
    found = scope.query(
        f"SELECT {_partition(table)} AS {PARTITION}, {counted} FROM {table.relation} GROUP BY ALL", [table], wanted
    )
    counts = {row[PARTITION]: row for row in found.to_pylist()}
    rows: list[dict[str, Any]] = []
    for partition in scope.partitions:
        row: dict[str, Any] = {PARTITION: partition, "partitions_before": len(before[partition])}
        for name, lows in edges.items():

            def histogram(names: Sequence[str], name: str = name, classes: int = len(lows)) -> np.ndarray:
                return sum(
                    (
                        np.array([counts[one][f"{name}_{number}"] for number in range(classes)])
                        for one in names
                        if one in counts
                    ),
                    np.zeros(classes),
                )

            row[f"{name}_stability_index"] = stability_index(histogram(before[partition]), histogram([partition]))
        rows.append(row)
    return pa.Table.from_pylist(
        rows,
        schema=_schema(
            texts=[PARTITION], counts=["partitions_before"], numbers=[f"{name}_stability_index" for name in edges]
        ),
    )


def stability_index(reference: np.ndarray, found: np.ndarray) -> float | None:
    """Population stability index of two histograms; None where one of them is empty."""
    if not reference.sum() or not found.sum():
        return None
    # An empty class counts as a ten-thousandth, so that one new value is no infinite change.
    expected, actual = (np.maximum(counts / counts.sum(), 1e-4) for counts in (reference, found))
    return float(((actual - expected) * np.log(actual / expected)).sum())
