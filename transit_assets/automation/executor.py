"""The executor of every job: all steps in the run's own process, which it names in the run's tags.

A step of these jobs takes a second; a process per step would add several of imports. Runs are what is
parallel: a backfill of many days is one run, or as many at once as `dagster.yaml` allows.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from transit_assets.automation.instance import fewer_disk_syncs, process_tags


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
        with fewer_disk_syncs():
            for event in self._inner.execute(plan_context, execution_plan):
                yield event
                if was_interrupted(event):  # a retry policy would start the step again, whoever stopped it
                    raise KeyboardInterrupt


def was_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether a step ended, or is to be tried again, because somebody stopped it (Ctrl-C, *Terminate* in the UI)."""
    error: Any = None
    if event.is_step_up_for_retry:
        error = event.step_retry_data.error
    elif event.is_step_failure:
        error = event.step_failure_data.error
    while error is not None and error.cls_name not in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
        error = error.cause
    return error is not None


@dg.executor(name="in_process", config_schema=dg.in_process_executor.config_schema.as_field())
def tagged_in_process_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """In process, and recognisable when killed."""
    create = dg.in_process_executor.executor_creation_fn
    assert create is not None
    return TaggedExecutor(create(context))
