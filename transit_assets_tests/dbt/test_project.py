"""The dbt project against the schemas, and its manifest."""

import json
import multiprocessing
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from dbt_common.clients.jinja import get_template

from transit_assets.catalog import TABLES
from transit_assets.dbt_lake import build, manifest_path, mart_tables, source_tables
from transit_assets.dbt_lake.marts import PROJECT
from transit_assets.dbt_lake.sources import sources_path, sources_yaml
from transit_assets.lake import Lake

DOMAINS = sorted({table.domain for table in TABLES if table.domain and table.layer == "interim"})


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_sources_are_those_of_the_schemas(domain: str) -> None:
    """`python -m transit_assets.dbt_lake.sources` writes them again."""
    assert sources_path(domain).read_text() == sources_yaml(domain, TABLES)


def test_sources_keep_the_types_of_their_tables() -> None:
    expected = {table.relation: table.schema for table in TABLES if table.layer == "interim"}
    assert {table.relation: table.schema for table in source_tables()} == expected


@pytest.mark.parametrize("table", mart_tables(), ids=lambda table: table.identifier)
def test_a_mart_says_what_each_column_is(table) -> None:  # type: ignore[no-untyped-def]
    assert table.description.startswith("One ")
    assert all(column.description.endswith(".") for column in table.columns)
    numbers = [column for column in table.columns if str(column.type) in ("double", "int32")]
    unitless = {"empty_rank", "weekday", "late_rank", "delay_code"}
    assert {column.name for column in numbers if column.unit is None} <= unitless


@pytest.mark.parametrize(
    ("contract", "says"),
    [
        ({"name": "bikes__x", "columns": [], "description": "x"}, "config.meta.key must name the columns"),
        (
            {
                "name": "bikes__x",
                "description": "x",
                "config": {"meta": {"key": ["a"]}},
                "columns": [{"name": "a", "data_type": "interval", "description": "x"}],
            },
            "column a: interval is not one of boolean",
        ),
    ],
)
def test_a_contract_that_the_lake_cannot_store_is_refused(tmp_path: Path, contract: dict, says: str) -> None:
    folder = tmp_path / "models" / "marts"
    folder.mkdir(parents=True)
    (folder / "x.yml").write_text(json.dumps({"models": [contract]}))
    with pytest.raises(ValueError, match=says):
        mart_tables(tmp_path)


def _manifest(_: int) -> Path:
    return manifest_path()


def test_processes_that_all_want_the_first_manifest_get_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        paths = set(pool.map(_manifest, range(3), chunksize=1))
    assert len(paths) == 1
    manifest = json.loads(paths.pop().read_text())
    assert manifest["parent_map"]["model.transit_assets.bikes__zone_hourly"] == [
        "model.transit_assets.bikes__station_hour_states",
        "model.transit_assets.bikes__station_hourly",
        "source.transit_assets.bikes_interim.bikes__station_information",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [manifest_path().parent.name]


def test_the_definitions_load_where_the_target_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()  # root may write anywhere, but not below a file
    target = tmp_path / "file" / "target"
    code = "from transit_assets.definitions import defs; print(len(defs.resolve_asset_graph().get_all_asset_keys()))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"DBT_TARGET_PATH": str(target), "TRANSIT_LAKE": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > len(mart_tables())
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"dbt's target folder {target} cannot be written (Not a directory)")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]  # nothing of the process is left behind


def test_marts_are_built_where_the_target_folder_cannot_be_written(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "file" / "target"))
    outcome = build(filled, select=["bikes__station_daily"])
    assert outcome.has_passed, outcome.error


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("day", ("DATE '2026-03-29'", "DATE '2026-04-02'")),
        ("service_date", ("DATE '2026-03-29'", "DATE '2026-04-02'")),
        ("month", ("DATE '2026-03-01'", "DATE '2026-04-01'")),
    ],
)
def test_a_run_builds_the_partitions_that_hold_its_days(period: str, expected: tuple[str, str]) -> None:
    found: list[tuple[str, str]] = []
    days = {"from_day": "2026-03-29", "to_day": "2026-04-02"}
    context = {"var": days.get, "modules": {"re": re}, "return": lambda bounds: found.append(bounds) or ""}
    macros = get_template((PROJECT / "macros" / "lake.sql").read_text(), context).module
    macros.dbt_macro__bounds_of_run(period)
    assert found == [expected]
