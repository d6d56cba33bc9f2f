"""A relation of the lake as one file for others: CSV or Parquet, in a folder or on S3.

The file is written beside its place and then moved there, so a reader never sees half of one.
"""

import tempfile
from pathlib import Path
from typing import Literal
from uuid import uuid4

import obstore

from transit_assets.lake import Lake
from transit_assets.lake.errors import LakeError, TableMissing

FileFormat = Literal["csv", "parquet"]

_OPTIONS = {
    "csv": "FORMAT csv, HEADER, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'",  # instants of the lake are UTC
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}


class ExportRefused(LakeError):
    """A place that an export cannot be written to."""


def export(lake: Lake, relation: str, to: str, form: FileFormat) -> int:
    """Write the latest snapshot of a relation; returns its number of rows.

    Rows keep the order in which the table holds them. Raises TableMissing for a relation that the lake has not,
    ExportRefused for a place inside the lake or a folder that is not there.
    """
    known = lake.relations()
    if relation not in known:
        raise TableMissing(f"the lake has no relation {relation}; there are {', '.join(known) or 'none yet'}")
    if to.startswith("s3://"):
        if lake.location.is_s3 and to.startswith(f"{lake.location.root}/"):
            raise ExportRefused(f"{to} is inside the lake; export to a place outside of it")
        with tempfile.TemporaryDirectory() as folder:
            beside = Path(folder) / "export"
            rows = _write(lake, relation, beside, form)
            _upload(beside, to)
        return rows

    target = Path(to).resolve()
    if lake.location.folder and target.is_relative_to(lake.location.folder):
        raise ExportRefused(f"{to} is inside the lake; export to a place outside of it")
    if not target.parent.is_dir() or target.is_dir():
        raise ExportRefused(f"{to} is not a file in a folder that exists")
    beside = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        beside.touch()
    except OSError as error:
        raise ExportRefused(f"{to} cannot be written: {error.strerror}") from error
    try:
        rows = _write(lake, relation, beside, form)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return rows


def _write(lake: Lake, relation: str, path: Path, form: FileFormat) -> int:
    layer, name = relation.split(".", 1)
    with lake.engine() as connection:
        lake.register(connection, [relation])
        quoted = str(path).replace("'", "''")
        done = connection.execute(f'COPY (FROM "{layer}"."{name}") TO \'{quoted}\' ({_OPTIONS[form]})').fetchone()
    return int(done[0]) if done else 0


def _upload(path: Path, to: str) -> None:
    """Put a file on S3, with the endpoint and credentials of the usual `AWS_*` variables; one put is atomic."""
    bucket, _, key = to.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise ExportRefused(f"{to} is not s3://bucket/key")
    from transit_assets.lake.location import Location

    obstore.put(Location.of(f"s3://{bucket}").store, key, path)
