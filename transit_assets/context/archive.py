"""Lands files of what domains share: each is told by its content to be weather, holidays or congestion."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from transit_assets.context.calendar import archive as calendar
from transit_assets.context.calendar import bank_holidays
from transit_assets.context.congestion import archive as congestion
from transit_assets.context.congestion.clean import errors as congestion_errors
from transit_assets.context.congestion.clean import formats as congestion_formats
from transit_assets.context.weather import archive as weather
from transit_assets.context.weather.clean import errors as weather_errors
from transit_assets.context.weather.clean import formats as weather_formats
from transit_assets.context.weather.clean.units import Units
from transit_assets.lake import Lake, archives, errors
from transit_assets.settings import Settings


class UnknownFormat(errors.UnknownFormat):
    """A file that is neither weather nor holidays nor congestion."""

    domain = "context"
    known = (
        *weather_errors.KNOWN_FORMATS,
        *bank_holidays.UnknownFormat.known,
        *congestion_errors.KNOWN_FORMATS,
    )


class _Kind(NamedTuple):
    recognises: Callable[[bytes], bool]
    reader: archives.Reader


def import_files(
    lake: Lake,
    paths: Sequence[Path],
    settings: Settings,
    on_file: Callable[[Path], None] = lambda path: None,
    *,
    units: Units | None = None,
    place: str | None = None,
) -> list[archives.Imported]:
    """Land files of any known format, all or none, and decode them; `on_file` hears of each as it is read.

    `units` are those of Visual Crossing's files, told by their figures where None; `place` is that of congestion whose
    file names none. Raises UnknownFormat, PayloadUnreadable, ArchiveTooLarge, OriginMismatch and FileNotFoundError,
    each before anything is landed.
    """
    max_bytes = settings.archive_max_bytes
    kinds = (
        _Kind(bank_holidays.recognises, calendar.reader()),
        _Kind(weather_formats.recognises, weather.reader(settings, units)),
        _Kind(congestion_formats.recognises, congestion.reader(settings, place)),
    )
    readers = [_reader(path, kinds, max_bytes) for path in paths]
    if len({reader.domain for reader in readers}) > 1:  # each reader lands its own files: none may fail after another
        for path, reader in zip(paths, readers, strict=True):
            archives.check_file(path, reader, max_bytes=max_bytes)
    found: list[archives.Imported] = []
    for kind in kinds:
        mine = [path for path, reader in zip(paths, readers, strict=True) if reader is kind.reader]
        if mine:
            found += archives.import_files(
                lake, mine, kind.reader, now=settings.clock(), max_bytes=max_bytes, on_file=on_file
            )
    return sorted(found, key=lambda one: paths.index(one.path))


def _reader(path: Path, kinds: Sequence[_Kind], max_bytes: int) -> archives.Reader:
    payload = archives.whole(path, max_bytes)
    for kind in kinds:
        if kind.recognises(payload):
            return kind.reader
    seen = payload[:60].decode("utf-8", "replace")
    what = "binary data" if "\x00" in seen or "\ufffd" in seen else f"text that begins with {seen!r}"
    error = UnknownFormat(what if payload else "an empty file")
    error.args = (f"{archives.shown_name(path)}: {error}",)
    raise error
