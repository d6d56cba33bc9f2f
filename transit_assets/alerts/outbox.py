"""The outbox: each version of an alert is told once to each channel, by whichever run comes first.

An attempt is written down before it is made, and its outcome after. Both are compare-and-swap commits of one Delta
table (`LakeTable.rebuild`), so of two runs, on one host or two, one makes the attempt. A run that dies in between
leaves `sending`: nobody can know whether the message left, so it becomes `unknown`, and is sent again only where the
channel itself drops what it has seen (`Channel.repeats_for`). What surely did not arrive is tried again by later runs.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pyarrow as pa

from transit_assets.alerts.channels import Channel, Message, Outcome
from transit_assets.lake import Lake, Table

Row: TypeAlias = dict[str, Any]
"""One row of the alerts, or of their deliveries."""
Compose: TypeAlias = Callable[[Row, str], Message]
"""What is said of a version of an alert, under an idempotency key."""
Clock: TypeAlias = Callable[[], datetime]

MAX_ATTEMPTS = 5
NEWS_FOR = timedelta(hours=1)
"""A change that is older is told nobody: an import of last year's disruptions, a channel that was down for hours."""
FIRST_WAIT = timedelta(minutes=1)
"""Until an attempt that failed is made again; twice as long after each."""
LEASE = timedelta(minutes=2)
"""An attempt takes seconds: one that is older was begun by a run that died."""
_TOO_LATE = timedelta(minutes=1)  # a run that was asleep may meet what another made of its attempt meanwhile


@dataclass(frozen=True)
class Attempt:
    """An attempt that is due: of which version, to whom, 1 for the first."""

    alert: Row
    channel: Channel
    number: int

    @property
    def key(self) -> str:
        """Letters, digits and hyphens, as SNS asks for."""
        return f"{self.alert['alert_id']}-{self.alert['version']}-{self.channel.name}"

    @property
    def row(self) -> Row:
        """What all its states in the table have in common."""
        return {
            "idempotency_key": self.key,
            "attempt": self.number,
            "alert_id": self.alert["alert_id"],
            "version": self.alert["version"],
            "channel": self.channel.name,
        }


def real_clock() -> datetime:
    """The instant now, whatever TRANSIT_NOW says: attempts and their waits are real."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Outbox:
    """The deliveries of one table of alerts. `now` is the real clock, which tests may set."""

    lake: Lake
    alerts: Table
    deliveries: Table
    compose: Compose
    now: Clock = real_clock
    run_id: str | None = None

    def deliver(self, channels: Sequence[Channel], clock: datetime) -> Counter[str]:
        """Tell every channel what is news at `clock`, and what failed before and is due. Returns outcomes, counted.

        Of an alert that changed twice since, the later version is told alone.
        """
        self.settle()
        found: Counter[str] = Counter()
        news = self._news(clock)
        made = self._made() if news else []
        for alert in news:
            for channel in channels:
                attempt = self._due(alert, channel, made)
                if attempt is not None and (outcome := self._make(attempt)):
                    found[outcome] += 1
        return found

    def settle(self) -> int:
        """Write down as `unknown` what runs that died have left. Returns how many attempts those were."""
        if not any(self._is_left(row) for row in self._made()):
            return 0
        settled: list[int] = []

        def rows() -> pa.Table:
            made = self._made()
            left = [row for row in made if self._is_left(row)]
            for row in left:
                row |= {"outcome": "unknown", "error": "the run died", "finished_at": self.now()}
            settled.append(len(left))
            return self._table(made)

        self.lake.table(self.deliveries).rebuild(rows)
        return settled[-1]

    def _make(self, attempt: Attempt) -> str | None:
        """Make an attempt, unless another run does. Returns its outcome."""
        claimed_at = self.now()
        if not self._claim(attempt, claimed_at):
            return None
        if self.now() - claimed_at > _TOO_LATE:
            outcome = Outcome("failed", "too long passed before it was made")
        else:
            outcome = attempt.channel.send(self.compose(attempt.alert, attempt.key))
        self._finish(attempt, outcome)
        return outcome.outcome

    def _claim(self, attempt: Attempt, at: datetime) -> bool:
        """Write an attempt down before it is made. False where another run was first."""
        claimed: list[bool] = []

        def rows() -> pa.Table:
            made = self._made()
            due = self._due(attempt.alert, attempt.channel, made)
            claimed.append(due is not None and due.number == attempt.number)
            mine = {**attempt.row, "outcome": "sending", "started_at": at, "run_id": self.run_id}
            return self._table([*made, mine] if claimed[-1] else made)

        self.lake.table(self.deliveries).rebuild(rows)
        return claimed[-1]

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        finished_at = self.now()

        def rows() -> pa.Table:
            made = self._made()
            for row in made:
                if (row["idempotency_key"], row["attempt"]) == (attempt.key, attempt.number):
                    row |= vars(outcome) | {"finished_at": finished_at}
            return self._table(made)

        self.lake.table(self.deliveries).rebuild(rows)

    def _due(self, alert: Row, channel: Channel, made: Sequence[Row]) -> Attempt | None:
        """The attempt to make now of a version, given those that were made of all."""
        before = [row for row in made if _is_of(row, alert, channel)]
        if not before:
            return Attempt(alert, channel, 1) if _is_of_interest(alert, channel, made) else None
        outcomes, last = {row["outcome"] for row in before}, max(before, key=lambda row: row["attempt"])
        if "sent" in outcomes or last["outcome"] == "sending" or len(before) >= MAX_ATTEMPTS:
            return None
        if "unknown" in outcomes:  # one of them may have arrived, also where a later one failed
            first = min(row["started_at"] for row in before)
            is_due = self.now() - first < channel.repeats_for
        else:
            is_due = self.now() - last["finished_at"] >= FIRST_WAIT * 2 ** (len(before) - 1)
        return Attempt(alert, channel, len(before) + 1) if is_due else None

    def _news(self, clock: datetime) -> list[Row]:
        """The last version of each alert that changed within the last hour, oldest first."""
        found = self.lake.table(self.alerts).scan(
            "SELECT * FROM alerts WHERE updated_at BETWEEN ? AND ?"
            " QUALIFY row_number() OVER (PARTITION BY alert_id ORDER BY version DESC) = 1"
            " ORDER BY updated_at, alert_id",
            [clock - NEWS_FOR, clock + NEWS_FOR],
        )
        return found.to_pylist()

    def _made(self) -> list[Row]:
        return self.lake.table(self.deliveries).read().to_pylist()

    def _table(self, rows: Sequence[Row]) -> pa.Table:
        return pa.Table.from_pylist(list(rows), schema=self.deliveries.schema)

    def _is_left(self, row: Row) -> bool:
        return row["outcome"] == "sending" and self.now() - row["started_at"] > LEASE


def _is_of(row: Row, alert: Row, channel: Channel) -> bool:
    return (row["alert_id"], row["version"], row["channel"]) == (alert["alert_id"], alert["version"], channel.name)


def _is_of_interest(alert: Row, channel: Channel, made: Sequence[Row]) -> bool:
    """Whether to tell a channel at all: not of the end of what it has surely not heard of."""
    return alert["status"] != "closed" or any(
        row["alert_id"] == alert["alert_id"] and row["channel"] == channel.name and row["outcome"] != "failed"
        for row in made
    )
