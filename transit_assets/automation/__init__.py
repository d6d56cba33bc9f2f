"""When things run: partitions, the Dagster instance, schedules, sensors, conditions, freshness, alerts, runs."""

import warnings

# Dagster says of each use of single-run backfills and code references that it is a beta; the lock pins what was tested.
warnings.filterwarnings("ignore", message=r".* is currently in (beta|preview)")
