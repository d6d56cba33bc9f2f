"""The alerts of a domain in Dagster: what they are, who was told, and that a channel which is down fails no run."""

from collections.abc import Iterator

import dagster as dg
import pyarrow as pa
import pytest

from transit_assets.automation.alerting import alert_assets
from transit_assets.automation.resources import LakeResource
from transit_assets.lake import Lake
from transit_assets.rail.schema import ALERT_DELIVERIES, ALERTS, DISRUPTION_SIGHTINGS, FORECASTS
from transit_assets.settings import PARIS, settings
from transit_assets_tests.alerts.told import NOON, Webhook, deliveries, webhook

ASSETS = alert_assets(ALERTS, ALERT_DELIVERIES, sources=[DISRUPTION_SIGHTINGS, FORECASTS], zone=PARIS)


@pytest.fixture
def hook(city: Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """The webhook of the settings, of a simulated lake in which the line has been interrupted since noon."""
    city.landing.claim("simulated")
    row = {
        "service_date": NOON.date(),
        "observed_at": NOON,
        "disruption_id": "d1",
        "cause": "PERTURBATION",
        "severity": "BLOQUANTE",
        "title": "Ligne B : interruption",
        "is_active": True,
        "source": "disruptions_bulk",
        "payload_sha256": "p",
    }
    city.table(DISRUPTION_SIGHTINGS).append(pa.Table.from_pylist([row], schema=DISRUPTION_SIGHTINGS.schema))
    with webhook() as one:
        monkeypatch.setenv("TRANSIT_NOW", NOON.isoformat())
        monkeypatch.setenv("TRANSIT_ALERT_URL", one.url)
        settings.cache_clear()
        yield one


def run(lake: Lake) -> dg.ExecuteInProcessResult:
    return dg.materialize(ASSETS, resources={"lake": LakeResource(root=lake.location.root)})


def test_the_assets_are_the_tables_and_follow_their_sources() -> None:
    keys = {
        key.to_user_string(): {dep.to_user_string() for dep in deps}
        for one in ASSETS
        for key, deps in one.asset_deps.items()
    }
    assert keys == {
        "models/rail/alerts": {"interim/rail/disruption_sightings", "models/rail/forecasts"},
        "models/rail/alert_deliveries": {"models/rail/alerts"},
    }


def test_an_alert_is_told_by_the_run_that_makes_it_and_by_no_other(city: Lake, hook: Webhook) -> None:
    for _ in range(2):
        assert run(city).success
    (told,) = hook.told
    assert told["text"].startswith("[simulated] rail, blocked, opened: Ligne B : interruption (since 24/01 12:00)")
    assert told["is_simulated"]
    assert [row[2] for row in deliveries(city)] == ["sent", "sent"]  # the log is the other


def test_a_webhook_that_is_down_fails_no_run_and_shows_no_address(
    city: Lake, hook: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    hook.status = 500
    found = run(city)
    assert found.success
    (materialized,) = found.asset_materializations_for_node("models__rail__alert_deliveries")
    assert {name: materialized.metadata[name].value for name in ("sent", "failed", "unknown")} == {
        "sent": 1,
        "failed": 1,
        "unknown": 0,
    }
    logged = capfd.readouterr()
    assert "1 deliveries failed: see models.rail__alert_deliveries" in logged.err
    assert "s3cret-path" not in logged.err + logged.out
