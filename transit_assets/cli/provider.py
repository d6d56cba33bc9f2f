"""Commands that bring data in from outside: `import`, `live`."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transit_assets.cli.lakes import open_lake
from transit_assets.cli.mistakes import say
from transit_assets.cli.output import Format, write
from transit_assets.cli.progress import progress

if TYPE_CHECKING:
    from transit_assets.lake.archives import Imported


class Domain(StrEnum):
    """What there is of the city."""

    BIKES = "bikes"
    ROAD = "road"
    WEATHER = "weather"


class Live(StrEnum):
    """What can be asked for how it is now."""

    BIKES = "bikes"


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="import")(import_)
    app.command(name="live")(live)


def import_(
    domain: Annotated[Domain, typer.Argument(help="`bikes`, `road` or `weather`.", metavar="DOMAIN")],
    files: Annotated[
        list[Path], typer.Argument(help="Files of any known format, told by content.", exists=True, dir_okay=False)
    ],
) -> None:
    """Land archives that you hold, all or none, and print the partitions they touch."""
    from transit_assets.bikes import archive as bikes
    from transit_assets.context.weather import archive as weather
    from transit_assets.lake.archives import shown_name
    from transit_assets.road import archive as road
    from transit_assets.settings import settings

    by_domain: dict[Domain, Callable[..., list[Imported]]] = {
        Domain.BIKES: bikes.import_files,
        Domain.ROAD: road.import_files,
        Domain.WEATHER: weather.import_files,
    }
    with progress() as doing:
        done = by_domain[domain](
            open_lake(), files, settings(), on_file=lambda path: doing(f"reading {shown_name(path)}")
        )
    for one in done:
        known = "" if one.is_new else ", imported before: nothing changed"
        typer.echo(f"{shown_name(one.path)}: {one.format}, {one.rows:,} rows{known}")
        typer.echo(f"  {' '.join(one.partitions)}")
    if any(one.is_new for one in done):
        say(f"`transit run {domain}` builds them")


def live(
    domain: Annotated[Live, typer.Argument(help="`bikes`.", metavar="DOMAIN")],
    rows: Annotated[int | None, typer.Option(min=1, help="The first so many stations; all without it.")] = None,
    station: Annotated[str | None, typer.Option(help="One station by its code, `10003`.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How the rows are written.")] = Format.TABLE,
) -> None:
    """Ask the provider what holds now, and store nothing."""
    import pyarrow as pa

    from transit_assets.bikes.live import get_velib_data
    from transit_assets.cli.mistakes import FAILED
    from transit_assets.settings import settings

    found = get_velib_data(rows, station)
    if not found:
        say(f"no station {station}" if station else "no station")
        raise typer.Exit(FAILED)
    write(pa.Table.from_pylist(found), form)
    if settings().is_simulated:
        say("of the simulated city; TRANSIT_FEEDS=live asks the provider")
