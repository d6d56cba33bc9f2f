"""Transit Assets: an urban-mobility lakehouse of Dagster assets."""
