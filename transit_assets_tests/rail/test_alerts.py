"""What answers and forecasts make of alerts: opened, updated, closed, and how little makes how many."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from transit_assets.alerts.schema import SEVERITIES
from transit_assets.lake import Lake
from transit_assets.quality.rules import split
from transit_assets.rail.alerting import update_alerts
from transit_assets.rail.alerts import (
    SILENCE,
    Answer,
    Outlook,
    family,
    judge,
    of_outlooks,
    of_sightings,
    severity_of,
)
from transit_assets.rail.clean.formats import decode_archive
from transit_assets.rail.clean.records import of_line
from transit_assets.rail.schema import ALERTS, DISRUPTION_SIGHTINGS, FORECASTS
from transit_assets.settings import Settings
from transit_assets_tests.rail.payloads import NORD, PLAINE

NOON = datetime(2025, 1, 24, 11, 0, tzinfo=UTC)
ARCHIVE = "rail/archive/disruptions_bulk_raw_10min_2024-04-22_05-14.tar.xz"
NORTH = Outlook(NORD, PLAINE, "north", 10, 10, 8, 12)


def shown(identifier: str = "d1", **said: Any) -> dict[str, Any]:
    """One disruption as an answer shows it."""
    return {
        "disruption_id": identifier,
        "cause": "PERTURBATION",
        "severity": "PERTURBEE",
        "effect": None,
        "title": "Ligne B : perturbé",
        "message": "Un train sur deux.",
        "is_active": True,
        **said,
    }


def answer(minute: float, *rows: dict[str, Any], source: str = "disruptions_bulk") -> Answer:
    common = {"observed_at": NOON + timedelta(minutes=minute), "source": source}
    quiet = {"disruption_id": "", "is_active": None}
    return of_sightings([{**row, **common} for row in rows or (quiet,)])


def outlook(minute: float, minutes: float, **other: Any) -> Answer:
    """A forecast that one trip of ten scheduled minutes takes so many, give or take two."""
    one = Outlook(NORD, PLAINE, "north", minutes, 10, minutes - 2, minutes + 2)
    return of_outlooks(NOON + timedelta(minutes=minute), [one], 0.25)


def made(*answers: Answer, held: tuple = (), since: datetime | None = None, clock: float = 60) -> list[dict[str, Any]]:
    return judge(held, answers, since=since, known_from=NOON - timedelta(days=1), clock=NOON + timedelta(minutes=clock))


def told(rows: list[dict[str, Any]]) -> list[tuple[float, str]]:
    """Minutes after noon and what happened then."""
    return [((row["updated_at"] - NOON).total_seconds() / 60, row["status"]) for row in rows]


def test_a_disruption_opens_is_updated_and_closes() -> None:
    worse = shown("d2", severity="BLOQUANTE", message="Plus aucun train.")
    found = made(answer(0, shown()), answer(5, shown()), answer(10, worse), answer(20), answer(25))
    assert told(found) == [(0, "opened"), (10, "updated"), (25, "closed")]
    assert [row["version"] for row in found] == [1, 2, 3]
    assert len({row["alert_id"] for row in found}) == 1
    assert [row["severity"] for row in found] == ["disturbed", "blocked", "blocked"]
    assert found[1]["text"] == "Plus aucun train."
    assert (found[2]["closed_at"], found[2]["ended_by"]) == (NOON + timedelta(minutes=25), "over")
    assert (found[0]["closed_at"], found[0]["ended_by"]) == (None, None)


def test_a_new_identifier_of_the_same_disruption_is_the_same_alert() -> None:
    renamed = shown("d2", title="LIGNE B: Perturbe ")
    assert told(made(answer(0, shown()), answer(5, renamed), answer(10, renamed, shown()))) == [(0, "opened")]
    assert family("PERTURBATION", "LigneB:Bourg-la-Reine interrompu") == family(
        "perturbation", "Ligne B : Bourg la Reine interrompu"
    )
    assert family("PERTURBATION", "Ligne A : perturbé") != family("PERTURBATION", "Ligne B : perturbé")


def test_other_titles_and_causes_are_other_alerts() -> None:
    works = shown("d2", cause="TRAVAUX")
    elsewhere = shown("d3", title="Ligne B : interruption")
    assert len(made(answer(0, shown(), works, elsewhere))) == 3


def test_what_is_gone_for_a_moment_stays_open() -> None:
    flaps = [answer(minute, *([shown()] if minute % 10 == 0 else [])) for minute in range(0, 50, 5)]
    assert told(made(*flaps)) == [(0, "opened")]


def test_what_does_not_apply_now_or_only_informs_opens_nothing() -> None:
    assert made(answer(0, shown(is_active=False), shown(severity="INFORMATION"))) == []


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ({"severity": "BLOQUANTE"}, "blocked"),
        ({"severity": "perturbée"}, "disturbed"),
        ({"severity": "INFORMATION", "effect": "NO_SERVICE"}, None),
        ({"severity": None, "effect": "NO_SERVICE"}, "blocked"),
        ({"severity": None, "effect": "SIGNIFICANT_DELAYS"}, "disturbed"),
        ({"severity": None, "effect": "OTHER_EFFECT"}, None),
        ({"severity": None, "cause": "Perturbation"}, "disturbed"),
        ({"severity": None, "cause": "Commercial"}, None),
    ],
)
def test_severity_is_read_in_the_words_of_every_feed(said: dict[str, Any], severity: str | None) -> None:
    assert severity_of(shown(**said)) == severity
    assert severity is None or severity in SEVERITIES


def test_one_incident_in_the_words_of_two_feeds_is_one_alert() -> None:
    other = shown("m1", title="Trafic perturbé", cause="Perturbation", severity=None)
    found = made(answer(0, shown()), answer(1, other, source="general_message"), answer(5, shown()))
    assert told(found) == [(0, "opened")]
    later = made(answer(0), answer(31, other, source="general_message"))  # the first has not spoken for half an hour
    assert told(later) == [(31, "opened")]


def test_silence_is_no_good_news() -> None:
    assert told(made(answer(0, shown()), clock=119)) == [(0, "opened")]
    (_, closed) = made(answer(0, shown()), clock=1000)
    assert (closed["closed_at"], closed["ended_by"]) == (NOON + SILENCE, "silence")
    resumed = made(answer(0, shown()), answer(300, shown()), clock=300)
    assert told(resumed) == [(0, "opened"), (120, "closed"), (300, "opened")]


def test_judging_in_pieces_gives_what_judging_at_once_gives() -> None:
    answers = [
        answer(0, shown()),
        answer(5, shown("d2", message="Encore.")),
        answer(7, shown("m", title=None), source="general_message"),
        answer(10),
        answer(19, shown()),
        answer(30),
        answer(36),
        answer(41, source="general_message"),
        answer(60, shown(severity="BLOQUANTE")),
    ]
    whole = made(*answers)
    for cut in range(1, len(answers)):
        first = made(*answers[:cut], clock=0)
        last = {row["alert_id"]: row for row in first}
        held = tuple(row for row in last.values() if row["status"] != "closed")
        rest = made(*answers, held=held, since=answers[cut - 1].at)
        assert first + rest == whole


def test_a_forecast_opens_an_alert_above_one_probability_and_closes_it_below_a_lower_one() -> None:
    minutes = {0: 10, 5: 11.9, 10: 12.3, 15: 11.9, 20: 11.6, 25: 12.3, 30: 10}
    probabilities = {minute: outlook(minute, value).signals[0].probability or 0 for minute, value in minutes.items()}
    assert probabilities[5] < 0.3 <= probabilities[10]
    assert 0.15 < probabilities[20] < 0.3
    found = made(*(outlook(minute, value) for minute, value in minutes.items()))
    assert told(found) == [(10, "opened"), (30, "closed")]
    assert (found[0]["kind"], found[0]["about"], found[0]["direction"]) == ("travel_time", "north", "north")
    assert found[0]["text"].startswith("Gare du Nord → La Plaine Stade de France: 12 min, scheduled 10 (")


def test_an_alert_of_a_direction_is_updated_when_it_gets_much_slower() -> None:
    assert told(made(outlook(0, 12.5), outlook(5, 12.6), outlook(10, 14), outlook(15, 15))) == [
        (0, "opened"),
        (10, "updated"),
    ]


def test_a_direction_of_which_nothing_is_forecast_keeps_its_alert() -> None:
    assert told(made(outlook(0, 15), Answer(NOON + timedelta(minutes=5), "forecast"))) == [(0, "opened")]


def test_the_probability_of_a_slow_trip_comes_from_its_interval() -> None:
    ten = {"origin": NORD, "destination": PLAINE, "direction": "north", "theoretical": 20.0}
    assert Outlook(**ten, minutes=25, low=23, high=27).slow(0.25) == pytest.approx(0.5)
    assert Outlook(**ten, minutes=23, low=21, high=25).slow(0.25) == pytest.approx(0.1)
    assert Outlook(**ten, minutes=27, low=25, high=40).slow(0.25) == pytest.approx(0.9)
    assert (Outlook(**ten, minutes=26).slow(0.25), Outlook(**ten, minutes=24).slow(0.25)) == (1, 0)
    short = Outlook(NORD, PLAINE, "north", minutes=4, theoretical=2, low=4, high=4)
    assert short.slow(0.25) == 0  # two minutes more of two are within the rounding of announced minutes


def test_three_recorded_weeks_open_28_alerts_where_identifiers_would_open_37(recordings: Path) -> None:
    with (recordings / ARCHIVE).open("rb") as stream:
        rows = pa.concat_tables(of_line(rows, "C01743") for _, rows in decode_archive(stream, "any")).to_pylist()
    read = sorted((row for row in rows if row["problem"] is None), key=lambda row: row["observed_at"])
    seen = [list(one) for _, one in groupby(read, key=lambda row: row["observed_at"])]
    answers = [of_sightings(rows) for rows in seen]
    clock = answers[-1].at + SILENCE
    found = judge([], answers, since=None, known_from=answers[0].at, clock=clock)
    assert Counter(row["status"] for row in found) == {"opened": 28, "updated": 4, "closed": 28}
    assert {row["ended_by"] for row in found if row["status"] == "closed"} == {"over"}
    blocked = {row["opened_at"].date() for row in found if row["severity"] == "blocked"}
    assert blocked == {row["observed_at"].date() for row in read if row["severity"] == "BLOQUANTE" and row["is_active"]}
    named = [{row["disruption_id"] for row in one if row["is_active"]} for one in seen]
    begun = sum(len(now - before - earlier) for earlier, before, now in zip(named, named[1:], named[2:], strict=False))
    assert begun + len(named[0] | named[1]) == 37


# In a lake ---------------------------------------------------------------------------------------------------------


def see(lake: Lake, minute: float, *rows: dict[str, Any], source: str = "disruptions_bulk") -> None:
    """Add an answer to the sightings of a lake."""
    at = NOON + timedelta(minutes=minute)
    common = {"service_date": at.date(), "observed_at": at, "source": source, "payload_sha256": "p"}
    table = lake.table(DISRUPTION_SIGHTINGS)
    table.append(
        pa.Table.from_pylist(
            [{**row, **common} for row in rows or ({"disruption_id": ""},)], schema=DISRUPTION_SIGHTINGS.schema
        )
    )


def at(minute: float) -> Settings:
    return Settings(_env_file=None, now=NOON + timedelta(minutes=minute))


def kept(lake: Lake) -> list[tuple[float, str]]:
    return told(sorted(lake.table(ALERTS).read().to_pylist(), key=lambda row: (row["updated_at"], row["version"])))


def test_alerts_of_a_lake_grow_with_its_answers_and_never_change(lake: Lake) -> None:
    see(lake, 0, shown())
    assert update_alerts(lake, at(1)).kept_rows == 1
    assert update_alerts(lake, at(1)).kept_rows == 0
    version = lake.table(ALERTS).version()
    see(lake, 5)
    see(lake, 10)
    assert update_alerts(lake, at(11)).kept_rows == 0
    assert lake.table(ALERTS).version() == version
    see(lake, -3, shown("late", title="Ligne B : interruption"))  # what arrives after later answers were judged
    see(lake, 16)
    assert update_alerts(lake, at(17)).kept_rows == 1
    assert kept(lake) == [(0, "opened"), (16, "closed")]
    assert split(ALERTS, lake.table(ALERTS).read())[1].num_rows == 0


def test_a_forecast_that_comes_after_later_answers_is_judged_all_the_same(lake: Lake) -> None:
    scheduled(lake, (600.0, 0))
    see(lake, 5)
    assert update_alerts(lake, at(6)).kept_rows == 0
    forecast(lake, 4, 16)
    assert update_alerts(lake, at(6)).kept_rows == 1
    assert update_alerts(lake, at(6)).kept_rows == 0


def test_what_is_after_the_clock_is_not_known_yet(lake: Lake) -> None:
    see(lake, 0)
    see(lake, 5, shown())
    assert update_alerts(lake, at(1)).kept_rows == 0
    assert update_alerts(lake, at(6)).kept_rows == 1


def test_a_run_that_died_before_the_ledger_makes_nothing_twice(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    see(lake, 0, shown())
    with monkeypatch.context() as patch:
        patch.setattr(type(lake.ledger), "record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            update_alerts(lake, at(1))
    assert update_alerts(lake, at(1)).kept_rows == 0
    assert kept(lake) == [(0, "opened")]


def test_a_lake_without_answers_has_no_alerts(lake: Lake) -> None:
    assert update_alerts(lake, at(0)).kept_rows == 0


def test_forecasts_are_held_against_the_slowest_scheduled_train_of_their_hour(lake: Lake) -> None:
    forecast(lake, 0, 16)
    assert update_alerts(lake, at(1)).kept_rows == 0  # nothing says how long it should take
    scheduled(lake, (600.0, 0), (480.0, 3))
    assert update_alerts(lake, at(1)).kept_rows == 1
    (row,) = lake.table(ALERTS).read().to_pylist()
    assert row["text"] == "Gare du Nord → La Plaine Stade de France: 16 min, scheduled 10 (97%)"
    assert (row["source"], row["severity"]) == ("forecast", "disturbed")
    assert row["title"] == "Trips north will take over 25% longer than scheduled (probability 97%)"


def forecast(lake: Lake, minute: float, minutes: float) -> None:
    """Keep a forecast of the trip from Gare du Nord, of two versions and horizons."""
    origin_at = NOON + timedelta(minutes=minute)
    row = {
        "day": origin_at.date(),
        "model": "rail_travel_time",
        "version": "2",
        "entity": f"{NORD}>{PLAINE}",
        "origin_at": origin_at,
        "horizon_minutes": 0,
        "target_at": origin_at,
        "value": minutes,
        "low": minutes - 2,
        "high": minutes + 2,
        "baseline": "mean_last_five",
        "baseline_value": minutes,
        "data_version": "v",
        "made_at": origin_at + timedelta(seconds=9),
    }
    older = {**row, "version": "1", "value": 10.0, "made_at": origin_at}
    far, other = {**row, "horizon_minutes": 60, "value": 99.0}, {**row, "model": "rail_delay", "value": 99.0}
    lake.table(FORECASTS).append(pa.Table.from_pylist([row, older, far, other], schema=FORECASTS.schema))


def scheduled(lake: Lake, *times: tuple[float, int]) -> None:
    """Keep the scheduled times (median seconds, stops between) of that pair at noon."""
    from transit_assets.dbt_lake import mart_tables

    (mart,) = [one for one in mart_tables() if one.identifier == "rail__scheduled_travel_times"]
    rows = [
        {
            "origin": NORD,
            "destination": PLAINE,
            "direction": "north",
            "day_type": "weekday",
            "local_hour": 12,
            "stops_between": stops,
            "median_seconds": seconds,
        }
        for seconds, stops in times
    ]
    lake.table(mart).append(pa.Table.from_pylist(rows, schema=mart.schema))
