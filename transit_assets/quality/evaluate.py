"""Evaluates suites with Great Expectations: in memory, over pandas, without network, one verdict per partition.

Great Expectations is imported where it is used: it costs three seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from transit_assets.lake import Lake
from transit_assets.lake.ledger import CheckResult
from transit_assets.quality.suites import PARTITION, Expectation, Scope, Suite

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core.batch_definition import BatchDefinition

# 1 million rows of eight columns are 200 MB in pandas; a validation costs 0.1 s whatever it holds.
_CHUNK_ROWS = 1_000_000
_SAMPLE_ROWS = 10


@dataclass(frozen=True)
class Failure:
    """One expectation that some rows of a partition do not meet. `unexpected` are their distinct values, a few."""

    expectation: Expectation
    failing_rows: int
    unexpected: tuple[Any, ...]


@dataclass(frozen=True)
class Evaluation:
    """The verdict of one suite on one partition (None: the whole table).

    `rows` counts the rows of the frame, `sample` shows a few of those that fail, and `observed` is the frame's
    row where it has exactly one.
    """

    suite: Suite
    partition: str | None
    rows: int
    failures: tuple[Failure, ...] = ()
    sample: tuple[dict[str, Any], ...] = ()
    observed: dict[str, Any] | None = None

    @property
    def has_passed(self) -> bool:
        return not self.failures

    @property
    def failing_rows(self) -> int:
        return max((failure.failing_rows for failure in self.failures), default=0)

    @property
    def summary(self) -> str:
        """One sentence: what failed, or that nothing did."""
        if self.has_passed:
            return f"{len(self.suite.expectations)} expectations hold over {self.rows} rows"
        return "; ".join(self._said(failure) for failure in self.failures)

    def _said(self, failure: Failure) -> str:
        expectation = failure.expectation
        if self.observed is None:
            return f"{expectation.description}: not so in {failure.failing_rows} rows"
        found = ", ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in failure.unexpected)
        # A column that must be null holds the reason where it is not.
        is_reason = expectation.type == "expect_column_values_to_be_null"
        return found if is_reason else f"{expectation.description}: found {found}"

    def result(self, run_id: str | None = None) -> CheckResult:
        """The row of the ledger."""
        failed = {
            failure.expectation.name: {"failing_rows": failure.failing_rows, "unexpected": list(failure.unexpected)}
            for failure in self.failures
        }
        details = {"summary": self.summary, "rows": self.rows, "failed": failed, "sample": list(self.sample)}
        return CheckResult(
            check_name=self.suite.name,
            relation=self.suite.table.relation,
            partition=self.partition,
            is_blocking=self.suite.is_blocking,
            has_passed=self.has_passed,
            failing_rows=self.failing_rows,
            details=details | ({"observed": self.observed} if self.observed else {}),
            run_id=run_id,
        )


def evaluate(lake: Lake, suite: Suite, partitions: Sequence[str], *, now: datetime) -> Iterator[Evaluation]:
    """One evaluation for each partition, in their order; one of the whole table where `partitions` is empty.

    A partition without rows meets every expectation about rows; that it should have some is for `accounting` to say.
    """
    for chunk in _chunks(lake, suite, partitions):
        frame = suite.frame(Scope(lake, chunk, now))
        yield from _validate(suite, chunk or (None,), frame.to_pandas())


def _chunks(lake: Lake, suite: Suite, partitions: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Partitions to take at once: as many rows as fit in memory, or all where a partition is one row."""
    if not (suite.is_row_level and partitions):
        yield tuple(partitions)
        return
    rows = lake.table(suite.table).rows_by_partition()
    chunk: list[str] = []
    for partition in partitions:
        if chunk and sum(rows.get(name, 0) for name in (*chunk, partition)) > _CHUNK_ROWS:
            yield tuple(chunk)
            chunk = []
        chunk.append(partition)
    yield tuple(chunk)


