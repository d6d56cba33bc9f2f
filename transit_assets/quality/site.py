"""Builds the documentation site: the data dictionary, Data Docs, dbt's docs with lineage, and model cards.

`python -m transit_assets.quality.site` writes `site/` in the checkout, for the lake of the settings.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from transit_assets.lake import Lake
from transit_assets.quality import data_docs
from transit_assets.quality.suites import Suite
from transit_assets.settings import CHECKOUT, settings

SITE = CHECKOUT / "site"

_PARTS = {
    "data_docs/index.html": "Data Docs: what every table is checked for, and what the latest checks found",
    "dbt/index.html": "dbt: the marts, their SQL, tests and lineage",
    "dictionary.md": "Data dictionary: every table and column, with type, unit and source",
}


def build(lake: Lake, site: Path) -> Iterator[Path]:
    """Write the site part by part, and the start page last. Yields what it has written."""
    from transit_assets import catalog

    site.mkdir(parents=True, exist_ok=True)
    dictionary = site / "dictionary.md"
    dictionary.write_text(catalog.dictionary())
    yield dictionary
    shutil.rmtree(site / "data_docs", ignore_errors=True)
    yield data_docs.write(lake, suites(), site / "data_docs")
    yield dbt_docs(lake, site / "dbt")
    cards = list(model_cards(lake, site / "models"))
    yield from cards
    parts = _PARTS | {f"models/{card.name}": f"Model card of {card.stem}, as it is served" for card in cards}
    start = site / "index.html"
    listed = "".join(f'<li><a href="{place}">{text}</a></li>' for place, text in parts.items())
    start.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Transit Assets</title>{data_docs.STYLE}'
        f"</head><body><h1>Transit Assets</h1><ul>{listed}</ul></body></html>"
    )
    yield start


def model_cards(lake: Lake, folder: Path) -> Iterator[Path]:
    """The card of every champion; none where nothing was ever decided, so that an empty lake gets no registry."""
    from transit_assets.learning.registry import Registry
    from transit_assets.learning.standing import standings

    shutil.rmtree(folder, ignore_errors=True)
    served = sorted({one.model for one in standings(lake)})
    if not served:
        return
    registry = Registry(settings().mlflow_store, lake.location.uri("_mlflow/artifacts"), lake.lock_path)
    for model in served:
        champion = registry.champion(model)
        if champion:
            folder.mkdir(parents=True, exist_ok=True)
            card = folder / f"{model}.md"
            card.write_bytes(registry.read(champion, "card.md"))
            yield card


def suites() -> list[Suite]:
    """The suites of all domains."""
    from transit_assets.bikes import suites as bikes
    from transit_assets.fire import suites as fire
    from transit_assets.rail import suites as rail
    from transit_assets.road import suites as road

    return [suite for domain in (bikes, road, fire, rail) for found in domain.suites().values() for suite in found]


def dbt_docs(lake: Lake, folder: Path) -> Path:
    """dbt's documentation of the project over a lake, in one page. Raises RuntimeError with dbt's own words."""
    from transit_assets.dbt_lake.marts import PROJECT

    with tempfile.TemporaryDirectory() as target:
        where = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", target]
        done = subprocess.run(  # noqa: S603  # a process of its own: dbt keeps its connection for the next invocation
            [Path(sys.executable).with_name("dbt"), "docs", "generate", "--static", "--log-level-file", "none", *where],
            env=os.environ | {"TRANSIT_LAKE": lake.location.root},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"dbt's docs were not built: {done.stdout.strip() or done.stderr.strip()}")
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(Path(target) / "static_index.html", folder / "index.html"))


def main() -> None:
    """Build the site and the dictionary beside the lake's README, naming each part."""
    from transit_assets.catalog import DICTIONARY, dictionary

    configured = settings()
    lake = Lake.at(configured.lake, threads=configured.duckdb_threads, memory_limit=configured.duckdb_memory_limit)
    DICTIONARY.write_text(dictionary())
    for path in (DICTIONARY, *build(lake, SITE)):
        sys.stdout.write(f"{path.relative_to(CHECKOUT)}\n")


if __name__ == "__main__":
    main()
