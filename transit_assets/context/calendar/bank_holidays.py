"""gov.uk's bank holidays of England and Wales (`bank-holidays.json`): those of some years, extra ones with them.

A holiday on a weekend stands there as its substitute day alone, which its notes say.
"""

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

import msgspec
import pyarrow as pa
from msgspec import Struct

from transit_assets.feeds.tables import BOM
from transit_assets.lake import errors
from transit_assets.lake.errors import PayloadUnreadable

FORMAT = "gov_uk_bank_holidays_json"
DECODER_VERSION = 1  # of what decode_archive gives; part of the path of decoded archives
RECORDS = pa.schema([("day", pa.date32()), ("name", pa.string())])

_DIVISION = "england-and-wales"
_FIRST_YEAR, _LAST_YEAR = 2009, 2039


class UnknownFormat(errors.UnknownFormat):
    """A file of no format that is known for holidays."""

    domain, known = "calendar", ("gov.uk's bank holidays (JSON with england-and-wales.events)",)


class _Event(Struct):
    title: str
    date: date
    notes: str = ""

    @property
    def name(self) -> str:
        return f"{self.title} ({self.notes[:1].lower()}{self.notes[1:]})" if self.notes else self.title


class _Division(Struct):
    events: list[_Event]


_DIVISIONS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EVENTS = msgspec.json.Decoder(_Division)


def recognises(payload: bytes) -> bool:
    """Whether a file looks like gov.uk's bank holidays, if perhaps damaged."""
    try:
        return _DIVISION in _DIVISIONS.decode(payload.removeprefix(BOM))
    except msgspec.DecodeError:
        return False


def decode(payload: bytes) -> pa.Table:
    """The bank holidays of England and Wales, in order of their days. Raises UnknownFormat, PayloadUnreadable."""
    if not recognises(payload):
        raise UnknownFormat(f"text that begins with {payload[:60].decode('utf-8', 'replace')!r}")
    try:
        events = _EVENTS.decode(_DIVISIONS.decode(payload.removeprefix(BOM))[_DIVISION]).events
    except msgspec.DecodeError as error:
        raise PayloadUnreadable(f"its {_DIVISION} cannot be read: {error}") from error
    outside = [event.date for event in events if not _FIRST_YEAR <= event.date.year <= _LAST_YEAR]
    if outside or not events:
        what = f"a holiday on {outside[0]}, which no calendar has" if outside else f"no holiday of {_DIVISION}"
        raise PayloadUnreadable(f"it has {what}; the calendar has {_FIRST_YEAR} to {_LAST_YEAR}")
    found = {event.date: event.name for event in sorted(events, key=lambda event: event.date)}
    return pa.table({"day": list(found), "name": list(found.values())}, schema=RECORDS)


def decode_archive(stream: BinaryIO) -> Iterator[tuple[str, pa.Table]]:
    """The bank holidays by year (`2022-01-01`)."""
    rows = decode(stream.read())
    years = [day.year for day in rows["day"].to_pylist()]
    for year in sorted(set(years)):
        yield f"{year}-01-01", rows.filter(pa.array([one == year for one in years]))
