"""The executor of every job: all steps in the run's own process, which it names in the run's tags.

A step of these jobs takes a second; a process per step would add several of imports. Runs are what is
parallel: a backfill of many days is one run, or as many at once as `dagster.yaml` allows.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from transit_assets.automation.instance import process_tags


class TaggedExecutor(dg.Executor):
    """Dagster's in-process executor, with the process written to the run's tags before the first step."""

    def __init__(self, inner: dg.Executor) -> None:
        self._inner = inner

    @property
    def retries(self) -> Any:
        return self._inner.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._inner.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        plan_context.instance.add_run_tags(plan_context.run_id, process_tags())
        yield from self._inner.execute(plan_context, execution_plan)


@dg.executor(name="in_process", config_schema=dg.in_process_executor.config_schema)
def tagged_in_process_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """In process, and recognisable when killed."""
    create = dg.in_process_executor.executor_creation_fn
    assert create is not None
    return TaggedExecutor(create(context))
