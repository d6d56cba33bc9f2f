"""`interim.fire__mobilisations`: the vehicles sent to the calls of one London month, from whatever landed of it.

Mobilisation records come first-hand. An incident without any gives its first and second timed pump as derived rows,
from its last record; the derived rows of all others are superseded, and count as duplicates. A derived row stands at
twice the position of its incident in the payload, plus one for the second pump.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transit_assets.context.hours import FIRST_SECOND, instants
from transit_assets.context.local_time import local_seconds
from transit_assets.feeds import values
from transit_assets.fire.clean import times
from transit_assets.fire.clean.formats import pumps_of
from transit_assets.fire.clean.records import Landed
from transit_assets.fire.clean.vehicles import TIMES
from transit_assets.fire.schema import MOBILISATIONS
from transit_assets.quality.cleaned import Cleaned, candidate_schema

_SCHEMA = candidate_schema(MOBILISATIONS.schema)
_HOUR, _DAY = 3_600, 86_400
_NEAR_SECONDS = 60


def mobilisations(month: date, landed: Iterable[Landed], fingerprint: str | None = None) -> Cleaned:
    """The candidate rows of one month, named by its first day, from payloads in the order they were heard."""
    sent, calls = [_SCHEMA.empty_table()], []
    for one in landed:
        if one.kind == "mobilisations":
            columns = {name: one.records[name] for name in one.records.column_names} | _sent(one.records)
            sent.append(_candidates(columns, pa.repeat(one.sha256, one.records.num_rows), month))
        else:
            calls.append(one)
    first_hand = pa.concat_tables(sent)
    derived, superseded = _derived(calls, month, first_hand)
    candidates = pa.concat_tables([first_hand, derived])
    return Cleaned(
        partition=month.isoformat(),
        candidates=candidates,
        landed=candidates.num_rows + superseded,
        duplicates=superseded,
        fingerprint=fingerprint,
    )


def is_gmt(records: pa.Table) -> bool:
    """Whether the times of the records of one payload and month are in GMT; else they are London's.

    The hour of the call is London's: in summer it is that of the mobilisation beside it, or one more where that is in
    GMT. In winter the two are the same.
    """
    is_known = pc.and_(pc.is_valid(records["mobilised_at"]), pc.is_valid(records["hour_of_call"]))
    known = records.select(["mobilised_at", "hour_of_call"]).filter(is_known)
    wall = _seconds(known["mobilised_at"]).to_numpy()
    is_summer = local_seconds(wall, times.ZONE) != wall
    ahead = (known["hour_of_call"].to_numpy() - wall % _DAY // _HOUR)[is_summer] % 24
    return int((ahead == 1).sum()) > int(np.isin(ahead, (0, 23)).sum())


def _sent(records: pa.Table) -> dict[str, pa.Array]:
    """What mobilisation records lack: instants, and complaints about times that London's clock left out."""
    walls = {name: _seconds(records[name]).fill_null(FIRST_SECOND).to_numpy() for name in TIMES}
    is_known = {name: pc.is_valid(records[name]).to_numpy() for name in TIMES}
    problems = [records["problem"].combine_chunks()]
    if is_gmt(records):
        at = walls
    else:
        at, exists = _of_london(walls, is_known, records["attendance_seconds"])
        for name in TIMES:
            missing = pa.array(is_known[name] & ~exists[name])
            problems.append(values.complaints(f"{name}_exists_in_london", records[name], missing))
            is_known[name] &= exists[name]
    return {
        **{name: instants(at[name], is_known[name]) for name in TIMES},
        "problem": values.first_complaint(problems, records.num_rows),
        "is_derived": pa.repeat(False, records.num_rows),
    }


