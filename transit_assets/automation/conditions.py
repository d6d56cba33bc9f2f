"""When a table downstream of the landing is brought up to date, as Dagster automation conditions."""

import dagster as dg

_Condition = dg.AutomationCondition

# A table without partitions follows its sources once they are at rest: a backfill of a year reopens it once. Days
# that never landed are no obstacle, as they are for Dagster's own `eager()`, which waits for every day since 2018.
# Of a source with days, one that passed its blocking checks is enough: a bad day of last year stops no live state.
FOLLOWS_AT_REST = (
    _Condition.eager().without(~_Condition.any_deps_missing()) & _Condition.all_deps_blocking_checks_passed()
).with_label("follows_at_rest")


def follows_its_day(unpartitioned: dg.AssetSelection) -> dg.AutomationCondition:
    """A day follows the same day of its sources, any day of the past too (`eager()` looks at the latest only).

    A new version of a source without partitions reopens no day: it would reopen all of them. A day of which a source
    failed a blocking check waits until that source is rebuilt and passes.
    """
    eager = (
        _Condition.eager()
        .without(_Condition.in_latest_time_window())
        .replace("any_deps_updated", _Condition.any_deps_updated().ignore(unpartitioned))
    )
    return (eager & _Condition.all_deps_blocking_checks_passed()).with_label("follows_its_day")
