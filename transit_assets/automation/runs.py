"""Runs the assets of the definitions in this process: what `transit run` does, and one poll of `transit poll`.

The same assets as in the UI, on the same instance, so that both tell one story. Work goes layer by layer, tables
with partitions (days, months) before those without, one run for each range of consecutive partitions. Which ones is
decided by content: those whose landing, or whose sources, changed since they were last built.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import dagster as dg

from transit_assets.automation import instance as instances
from transit_assets.automation import models
from transit_assets.automation.arrivals import stale_partitions
from transit_assets.automation.failures import is_of_check, sentence
from transit_assets.automation.flows import Flow
from transit_assets.automation.resources import LakeResource
from transit_assets.bikes.flow import FLOW as BIKES
from transit_assets.context.calendar.flow import FLOW as CALENDAR
from transit_assets.context.congestion.flow import FLOW as CONGESTION
from transit_assets.context.weather.flow import FLOW as WEATHER
from transit_assets.fire.flow import FLOW as FIRE
from transit_assets.learning.schema import DECISIONS
from transit_assets.rail.flow import FLOW as RAIL
from transit_assets.road.flow import FLOW as ROAD
from transit_assets.settings import settings

STEPS = ("raw", "interim", "processed", "models")

Progress = Callable[[str], None]

FLOWS: Mapping[str, Flow] = {flow.domain: flow for flow in (BIKES, ROAD, FIRE, RAIL, WEATHER, CALENDAR, CONGESTION)}
DOMAINS = tuple(FLOWS)
LEARNING = (BIKES.domain, ROAD.domain, FIRE.domain, RAIL.domain)
"""The domains that have models; the others are what these share."""

_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass(frozen=True)
class FailedCheck:
    """One check that did not pass on one partition, or on a whole table (`partition` is None)."""

    relation: str
    check: str
    partition: str | None
    is_blocking: bool
    description: str


@dataclass
class Materialized:
    """What the runs of one `materialize` did. It is ok where no run failed and no blocking check did.

    `built` has the partitions of each domain that had any to build.
    """

    built: dict[str, list[str]] = field(default_factory=dict)
    run_ids: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failed_checks: list[FailedCheck] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # what was decided about models

    def add_failed_check(self, check: FailedCheck) -> None:
        """Add a check once: the run that found it describes it best."""
        place = (check.relation, check.check, check.partition)
        if place not in {(known.relation, known.check, known.partition) for known in self.failed_checks}:
            self.failed_checks.append(check)

    @property
    def is_ok(self) -> bool:
        return not self.errors and not any(check.is_blocking for check in self.failed_checks)


def materialize(
    domains: Sequence[str],
    first: date | None = None,
    last: date | None = None,
    steps: Sequence[str] = STEPS,
    *,
    progress: Progress = lambda _: None,
) -> Materialized:
    """Materialize the assets of some domains and layers, for a range of days or for whatever is due.

    A range means the partitions (days, months) that hold its days. Without one these are the partitions of which
    something landed, or a source was loaded, since they were last built; with an empty landing the one that holds
    today is fetched. A mart's partition waits while a source of it stands failed by a blocking check; the result
    names that check each time. With `first` alone the range ends today; with `last` alone it is that day. Raises
    ValueError for a domain, a step or a range that does not exist.
    """
    _refuse_unknown(domains, steps)
    asked = {domain: FLOWS[domain].asked(first, last) for domain in domains}
    result = Materialized()
    with instances.opened(settings()) as instance:
        for domain in domains:
            session = _Session(FLOWS[domain], instance, progress, result)
            session.run(asked[domain], steps)
    return result


def train(names: Sequence[str], *, progress: Progress = lambda _: None) -> Materialized:
    """Train a challenger of each model named and decide about it, whether there is a reason to or not.

    Raises TooLittleData where the data of a domain is too short; nothing is trained then.
    """
    result = Materialized()
    domains = list(dict.fromkeys(models.domain_name(name) for name in names))
    for domain in domains:
        models.refuse_too_little(LakeResource.of(settings()).lake, domain)
    with instances.opened(settings()) as instance:
        for domain in domains:
            session = _Session(FLOWS[domain], instance, progress, result)
            session.train([name for name in names if models.domain_name(name) == domain])
    return result


class _Session:
    """The runs of one domain."""

    def __init__(self, flow: Flow, instance: dg.DagsterInstance, progress: Progress, result: Materialized) -> None:
        from transit_assets import definitions

        self._definitions = definitions.build()
        self._graph = self._definitions.resolve_asset_graph()
        self._job = self._definitions.resolve_implicit_global_asset_job_def()
        self._flow = flow
        self._domain = flow.domain
        self._instance = instance
        self._progress = progress
        self._result = result
        self._lake = LakeResource.of(settings()).lake

    def run(self, asked: list[str] | None, steps: Sequence[str]) -> None:
        """Layer by layer, tables with partitions before those without; what is due where no partition is asked for."""
        is_whole = not self._flow.feeds_of  # follows from no feed of its own: nothing says that it is due
        if asked is None and (is_whole or ("raw" in steps and self._lake.landing.is_empty(self._domain))):
            asked = [self._flow.partitions.current()]
        for step in (step for step in STEPS if step in steps):
            partitioned, tables = self._assets(step)
            if step == "raw" and asked is None:
                continue
            wanted = self._due_partitions(step, partitioned) if asked is None else asked
            held_back = self._held_back(partitioned, wanted)
            self._run_partitions(step, partitioned, [one for one in wanted if one not in held_back])
            due = self._due_tables(step, tables, is_asked=asked is not None) if tables else []
            if due and not self._result.errors:
                self._progress(f"{self._domain}: {step}, {', '.join(key.path[-1] for key in due)}")
                self._execute(due, {})
            if self._result.errors:
                return

    def train(self, names: Sequence[str]) -> None:
        """Train and decide about some models."""
        self._progress(f"{self._domain}: models, {', '.join(names)}")
        roles = (models.CHALLENGER, models.CHAMPION)
        self._execute([models.asset_key(self._domain, name, role) for name in names for role in roles], {})

    def _run_partitions(self, step: str, assets: list[dg.AssetKey], wanted: list[str]) -> None:
        if not assets:
            return
        period = self._flow.partitions.period
        for start, end in period.ranges(wanted):
            span = start if start == end else f"{start} to {end}"
            self._progress(f"{self._domain}: {step}, {span}")
            tags = {"dagster/partition": start} if start == end else {_RANGE_START: start, _RANGE_END: end}
            self._execute(assets, tags)
            built = period.between(date.fromisoformat(start), date.fromisoformat(end))
            self._result.built[self._domain] = sorted({*self._result.built.get(self._domain, ()), *built})

    def _execute(self, assets: list[dg.AssetKey], tags: Mapping[str, str]) -> None:
        outcome = self._job.execute_in_process(
            instance=self._instance,
            asset_selection=assets,
            partition_key=tags.get("dagster/partition"),
            tags={**instances.process_tags(), **tags},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
        self._result.run_ids.append(outcome.run_id)
        self._result.failed_checks += _failed_checks(outcome)
        self._result.said += models.decided(outcome.get_asset_materialization_events())
        if not outcome.success:
            self._result.errors += _errors(outcome)

    def _assets(self, step: str) -> tuple[list[dg.AssetKey], list[dg.AssetKey]]:
        """The assets of a layer of the domain: those with partitions, and those without, sources first."""
        keys = [key for level in self._graph.toposorted_asset_keys_by_level for key in sorted(level)]
        mine = [
            key for key in keys if list(key.path[:2]) == [step, self._domain] and self._graph.get(key).is_executable
        ]
        partitioned = [key for key in mine if self._graph.get(key).is_partitioned]
        return partitioned, [key for key in mine if key not in partitioned]

    def _due_partitions(self, step: str, assets: list[dg.AssetKey]) -> list[str]:
        if step == "interim":
            return list(stale_partitions(self._lake, self._flow))
        ledger = self._lake.ledger
        return sorted({one for key in assets for one in ledger.stale_marts(_relation(key), self._sources(key))})

    def _due_tables(self, step: str, tables: list[dg.AssetKey], *, is_asked: bool) -> list[dg.AssetKey]:
        """Tables without partitions to build: all where a range was asked for, but a model only for a reason."""
        if step != "models":
            return [key for key in tables if is_asked or self._is_due(key)]
        wanted = models.due(self._lake, self._domain)
        due = {models.asset_key(self._domain, name, models.CHALLENGER) for name in wanted.to_train}
        due |= {models.asset_key(self._domain, name, models.CHAMPION) for name in (*wanted.to_train, *wanted.to_decide)}
        trained = {key for key in tables if key.path[-1].endswith((models.CHALLENGER, models.CHAMPION))}
        is_served = bool(due) or self._lake.table(DECISIONS).exists()
        return [key for key in tables if key in due or (key not in trained and is_served and self._is_due(key))]

    def _is_due(self, key: dg.AssetKey) -> bool:
        return self._lake.ledger.is_stale(_relation(key), self._sources(key))

    def _sources(self, key: dg.AssetKey) -> list[str]:
        return [_relation(parent) for parent in sorted(self._graph.get(key).parent_keys) if parent.path[0] != "raw"]

    def _held_back(self, assets: list[dg.AssetKey], wanted: list[str]) -> set[str]:
        """Of these partitions those for which a source of another layer failed a blocking check; the result says why.

        The ledger knows, whichever run found it, until the source is rebuilt or the check passes.
        """
        mine = {_relation(key) for key in assets}
        sources = {source for key in assets for source in self._sources(key)} - mine
        known = {(_relation(key.asset_key), key.name) for key in self._graph.asset_check_keys}
        loads = {source: self._lake.ledger.latest(source, "committed") for source in sources}
        held_back = set()
        for result in self._lake.ledger.latest_checks() if sources and wanted else []:
            load = loads.get(result.relation, {}).get(result.partition)
            is_current = (
                (result.relation, result.check_name) in known and load and result.evaluated_at >= load.loaded_at
            )
            if result.has_passed or not result.is_blocking or not is_current or result.partition not in wanted:
                continue
            held_back.add(result.partition)
            self._result.add_failed_check(
                FailedCheck(
                    relation=result.relation,
                    check=result.check_name,
                    partition=result.partition,
                    is_blocking=True,
                    description=f"{result.partition} was found wrong before and is held back until it is rebuilt",
                )
            )
        return held_back


def _refuse_unknown(domains: Sequence[str], steps: Sequence[str]) -> None:
    for names, known, kind in ((domains, DOMAINS, "domain"), (steps, STEPS, "step")):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"there is no {kind} {unknown[0]}; there is {', '.join(known)}")


def _failed_checks(outcome: dg.ExecuteInProcessResult) -> Iterator[FailedCheck]:
    for evaluation in outcome.get_asset_check_evaluations():
        if not evaluation.passed:
            yield FailedCheck(
                relation=_relation(evaluation.asset_key),
                check=evaluation.check_name,
                partition=evaluation.partition,
                is_blocking=bool(evaluation.blocking),
                description=evaluation.description or "",
            )


def _errors(outcome: dg.ExecuteInProcessResult) -> list[str]:
    """One sentence for each failed step, except for those that stopped at a blocking check."""
    failures = outcome.filter_events(lambda event: event.is_step_failure)
    return [sentence(event) for event in failures if not is_of_check(event)]


def _relation(key: dg.AssetKey) -> str:
    layer, *rest = key.path
    return f"{layer}.{'__'.join(rest)}"
