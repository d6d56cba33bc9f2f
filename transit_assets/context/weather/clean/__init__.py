"""Payloads of the weather to candidate rows: pure functions, no Dagster, no lake written."""
