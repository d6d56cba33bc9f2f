"""What automation knows of a domain, said once in its `flow.py`: its partitions, and what they are built from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from transit_assets.automation.partitions import Partitions
from transit_assets.lake import Lake


@dataclass(frozen=True)
class Flow:
    """How the data of one domain comes in pieces.

    `feeds_of` names the clean tables with partitions (by relation), each with the feeds it is built from.
    `with_instants`: their rows tell when an answer was heard, so one that repeats the last makes a partition due too.
    """

    domain: str
    partitions: Partitions
    feeds_of: Mapping[str, Sequence[str]]
    with_instants: bool = True

    def fingerprints(self, lake: Lake, relation: str) -> dict[str, str]:
        """What has landed for each partition of a clean table, as a hash."""
        return lake.landing.fingerprints(self.domain, self.feeds_of[relation], with_instants=self.with_instants)

    def asked(self, first: date | None, last: date | None) -> list[str] | None:
        """The partitions that hold a range of days, which ends today where `last` is None; None where none is given.

        Raises ValueError for a range that is none, or holds a day that has no partition.
        """
        if first is None and last is None:
            return None
        today, earliest = self.partitions.today(), self.partitions.first_day
        end = last or today
        start = first or end
        if not earliest <= start <= end <= today:
            raise ValueError(
                f"{first or last} to {end} is not a range of days from {earliest} to {today}, which {self.domain} has"
            )
        return self.partitions.period.between(start, end)
