import re
from pathlib import Path

import pytest

from transit_assets.lake import Lake
from transit_assets.quality import data_docs
from transit_assets.quality.accounts import accounting_suite
from transit_assets.quality.cleaned import Cleaned
from transit_assets.quality.evaluate import evaluate
from transit_assets.quality.load import load
from transit_assets.quality.suites import rows_suite
from transit_assets_tests.quality.conftest import COUNTS, candidates, row
from transit_assets_tests.quality.test_suites import NOW, stored

SUITES = (rows_suite(COUNTS), accounting_suite(COUNTS))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of ten days, of which the first was refused and the last has a row that came past the rules."""
    folder = tmp_path_factory.mktemp("data docs")
    lake = Lake.at(folder / "lake")
    days = [f"2026-03-{number:02d}" for number in range(1, 11)]
    load(
        lake,
        COUNTS,
        [Cleaned(day, candidates(row("1", 1, day=day, bikes=-1 if day == days[0] else 1)), 1) for day in days],
    )
    lake.table(COUNTS).replace(stored(COUNTS, row("<b>", 1, day=days[9], bikes=-7)), [days[9]])
    for suite in SUITES:
        lake.ledger.record_checks([one.result() for one in evaluate(lake, suite, days, now=NOW)])
    data_docs.write(lake, SUITES, folder / "docs")
    return folder / "docs"


def test_the_start_page_counts_what_passed_and_links_to_pages_that_exist(pages: Path) -> None:
    start = (pages / "index.html").read_text()
    assert re.findall(r">(\d+ of \d+)<", start) == ["9 of 10", "9 of 10"]
    links = re.findall(r'href="([^"#]+)"', start)
    assert len(links) == 2 + 7 + 8
    assert all((pages / link).exists() for link in links)


def test_an_old_failure_keeps_its_page_and_an_old_success_does_not(pages: Path) -> None:
    shown = sorted(path.stem for path in (pages / "results" / f"{COUNTS.relation}.accounting").iterdir())
    assert shown == ["2026-03-01", *(f"2026-03-{number:02d}" for number in range(4, 11))]


def test_a_failed_check_shows_its_reason_values_and_rows(pages: Path) -> None:
    refused = (pages / "results" / f"{COUNTS.relation}.accounting" / "2026-03-01.html").read_text()
    assert "refused: 1 of 1 rows broke a rule" in refused
    past = (pages / "results" / f"{COUNTS.relation}.rows" / "2026-03-10.html").read_text()
    assert "bikes is at least 0 and at most 100: not so in 1 rows" in past
    assert "<td>-7</td>" in past
    assert "&lt;b&gt;" in past
    assert "<b>1" not in past


def test_no_page_asks_the_network_for_anything(pages: Path) -> None:
    for page in pages.rglob("*.html"):
        text = page.read_text()
        assert not re.search(r"""<(script|img|iframe|link)\b[^>]*(src|href)=["']?(https?:)?//""", text), page
        assert "<script" not in text
        local = [link for link in re.findall(r'href="([^"#]+)"', text) if "://" not in link]
        assert all((page.parent / link).exists() for link in local), page
