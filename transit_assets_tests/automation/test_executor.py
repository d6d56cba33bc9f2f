"""A step that somebody stops is stopped, whatever its retry policy says."""

import dagster as dg
import pytest

from transit_assets.automation.executor import was_interrupted


@pytest.mark.parametrize(("error", "expected"), [(KeyboardInterrupt, True), (RuntimeError, False)])
def test_a_stopped_step_is_told_from_one_that_failed(error: type[BaseException], expected: bool) -> None:
    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1, delay=0))
    def stopped() -> None:
        raise error

    @dg.job
    def work() -> None:
        stopped()

    events = work.execute_in_process(raise_on_error=False).all_events
    about_the_step = [event for event in events if event.is_step_up_for_retry or event.is_step_failure]
    assert about_the_step
    assert [was_interrupted(event) for event in about_the_step] == [expected] * len(about_the_step)
