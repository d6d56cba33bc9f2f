"""Commands that serve until they are stopped: `poll`, `ui`, `simulate`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from transit_assets.cli.lakes import open_lake
from transit_assets.cli.mistakes import Mistake, say

Host = Annotated[str, typer.Option(help="Address to listen on.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="poll")(poll)
    app.command(name="ui")(ui)
    app.command(name="simulate")(simulate)


class Polled(StrEnum):
    """What is polled for as long as a process runs."""

    BIKES = "bikes"
    RAIL = "rail"


def poll(
    domain: Annotated[Polled, typer.Argument(help="`bikes` or `rail`.", metavar="[DOMAIN]")] = Polled.BIKES,
    every: Annotated[
        int | None, typer.Option(min=1, help="Seconds from one poll to the next; TRANSIT_POLL_SECONDS without it.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many polls.")] = None,
) -> None:
    """Poll live state for as long as it runs: payloads into the landing, of bikes the latest state of each station too.

    A provider that fails is a row in raw.fetches and a line here; the next poll comes at its time. Feeds of the rail
    are asked no more often than their quotas allow.
    """
    import time
    from itertools import count as numbers

    from transit_assets.bikes import poller as bikes
    from transit_assets.rail import poller as rail
    from transit_assets.settings import settings

    configured = settings()
    seconds = every or configured.poll_seconds
    lake = open_lake()
    say(f"polling {domain} every {seconds} s (Ctrl-C stops it)")
    with bikes.Poller(lake, configured) if domain == Polled.BIKES else rail.Poller(lake, configured) as poller:
        for number in numbers(1):
            started = time.monotonic()
            done = poller.poll()
            if done.problem and not done.fetches:  # nothing was asked: the lake's origin does not allow it
                raise Mistake(done.problem)
            say(f"{configured.clock():%Y-%m-%d %H:%M:%S} UTC {done.told}")
            if number == count:
                return
            time.sleep(max(0.0, seconds - (time.monotonic() - started)))


class Process(StrEnum):
    """What of Dagster runs here: `all` on one machine, the others each in a container of its own."""

    ALL = "all"
    WEBSERVER = "webserver"
    DAEMON = "daemon"


def ui(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web page.")] = 3000,
    process: Annotated[Process, typer.Option(help="Everything, or one process of a deployment.")] = Process.ALL,
) -> None:
    """Open Dagster on the same assets and the same lake, with its daemon for schedules and sensors."""
    import os
    import sys

    from transit_assets.automation.instance import opened
    from transit_assets.settings import CHECKOUT, settings

    with opened(settings()):
        pass  # the instance is configured, and runs that were killed from outside are closed
    at = ["--host", host, "--port", str(port)]
    command, arguments = {
        Process.ALL: ("dagster", ["dev", *at]),
        Process.WEBSERVER: ("dagster-webserver", at),
        Process.DAEMON: ("dagster-daemon", ["run"]),
    }[process]
    if process != Process.DAEMON:
        say(f"Dagster opens on http://{host}:{port} (Ctrl-C stops it)")
    program = Path(sys.executable).parent / command
    workspace = ["--workspace", str(CHECKOUT / "workspace.yaml")]
    os.execv(program, [command, *arguments, *workspace])  # noqa: S606  Dagster gets the signals itself


def simulate(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8010,
    faults: Annotated[
        str,
        typer.Option(help="A sequence such as `ok,rate_limited,html`, or the share of requests that fail (`0.05`)."),
    ] = "",
    stall_seconds: Annotated[float, typer.Option(help="How long a request that times out is kept waiting.")] = 60.0,
) -> None:
    """Serve the simulated city over HTTP, in the providers' wire formats, with faults on request."""
    from transit_assets.settings import settings
    from transit_assets.simulator import FaultPlan, SimulatorServer

    configured = settings()
    try:
        plan = FaultPlan.parse(faults, seed=configured.simulator_seed)
    except ValueError as error:
        raise Mistake(str(error)) from None
    try:
        server = SimulatorServer(
            configured.clock,
            host=host,
            port=port,
            seed=configured.simulator_seed,
            faults=plan,
            stall_seconds=stall_seconds,
            arcs=configured.simulator_arcs,
            counts_delay_minutes=configured.road_publication_delay_minutes,
            calls_per_day=configured.simulator_calls_per_day,
        )
    except OSError as error:
        raise Mistake(f"cannot listen on {host}:{port}: {error.strerror}") from None
    with server:
        say(f"the simulated city answers on {server.url} (Ctrl-C stops it)")
        server.serve_forever()
