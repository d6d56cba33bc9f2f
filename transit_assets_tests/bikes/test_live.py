"""Rows straight from the provider."""

from datetime import UTC, datetime
from typing import Literal

import pytest

from transit_assets.bikes.clean.errors import ProviderSilent
from transit_assets.bikes.live import get_velib_data
from transit_assets.settings import Settings
from transit_assets.simulator.faults import Fault, FaultPlan
from transit_assets.simulator.transport import SimulatorTransport
from transit_assets_tests.bikes.payloads import NOON

Source = Literal["gbfs", "opendatasoft"]
WITHOUT_A_CODE = datetime(2026, 3, 2, 11, tzinfo=UTC)  # when the simulated operator forgets one
BOTH = pytest.mark.parametrize("source", ["gbfs", "opendatasoft"])


def _settings(source: Source) -> Settings:
    return Settings(now=NOON, bikes_source=source)


@BOTH
def test_the_first_rows_are_those_of_the_lowest_codes(source: Source) -> None:
    rows = get_velib_data(3, settings=_settings(source))
    codes = [row["station_code"] for row in get_velib_data(settings=_settings(source))]
    assert [row["station_code"] for row in rows] == codes[:3] == sorted(codes)[:3]
    assert len(codes) > 1000


@BOTH
def test_one_station_comes_with_its_description(source: Source) -> None:
    code = get_velib_data(1, settings=_settings(source))[0]["station_code"]
    (row,) = get_velib_data(station_code=code, settings=_settings(source))
    assert row["name"]
    assert row["zone"]
    assert row["capacity"] > 0
    assert row["bikes"] == row["mechanical"] + row["ebike"]


@BOTH
def test_an_unknown_station_gives_no_row(source: Source) -> None:
    assert get_velib_data(station_code="99999", settings=_settings(source)) == []


def test_a_record_without_a_code_is_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """It was listed under the operator's internal id, as if that were a station."""
    settings = Settings(now=WITHOUT_A_CODE)
    codes = {row["station_code"] for row in get_velib_data(settings=settings)}
    (said,) = caplog.messages
    assert said.endswith("records have no station code and are left out")
    assert said.startswith("1 of ")
    assert max(len(code.split("_")[0]) for code in codes) == 5


def test_both_providers_say_the_same() -> None:
    of_gbfs, of_ods = (get_velib_data(20, settings=_settings(source)) for source in ("gbfs", "opendatasoft"))
    said = ("station_code", "name", "reported_at", "bikes", "ebike", "docks_free", "capacity", "is_renting")
    assert [[row[name] for name in said] for row in of_gbfs] == [[row[name] for name in said] for row in of_ods]


def test_a_provider_that_fails_is_said_to_be_silent() -> None:
    settings, plan = Settings(now=NOON, feed_max_attempts=1), FaultPlan([Fault.SERVER_ERROR] * 9)
    with pytest.raises(ProviderSilent, match="did not answer"):
        get_velib_data(settings=settings, transport=SimulatorTransport(settings.clock, faults=plan))
