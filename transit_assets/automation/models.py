"""The models of a domain as Dagster assets: challenger, champion, and what the champion says.

`<model>_challenger` is trained and judged, `<model>_champion` is the decision about it, with its evidence. The
protocol itself is in `learning/`; here it meets Dagster, and a run that refuses a challenger is a run that went well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import dagster as dg

from transit_assets.automation.conditions import FOLLOWS_AT_REST
from transit_assets.automation.descriptions import described
from transit_assets.automation.resources import LakeResource, RegistryResource
from transit_assets.automation.retraining import NEEDS_TRAINING
from transit_assets.lake import Load, Table
from transit_assets.learning import roles
from transit_assets.settings import settings

if TYPE_CHECKING:
    from transit_assets.lake import Lake
    from transit_assets.learning.domain import Domain
    from transit_assets.learning.promotion import Decision
    from transit_assets.learning.registry import Registry, Version

CHALLENGER, CHAMPION = f"_{roles.CHALLENGER}", f"_{roles.CHAMPION}"


def model_assets(name: str, models: Mapping[str, str], *, sources: Sequence[Table]) -> list[dg.AssetsDefinition]:
    """A challenger and a champion for each model (name: description) of a domain.

    What learns is imported when an asset runs: it costs too much for those who look at the graph.
    """
    return [_challengers(name, models, sources), *(_champion(name, one, models[one]) for one in models)]


def asset_key(domain: str, model: str, role: str) -> dg.AssetKey:
    """`models/bikes/full_champion` for the model `bikes_full`."""
    return dg.AssetKey(["models", domain, model.removeprefix(f"{domain}_") + role])


def _said(domain: str, *kinds: str) -> dict[str, Any]:
    return {
        "group_name": f"{domain}_models",
        "kinds": {"mlflow", *kinds},
        "owners": [f"team:{domain}"],
        "tags": {"layer": "models", "domain": domain},
    }


def _challengers(name: str, models: Mapping[str, str], sources: Sequence[Table]) -> dg.AssetsDefinition:
    keys = {asset_key(name, model, CHALLENGER): model for model in models}

    @dg.multi_asset(
        name=f"train_{name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[list(table.asset_key) for table in sources],
                description=f"Trains and judges a version. {models[model]}",
                automation_condition=NEEDS_TRAINING,
                **_said(name, "python"),
            )
            for key, model in keys.items()
        ],
        can_subset=True,
        pool="training",  # a training takes the memory and the cores that there are
    )
    def train(
        context: dg.AssetExecutionContext, lake: LakeResource, registry: RegistryResource
    ) -> Iterator[dg.MaterializeResult]:
        from transit_assets.learning import training
        from transit_assets.learning.errors import TooLittleData
        from transit_assets.learning.trees import grown_once

        configured, learner = settings(), domain_of(name)
        try:
            taught = training.lesson(
                lake.lake, learner, days=learner.training_days, at_most=configured.training_examples
            )
            with grown_once():
                for key in sorted(context.selected_asset_keys):
                    model = learner.model(keys[key])
                    context.log.info(f"{model.name}: learning from {len(taught.learning):,} examples of {taught.train}")
                    version = training.train(lake.lake, registry.registry, model, taught, seed=configured.training_seed)
                    yield dg.MaterializeResult(asset_key=key, metadata=_of_version(registry, version))
        except TooLittleData as error:
            raise dg.Failure(str(error), allow_retries=False) from error

    return train


def _of_version(registry: RegistryResource, version: "Version") -> dict[str, Any]:
    return {
        "version": version.number,
        "estimator": version.estimator,
        "mlflow_run": version.run_id,
        "card": dg.MetadataValue.md(registry.registry.read(version, "card.md").decode()),
    }


def _champion(name: str, model: str, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(name, model, CHAMPION),
        deps=[asset_key(name, model, CHALLENGER)],
        description=f"The decision which version is served, with its evidence. {description}",
        automation_condition=dg.AutomationCondition.eager(),
        metadata={"decisions": "models.decisions", "evaluations": "models.evaluations", "model": model},
        pool=f"{model}_champion",
        **_said(name, "python"),
    )
    def champion(
        context: dg.AssetExecutionContext, lake: LakeResource, registry: RegistryResource
    ) -> dg.MaterializeResult:
        from transit_assets.learning.deciding import decide

        learner = domain_of(name)
        decision = decide(
            lake.lake, registry.registry, learner, learner.model(model), at_most=settings().training_examples
        )
        if decision is None:
            served = registry.registry.champion(model)
            return dg.MaterializeResult(metadata={"champion": served.number if served else "none", "decision": "none"})
        context.log.info(f"{model} {decision.version}: {decision.outcome}: {decision.reason}")
        return dg.MaterializeResult(metadata=_of_decision(registry, decision))

    return champion


def _of_decision(registry: RegistryResource, decision: "Decision") -> dict[str, Any]:
    rows = [f"| {'✔' if one.has_passed else '✘'} | {one.name} | {one.found} |" for one in decision.conditions]
    version = registry.registry.version(decision.model, decision.version)
    metadata = {
        "outcome": decision.outcome,
        "champion": decision.champion,
        "version": decision.version,
        "estimator": decision.estimator,
        "compared_with": decision.compared_with or "nothing",
        "reason": decision.reason,
        "data": decision.data_version or "unknown",  # says so where it is simulated
        "mlflow_run": version.run_id,
        "evidence": dg.MetadataValue.md("\n".join(["| | condition | found |", "|---|---|---|", *rows])),
    }
    if decision.gain and decision.gain.improvement is not None:
        metadata |= {"gain": decision.gain.improvement, "n": decision.gain.n}
    return metadata


def watching_assets(
    name: str,
    models: Mapping[str, str],
    *,
    sources: Sequence[Table],
    tables: tuple[Table, Table, Table, Table],
    described_in: Sequence[Table] = (),
) -> list[dg.AssetsDefinition]:
    """Forecasts of the champions, of what there are none, their errors since the truth arrived, features' drift."""
    from_data = [list(table.asset_key) for table in sources]
    champions = [asset_key(name, model, CHAMPION) for model in models]
    forecasts, no_forecasts, live_scores, drift = tables

    def defined(
        table: Table, deps: Sequence[Any], build: Callable[..., int], *, after: Sequence[Table] = ()
    ) -> dg.AssetsDefinition:
        @dg.asset(**described(table), deps=deps, automation_condition=FOLLOWS_AT_REST, pool=f"{name}_watching")
        def watched(
            context: dg.AssetExecutionContext, lake: LakeResource, registry: RegistryResource
        ) -> dg.MaterializeResult:
            read = {one.relation: lake.lake.table(one).state() for one in after}
            versions = {**domain_of(name).versions(lake.lake), **read}
            rows = build(lake.lake, registry.registry, domain_of(name))
            state = lake.lake.table(table).create().state()
            lake.lake.ledger.record(
                [
                    Load(
                        table.relation,
                        None,
                        "committed",
                        kept_rows=rows,
                        source_versions=versions,
                        table_version=state.version,
                        table_id=state.table_id,
                        run_id=context.run.run_id,
                    )
                ]
            )
            return dg.MaterializeResult(metadata={"dagster/row_count": rows, "delta_version": state.version})

        return watched

    return [
        defined(forecasts, [*champions, *from_data], _forecast),
        defined(
            no_forecasts,
            [*from_data, *(list(table.asset_key) for table in described_in)],
            _say_silent,
            after=described_in,
        ),
        defined(live_scores, [list(forecasts.asset_key), *from_data], _meet_the_truth, after=[forecasts]),
        defined(drift, [*champions, *from_data], _measure_drift),
    ]


