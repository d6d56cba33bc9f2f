"""Repairs: quarantined rows, corrected by hand, on their way back into their table.

`release` checks the corrections and lands them like any payload, as feed `repairs` of the domain: JSON
lines of relation, payload_sha256, row_number and the corrected columns. Their partitions are then due, and
each load puts the corrections in the place of what was decoded, before the rules. So the accounting still
holds, and a table rebuilt from landing keeps them. The latest correction of a row wins.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.lake import Fetch, Lake, Table
from transit_assets.lake.errors import LakeError
from transit_assets.lake.snapshot import duckdb_type
from transit_assets.quality.cleaned import Cleaned
from transit_assets.quality.quarantine import PAYLOAD, list_rows
from transit_assets.quality.rules import BROKEN, PROBLEM, ROW_NUMBER, split

FEED = "repairs"

Place = tuple[str, int]
"""A record: the hash of its payload and its position in it."""


class RepairRefused(LakeError):
    """A corrected row that cannot go back; the message names the row and what is wrong with it."""


@dataclass(frozen=True)
class Repair:
    """The corrected columns of one quarantined row; a column that is not named keeps its value."""

    payload_sha256: str
    row_number: int
    row: Mapping[str, Any]

    @property
    def place(self) -> Place:
        return (self.payload_sha256, self.row_number)

    def __str__(self) -> str:
        return f"row {self.row_number} of payload {self.payload_sha256[:12]}"


class Repairs:
    """The corrections of one table that lie in landing."""

    def __init__(self, lake: Lake, table: Table) -> None:
        self._lake = lake
        self._table = table

    @cached_property
    def _by_partition(self) -> dict[str, list[Fetch]]:
        found: dict[str, list[Fetch]] = {}
        for fetch in self._lake.landing.fetches(self._table.domain or "", [FEED]):
            for partition in fetch.partitions:
                found.setdefault(partition, []).append(fetch)
        return found

    def of(self, partition: str | None) -> dict[Place, Repair]:
        """The latest correction of each row of a partition."""
        repairs: dict[Place, Repair] = {}
        for fetch in self._by_partition.get(partition or "", []):
            for line in self._lake.landing.payload(fetch).splitlines():
                record = json.loads(line)
                if record.pop("relation") == self._table.relation:
                    repair = Repair(**record)
                    repairs[repair.place] = repair
        return repairs

    def apply(self, cleaned: Cleaned) -> Cleaned:
        """The same candidates in the same order, with corrected rows in the place of what was decoded."""
        repairs = self.of(cleaned.partition)
        if not repairs:
            return cleaned
        candidates = cleaned.candidates
        likely = pc.and_(
            pc.is_in(candidates[PAYLOAD], pa.array(sorted({sha256 for sha256, _ in repairs}), pa.string())),
            pc.is_in(candidates[ROW_NUMBER], pa.array(sorted({number for _, number in repairs}), pa.int32())),
        )
        positions = np.flatnonzero(pc.fill_null(likely, False).to_numpy(zero_copy_only=False))
        places = candidates.select([PAYLOAD, ROW_NUMBER]).take(pa.array(positions)).to_pylist()
        matched = [
            (position, repairs[place])
            for position, row in zip(positions, places, strict=True)
            if (place := (row[PAYLOAD], row[ROW_NUMBER])) in repairs
        ]
        if not matched:
            return cleaned
        at = pa.array([int(position) for position, _ in matched])
        corrected = _correct(self._lake, self._table, candidates.take(at), [repair for _, repair in matched])
        mask = np.zeros(candidates.num_rows, dtype=bool)
        mask[at.to_numpy()] = True
        columns = [
            pc.replace_with_mask(candidates[name].combine_chunks(), pa.array(mask), corrected[name].combine_chunks())
            for name in candidates.column_names
        ]
        return replace(cleaned, candidates=pa.table(columns, schema=candidates.schema))


def release(lake: Lake, table: Table, repairs: Iterable[Repair], *, now: datetime | None = None) -> Fetch:
    """Check corrections of quarantined rows and land them; the next load of `Fetch.partitions` takes them in.

    Raises RepairRefused, and lands nothing, where one of them is not in quarantine, has a column or a value that
    the table has not, or still breaks a rule.
    """
    if table.partition_by is None:
        raise RepairRefused(f"{table.relation} is built from other tables: correct the rows there")
    wanted = {repair.place: repair for repair in repairs}
    if not wanted:
        raise RepairRefused(f"{table.relation}: there is no corrected row to release")
    held = {(row[PAYLOAD], row[ROW_NUMBER]): row for row in list_rows(lake, table).to_pylist()}
    for place, repair in wanted.items():
        if place not in held:
            raise RepairRefused(f"{repair} is not in the quarantine of {table.relation}")
        wanted[place] = _changes(table, repair, json.loads(held[place]["row"]))
    original = _typed(lake, table, [json.loads(held[place]["row"]) for place in wanted], list(wanted.values()))
    corrected = _correct(lake, table, original, list(wanted.values()))
    _refuse_broken(table, corrected, list(wanted.values()))

    partitions = sorted({str(held[place][table.partition_by]) for place in wanted})
    lines = [json.dumps({"relation": table.relation, **_record(repair)}, sort_keys=True) for repair in wanted.values()]
    fetch = Fetch(
        domain=table.domain or "",
        feed=FEED,
        fetched_at=now or datetime.now(UTC),
        provider="file",
        url=f"repairs of {table.relation}",
        outcome="landed",
        is_simulated=lake.landing.origin() == "simulated",
        partitions=tuple(partitions),
    )
    return lake.landing.land([(fetch, "\n".join(lines).encode())])[0]


def _changes(table: Table, repair: Repair, original: Mapping[str, Any]) -> Repair:
    """The columns that a correction changes; it may name others as they are."""
    for name in repair.row:
        if name not in table.column_names:
            raise RepairRefused(f"{repair}: {table.relation} has no column {name}")
    changed = {name: value for name, value in repair.row.items() if value != original[name]}
    for origin in (PAYLOAD, table.partition_by):
        if origin in changed:
            raise RepairRefused(f"{repair}: {origin} says where the row came from and cannot be corrected")
    return replace(repair, row=changed)


def _record(repair: Repair) -> dict[str, Any]:
    row = {
        name: value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
        for name, value in repair.row.items()
    }
    return {PAYLOAD: repair.payload_sha256, ROW_NUMBER: repair.row_number, "row": row}


def _correct(lake: Lake, table: Table, rows: pa.Table, repairs: list[Repair]) -> pa.Table:
    """Rows with their corrections, and without the decoder's complaint. Raises RepairRefused on a wrong type."""
    typed = _typed(lake, table, [_record(repair)["row"] for repair in repairs], repairs)
    for name in typed.column_names:
        corrects = pa.array([name in repair.row for repair in repairs])
        merged = pc.if_else(corrects, typed[name], rows[name])
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), merged)
    if PROBLEM in rows.column_names:
        at = rows.column_names.index(PROBLEM)
        rows = rows.set_column(at, rows.schema.field(PROBLEM), pa.nulls(rows.num_rows, pa.string()))
    return rows


