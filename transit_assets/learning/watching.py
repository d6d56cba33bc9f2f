"""Watching: every forecast is kept, met with the truth when it arrives, and its features are compared with training.

Three tables of each domain, in that order: `forecasts` grows; `live_scores` and `drift` are rebuilt from it and
from the data.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from filelock import FileLock

from transit_assets.lake import Lake
from transit_assets.learning import schema
from transit_assets.learning.domain import Domain, Live, said
from transit_assets.learning.errors import ModelUnreadable
from transit_assets.learning.examples import Window
from transit_assets.learning.fitting import shares
from transit_assets.learning.model import Model
from transit_assets.learning.registry import Registry, Version
from transit_assets.learning.reports import live_plot
from transit_assets.learning.scores import Scored
from transit_assets.learning.training import baseline_of

_SMALLEST_SHARE = 1e-4  # of a bin in the stability index, where nothing at all would count infinitely


def forecast(lake: Lake, registry: Registry, domain: Domain) -> int:
    """Let every champion answer the questions of now, and keep what it says. Returns the rows that are new.

    Asked twice about the same data a version is not kept twice. Raises ModelUnreadable where a champion cannot be
    asked, after the others have been.
    """
    live = domain.live(lake)
    if live is None or not len(live.asked):
        return 0
    data_version = said(domain.versions(lake))
    rows: list[dict[str, Any]] = []
    silent = []
    for model in domain.models:
        champion = registry.champion(model.name)
        try:
            rows += _forecasts(registry, model, champion, live, data_version) if champion else []
        except ModelUnreadable as error:
            silent.append(f"{error} (`transit train {model.name}` makes another)")
    table = lake.table(schema.forecasts(domain.name))
    with FileLock(lake.lock_path(table.table.relation)):
        held = _held(lake, domain, sorted({row["day"].isoformat() for row in rows}))
        fresh = [row for row in rows if (row["model"], row["version"], row["origin_at"]) not in held]
        if fresh:
            table.append(pa.Table.from_pylist(fresh, schema=table.table.schema))
    if silent:
        raise ModelUnreadable("; ".join(silent))
    return len(fresh)


def say_silent(lake: Lake, domain: Domain) -> int:
    """Rebuild `no_forecasts`: what nothing is forecast of now, with the reason. Returns the rows of the table."""
    table = lake.table(schema.no_forecasts(domain.name))
    found: list[int] = []

    def silent() -> pa.Table:
        live = domain.live(lake)
        asked_at = live.asked_at if live else None
        rows = [
            {"model": model.name, "entity": name, "reason": reason, "asked_at": asked_at}
            for model in domain.models
            for name, reason in sorted(_silent(live, model).items())
        ]
        found.append(len(rows))
        return pa.Table.from_pylist(rows, schema=table.table.schema)

    table.rebuild(silent)
    return found[-1]


def _silent(live: Live | None, model: Model) -> dict[str, str]:
    return {**live.silent_of.get(model.target, {}), **live.silent} if live else {}


def _forecasts(
    registry: Registry, model: Model, champion: Version, live: Live, data_version: str
) -> list[dict[str, Any]]:
    silent = _silent(live, model)
    mask = model.is_asked(live.asked.horizon_minutes)
    mask &= np.array([name not in silent for name in live.entities], bool)
    asked = model.known(live.asked).take(mask)
    ours, beside = registry.load(champion), baseline_of(registry, champion)
    spoken, baseline = ours.predict(asked), beside.predict(asked).value
    made_at = datetime.now(UTC)
    low = [None] * len(asked) if spoken.low is None else spoken.low.tolist()
    high = [None] * len(asked) if spoken.high is None else spoken.high.tolist()
    rows = []
    for index, row in enumerate(np.flatnonzero(mask)):
        origin_at = datetime.fromtimestamp(int(asked.origin_at[index]), UTC)
        rows.append(
            {
                "day": origin_at.date(),
                "model": model.name,
                "version": champion.number,
                "entity": live.entities[int(row)],
                "origin_at": origin_at,
                "horizon_minutes": int(asked.horizon_minutes[index]),
                "target_at": datetime.fromtimestamp(int(asked.target_at[index]), UTC),
                "value": float(spoken.value[index]),
                "low": low[index],
                "high": high[index],
                "baseline": beside.called,
                "baseline_value": float(baseline[index]),
                "data_version": data_version,
                "made_at": made_at,
            }
        )
    return rows


def _held(lake: Lake, domain: Domain, days: Sequence[str]) -> set[tuple[str, str, datetime]]:
    found = lake.table(schema.forecasts(domain.name)).scan(
        "SELECT DISTINCT model, version, origin_at FROM forecasts", partitions=days
    )
    return {(row["model"], row["version"], row["origin_at"]) for row in found.to_pylist()}


def meet_the_truth(lake: Lake, domain: Domain) -> int:
    """Rebuild `live_scores` of the last days of forecasts from what is known by now. Returns the rows of the table.

    Days before those have met their truth, and stay as they are: a forecast looks hours ahead, not days, and its truth
    is there the feed's publication delay later.
    """
    target = lake.table(schema.live_scores(domain.name))
    open_days = domain.open_days - (-domain.publication_delay // timedelta(days=1))
    days = lake.table(schema.forecasts(domain.name)).partitions()[-open_days:]

    def scored() -> pa.Table:
        rows = [row for model in domain.models for row in _live_scores(lake, domain, model, days)]
        held = [row for row in target.read().to_pylist() if row["day"].isoformat() not in days]
        return pa.Table.from_pylist(held + rows, schema=target.table.schema)

    target.rebuild(scored)
    return sum(count for count in target.rows_by_partition().values())


def draw(lake: Lake, registry: Registry, domain: Domain) -> None:
    """Put the live error beside the baseline's, day by day, among the plots of each champion."""
    rows = lake.table(schema.live_scores(domain.name)).read().to_pylist()
    for model in domain.models:
        mine = [row for row in rows if row["model"] == model.name and row["metric"] == model.live_metric]
        champion = registry.champion(model.name)
        shown = [row for row in mine if champion and row["version"] == champion.number]
        if champion and shown:
            picture = live_plot(shown, f"{model.name} {champion.number}")
            registry.add_file(champion, "plots/live_error.png", picture)


