"""A lake on S3: the artifacts of models lie in it, MLflow's store where the settings say."""

from pathlib import Path

import boto3
import pytest

from transit_assets.automation.resources import RegistryResource
from transit_assets.lake import Lake
from transit_assets.learning.errors import ModelUnreadable
from transit_assets.learning.promotion import roll_back
from transit_assets.settings import settings
from transit_assets_tests.learning import gauges
from transit_assets_tests.learning.test_story import NAME


def test_a_lake_on_s3_trains_decides_and_goes_back(
    s3_lake: Lake, mlflow_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSIT_LAKE", s3_lake.location.root)
    monkeypatch.setenv("TRANSIT_MLFLOW_URI", f"sqlite:///{mlflow_folder}/mlflow.db")
    settings.cache_clear()
    try:
        registry = RegistryResource().registry
    finally:
        settings.cache_clear()
    gauges.land(s3_lake, 0, 2)
    assert gauges.trained(s3_lake, registry, 5).outcome == "promoted"
    assert gauges.trained(s3_lake, registry, 60).champion == "2"
    assert roll_back(s3_lake, registry, NAME, "gauges", "mae").champion == "1"
    champion = registry.champion(NAME)
    assert champion is not None
    assert registry.load(champion).features == gauges.NAMES

    bucket, prefix = s3_lake.location.root.removeprefix("s3://").split("/", 1)
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/_mlflow/artifacts/gauges/")["Contents"]
    keys = [one["Key"] for one in listed if champion.run_id in one["Key"]]
    assert {key.rsplit("/", 1)[1] for key in keys} == {
        "model.json",
        "baseline.json",
        "evaluation.json",
        "card.md",
        "decision.html",
        "calibration.png",
        "gain_by_segment.png",
    }
    for key in keys:
        client.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(ModelUnreadable, match=f"^{NAME} 1: model/model.json cannot be read") as refused:
        registry.load(champion)
    assert "\n" not in str(refused.value)