def _seconds(wall: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times of the wall clock as seconds since 1970: decoded archives are Parquet, which keeps milliseconds."""
    return wall.cast(times.WALL).cast(pa.int64())


def _of_london(
    walls: Mapping[str, np.ndarray], is_known: Mapping[str, np.ndarray], attendance: pa.ChunkedArray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Instants (seconds UTC) of London's wall clock, and which of them there are.

    Of the hour that comes twice it is the first, except for a vehicle sent in the second one by what it took to
    arrive; and nothing comes before it was sent.
    """
    read = {name: times.first_instants(wall) for name, wall in walls.items()}
    sent, _, is_twice = read["mobilised_at"]
    arrived, _, arrives_twice = read["arrived_at"]
    took = attendance.fill_null(0).to_numpy()

    def fits(start: np.ndarray) -> np.ndarray:
        off = arrived - start - took
        return (np.abs(off) <= _NEAR_SECONDS) | (arrives_twice & (np.abs(off + _HOUR) <= _NEAR_SECONDS))

    is_second = is_twice & is_known["arrived_at"] & pc.is_valid(attendance).to_numpy()
    is_second &= ~fits(sent) & fits(sent + _HOUR)
    sent = np.where(is_second, sent + _HOUR, sent)
    at = {"mobilised_at": sent}
    for name in TIMES[1:]:
        first, _, may_be_second = read[name]
        is_before = may_be_second & is_known["mobilised_at"] & (first < sent)
        at[name] = np.where(is_before, first + _HOUR, first)
    return at, {name: exists for name, (_, exists, _) in read.items()}


def _derived(calls: Sequence[Landed], month: date, first_hand: pa.Table) -> tuple[pa.Table, int]:
    """Candidates made of the pumps of incidents, and how many more of them are superseded."""
    if not calls:
        return _SCHEMA.empty_table(), 0
    payload = np.repeat(np.arange(len(calls)), [one.records.num_rows for one in calls])
    rows = pa.concat_tables([one.records for one in calls]).unify_dictionaries()
    numbers = rows["incident_number"]
    is_superseded = pc.is_in(numbers, first_hand["incident_number"].drop_null()).to_numpy(zero_copy_only=False)
    rank = numbers.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
    # The last record of each number; those without one are put aside each for itself.
    _, from_the_end = np.unique(rank[::-1], return_index=True)
    is_last = rank == -1
    is_last[len(rank) - 1 - from_the_end] = True
    kept = np.flatnonzero(is_last & ~is_superseded)
    hashes = pa.array([one.sha256 for one in calls]).take(pa.array(payload[kept]))
    last = rows.take(pa.array(kept))
    made = pa.concat_tables([_pumps(last, hashes, month, which) for which in (1, 2)])
    return made, pumps_of(rows) - made.num_rows


def _pumps(incidents: pa.Table, hashes: pa.Array, month: date, which: int) -> pa.Table:
    """The first or second pumps of incidents, where they were timed."""
    name = ("first", "second")[which - 1]
    is_timed = pc.is_valid(incidents[f"{name}_pump_attendance_seconds"])
    rows, count = incidents.filter(is_timed), pc.sum(is_timed).as_py() or 0
    columns = {
        "mobilisation_id": pc.binary_join_element_wise(rows["incident_number"], str(which), "/"),
        "incident_number": rows["incident_number"],
        "is_derived": pa.repeat(True, count),
        "attendance_seconds": rows[f"{name}_pump_attendance_seconds"],
        "station": rows[f"{name}_pump_station"],
        "pump_order": pa.repeat(which, count),
        "source": rows["source"],
        "row_number": pc.add(pc.multiply(rows["row_number"], 2), which - 1),
        "problem": rows["problem"],
    }
    return _candidates(columns, hashes.filter(is_timed.combine_chunks()), month)


def _candidates(columns: Mapping[str, pa.Array], hashes: pa.Array, month: date) -> pa.Table:
    columns = {**columns, "month": pa.repeat(pa.scalar(month, pa.date32()), len(hashes)), "payload_sha256": hashes}
    found = [columns.get(field.name, pa.nulls(len(hashes), field.type)) for field in _SCHEMA]
    return pa.table([column.cast(field.type) for column, field in zip(found, _SCHEMA, strict=True)], schema=_SCHEMA)
