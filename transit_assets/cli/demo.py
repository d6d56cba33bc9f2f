"""`transit demo`: from an empty lake to published marts and trained models, offline, in about two minutes."""

from typing import TYPE_CHECKING, Annotated

import typer

from transit_assets.cli.lakes import open_lake
from transit_assets.cli.mistakes import FAILED, Mistake, say
from transit_assets.cli.progress import progress
from transit_assets.cli.side_by_side import Command, side_by_side

if TYPE_CHECKING:
    from transit_assets.lake import Lake
    from transit_assets.settings import Settings


DOMAINS = ("bikes", "road", "fire")
"""What is filled. The rail is not: with it the demo would take more than two minutes on two cores."""

_MONTHS = 3
"""Months to fill of a domain that comes by months, the running one included: a usual week takes weeks to learn."""

_EXAMPLES = {"day": 60_000, "month": 15_000}
"""Examples of a training here, unless the settings name a number: a million would take minutes. Of a domain by months
one in five: its models look ahead by six horizons, and with 100,000 the three of the road took 106 s."""


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="demo")(demo)


def demo(
    days: Annotated[
        int, typer.Option(min=1, max=31, help="Days to fill, today included; of road and fire, three months.")
    ] = 3,
) -> None:
    """Fill a lake from the simulator, check it, build the marts, train the models, and say what to open next.

    The warehouse is published too. Models learn from fewer examples than `transit train` gives them, unless
    TRANSIT_TRAINING_EXAMPLES is set. It can be run again: what is there is kept, what is missing up to now is added,
    and models are trained again only for a reason.
    """
    from transit_assets.lake.warehouse import publish
    from transit_assets.settings import settings

    lake, configured = open_lake(), settings()
    _refuse_real(lake, configured)
    commands, examples = _commands(days, configured)
    with progress() as doing:
        doing(f"filling the lake with {' and '.join(examples)}")
        is_filled = side_by_side(commands)
        if is_filled:
            doing("publishing the warehouse")
            publish(lake, configured.warehouse_path)
    _summarize(lake, configured, examples, is_filled=is_filled)


def _commands(days: int, configured: "Settings") -> tuple[list[Command], dict[str, int]]:
    """What fills each domain, and how many examples its models learn from."""
    from transit_assets.automation.runs import FLOWS
    from transit_assets.lake import Period

    is_given = "training_examples" in configured.model_fields_set
    number = {Period.DAY: days, Period.MONTH: _MONTHS}
    commands, examples = [], {}
    for domain in DOMAINS:
        partitions = FLOWS[domain].partitions
        first = partitions.period.before(partitions.today(), number[partitions.period] - 1)
        examples[domain] = configured.training_examples if is_given else _EXAMPLES[partitions.period.value]
        environment = {"TRANSIT_TRAINING_EXAMPLES": str(examples[domain])}
        commands.append(Command(["run", domain, "--from", first.isoformat()], environment))
    return commands, examples


def _refuse_real(lake: "Lake", configured: "Settings") -> None:
    """Raise Mistake where the demo would ask real providers, or meet real data."""
    if not configured.is_simulated:
        raise Mistake(
            "TRANSIT_FEEDS is live: the demo is of the simulated city; unset it, or use `transit run bikes road fire`"
        )
    if lake.landing.origin() == "real":
        raise Mistake(
            f"{lake.location.root} holds real data, which the simulator never touches; "
            "name another lake: TRANSIT_LAKE=demo-lake transit demo"
        )


def _summarize(lake: "Lake", configured: "Settings", examples: dict[str, int], *, is_filled: bool) -> None:
    """Rows per table, checks, and what to open next; exit code 1 where the lake is not healthy."""
    from transit_assets.cli.tables import console, show_status
    from transit_assets.status import status

    found = status(lake, configured.clock())
    show_status(found)
    out = console()
    out.print("\n[bold]Open next[/]")
    for what, command in (
        ("the assets, their lineage and checks", "make ui            http://127.0.0.1:3000"),
        (
            "a question in SQL",
            '.venv/bin/transit sql "FROM processed.bikes__stations_sometimes_empty ORDER BY empty_rank LIMIT 10"',
        ),
        (
            "counters of the road that are silent",
            '.venv/bin/transit sql "FROM processed.road__sensor_health ORDER BY null_flow_share DESC LIMIT 10"',
        ),
        (
            "fire stations that are often late",
            '.venv/bin/transit sql "FROM processed.fire__stations_often_late ORDER BY late_rank LIMIT 10"',
        ),
        ("any SQL client", f"duckdb {configured.warehouse_path}"),
        ("runs, models and their plots", f"{_mlflow(configured)}      http://127.0.0.1:5000"),
        ("the documentation", "docs/index.md, and `make docs` for lineage, dictionary and Data Docs"),
    ):
        out.print(f"  {what:<38}{command}", markup=False)
    learnt = "; ".join(f"models of {domain} learnt from {most:,} examples at most" for domain, most in examples.items())
    out.print(f"\nThe {learnt}. `transit train` takes more.")
    if not (is_filled and found.is_healthy):
        say("the demo did not end well: see the red lines above")
        raise typer.Exit(FAILED)


def _mlflow(configured: "Settings") -> str:
    """The command that shows the registry; a store's address may hold a password and is not printed."""
    store = "$TRANSIT_MLFLOW_URI" if configured.mlflow_uri else configured.mlflow_store
    return f".venv/bin/mlflow ui --backend-store-uri {store}"
