"""Tells a webhook (`TRANSIT_ALERT_URL`) of every failed run, whichever way it was started.

The message holds the job, the run, its partition and one sentence per failed step; never an address, a
key or a traceback. A webhook that does not answer is logged and changes nothing else.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import SecretStr

from transit_assets.alerts.channels import post
from transit_assets.automation.failures import sentence
from transit_assets.settings import Settings, settings

_LONGEST_SENTENCE = 300


@dg.run_failure_sensor(
    name="alert_on_failed_run",
    description="Posts each failed run to TRANSIT_ALERT_URL.",
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def alert_on_failed_run(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    configured = settings()
    if configured.alert_url is None:
        return dg.SkipReason("TRANSIT_ALERT_URL is not set")
    message = alert(context.dagster_run, _sentences(context), configured)
    problem = send(configured.alert_url.get_secret_value(), message)
    if problem:
        context.log.error(f"the alert of run {context.dagster_run.run_id} was not delivered: {problem}")
    return None


def alert(run: dg.DagsterRun, sentences: list[str], configured: Settings) -> dict[str, Any]:
    """What the webhook is told of one failed run; `text` is what chat tools show."""
    from transit_assets.feeds.secrets import redact

    partition = _partition(run.tags)
    what = f"{run.job_name} of {partition}" if partition else run.job_name
    secrets = secrets_of(configured)
    errors = [redact(text, secrets)[:_LONGEST_SENTENCE] for text in sentences]
    return {
        "text": f"Run failed: {what}. {' '.join(errors)}".strip(),
        "job": run.job_name,
        "run_id": run.run_id,
        "partition": partition,
        "errors": errors,
    }


def send(url: str, message: Mapping[str, Any]) -> str | None:
    """Post a message. Returns what went wrong, without the address, or None."""
    return post(url, message).error


def secrets_of(configured: Settings) -> list[str]:
    """The value of every secret setting, of which the webhook's address is one."""
    values = [getattr(configured, name) for name in type(configured).model_fields]
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def _partition(tags: Mapping[str, str]) -> str | None:
    first, last = tags.get("dagster/asset_partition_range_start"), tags.get("dagster/asset_partition_range_end")
    return tags.get("dagster/partition") or (f"{first} to {last}" if first and last else None)


def _sentences(context: dg.RunFailureSensorContext) -> list[str]:
    """The first line of each failed step's own error, or of the run's where no step failed."""
    failures = [sentence(event).splitlines()[0] for event in context.get_step_failure_events()]
    return failures or [context.failure_event.message or "the run failed"]
