"""What landing holds of one day, as the clean functions read it: polls and archives, oldest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import pyarrow as pa


@dataclass(frozen=True)
class Poll:
    """One poll: the payload that held at `polled_at`, which several polls share while it is not modified."""

    polled_at: datetime
    sha256: str
    payload: bytes


@dataclass(frozen=True)
class Archive:
    """The records of one imported file that belong to the day (columns of `RECORDS`)."""

    sha256: str
    records: pa.Table


Observation: TypeAlias = Poll | Archive
