"""Why a step failed, in one sentence for people: the innermost error, without its module and its traceback."""

from typing import Any

import dagster as dg


def sentence(event: dg.DagsterEvent) -> str:
    """`step: what went wrong` of a step failure."""
    error = _innermost(event)
    if error is None or not error.message.strip():
        return f"{event.step_key}: failed"
    kind, _, said = error.message.strip().partition(": ")
    # Errors of the project and of Dagster say all in their text; of others (`KeyError: 'x'`) the kind is half of it.
    is_ours = "." in kind and kind.endswith(error.cls_name or "")
    return f"{event.step_key}: {said if is_ours else error.message.strip()}"


def is_of_check(event: dg.DagsterEvent) -> bool:
    """Whether the step only stopped at a blocking check, which speaks for itself."""
    error = _innermost(event)
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def _innermost(event: dg.DagsterEvent) -> Any:
    error = getattr(event.event_specific_data, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    return error
