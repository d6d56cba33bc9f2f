"""`python -m transit_assets.cli` is `transit`."""

from transit_assets.cli import main

main()