def _validate(suite: Suite, partitions: Sequence[str | None], frame: "pd.DataFrame") -> Iterator[Evaluation]:
    """Ask Great Expectations once, then share the failing rows out among the partitions they are of."""
    found = dict(_failing_rows(suite, frame)) if len(frame) else {}
    by_name = {expectation.name: expectation for expectation in suite.expectations}
    rows = frame[PARTITION].value_counts(dropna=False)
    for partition in partitions:
        failures, samples = [], []
        for name, failing in found.items():
            here = failing if partition is None else failing[failing[PARTITION] == partition]
            if len(here):
                failures.append(Failure(by_name[name], len(here), _unexpected(by_name[name], here)))
                samples.append(here.head(_SAMPLE_ROWS))
        count = len(frame) if partition is None else int(rows.get(partition, 0))
        own = frame if partition is None else frame[frame[PARTITION] == partition] if count == 1 else frame.head(0)
        yield Evaluation(
            suite,
            partition,
            count,
            tuple(failures),
            _sample(suite, samples),
            _plain(own.iloc[0].to_dict()) if count == 1 and not suite.is_row_level else None,
        )


def _failing_rows(suite: Suite, frame: "pd.DataFrame") -> "Iterator[tuple[str, pd.DataFrame]]":
    """For each expectation that fails, the rows of the frame that do not meet it. Raises what an expectation raised."""
    import great_expectations as gx

    batch = _frames().get_batch({"dataframe": frame})
    asked = gx.ExpectationSuite(name=suite.name, expectations=configurations(suite))
    validation = batch.validate(asked, result_format={"result_format": "SUMMARY", "include_unexpected_rows": True})
    for result in validation.results:
        assert result.expectation_config is not None
        name = result.expectation_config.meta["name"]
        if not result.success:
            if "unexpected_rows" not in result.result:
                raise RuntimeError(
                    f"{suite.table.relation}: {suite.name}.{name} was not evaluated: {result.exception_info}"
                )
            yield name, result.result["unexpected_rows"]


@cache
def _frames() -> "BatchDefinition":
    """Frames in memory as Great Expectations takes them; one context for the process, as each makes a folder."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return (
        context.data_sources.add_pandas("lake")
        .add_dataframe_asset("frame")
        .add_batch_definition_whole_dataframe("frame")
    )


def configurations(suite: Suite) -> list[dict[str, Any]]:
    """The expectations as Great Expectations reads them."""
    return [
        {
            "type": expectation.type,
            "kwargs": dict(expectation.kwargs),
            "meta": {"name": expectation.name},
            "notes": expectation.description,
            "severity": "critical" if suite.is_blocking else "warning",
        }
        for expectation in suite.expectations
    ]


def _columns(expectation: Expectation) -> list[str]:
    kwargs = expectation.kwargs
    return kwargs.get("column_list") or [kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs]


def _unexpected(expectation: Expectation, failing: "pd.DataFrame") -> tuple[Any, ...]:
    distinct = failing[_columns(expectation)].drop_duplicates().head(_SAMPLE_ROWS).to_dict("records")
    values = (_plain(row) for row in distinct)
    return tuple(next(iter(row.values())) if len(row) == 1 else row for row in values)


def _sample(suite: Suite, failing: "list[pd.DataFrame]") -> tuple[dict[str, Any], ...]:
    if not failing:
        return ()
    import pandas as pd

    rows = pd.concat(failing)
    rows = rows[~rows.index.duplicated()].head(_SAMPLE_ROWS)
    return tuple(_plain(row) for row in rows.to_dict("records"))


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of pandas as JSON holds it: null for NaN and NaT, text for instants."""
    import pandas as pd

    plain: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
            plain[str(name)] = None
        elif isinstance(value, datetime):
            plain[str(name)] = value.isoformat()
        else:
            plain[str(name)] = value.item() if hasattr(value, "item") else value
    return plain
