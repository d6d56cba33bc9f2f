"""The `transit` command.

A command imports what it needs when it runs: `transit --help` costs what a bare Typer application
costs. Data goes to standard output, everything else to standard error. Exit codes: 0 ok, 1 failed,
2 wrong use, 130 interrupted.
"""

import typer

from transit_assets.cli import care, demo, learn, provider, quarantine, query, services, work
from transit_assets.cli.mistakes import Commands

app = typer.Typer(
    cls=Commands,
    name="transit",
    help="An urban-mobility lakehouse: from raw feeds to marts, on a laptop or on S3.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # a local may hold a secret
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (demo, work, learn, provider, query, quarantine, care, services):
    module.add_to(app)


def main() -> None:
    """Entry point of the `transit` script."""
    app()
