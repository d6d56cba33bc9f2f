"""Commands that bring data in from outside: `import`, `live`."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from transit_assets.cli.lakes import open_lake
from transit_assets.cli.mistakes import Mistake, say
from transit_assets.cli.output import Format, write
from transit_assets.cli.progress import progress

if TYPE_CHECKING:
    from transit_assets.lake.archives import Imported


class Domain(StrEnum):
    """What there is of the city."""

    BIKES = "bikes"
    ROAD = "road"
    FIRE = "fire"
    RAIL = "rail"
    CONTEXT = "context"
    WEATHER = "weather"


class Live(StrEnum):
    """What can be asked for how it is now."""

    BIKES = "bikes"


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="import")(import_)
    app.command(name="live")(live)


def import_(
    domain: Annotated[
        Domain,
        typer.Argument(
            help="`bikes`, `road`, `fire`, `rail`, or `context`: weather, holidays, congestion.", metavar="DOMAIN"
        ),
    ],
    files: Annotated[
        list[Path], typer.Argument(help="Files of any known format, told by content.", exists=True, dir_okay=False)
    ],
    units: Annotated[
        Literal["metric", "uk", "us", "base"] | None,
        typer.Option(help="Of Visual Crossing's files; told by their figures else."),
    ] = None,
    place: Annotated[str | None, typer.Option(help="Of congestion whose file names none: `london`.")] = None,
) -> None:
    """Land archives that you hold, all or none, and print the partitions they touch."""
    from transit_assets.bikes import archive as bikes
    from transit_assets.context import archive as context
    from transit_assets.context.weather import archive as weather
    from transit_assets.fire import archive as fire
    from transit_assets.lake.archives import shown_name
    from transit_assets.rail import archive as rail
    from transit_assets.road import archive as road
    from transit_assets.settings import settings

    if (place and domain != Domain.CONTEXT) or (units and domain not in (Domain.CONTEXT, Domain.WEATHER)):
        raise Mistake(f"--units and --place are about files of the context, not of {domain}")
    by_domain: dict[Domain, Callable[..., list[Imported]]] = {
        Domain.BIKES: bikes.import_files,
        Domain.ROAD: road.import_files,
        Domain.FIRE: fire.import_files,
        Domain.RAIL: rail.import_files,
        Domain.CONTEXT: partial(context.import_files, units=units, place=place),
        Domain.WEATHER: partial(weather.import_files, units=units),
    }
    with progress() as doing:
        done = by_domain[domain](
            open_lake(), files, settings(), on_file=lambda path: doing(f"reading {shown_name(path)}")
        )
    for one in done:
        known = "" if one.is_new else ", imported before: nothing changed"
        typer.echo(f"{shown_name(one.path)}: {one.format}, {one.rows:,} rows{known}")
        typer.echo(f"  {' '.join(one.partitions)}")
    new = dict.fromkeys(one.fetch.domain for one in done if one.is_new)
    if new:
        say(f"`transit run {' '.join(new)}` builds them")


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
