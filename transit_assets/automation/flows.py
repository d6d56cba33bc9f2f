"""What automation knows of a domain, said once in its `flow.py`: its partitions, and what they are built from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from transit_assets.automation.partitions import Partitions
from transit_assets.lake import Lake


@dataclass(frozen=True)
class Flow:
    """How the data of one domain comes in pieces.

    `feeds_of` names the clean tables with partitions (by relation), each with the feeds it is built from.
    `with_instants`: their rows tell when an answer was heard, so one that repeats the last makes a partition due too.
    `made_of` names those that are built from other clean tables of the same partition instead, with these tables.
    """

    domain: str
    partitions: Partitions
    feeds_of: Mapping[str, Sequence[str]]
    with_instants: bool = True
    made_of: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def relations(self) -> list[str]:
        """The clean tables with partitions, those that others are made of first."""
        return [*self.feeds_of, *self.made_of]

    def fingerprints(self, lake: Lake, relation: str) -> dict[str, str]:
        """What has landed for each partition of a clean table, as a hash; of one made of others, theirs."""
        if relation in self.made_of:
            return _joined(self.fingerprints(lake, source) for source in self.made_of[relation])
        return lake.landing.fingerprints(self.domain, self.feeds_of[relation], with_instants=self.with_instants)

    def built(self, lake: Lake, relation: str) -> dict[str, str]:
        """The same for a table made of others, of what they were last built from: what one built now is made of."""
        latest = lake.ledger.latest_of(self.made_of[relation])
        return _joined(
            {
                partition: load.fingerprint
                for partition, load in latest.get(source, {}).items()
                if partition and load.fingerprint
            }
            for source in self.made_of[relation]
        )

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


def _joined(fingerprints: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Several contents of each partition as one; a source that has nothing of a partition counts as such."""
    found = list(fingerprints)
    partitions = sorted(set().union(*found))
    return {partition: "+".join(one.get(partition, "none") for one in found) for partition in partitions}
