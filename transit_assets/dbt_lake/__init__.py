"""dbt over the lake: models are built and tested in a scratch database and committed to Delta when all passed.

`plugin` is loaded by dbt-duckdb (see `dbt_project/profiles.yml`), `marts` reads the tables that the
dbt project describes, `project` runs dbt from Python. Knows no domain, imports no Dagster.
"""

from transit_assets.dbt_lake.marts import PROJECT, mart_tables, source_tables
from transit_assets.dbt_lake.project import BuildResult, MartResult, build, manifest_path
from transit_assets.dbt_lake.tested import TestResult

__all__ = [
    "PROJECT",
    "BuildResult",
    "MartResult",
    "TestResult",
    "build",
    "manifest_path",
    "mart_tables",
    "source_tables",
]
