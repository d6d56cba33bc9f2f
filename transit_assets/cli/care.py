"""Commands that look after the lake: `publish`, `maintain`."""

from typing import Annotated

import typer

from transit_assets.cli.lakes import open_lake
from transit_assets.cli.mistakes import say
from transit_assets.cli.progress import counting, progress


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="publish")(publish)
    app.command(name="maintain")(maintain)


def publish() -> None:
    """Build warehouse.duckdb for SQL clients beside the old one, and put it in place in one rename."""
    from transit_assets.lake.warehouse import publish as build
    from transit_assets.settings import settings

    path = settings().warehouse_path
    with progress() as doing:
        doing(f"publishing {path}")
        counts = build(open_lake(), path)
    say(f"{len(counts)} relations, {sum(counts.values()):,} rows")


def maintain(
    retention_hours: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=876_000,
            help="Keep what versions younger than this need; TRANSIT_VACUUM_RETENTION_HOURS without it.",
        ),
    ] = None,
) -> None:
    """Merge small files, write checkpoints, delete what no kept version names. Safe at any time."""
    from transit_assets.lake.care import maintain as care
    from transit_assets.settings import settings

    hours = settings().vacuum_retention_hours if retention_hours is None else retention_hours
    with counting() as report:
        done = care(open_lake(), hours, progress=report)
    for table in done:
        if table.files_before != table.files_after or table.deleted_files:
            files = f"{table.files_before:,} files are {table.files_after:,}"
            say(f"{table.relation}: {files}, {table.deleted_files:,} old ones deleted")
    say(f"cared for {len(done)} tables; time travel reaches back {hours} hours")
