"""A slow and plain reading of what the marts of bikes say, one row at a time, to hold the SQL against."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
MEASURES = ("mechanical", "ebike", "docks_free")
HOUR = dt.timedelta(hours=1)
State = tuple[dt.datetime, dt.datetime, dict]


def bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """First and last (exclusive) instant of a Paris day, UTC."""
    start, end = (dt.datetime.combine(d, dt.time(), PARIS).astimezone(dt.UTC) for d in (day, day + dt.timedelta(1)))
    return start, end


def is_observed(row: dict) -> bool:
    counts = [row[name] for name in ("bikes", *MEASURES)]
    is_closed = False in (row["is_installed"], row["is_renting"], row["is_returning"])
    return not row["is_stale"] and not is_closed and None not in counts and row["bikes"] + row["docks_free"] > 0


def states(rows: Iterable[dict], max_gap: dt.timedelta = dt.timedelta(minutes=20)) -> dict[tuple, list[State]]:
    """By day and station: from, until and the row of each state, in order."""
    by_station = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["first_polled_at"], row["reported_at"])):
        by_station[row["day"], row["station_code"]].append(row)
    found = {}
    for (day, code), reports in by_station.items():
        found[day, code] = []
        for number, row in enumerate(reports):
            until = min(row["polled_at"] + max_gap, bounds(day)[1])
            if number + 1 < len(reports):
                until = min(until, reports[number + 1]["first_polled_at"])
            if until > row["first_polled_at"]:
                found[day, code].append((row["first_polled_at"], until, row))
    return found


def statistics(parts: list[State], length: dt.timedelta, min_coverage: Fraction = Fraction(1, 2)) -> dict:
    """The columns of one row of a station mart."""
    seen = [
        (Fraction((until - start) / dt.timedelta(microseconds=1)), row)
        for start, until, row in parts
        if is_observed(row)
    ]
    time = sum(weight for weight, _ in seen)
    coverage = time / Fraction(length / dt.timedelta(microseconds=1))
    is_given = coverage >= min_coverage
    values: dict = {"coverage": float(coverage), "states": len(seen)}
    for name in MEASURES:
        counts = [row[name] for _, row in seen]
        values |= {
            f"{name}_mean": float(Fraction(sum(counts), len(counts))) if is_given else None,
            f"{name}_time_weighted_mean": float(sum(w * row[name] for w, row in seen) / time) if is_given else None,
            f"{name}_min": min(counts) if is_given else None,
            f"{name}_max": max(counts) if is_given else None,
        }
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
    """Totals by day, zone and hour, where enough was observed; `zones` by day and station."""
    parts, hourly = hour_parts(rows), station_hourly(rows)
    members = defaultdict(list)
    for (day, code, hour), values in hourly.items():
        if (day, code) in zones and values["empty_share"] is not None:
            members[day, zones[day, code], hour].append(code)
    found = {}
    for (day, zone, hour), codes in members.items():
        stations = sum(1 for (d, _), z in zones.items() if (d, z) == (day, zone))
        coverage = sum(hourly[day, code, hour]["coverage"] for code in codes) / stations
        held = {code: [p for p in parts[day, code, hour] if is_observed(p[2])] for code in codes}
        instants = sorted({hour} | {start for code in codes for start, _, _ in held[code][1:]})
        values: dict = {"coverage": coverage, "stations": stations, "stations_observed": len(codes)}
        for name in MEASURES:
            totals = [sum(_count(held[code], at, name) for code in codes) for at in instants]
            weights = [(b - a) / HOUR for a, b in zip(instants, [*instants[1:], hour + HOUR], strict=True)]
            values |= {
                f"{name}_mean": sum(totals) / len(totals),
                f"{name}_time_weighted_mean": sum(t * w for t, w in zip(totals, weights, strict=True)),
                f"{name}_min": min(totals),
                f"{name}_max": max(totals),
            }
        observed = sum(hourly[day, code, hour]["coverage"] for code in codes)
        for name in ("empty_share", "full_share"):
            values[name] = sum(hourly[day, c, hour][name] * hourly[day, c, hour]["coverage"] for c in codes) / observed
        if coverage < 0.5:
            values |= {name: None for name in values if name.startswith(MEASURES) or name.endswith("_share")}
        found[day, zone, hour] = values
    return found


def _count(parts: list[State], at: dt.datetime, name: str) -> int:
    """What a station held at an instant: its last count, or its first before there was one."""
    known = [row[name] for start, _, row in parts if start <= at]
    return known[-1] if known else parts[0][2][name]
