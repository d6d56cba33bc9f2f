"""When things run: partitions, the Dagster instance, schedules, sensors, conditions, freshness, alerts, runs."""
