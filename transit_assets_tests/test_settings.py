"""Where the settings come from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from transit_assets import settings as module
from transit_assets.settings import Settings


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """`write("checkout", text)` or `write("work", text)`: a `.env` of the checkout, or of the working directory."""
    for name in ("checkout", "work"):
        (tmp_path / name).mkdir()
    for name in ("LAKE", "WAREHOUSE", "DAGSTER_HOME", "POLL_SECONDS"):
        monkeypatch.delenv(f"TRANSIT_{name}", raising=False)
    monkeypatch.setattr(module, "CHECKOUT", tmp_path / "checkout")
    monkeypatch.chdir(tmp_path / "work")

    def written(folder: str, text: str) -> Path:
        (tmp_path / folder / ".env").write_text(text)
        return tmp_path / folder

    return written


def test_the_env_file_of_the_checkout_holds_in_every_folder(write: Callable[[str, str], Path]) -> None:
    write("checkout", "TRANSIT_POLL_SECONDS=61\n")
    assert Settings().poll_seconds == 61


def test_the_environment_wins_then_the_working_directory_then_the_checkout(
    write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("checkout", "TRANSIT_POLL_SECONDS=61\n")
    write("work", "TRANSIT_POLL_SECONDS=62\n")
    assert Settings().poll_seconds == 62
    monkeypatch.setenv("TRANSIT_POLL_SECONDS", "63")
    assert Settings().poll_seconds == 63


def test_no_env_file_is_read_where_none_is_asked_for(write: Callable[[str, str], Path]) -> None:
    write("checkout", "TRANSIT_POLL_SECONDS=61\n")
    assert Settings(_env_file=None).poll_seconds == 60


def test_a_path_in_the_env_file_of_the_checkout_starts_at_the_checkout(write: Callable[[str, str], Path]) -> None:
    checkout = write("checkout", "TRANSIT_LAKE=data2\nTRANSIT_WAREHOUSE=../w.duckdb\nTRANSIT_DAGSTER_HOME=/home\n")
    found = Settings()
    assert found.lake == str(checkout / "data2")
    assert found.warehouse == checkout / "../w.duckdb"
    assert found.dagster_home == Path("/home")


def test_a_bucket_in_the_env_file_of_the_checkout_stays_a_bucket(write: Callable[[str, str], Path]) -> None:
    write("checkout", "TRANSIT_LAKE=s3://bucket/city\n")
    assert Settings().lake == "s3://bucket/city"


def test_a_path_in_the_env_file_of_the_working_directory_starts_there(write: Callable[[str, str], Path]) -> None:
    write("checkout", "TRANSIT_LAKE=data2\n")
    write("work", "TRANSIT_LAKE=data3\n")
    assert Settings().lake == "data3"
