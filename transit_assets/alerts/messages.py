"""What is said of an alert: one JSON object for every channel, with a sentence for people in `text`."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from transit_assets.alerts.channels import Message
from transit_assets.alerts.outbox import Row
from transit_assets.lake import Table

_MOST_TEXT = 2_000  # characters: chat tools cut off what is longer, SNS takes 256 KB


def message(row: Row, key: str, *, alerts: Table, is_simulated: bool, zone: ZoneInfo) -> Message:
    """The message of one version of an alert; instants are told in `zone` to people, in UTC to programs."""
    status, title = row["status"], row["title"]
    mark = "[simulated] " if is_simulated else ""
    since, at = (_clock(row[name], zone) for name in ("opened_at", "updated_at"))
    when = f"since {since}" if status == "opened" else f"since {since}, {status} {at}"
    ended = " (nobody has said anything for two hours)" if row["ended_by"] == "silence" else ""
    headline = f"{mark}{alerts.domain}, {row['severity']}, {status}: {title}"
    text = f"{headline} ({when}){ended}"
    if row["text"] and status != "closed":
        text += f"\n{row['text']}"
    values = {name: json.loads(json.dumps(row[name], default=_iso)) for name in alerts.column_names if name != "text"}
    body: dict[str, Any] = {
        "text": text[:_MOST_TEXT],
        "domain": alerts.domain,
        "is_simulated": is_simulated,
        "idempotency_key": key,
        "details": row["text"],
        **values,
    }
    return Message(key, row["alert_id"], headline, body)


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%d/%m %H:%M")


def _iso(value: Any) -> str:
    return str(value.isoformat())
