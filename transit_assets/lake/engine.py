"""DuckDB over the lake: in memory, bounded, in UTC, reading S3 through its own packaged extension."""

import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake


def connect(lake: "Lake", database: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """A connection that can read the lake's files and downloads nothing."""
    connection = duckdb.connect(
        database,
        config={
            "threads": lake.threads,
            "memory_limit": lake.memory_limit,
            # DuckDB's default is `.tmp` in the working directory.
            "temp_directory": str(Path(tempfile.gettempdir()) / f"transit-assets-spill-{uuid4().hex}"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    prepare(connection, is_s3=lake.location.is_s3)
    return connection


def prepare(connection: duckdb.DuckDBPyConnection, *, is_s3: bool) -> None:
    """Give a connection UTC and, for a lake on S3, the packaged S3 reader with this process's credentials."""
    connection.execute("SET TimeZone = 'UTC'")
    if is_s3:
        extension = resources.files("duckdb_extension_httpfs") / f"extensions/v{duckdb.__version__}"
        connection.load_extension(str(extension / "httpfs.duckdb_extension"))
        connection.execute(_s3_secret())


def _s3_secret() -> str:
    """`CREATE SECRET` from the same `AWS_*` chain that every other client of the lake uses."""
    import boto3

    session = boto3.Session()
    client = session.client("s3")
    endpoint = client.meta.endpoint_url
    parts = {"TYPE": "s3", "REGION": client.meta.region_name}
    credentials = session.get_credentials()
    if credentials:
        frozen = credentials.get_frozen_credentials()
        parts |= {"KEY_ID": frozen.access_key, "SECRET": frozen.secret_key, "SESSION_TOKEN": frozen.token or ""}
    if ".amazonaws.com" not in endpoint:
        scheme, host = endpoint.split("://", 1)
        parts |= {"ENDPOINT": host, "URL_STYLE": "path", "USE_SSL": "true" if scheme == "https" else "false"}
    listed = ", ".join(f"{name} '{str(value).replace(chr(39), chr(39) * 2)}'" for name, value in parts.items() if value)
    return f"CREATE OR REPLACE SECRET lake ({listed})"
