"""Files of congestion for tests: TomTom's answers as others recorded their names, and tables made by hand."""

import json
from datetime import UTC, datetime


def tomtom_hours(figures: dict[datetime, float | None]) -> bytes:
    """A live answer: an update somewhere in each hour."""
    rows = [
        {"UpdateTime": int(at.timestamp() * 1000), "TrafficIndexLive": figure, "JamsCount": 700, "JamsDelay": 1500.5}
        for at, figure in figures.items()
    ]
    return json.dumps({"data": rows}).encode()


def tomtom_days(figures: dict[str, float]) -> bytes:
    """An answer of days."""
    return json.dumps([{"date": day, "diffRatio": -0.1, "congestion": one} for day, one in figures.items()]).encode()


def hours_csv(*rows: str, header: str = "place,hour_start_at,congestion_percent") -> bytes:
    """A table made by hand."""
    return "\n".join([header, *rows, ""]).encode()


AT = datetime(2024, 7, 6, 12, 17, tzinfo=UTC)
