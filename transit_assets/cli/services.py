"""Commands that serve until they are stopped: `simulate`."""

from typing import Annotated

import typer

from transit_assets.cli.mistakes import Mistake, say

Host = Annotated[str, typer.Option(help="Address to listen on.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="simulate")(simulate)


def simulate(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8010,
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
        )
    except OSError as error:
        raise Mistake(f"cannot listen on {host}:{port}: {error.strerror}") from None
    with server:
        say(f"the simulated city answers on {server.url} (Ctrl-C stops it)")
        server.serve_forever()
