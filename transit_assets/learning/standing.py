"""Which version of each model is served and how it stands beside its best baseline, from the lake's own record."""

from dataclasses import dataclass
from datetime import datetime

from transit_assets.lake import Lake
from transit_assets.learning.schema import DECISIONS, EVALUATIONS

_QUERY = """
    WITH decided AS (
        SELECT model, arg_max(champion, decided_at) AS champion, max(version::INTEGER) AS last_decided,
            arg_max(metric, decided_at) AS headline
        FROM models.decisions GROUP BY model
    ),
    waiting AS (
        SELECT model, max(version::INTEGER)::VARCHAR AS waiting
        FROM models.evaluations JOIN decided USING (model)
        WHERE version <> 'unregistered' AND version::INTEGER > last_decided GROUP BY model
    ),
    estimators AS (SELECT model, version, any_value(estimator) AS estimator FROM models.decisions GROUP BY ALL),
    judged AS (
        SELECT e.* FROM models.evaluations AS e JOIN decided AS d ON e.model = d.model AND e.version = d.champion
        WHERE segment = 'all' AND metric = headline
        QUALIFY row_number() OVER (PARTITION BY e.model, horizon_minutes ORDER BY baseline_value, baseline) = 1
    )
    SELECT model, version AS champion, coalesce(estimator, 'unknown') AS estimator, horizon_minutes, metric, value,
        baseline, baseline_value, improvement, ci_low, ci_high, n, test_from, test_to, waiting
    FROM judged LEFT JOIN waiting USING (model) LEFT JOIN estimators USING (model, version)
    ORDER BY model, horizon_minutes
"""


@dataclass(frozen=True)
class Standing:
    """The champion of one model at one horizon beside the best of its baselines, on the holdout it was judged on.

    `waiting` is a later version that was trained and not decided about yet.
    """

    model: str
    champion: str
    estimator: str
    horizon_minutes: int | None
    metric: str
    value: float
    baseline: str
    baseline_value: float
    improvement: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    test_from: datetime
    test_to: datetime
    waiting: str | None


def standings(lake: Lake) -> list[Standing]:
    """One for each model and horizon that has a champion; none where nothing was ever trained."""
    with lake.engine() as connection:
        lake.register(connection, [DECISIONS, EVALUATIONS])
        found = connection.execute(_QUERY).to_arrow_table()
    return [Standing(**row) for row in found.to_pylist()]