def _forecast(lake: "Lake", registry: "Registry", domain: "Domain") -> int:
    from transit_assets.learning import watching

    return watching.forecast(lake, registry, domain)


def _say_silent(lake: "Lake", registry: "Registry", domain: "Domain") -> int:
    from transit_assets.learning import watching

    return watching.say_silent(lake, domain)


def _meet_the_truth(lake: "Lake", registry: "Registry", domain: "Domain") -> int:
    from transit_assets.learning import watching

    rows = watching.meet_the_truth(lake, domain)
    watching.draw(lake, registry, domain)
    return rows


def _measure_drift(lake: "Lake", registry: "Registry", domain: "Domain") -> int:
    from transit_assets.learning import watching

    return watching.measure_drift(lake, registry, domain)


def rollback_jobs(name: str, models: Mapping[str, str]) -> list[dg.JobDefinition]:
    """A job for each model that goes back to the version before: one click."""
    return [_rollback_job(name, model) for model in models]


def _rollback_job(name: str, model: str) -> dg.JobDefinition:
    @dg.op(name=f"go_back_{model}", description=f"Serves the version of {model} before the champion again.")
    def go_back(context: dg.OpExecutionContext, lake: LakeResource, registry: RegistryResource) -> None:
        from transit_assets.learning.errors import LearningError
        from transit_assets.learning.promotion import roll_back

        one = domain_of(name).model(model)
        try:
            decision = roll_back(lake.lake, registry.registry, one.name, one.domain, one.headline)
        except LearningError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        context.log.info(decision.reason)

    @dg.job(name=f"roll_back_{model}", description=f"Serves the version of {model} before the champion again.")
    def roll_back_model() -> None:
        go_back()

    return roll_back_model


