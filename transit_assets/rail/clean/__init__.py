"""Payloads of the rail to the rows of its clean tables, without Dagster."""
