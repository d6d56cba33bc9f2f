import re
from pathlib import Path

from transit_assets.catalog import dictionary
from transit_assets.lake import Lake
from transit_assets.quality import site


def test_the_site_has_the_dictionary_data_docs_and_dbts_docs_with_lineage(lake: Lake, tmp_path: Path) -> None:
    written = {path.relative_to(tmp_path).as_posix() for path in site.build(lake, tmp_path)}
    assert written == {"dictionary.md", "data_docs/index.html", "dbt/index.html", "index.html"}
    assert (tmp_path / "dictionary.md").read_text() == dictionary()
    links = re.findall(r'href="([^"]+)"', (tmp_path / "index.html").read_text())
    assert {*links} == written - {"index.html"}
    lineage = (tmp_path / "dbt" / "index.html").read_text()
    assert "model.transit_assets.bikes__station_daily" in lineage
    assert "source.transit_assets.bikes_interim.bikes__station_status" in lineage


def test_every_described_suite_belongs_to_a_described_table() -> None:
    from transit_assets.catalog import TABLES

    found = {(suite.table.relation, suite.name) for suite in site.suites()}
    assert len(found) == len(site.suites())
    assert {relation for relation, _ in found} <= {table.relation for table in TABLES}
