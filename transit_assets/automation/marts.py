"""The marts of dbt as Dagster assets: one definition for those with partitions, one for those without.

One run is one dbt invocation for its whole range of partitions, because starting dbt costs seconds. dbt builds and
tests in a scratch database and commits when everything passed, so a failed test is a failed check and a failed
run, and the marts stay as they were.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from transit_assets.automation.conditions import FOLLOWS_AT_REST, follows_its_day
from transit_assets.automation.descriptions import described
from transit_assets.automation.flows import Flow
from transit_assets.automation.loads import ONE_RUN
from transit_assets.automation.resources import LakeResource
from transit_assets.dbt_lake import manifest_path, mart_tables
from transit_assets.lake import Period, Table

if TYPE_CHECKING:
    from transit_assets.dbt_lake import BuildResult, MartResult

_ADVERBS = {Period.DAY: "daily", Period.MONTH: "monthly"}
_Event = dg.MaterializeResult | dg.AssetCheckResult


class LakeTranslator(DagsterDbtTranslator):
    """Key = path = relation: `processed.bikes__station_hourly` is the asset `processed/bikes/station_hourly`."""

    def __init__(self, unpartitioned: dg.AssetSelection) -> None:
        super().__init__()
        self._conditions = {True: follows_its_day(unpartitioned), False: FOLLOWS_AT_REST}

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        layer = "processed" if dbt_resource_props["resource_type"] == "model" else dbt_resource_props["schema"]
        return dg.AssetKey([layer, *dbt_resource_props["name"].split("__", 1)])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        table = _marts().get("__".join(spec.key.path[1:])) if spec.key.path[0] == "processed" else None
        if table is None:  # a source is described where it is made; an ephemeral model is no asset
            return spec
        said = described(table, "dbt", "duckdb", "deltalake")
        said.pop("key")
        return spec.replace_attributes(
            group_name=said["group_name"],
            kinds=said["kinds"],
            owners=said["owners"],
            tags=said["tags"] | {f"dagster/kind/{kind}": "" for kind in said["kinds"]},
            metadata={**spec.metadata, **said["metadata"]},
            automation_condition=self._conditions[table.partition_by is not None],
        )


def mart_assets(flow: Flow, unpartitioned: dg.AssetSelection) -> list[dg.AssetsDefinition]:
    """The marts of one domain; `unpartitioned` are the sources whose new version reopens no partition."""
    manifest = json.loads(manifest_path().read_bytes())
    translator = LakeTranslator(unpartitioned)
    tables = [table for table in _marts().values() if table.domain == flow.domain]
    by_period = [table.identifier for table in tables if table.partition_by]
    whole = [table.identifier for table in tables if not table.partition_by]
    name = f"{flow.domain}_{_ADVERBS[flow.partitions.period]}_marts"
    return [
        *([_definition(name, by_period, manifest, translator, flow.partitions.definition)] if by_period else []),
        *([_definition(f"{flow.domain}_marts", whole, manifest, translator, None)] if whole else []),
    ]


def _definition(
    name: str,
    models: list[str],
    manifest: Mapping[str, Any],
    translator: LakeTranslator,
    partitions: dg.PartitionsDefinition | None,
) -> dg.AssetsDefinition:
    specs, checks = _specs(models, manifest, translator)

    # What `@dbt_assets` does, without its selection of models: that imports dbt's graph, a third of the loading time.
    @dg.multi_asset(
        name=name,
        specs=specs,
        check_specs=checks,
        can_subset=True,
        partitions_def=partitions,
        backfill_policy=ONE_RUN if partitions else None,
        pool="dbt",  # a build may take all the memory that DuckDB is allowed
        allow_arbitrary_check_specs=True,  # a test may stand by two marts
    )
    def marts(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[_Event]:
        from transit_assets.dbt_lake import build

        first, last = context.partition_key_range if partitions else (None, None)
        selected = sorted("__".join(key.path[1:]) for key in context.selected_asset_keys)
        result = build(lake.lake, first, last, selected, run_id=context.run.run_id, log=context.log.info)
        yield from _checked(context, result)
        if not result.has_passed:
            span = f"{first}: " if first == last else f"{first} to {last}: "
            said = result.error or "dbt did not pass"
            raise dg.Failure(f"{span}{said}" if partitions else said, allow_retries=False)
        for mart in result.marts:
            yield _materialized(context, mart)

    return marts


def _specs(
    models: list[str], manifest: Mapping[str, Any], translator: LakeTranslator
) -> tuple[list[dg.AssetSpec], list[dg.AssetCheckSpec]]:
    """The marts and their tests as dagster-dbt translates them."""
    project = manifest["metadata"]["project_name"]
    specs, checks = [], {}
    for model in models:
        unique_id = f"model.{project}.{model}"
        specs.append(translator.get_asset_spec(manifest, unique_id, None))
        for test in manifest["child_map"][unique_id]:
            found = (
                translator.get_asset_check_spec(specs[-1], manifest, test, None) if test.startswith("test.") else None
            )
            if found is not None:
                checks[found.key] = found
    return specs, list(checks.values())


def _materialized(context: dg.AssetExecutionContext, mart: "MartResult") -> dg.MaterializeResult:
    key = _key(mart.relation)
    said: dict[str, Any] = {"seconds": round(mart.seconds, 3), "delta_version": mart.version}
    for partition, rows in mart.rows.items():
        if partition is not None:
            context.add_asset_metadata(
                {"dagster/partition_row_count": rows} | said, asset_key=key, partition_key=partition
            )
    return dg.MaterializeResult(
        asset_key=key, metadata={"dagster/row_count": mart.rows[None]} | said if None in mart.rows else {}
    )


def _checked(context: dg.AssetExecutionContext, result: "BuildResult") -> Iterator[dg.AssetCheckResult]:
    """One result for each dbt test that stands by an asset of this run."""
    wanted = context.selected_asset_check_keys
    for test in result.tests:
        if test.relation is None or dg.AssetCheckKey(_key(test.relation), test.name) not in wanted:
            continue
        yield dg.AssetCheckResult(
            asset_key=_key(test.relation),
            check_name=test.name,
            passed=test.has_passed,
            severity=dg.AssetCheckSeverity.ERROR if test.is_blocking else dg.AssetCheckSeverity.WARN,
            description=test.message,
            metadata={"failing_rows": test.failing_rows, "seconds": round(test.seconds, 3)},
        )


def _key(relation: str) -> dg.AssetKey:
    layer, name = relation.split(".", 1)
    return dg.AssetKey([layer, *name.split("__", 1)])


@cache
def _marts() -> dict[str, Table]:
    return {table.identifier: table for table in mart_tables()}