def _live_scores(lake: Lake, domain: Domain, model: Model, days: Sequence[str]) -> list[dict[str, Any]]:
    made = lake.table(schema.forecasts(domain.name)).scan(
        "SELECT *, epoch(target_at)::BIGINT AS target_seconds FROM forecasts WHERE model = ?"
        " ORDER BY version, day, horizon_minutes, entity, origin_at",
        [model.name],
        partitions=days,
    )
    if not made.num_rows:
        return []
    truth = domain.answers(lake, model.target, made["entity"].to_pylist(), made["target_seconds"].to_numpy())
    groups: dict[tuple, list[int]] = {}
    keys = zip(*(made[name].to_pylist() for name in ("version", "day", "horizon_minutes", "baseline")), strict=True)
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    column = {name: made[name].to_numpy() for name in ("value", "baseline_value", "low", "high")}
    rows = []
    for (version, day, horizon, baseline), members in groups.items():
        some = np.array(members)
        met = some[np.isfinite(truth[some])]
        fixed = {"model": model.name, "version": version, "day": day, "horizon_minutes": horizon}
        counts = {"baseline": baseline, "forecasts": len(some), "met": len(met)}
        for metric, value, beside in _live_metrics(model, column, truth, met) if len(met) else []:
            rows.append(fixed | counts | {"metric": metric, "value": value, "baseline_value": beside})
    return rows


