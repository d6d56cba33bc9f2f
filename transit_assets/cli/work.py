"""Commands that fill the lake: `run`."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from transit_assets.cli.mistakes import FAILED, Mistake, say
from transit_assets.cli.progress import progress, stoppable

if TYPE_CHECKING:
    from transit_assets.automation.runs import Materialized


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="run")(run)


def run(
    domains: Annotated[
        list[str],
        typer.Argument(
            help="What to build: `bikes`, `road`, `fire`, `rail`, `weather`, `calendar`, `congestion`.",
            metavar="DOMAIN...",
        ),
    ],
    first: Annotated[datetime | None, typer.Option("--from", help="First day.", formats=["%Y-%m-%d"])] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", help="Last day, inclusive; today without it.", formats=["%Y-%m-%d"])
    ] = None,
    steps: Annotated[str, typer.Option(help="Layers to build, separated by commas.")] = "raw,interim,processed,models",
) -> None:
    """Build the same assets that the UI shows: a range of days, or whatever is due.

    Bikes and rail are built by days, road and fire by months: a range means the months that hold its days. One is due
    where something landed for it since it was last built. An empty lake fetches the one that holds today.
    """
    from transit_assets.automation.runs import materialize

    wanted = [step.strip() for step in steps.split(",") if step.strip()]
    if not wanted:
        raise Mistake("--steps names no layer; there is raw, interim, processed, models")
    with progress() as doing:
        try:
            result = stoppable(lambda: materialize(domains, _day(first), _day(last), wanted, progress=doing))
        except ValueError as error:
            raise Mistake(str(error)) from None
    report(result)


def _day(instant: datetime | None) -> date | None:
    return instant.date() if instant else None


def report(result: "Materialized") -> None:
    """Say what the runs did; exit code 1 where a run or a blocking check failed."""
    for error in result.errors:
        say(f"failed: {error}")
    for check in result.failed_checks:
        kind = "check failed" if check.is_blocking else "warning"
        where = f" of {check.partition}" if check.partition else ""
        say(f"{kind}: {check.relation}{where}: {check.check}: {check.description}".rstrip(": "))
    for line in result.said:
        say(line)
    if not result.run_ids and not result.is_ok:
        say("nothing was built: what is due is held back")
    elif not result.run_ids:
        say("nothing is due: everything was built from what has landed")
    elif result.is_ok and not result.built and not result.said:
        say("built what has no days or months")
    for domain, partitions in result.built.items():
        span = _span(domain, partitions)
        say(f"built {span}" if result.is_ok else f"stopped in {span}; what passed is committed")
    if not result.is_ok:
        raise typer.Exit(FAILED)


def _span(domain: str, partitions: list[str]) -> str:
    from transit_assets.automation.runs import FLOWS

    period = FLOWS[domain].partitions.period.value
    first, last = partitions[0], partitions[-1]
    return (
        f"{domain}: {period} {first}" if first == last else f"{domain}: {len(partitions)} {period}s, {first} to {last}"
    )
