"""Commands that read the lake: `status`."""

from typing import Annotated

import typer

from transit_assets.cli.lakes import open_lake


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="status")(status)


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
