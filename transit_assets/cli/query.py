"""Commands that read the lake: `sql`, `export`, `status`."""

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated

import typer

from transit_assets.cli.lakes import open_lake
from transit_assets.cli.mistakes import Mistake, say
from transit_assets.cli.output import Format, write
from transit_assets.cli.progress import stoppable


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="sql")(sql)
    app.command(name="export")(export)
    app.command(name="status")(status)


def sql(
    statement: Annotated[str, typer.Argument(help="One statement that reads, such as `SHOW ALL TABLES`.")],
    form: Annotated[Format, typer.Option("--format", help="How the rows are written.")] = Format.TABLE,
) -> None:
    """Query every relation of the lake, read-only."""
    from transit_assets.lake.sql import query

    lake = open_lake()
    write(stoppable(lambda: query(lake, statement)), form)


class FileFormat(StrEnum):
    """What an exported file is."""

    CSV = "csv"
    PARQUET = "parquet"


def export(
    relation: Annotated[str, typer.Argument(help="A relation of the lake, `processed.bikes__station_daily`.")],
    to: Annotated[str, typer.Option("--to", help="A file, or `s3://bucket/key`.", metavar="FILE|s3://…")],
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Default: by the name's ending; parquet for a name without one."),
    ] = None,
) -> None:
    """Write one relation to a file for others. The file appears whole or not at all."""
    from transit_assets import export as files

    rows = files.export(open_lake(), relation, to, (form or _format_of(to)).value)
    say(f"{rows:,} rows of {relation} in {to}")


def _format_of(to: str) -> FileFormat:
    """The format that a name's ending tells. Raises Mistake for one that tells of another kind of file."""
    ending = PurePosixPath(to).suffix.lower().removeprefix(".") or FileFormat.PARQUET
    if ending not in list(FileFormat):
        raise Mistake(f"{to}: no file is written as .{ending}; say --format {' or --format '.join(FileFormat)}")
    return FileFormat(ending)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
) -> None:
    """Rows, last partition and freshness of each table; feeds, checks and where the data comes from."""
    from transit_assets import status as report
    from transit_assets.settings import settings

    found = report.status(open_lake(), settings().clock())
    if as_json:
        typer.echo(found.to_json())
        return
    from transit_assets.cli.tables import show_status

    show_status(found)
