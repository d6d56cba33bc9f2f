"""A slow and plain reading of what the marts of bikes say, one row at a time, to hold the SQL against."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
MEASURES = ("bikes", "mechanical", "ebike", "docks_free")
HOUR = dt.timedelta(hours=1)
HALF = Fraction(1, 2)
State = tuple[dt.datetime, dt.datetime, dict]


def bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """First and last (exclusive) instant of a Paris day, UTC."""
    start, end = (dt.datetime.combine(d, dt.time(), PARIS).astimezone(dt.UTC) for d in (day, day + dt.timedelta(1)))
    return start, end


def is_observed(row: dict) -> bool:
    is_closed = False in (row["is_installed"], row["is_renting"], row["is_returning"])
    is_known = None not in (row["bikes"], row["docks_free"])
    return not row["is_stale"] and not is_closed and is_known and row["bikes"] + row["docks_free"] > 0


def fresh_until(row: dict) -> dt.datetime:
    """What a provider reported holds for an hour; a poll holds for itself."""
    return (
        row["reported_at"] + HOUR
        if row["reported_at_provenance"] == "provider"
        else dt.datetime.max.replace(tzinfo=dt.UTC)
    )


def observed(parts: Iterable[State]) -> list[State]:
    """The parts that count, cut where the report is no longer fresh."""
    cut = [(start, min(until, fresh_until(row)), row) for start, until, row in parts if is_observed(row)]
    return [(start, until, row) for start, until, row in cut if start < until]


def states(rows: Iterable[dict], max_gap: dt.timedelta = dt.timedelta(minutes=20)) -> dict[tuple, list[State]]:
    """By day and station: from, until and the row of each state, in order."""
    by_station = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["first_polled_at"], row["reported_at"])):
        by_station[row["day"], row["station_code"]].append(row)
    found: dict[tuple, list[State]] = {}
    for (day, code), reports in by_station.items():
        found[day, code] = []
        for number, row in enumerate(reports):
            until = min(row["polled_at"] + max_gap, bounds(day)[1])
            if number + 1 < len(reports):
                until = min(until, reports[number + 1]["first_polled_at"])
            if until > row["first_polled_at"]:
                found[day, code].append((row["first_polled_at"], until, row))
    return found


def statistics(parts: list[State], length: dt.timedelta) -> dict:
    """The columns of one row of a station mart."""
    seen = [(Fraction((until - start) / dt.timedelta(microseconds=1)), row) for start, until, row in observed(parts)]
    length_us = Fraction(length / dt.timedelta(microseconds=1))
    time = sum(weight for weight, _ in seen)
    values: dict = {"coverage": float(time / length_us), "states": len(seen)}
    for name in MEASURES:
        known = [(weight, row[name]) for weight, row in seen if row[name] is not None]
        known_time, counts = sum(weight for weight, _ in known), [count for _, count in known]
        is_given = known_time / length_us >= HALF
        values |= {
            f"{name}_mean": float(Fraction(sum(counts), len(counts))) if is_given else None,
            f"{name}_time_weighted_mean": float(sum(w * count for w, count in known) / known_time)
            if is_given
            else None,
            f"{name}_min": min(counts) if is_given else None,
            f"{name}_max": max(counts) if is_given else None,
        }
    is_given = time / length_us >= HALF
    for name, count in (("empty_share", "bikes"), ("full_share", "docks_free")):
        values[name] = float(sum(w for w, row in seen if row[count] == 0) / time) if is_given else None
    return values


def station_daily(rows: list[dict]) -> dict[tuple, dict]:
    """By day and station."""
    return {
        key: statistics(parts, bounds(key[0])[1] - bounds(key[0])[0]) for key, parts in states(rows).items() if parts
    }


def hour_parts(rows: list[dict]) -> dict[tuple, list[State]]:
    """By day, station and hour: its states, cut at the hour."""
    found = defaultdict(list)
    for (day, code), parts in states(rows).items():
        for start, until, row in parts:
            hour = start.replace(minute=0, second=0, microsecond=0)
            while hour < until:
                found[day, code, hour].append((max(start, hour), min(until, hour + HOUR), row))
                hour += HOUR
    return found


def station_hourly(rows: list[dict]) -> dict[tuple, dict]:
    """By day, station and first instant of the hour."""
    return {
        key: statistics(parts, HOUR) | {"local_hour": key[2].astimezone(PARIS).hour}
        for key, parts in hour_parts(rows).items()
    }


def zone_hourly(rows: list[dict], zones: dict[tuple, str]) -> dict[tuple, dict]:
    """Totals by day, zone and hour, for every hour that was polled; `zones` by day and station."""
    parts, hourly = hour_parts(rows), station_hourly(rows)
    members = defaultdict(list)
    for day, code, hour in hourly:
        if (day, code) in zones:
            members[day, zones[day, code], hour].append(code)
    found = {}
    for (day, zone, hour), codes in members.items():
        stations = sum(1 for (d, _), z in zones.items() if (d, z) == (day, zone))
        of = {code: hourly[day, code, hour] for code in codes}
        counted = [code for code in codes if of[code]["empty_share"] is not None]
        held = {code: observed(parts[day, code, hour]) for code in counted}
        instants = sorted({hour} | {start for code in counted for start, _, _ in held[code][1:]})
        weights = [(b - a) / HOUR for a, b in zip(instants, [*instants[1:], hour + HOUR], strict=True)]
        values: dict = {
            "coverage": sum(of[code]["coverage"] for code in codes) / stations,
            "stations": stations,
            "stations_observed": len(counted),
        }
        for name in MEASURES:
            knowing = [code for code in counted if of[code][f"{name}_mean"] is not None]
            totals = [sum(_count(held[code], at, name) for code in knowing) for at in instants]
            is_given = sum(of[code]["coverage"] for code in knowing) / stations >= HALF
            values |= {
                f"{name}_mean": sum(totals) / len(totals) if is_given else None,
                f"{name}_time_weighted_mean": sum(t * w for t, w in zip(totals, weights, strict=True))
                if is_given
                else None,
                f"{name}_min": min(totals) if is_given else None,
                f"{name}_max": max(totals) if is_given else None,
            }
        time = sum(of[code]["coverage"] for code in counted)
        for name in ("empty_share", "full_share"):
            share = sum(of[code][name] * of[code]["coverage"] for code in counted)
            values[name] = share / time if time / stations >= HALF else None
        found[day, zone, hour] = values
    return found


def _count(parts: list[State], at: dt.datetime, name: str) -> int:
    """What a station held at an instant: its last known count, or its first before there was one."""
    counts = [(start, row[name]) for start, _, row in parts if row[name] is not None]
    known = [count for start, count in counts if start <= at]
    return known[-1] if known else counts[0][1]