def _typed(lake: Lake, table: Table, rows: list[dict[str, Any]], repairs: list[Repair]) -> pa.Table:
    """JSON rows in the table's types, columns that a row does not name null."""
    types = {field.name: duckdb_type(field.type) for field in table.schema}
    texts = pa.table(
        {name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in table.column_names}
    )
    casts = ", ".join(f'TRY_CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
    with lake.engine() as connection:
        connection.register("texts", texts)
        typed = connection.execute(f"SELECT {casts} FROM texts").to_arrow_table()
    for name in table.column_names:
        wrong = pc.and_(pc.is_valid(texts[name]), pc.is_null(typed[name])).to_pylist()
        if True in wrong:
            at = wrong.index(True)
            raise RepairRefused(f"{repairs[at]}: {name} is not {types[name]}: {texts[name][at].as_py()!r}")
    return typed.cast(table.schema)


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else json.dumps(value)


def _refuse_broken(table: Table, rows: pa.Table, repairs: list[Repair]) -> None:
    numbered = rows.append_column("repair", pa.array(range(rows.num_rows), pa.int32()))
    _, broken = split(table, numbered)
    if broken.num_rows:
        first = broken.slice(0, 1).to_pylist()[0]
        rule = next(rule for rule in table.row_rules() if rule.name == first[BROKEN.name][0])
        others = f" ({broken.num_rows - 1} more rows break a rule)" if broken.num_rows > 1 else ""
        raise RepairRefused(f"{repairs[first['repair']]} still breaks {rule.name}: {rule.description}{others}")
