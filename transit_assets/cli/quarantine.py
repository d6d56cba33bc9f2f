"""`transit quarantine`: the rows that broke a rule, and the way back for those that were repaired."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from transit_assets.cli.lakes import open_lake
from transit_assets.cli.mistakes import Mistake, say
from transit_assets.cli.output import Format, write

if TYPE_CHECKING:
    import pyarrow as pa

    from transit_assets.lake import Lake, Table
    from transit_assets.quality.repairs import Repair

TableName = Annotated[str, typer.Argument(help="A clean table: `bikes__station_status`.", metavar="TABLE")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    commands = typer.Typer(no_args_is_help=True, help="Rows that broke a rule: list them, put repaired ones back.")
    commands.command(name="list")(list_)
    commands.command(name="release")(release)
    app.add_typer(commands, name="quarantine")


def list_(
    table: Annotated[
        str | None, typer.Argument(help="A clean table; without it, counts per table and rule.", metavar="[TABLE]")
    ] = None,
    partition: Annotated[str | None, typer.Option(help="One partition, `2025-09-08`.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How the rows are written.")] = Format.TABLE,
) -> None:
    """Show the rows of a table's quarantine with the rules they broke, or how many there are of each."""
    lake = open_lake()
    if table is None:
        write(_counts(lake), form)
        return
    from transit_assets.quality.quarantine import list_rows

    target = described(table)
    _check_partition(target, partition)
    write(list_rows(lake, target, partition=partition, limit=limit), form)


def _check_partition(table: "Table", partition: str | None) -> None:
    """Raise Mistake unless a partition is one that a table can have: a day, or the first day of a month."""
    if partition is None:
        return
    if table.partition_by is None:
        raise Mistake(f"{table.relation} has no partitions: leave --partition out")
    from transit_assets.lake import Period

    period = Period.of(table)
    try:
        is_one = period.key(date.fromisoformat(partition)) == partition
    except ValueError:
        is_one = False
    if not is_one:
        such_as = {Period.DAY: "2025-09-08", Period.MONTH: "2025-09-01, its first day"}[period]
        raise Mistake(f"{partition!r} is not a {period.value} of {table.relation}, such as {such_as}")


def release(
    table: TableName,
    file: Annotated[
        Path | None,
        typer.Argument(help="Corrected rows in JSON; standard input without it.", exists=True, dir_okay=False),
    ] = None,
    is_built: Annotated[bool, typer.Option("--build/--no-build", help="Build the touched partitions at once.")] = True,
) -> None:
    """Put repaired rows back into their table.

    The corrections are what `quarantine list --format json` gave, with `row` corrected (an object that names
    only the corrected columns will do): an array, or one object on each line. They land like any payload, so a
    rebuild keeps them. Nothing lands where a row still breaks a rule.
    """
    from transit_assets.quality.repairs import release as land
    from transit_assets.settings import settings

    target = described(table)
    fetch = land(open_lake(), target, _repairs(_text(file)), now=settings().clock())
    say(f"released into {', '.join(fetch.partitions) or target.relation}")
    if not is_built:
        say(f"`transit run {target.domain}` builds it")
        return
    from transit_assets.automation.runs import materialize
    from transit_assets.cli.progress import progress, stoppable
    from transit_assets.cli.work import report

    with progress() as doing:
        result = stoppable(lambda: materialize([str(target.domain)], steps=["interim", "processed"], progress=doing))
    report(result)


def _counts(lake: "Lake") -> "pa.Table":
    """One row per table and rule: how many rows its quarantine holds."""
    relations = [relation for relation in lake.relations() if relation.startswith("quarantine.")]
    nothing = "SELECT '' AS \"table\", '' AS rule, 0::BIGINT AS rows WHERE false"
    selects = [f"SELECT '{name.split('.')[1]}', rule, count(*) FROM {name} GROUP BY rule" for name in relations]
    with lake.engine() as connection:
        lake.register(connection, relations)
        return connection.execute(" UNION ALL ".join([nothing, *selects]) + " ORDER BY ALL").to_arrow_table()


def described(name: str) -> "Table":
    """A clean table by its relation, with or without its layer. Raises Mistake naming those there are."""
    from transit_assets.catalog import TABLES

    clean = {table.identifier: table for table in TABLES if table.layer == "interim"}
    identifier = name.removeprefix("quarantine.").removeprefix("interim.")
    if identifier not in clean:
        raise Mistake(f"there is no clean table {name}; there are {', '.join(clean)}")
    return clean[identifier]


def _text(file: Path | None) -> str:
    try:
        return _read(file)
    except UnicodeDecodeError as error:
        raise Mistake(f"{file or 'standard input'} is not text in UTF-8: {error.reason} at {error.start}") from None


def _read(file: Path | None) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8")
    if sys.stdin.isatty():
        raise Mistake(
            "name a file of corrected rows, or pipe them in; `transit quarantine list TABLE --format json` gives them"
        )
    return sys.stdin.read()


def _repairs(text: str) -> "list[Repair]":
    """Corrections out of an array, or of one object on each line. Raises Mistake naming the row that is none."""
    from transit_assets.quality.repairs import Repair

    try:
        rows = (
            json.loads(text)
            if text.lstrip().startswith("[")
            else [json.loads(one) for one in text.splitlines() if one.strip()]
        )
    except (ValueError, RecursionError) as error:  # nested too deeply, or a number of thousands of digits
        raise Mistake(f"the corrected rows are not JSON: {error}") from None
    repairs = []
    for number, row in enumerate(rows, start=1):
        try:
            values: Any = json.loads(row["row"]) if isinstance(row["row"], str) else row["row"]
            repairs.append(Repair(str(row["payload_sha256"]), int(row["row_number"]), dict(values)))
        except (KeyError, TypeError, ValueError, RecursionError):
            raise Mistake(f"corrected row {number} needs payload_sha256, row_number and row (an object)") from None
    return repairs
