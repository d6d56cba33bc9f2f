"""Suites over what is watched of models: live errors beside the baseline's, calibration, coverage, drift."""

from transit_assets.lake import Table
from transit_assets.learning.schema import DRIFT_LIMIT
from transit_assets.quality.suites import Suite, between, rows_suite

WATCHED_DAYS = 7
_SMALLEST_MET = 100  # forecasts; fewer that met the truth say nothing of a model


def live_suites(live_scores: Table) -> tuple[Suite, ...]:
    """Whether the versions that spoke in the last seven days are better than their baselines, and honest."""
    # One row for each version and horizon; a metric that a model does not have is null, which meets every bound.
    query = f"""
        WITH recent AS (
            SELECT *, bool_or(metric = 'brier') OVER (PARTITION BY model) AS is_probability FROM {live_scores.relation}
            WHERE day > (SELECT max(day) FROM {live_scores.relation}) - {WATCHED_DAYS}
        )
        SELECT NULL AS partition, model, version, horizon_minutes,
            1 - sum(value * met) FILTER (metric IN ('brier', 'mae'))
                / nullif(sum(baseline_value * met) FILTER (metric IN ('brier', 'mae')), 0) AS live_gain,
            sum(value * met) FILTER (metric = 'calibration' AND is_probability)
                / nullif(sum(met) FILTER (metric = 'calibration'), 0) AS calibration_error,
            sum(value * met) FILTER (metric = 'coverage') / nullif(sum(met) FILTER (metric = 'coverage'), 0) AS coverage
        FROM recent GROUP BY ALL HAVING max(met) >= {_SMALLEST_MET} ORDER BY ALL
    """
    return (
        rows_suite(live_scores),
        Suite(
            name="live_error",
            table=live_scores,
            description=f"Over the last {WATCHED_DAYS} days of forecasts that met the truth, each version is no worse "
            "than the baseline beside it, calibrated, and its intervals cover what they promise.",
            expectations=(
                between("live_gain", 0.0, 1.0, "the live error is not above the baseline's"),
                between("calibration_error", -0.03, 0.03, "the mean probability is within 3 points of the rate"),
                between("coverage", 0.7, 0.9, "the 80 % interval covers 70 to 90 %"),
            ),
            frame=lambda scope: scope.query(query, [live_scores]),
        ),
    )


def drift_suites(drift: Table) -> tuple[Suite, ...]:
    """Whether the features of the latest measured day are those that the champions learnt from."""
    query = f"""
        SELECT NULL AS partition, model, version, feature, psi FROM {drift.relation}
        WHERE day = (SELECT max(day) FROM {drift.relation})
        QUALIFY version::INTEGER = max(version::INTEGER) OVER (PARTITION BY model) ORDER BY ALL
    """
    text = f"the population stability index of each feature is at most {DRIFT_LIMIT:g}"
    return (
        rows_suite(drift),
        Suite(
            name="population_stability",
            table=drift,
            description=f"{text[0].upper()}{text[1:]} on the latest day that was measured.",
            expectations=(between("psi", 0.0, DRIFT_LIMIT, text),),
            frame=lambda scope: scope.query(query, [drift]),
        ),
    )
