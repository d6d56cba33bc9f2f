"""What a client may spend, and the secrets it may send."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

from pydantic import SecretStr


@dataclass(frozen=True)
class Limits:
    """How long, how often and how much: seconds, attempts of one request, bytes, calls of one UTC day.

    `arrival_seconds` is what an answer may take to its last byte, where that is more than a silence may last.
    """

    timeout_seconds: float = 20.0
    max_attempts: int = 4
    max_bytes: int = 64 * 2**20
    daily_quota: int = 10_000
    max_wait_seconds: float = 30.0
    arrival_seconds: float | None = None


@dataclass(frozen=True)
class Credentials:
    """Secrets sent with each request to the provider's own host, and to no other."""

    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    params: Mapping[str, SecretStr] = field(default_factory=dict)

    @property
    def values(self) -> list[str]:
        """The secrets in the clear, and what follows the scheme in one such as `Apikey abc`."""
        sent = [secret.get_secret_value() for secret in self.headers.values()]
        params = [secret.get_secret_value() for secret in self.params.values()]
        return [*sent, *params, *(value.split(" ", 1)[1] for value in sent if " " in value)]


NO_CREDENTIALS = Credentials()


class DailyBudget:
    """Calls left on one UTC day; another day starts anew."""

    def __init__(self, quota: int, day: date, spent: int) -> None:
        self._quota, self._day, self._spent = quota, day, spent
        self._lock = Lock()

    def spend(self, day: date) -> bool:
        """Take one call of the day, where one is left."""
        with self._lock:
            if day != self._day:
                self._day, self._spent = day, 0
            if self._spent >= self._quota:
                return False
            self._spent += 1
            return True
