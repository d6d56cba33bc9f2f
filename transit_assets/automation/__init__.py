"""When things run: partitions, the Dagster instance, schedules, sensors, conditions, freshness, alerts, runs."""

import warnings

import dagster as dg

# Single-run backfills are "beta", partitioned checks in "preview": a warning for each asset helps nobody.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
