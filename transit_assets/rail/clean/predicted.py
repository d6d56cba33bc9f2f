"""`interim.rail__predicted_calls`: what was said of each train at each station on one service date.

Every record is a candidate. Polls of 2022 repeat some trains within one poll, with another minute: the later stays.
"""

from collections.abc import Iterable
from datetime import date

from transit_assets.quality.cleaned import Cleaned
from transit_assets.rail.clean.records import Landed, cleaned
from transit_assets.rail.schema import PREDICTED_CALLS


def predicted_calls(service_date: date, landed: Iterable[Landed], fingerprint: str | None = None) -> Cleaned:
    """The candidate rows of one service date, from payloads in the order they were heard."""
    return cleaned(PREDICTED_CALLS, service_date, list(landed), fingerprint)
