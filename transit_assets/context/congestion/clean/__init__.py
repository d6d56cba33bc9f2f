"""Files of congestion to candidate rows: pure functions, no Dagster, no lake written."""
