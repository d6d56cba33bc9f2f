"""Data Docs: the suites and their latest results, rendered by Great Expectations into pages that need no network.

What the ledger holds of an evaluation (which expectations failed, in how many rows, with which values) is put
back into Great Expectations' own form. Pages for the last seven partitions of a suite and for its last failures.
"""

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transit_assets.lake import Lake
from transit_assets.lake.ledger import CheckResult
from transit_assets.quality.evaluate import configurations
from transit_assets.quality.suites import Expectation, Suite

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

_RECENT, _FAILED = 7, 7

# The pages ask content networks for Bootstrap and draw their logo from a bucket: none of it is needed to read them.
_OUTSIDE = re.compile(
    r"""<script[^>]*\bsrc=["']https?://[^>]*>\s*</script>|<link[^>]*\bhref=["']https?://[^>]*>|<img[^>]*\bsrc=["']https?://[^>]*>""",
    re.IGNORECASE,
)
_ICON = re.compile(r"<link[^>]*shortcut icon[^>]*>")
_HOME = re.compile(r'href="(\.\./)+index\.html"')
_SUITE = re.compile(r'href="(\.\./)+expectations/[^"]*"')
_SCRIPTS = re.compile(r"<script\b.*?</script>", re.IGNORECASE | re.DOTALL)
_FOOTER = re.compile(r"<footer\b.*?</footer>", re.IGNORECASE | re.DOTALL)
STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1.5rem; color: #1f2933; }
h1, h2, h3 { line-height: 1.2; } a { color: #0b63ce; text-decoration: none; } a:hover { text-decoration: underline; }
table { border-collapse: collapse; margin: .5rem 0 1rem; width: 100%; }
th, td { border: 1px solid #d8dee6; padding: .35rem .6rem; text-align: left; vertical-align: top; }
th { background: #f4f6f8; } .breadcrumb, .list-unstyled, nav ol { list-style: none; padding: 0; }
.passed, .text-success { color: #147d3f; } .failed, .text-danger { color: #b42318; } .warned { color: #b54708; }
.badge { background: #eef1f4; border-radius: .3rem; padding: .05rem .4rem; } .modal, .sr-only { display: none; }
.sticky > .card.mb-3 { display: none; } /* a filter that needs Bootstrap's scripts */
.fa-check-circle::before { content: "\\2713"; } .fa-times::before { content: "\\2717"; } i { font-style: normal; }
</style>"""


def write(lake: Lake, suites: Iterable[Suite], folder: Path) -> Path:
    """Write the pages below a folder. Returns the start page."""
    latest: dict[tuple[str, str], list[CheckResult]] = {}
    for result in lake.ledger.latest_checks():
        latest.setdefault((result.relation, result.check_name), []).append(result)
    rows = []
    for suite in suites:
        results = sorted(latest.get((suite.table.relation, suite.name), []), key=lambda one: one.partition or "")
        place = f"{suite.table.relation}.{suite.name}"
        _save(folder / "suites" / f"{place}.html", _suite_page(suite))
        shown = _shown(results)
        for result in shown:
            _save(folder / "results" / place / f"{result.partition or 'all'}.html", _result_page(suite, result))
        rows.append(_row(suite, place, results, shown))
    start = folder / "index.html"
    _save(start, _start_page(rows))
    return start


def _shown(results: Sequence[CheckResult]) -> list[CheckResult]:
    recent = list(results[-_RECENT:])
    failed = [result for result in results[:-_RECENT] if not result.has_passed]
    return [*failed[-_FAILED:], *recent]


def _save(path: Path, page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)


def _suite_page(suite: Suite) -> str:
    import great_expectations as gx
    from great_expectations.render.renderer import ExpectationSuitePageRenderer

    name = f"{suite.table.relation}: {suite.name}"
    asked = gx.ExpectationSuite(name=name, expectations=configurations(suite), notes=suite.description)
    return _page(ExpectationSuitePageRenderer().render(asked), up="..")


def _result_page(suite: Suite, result: CheckResult) -> str:
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    page = _page(ValidationResultsPageRenderer(run_info_at_end=True).render(_validation(suite, result)), up="../..")
    page = _SUITE.sub(f'href="../../suites/{suite.table.relation}.{suite.name}.html"', page)
    content = '<div class="container-fluid'
    return page.replace(content, f"{_found(result)}{content}", 1)


def _found(result: CheckResult) -> str:
    """What the check observed, and a sample of the rows that fail, above the expectations."""
    details = result.details
    parts = [f"<p>{html.escape(details['summary'])}</p>"]
    if details.get("observed"):
        parts.append(_table([details["observed"]]))
    elif details["sample"]:
        parts += ["<h4>Rows that fail</h4>", _table(details["sample"])]
    return "".join(parts)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in rows[0])
    cells = ("".join(f"<td>{html.escape(str(value))}</td>" for value in row.values()) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _page(content: Any, *, up: str) -> str:
    """A page of Great Expectations without anything from outside, with its links on this site."""
    from great_expectations.render.view import DefaultJinjaPageView

    page = DefaultJinjaPageView().render(content)
    for unwanted in (_OUTSIDE, _ICON, _SCRIPTS, _FOOTER):
        page = unwanted.sub("", page)
    return _HOME.sub(f'href="{up}/index.html"', page).replace("</head>", f"{STYLE}</head>")


def _validation(suite: Suite, result: CheckResult) -> "ExpectationSuiteValidationResult":
    import great_expectations as gx
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    rows, failed = result.details["rows"], result.details["failed"]
    results = [
        ExpectationValidationResult(
            success=expectation.name not in failed,
            expectation_config=ExpectationConfiguration(
                expectation.type, dict(expectation.kwargs), meta={"name": expectation.name}
            ),
            result=_observed(expectation, rows, failed),
        )
        for expectation in suite.expectations
    ]
    held = len(results) - len(failed)
    return ExpectationSuiteValidationResult(
        success=result.has_passed,
        results=results,
        suite_name=f"{suite.table.relation}: {suite.name}",
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": held,
            "unsuccessful_expectations": len(failed),
            "success_percent": 100.0 * held / max(len(results), 1),
        },
        meta={
            "great_expectations_version": gx.__version__,
            "run_id": {"run_name": result.partition or "all", "run_time": result.evaluated_at.isoformat()},
            "active_batch_definition": {"data_asset_name": suite.table.relation},
        },
    )


def _observed(expectation: Expectation, rows: int, failed: dict[str, Any]) -> dict[str, Any]:
    found = failed.get(expectation.name, {"failing_rows": 0, "unexpected": []})
    values = found["unexpected"]
    return {
        "element_count": rows,
        "unexpected_count": found["failing_rows"],
        "unexpected_percent": 100.0 * found["failing_rows"] / max(rows, 1),
        "partial_unexpected_list": values,
    }


def _row(suite: Suite, place: str, results: Sequence[CheckResult], shown: Sequence[CheckResult]) -> str:
    passed = sum(result.has_passed for result in results)
    bad = "failed" if suite.is_blocking else "warned"
    links = " ".join(
        f'<a class="{"passed" if one.has_passed else bad}" href="results/{place}/{one.partition or "all"}.html"'
        f' title="{html.escape(one.details["summary"])}">{one.partition or "all"}</a>'
        for one in shown
    )
    tally = f'<span class="{"passed" if passed == len(results) else bad}">{passed} of {len(results)}</span>'
    cells = [
        f'<a href="suites/{place}.html">{suite.table.relation}: {suite.name}</a><br>{html.escape(suite.description)}',
        "blocking" if suite.is_blocking else "warning",
        str(len(suite.expectations)),
        tally if results else "not evaluated yet",
        links,
    ]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _start_page(rows: Sequence[str]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("suite", "a failure is", "expectations", "passed", "results"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>{STYLE}</head><body>'
        "<h1>Data Docs</h1><p>What every table is checked for after each load, and what the latest checks found, "
        f"partition by partition.</p><table><tr>{head}</tr>{''.join(rows)}</table></body></html>"
    )