def _live_metrics(
    model: Model, column: dict[str, np.ndarray], truth: np.ndarray, met: np.ndarray
) -> list[tuple[str, float, float | None]]:
    y = truth[met]
    ours = Scored(column["value"][met], column["low"][met], column["high"][met])
    theirs = Scored(column["baseline_value"][met])
    headline = model.live_metric
    found: list[tuple[str, float, float | None]] = [
        (headline, float(ours.losses(headline, y).mean()), float(theirs.losses(headline, y).mean())),
        ("calibration", float((ours.value - y).mean()), float((theirs.value - y).mean())),
    ]
    if model.kind == "level":
        found.append(("accuracy", float(ours.losses("accuracy", y).mean()), float(theirs.losses("accuracy", y).mean())))
    if model.kind == "quantity":
        covered = ours.losses("coverage", y)
        found.append(("coverage", float(covered.mean()), None))
    return found


def measure_drift(lake: Lake, registry: Registry, domain: Domain, *, least: int = 5, at_most: int = 50_000) -> int:
    """Compare the features of the last days of data with those each champion learnt from. Returns the rows written.

    A champion that learnt from less than `least` times as long has seen too little to tell another day, or another
    month, from another population.
    """
    span = domain.span(lake, domain.drift_days + 1)
    target = lake.table(schema.drift(domain.name))
    if span is None:
        return 0
    window = Window(max(span.start, span.end - timedelta(days=domain.drift_days)), span.end)
    asked = domain.examples(lake, window, domain.versions(lake), at_most)
    day = span.end.astimezone(UTC).date()
    rows = []
    for model in domain.models if len(asked) else ():
        champion = registry.champion(model.name)
        if champion is None or _learnt(registry, champion) < least * timedelta(days=domain.drift_days):
            continue
        reference = registry.load(champion).reference
        mine, _ = model.questions(asked)
        for name in mine.names if len(mine) else ():
            if name in domain.conditions or name not in reference:
                continue
            psi = stability(mine.column(name), reference[name])
            rows.append(
                {
                    "model": model.name,
                    "version": champion.number,
                    "day": day,
                    "feature": name,
                    "psi": psi,
                    "n": len(mine),
                }
            )

    def merged() -> pa.Table:
        keys = {(row["model"], row["version"], row["day"], row["feature"]) for row in rows}
        held = [
            row
            for row in target.read().to_pylist()
            if (row["model"], row["version"], row["day"], row["feature"]) not in keys
        ]
        return pa.Table.from_pylist(held + rows, schema=target.table.schema)

    target.rebuild(merged)
    return len(rows)


def _learnt(registry: Registry, version: Version) -> timedelta:
    start, end = registry.run_tags(version)["transit.train"].split("/")
    return datetime.fromisoformat(end) - datetime.fromisoformat(start)


def stability(column: np.ndarray, reference: dict[str, list[float]]) -> float:
    """The population stability index of a feature against the shares of its bins in training.

    That more is known of a feature than in training is no drift, as when a lake grows older than a week; that less is
    known is.
    """
    expected, found = np.array(reference["shares"]), shares(column, np.array(reference["edges"]))
    if found[-1] < expected[-1] < 1:
        expected, found = expected[:-1] / (1 - expected[-1]), found[:-1] / (1 - found[-1])
    expected, found = np.maximum(expected, _SMALLEST_SHARE), np.maximum(found, _SMALLEST_SHARE)
    return float(((found - expected) * np.log(found / expected)).sum())


def drifted(lake: Lake, domain: Domain, model: Model, limit: float) -> list[str]:
    """Features of the latest measured day whose stability index is above a limit."""
    found = lake.table(schema.drift(domain.name)).scan(
        "SELECT feature FROM drift WHERE model = ? AND psi > ?"
        " AND day = (SELECT max(day) FROM drift WHERE model = ?)"
        " AND version = (SELECT arg_max(version, (day, version::INTEGER)) FROM drift WHERE model = ?) ORDER BY feature",
        [model.name, limit, model.name, model.name],
    )
    return [str(name) for name in found["feature"].to_pylist()]