def refuse_too_little(lake: "Lake", name: str) -> None:
    """Raise TooLittleData where a domain's data is too short to learn from: before a run that could only fail."""
    from transit_assets.learning.training import enough

    domain = domain_of(name)
    enough(lake, domain, days=domain.training_days)


@dataclass(frozen=True)
class Due:
    """Models of a domain to train now, and models whose version waits for a decision and no other training."""

    to_train: tuple[str, ...]
    to_decide: tuple[str, ...]


def due(lake: "Lake", name: str) -> Due:
    """What there is to do about the models of a domain.

    A version that waits, as after a run that was killed, is known to the registry alone: its evaluation may be missing.
    """
    from transit_assets.learning.errors import TooLittleData
    from transit_assets.learning.training import enough, is_due

    domain = domain_of(name)
    try:
        stretches = enough(lake, domain, days=domain.training_days)
    except TooLittleData:  # and never was there more: no registry is asked for, which a lake on S3 may not have
        return Due((), ())
    registry = RegistryResource().registry
    waiting = [model.name for model in domain.models if registry.undecided(model.name)]
    rest = (model for model in domain.models if model.name not in waiting)
    return Due(tuple(model.name for model in rest if is_due(lake, registry, domain, model, stretches)), tuple(waiting))


def domain_of(name: str) -> "Domain":
    """How a domain learns. Costs the import of what learns."""
    found: Domain = import_module(f"transit_assets.{name}.learning").DOMAIN
    return found


def domain_name(model: str) -> str:
    """`bikes` of `bikes_full`."""
    return model.split("_", 1)[0]


def decided(materializations: Sequence[dg.DagsterEvent]) -> list[str]:
    """A sentence for each decision among the materializations of a run."""
    found = []
    for event in materializations:
        metadata = event.materialization.metadata
        if "outcome" in metadata and "compared_with" in metadata:
            model = "_".join(event.materialization.asset_key.path[1:]).removesuffix(CHAMPION)
            version, estimator, outcome, reason = (
                metadata[name].value for name in ("version", "estimator", "outcome", "reason")
            )
            found.append(f"{model} {version} ({estimator}) {outcome}: {reason}")
    return found
