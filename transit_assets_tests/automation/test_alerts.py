"""The alert of a failed run: what it says, what it never says, and a webhook that does not answer."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr

from transit_assets.automation import alerts
from transit_assets.settings import Settings


class Webhook:
    """A server on loopback that keeps what it is told and answers with one status."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/s3cret-path"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    hook = Webhook()
    configured = Settings(alert_url=SecretStr(hook.url), ods_key=SecretStr("k3y-of-ods"), _env_file=None)
    monkeypatch.setattr(alerts, "settings", lambda: configured)
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def fail_and_alert(message: str) -> None:
    """A run that fails with a message, and the sensor's reaction to it."""

    @dg.asset(partitions_def=dg.DailyPartitionsDefinition("2025-01-01"))
    def broken() -> None:
        raise ValueError(message)

    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.Definitions(assets=[broken]).resolve_implicit_global_asset_job_def()
        outcome = job.execute_in_process(instance=instance, partition_key="2025-01-02", raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name="alert_on_failed_run",
            dagster_event=outcome.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=outcome.dagster_run,
        ).for_run_failure()
        alerts.alert_on_failed_run(context)


def test_a_failed_run_is_told_with_its_job_its_partition_and_one_sentence(webhook: Webhook) -> None:
    fail_and_alert("row 3 has no station\nand a second line")
    (told,) = webhook.told
    assert told["job"] == "__ASSET_JOB"
    assert told["partition"] == "2025-01-02"
    assert told["errors"] == ["broken: ValueError: row 3 has no station"]
    assert told["text"] == "Run failed: __ASSET_JOB of 2025-01-02. broken: ValueError: row 3 has no station"


def test_no_secret_leaves_with_an_alert(webhook: Webhook) -> None:
    fail_and_alert(f"401 for apikey=k3y-of-ods, see {webhook.url}")
    text = json.dumps(webhook.told)
    assert "k3y-of-ods" not in text
    assert "s3cret-path" not in text


def test_a_webhook_that_refuses_is_logged_without_its_address(
    webhook: Webhook, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook.status = 500
    fail_and_alert("anything")
    assert "was not delivered: HTTP 500" in capsys.readouterr().err
    assert "s3cret-path" not in capsys.readouterr().err


def test_a_webhook_that_is_gone_is_logged_and_changes_nothing_else(
    webhook: Webhook, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook.server.shutdown()
    webhook.server.server_close()
    fail_and_alert("anything")
    assert "was not delivered: ConnectError" in capsys.readouterr().err
    assert "s3cret-path" not in capsys.readouterr().err


def test_without_a_webhook_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "settings", lambda: Settings(alert_url=None, _env_file=None))
    monkeypatch.setattr(alerts, "send", lambda *_: pytest.fail("something was sent"))
    fail_and_alert("anything")
