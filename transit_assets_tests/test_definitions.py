"""The definitions as a picture in text: what is there, how it hangs together, and that it is off until switched on."""

import subprocess
import sys

import dagster as dg
import pytest

from transit_assets import definitions
from transit_assets.automation import runs
from transit_assets.automation.models import domain_of
from transit_assets.catalog import TABLES
from transit_assets.dbt_lake import mart_tables
from transit_assets.fire.schema import EXTRA_TABLES
from transit_assets.lake import Table

DAYS = "day"
MONTHS = "month"
WHOLE = None

# asset: (its partitions, what it is made from)
ASSETS = {
    "raw/bikes/station_status": (DAYS, set()),
    "raw/bikes/station_information": (DAYS, set()),
    "interim/bikes/station_status": (DAYS, {"raw/bikes/station_status"}),
    "interim/bikes/station_information": (DAYS, {"raw/bikes/station_information"}),
    "interim/bikes/stations": (WHOLE, {"interim/bikes/station_information"}),
    "interim/bikes/station_latest": (WHOLE, {"interim/bikes/station_status", "interim/bikes/stations"}),
    "processed/bikes/station_hourly": (DAYS, {"interim/bikes/station_status"}),
    "processed/bikes/station_daily": (DAYS, {"interim/bikes/station_status"}),
    "processed/bikes/zone_hourly": (
        DAYS,
        {"interim/bikes/station_status", "interim/bikes/station_information", "processed/bikes/station_hourly"},
    ),
    "processed/bikes/zone_daily": (DAYS, {"processed/bikes/zone_hourly"}),
    "processed/bikes/station_profile": (WHOLE, {"processed/bikes/station_hourly"}),
    "processed/bikes/zone_profile": (WHOLE, {"processed/bikes/zone_hourly"}),
    "processed/bikes/stations_sometimes_empty": (WHOLE, {"processed/bikes/station_daily", "interim/bikes/stations"}),
}
_HOURS, _ARCS = {"interim/road/counts_hourly"}, {"interim/road/arc_descriptions", "interim/road/arcs"}
ASSETS |= {
    "raw/road/counts": (MONTHS, set()),
    "interim/road/counts_hourly": (MONTHS, {"raw/road/counts"}),
    "interim/road/arc_descriptions": (MONTHS, {"raw/road/counts"}),
    "interim/road/arcs": (WHOLE, {"interim/road/arc_descriptions"}),
    "processed/road/axis_hourly": (MONTHS, _HOURS),
    "processed/road/axis_daily": (MONTHS, _HOURS),
    "processed/road/congestion_hours": (MONTHS, _HOURS),
    "processed/road/zone_hourly": (MONTHS, _HOURS | _ARCS),
    "processed/road/zone_daily": (MONTHS, _HOURS | _ARCS | {"processed/road/zone_hourly"}),
    "processed/road/axis_profile": (WHOLE, {"processed/road/axis_hourly"}),
    "processed/road/sensor_health": (WHOLE, {"processed/road/axis_hourly", "interim/road/arcs"}),
}
_CALLS, _SENT, _FROM = {"interim/fire/incidents"}, {"interim/fire/mobilisations"}, {"interim/fire/stations"}
ASSETS |= {
    "raw/fire/incidents": (MONTHS, set()),
    "interim/fire/incidents": (MONTHS, {"raw/fire/incidents"}),
    "interim/fire/mobilisations": (MONTHS, {"raw/fire/incidents"}),
    "interim/fire/stations": (WHOLE, _CALLS),
    "processed/fire/borough_monthly": (MONTHS, _CALLS),
    "processed/fire/ward_monthly": (MONTHS, _CALLS),
    "processed/fire/station_ground_monthly": (MONTHS, _CALLS),
    "processed/fire/delay_reasons_monthly": (MONTHS, _SENT),
    "processed/fire/station_monthly": (MONTHS, _SENT),
    "processed/fire/hourly_profile": (WHOLE, _CALLS),
    "processed/fire/stations_often_late": (WHOLE, _CALLS | _FROM),
}
_EVENTS, _PREDICTED = {"interim/rail/stop_events"}, {"interim/rail/predicted_calls"}
_SCHEDULED, _SIGHTINGS = {"interim/rail/scheduled_calls"}, {"interim/rail/disruption_sightings"}
_RAIL_MESSAGES = {"raw/rail/disruptions", "raw/rail/general_message", "raw/rail/line_reports"}
ASSETS |= {
    "raw/rail/gtfs": (DAYS, set()),
    "raw/rail/stop_monitoring": (DAYS, set()),
    **dict.fromkeys(_RAIL_MESSAGES, (DAYS, set())),
    "interim/rail/scheduled_calls": (DAYS, {"raw/rail/gtfs"}),
    "interim/rail/predicted_calls": (DAYS, {"raw/rail/stop_monitoring"}),
    "interim/rail/stop_events": (DAYS, _PREDICTED | _SCHEDULED),
    "interim/rail/disruption_sightings": (DAYS, _RAIL_MESSAGES),
    "interim/rail/stops": (WHOLE, _SCHEDULED),
    "interim/rail/disruptions": (WHOLE, _SIGHTINGS),
    "processed/rail/observed_travel_times": (DAYS, _EVENTS),
    "processed/rail/dwell": (DAYS, _EVENTS),
    "processed/rail/headways": (DAYS, _EVENTS | _SCHEDULED),
    "processed/rail/on_time_daily": (DAYS, _EVENTS),
    "processed/rail/prediction_accuracy": (DAYS, _EVENTS | _PREDICTED),
    "processed/rail/cancellations_daily": (DAYS, _EVENTS),
    "processed/rail/disruption_minutes": (DAYS, _SIGHTINGS),
    "processed/rail/last_five_trains": (WHOLE, _EVENTS | {"processed/rail/observed_travel_times"}),
    "processed/rail/scheduled_travel_times": (WHOLE, _SCHEDULED | {"interim/calendar/days"}),
}
ASSETS |= {
    "raw/weather/timeline": (MONTHS, set()),
    "interim/weather/hourly": (MONTHS, {"raw/weather/timeline"}),
    "interim/calendar/days": (WHOLE, set()),
    "interim/congestion/hourly": (MONTHS, set()),
}
MODELS = {
    "bikes": ("full", "empty", "available"),
    "road": ("flow", "occupancy", "level"),
    "fire": (
        "attendance_at_call",
        "attendance_at_mobilisation",
        "within_360_at_call",
        "within_360_at_mobilisation",
        "pumps",
    ),
    "rail": ("travel_time", "delay"),
}
_LEARNT_FROM = {
    "bikes": {"interim/bikes/station_status", "interim/bikes/stations"},
    "road": _HOURS,
    "fire": _CALLS | _FROM | {"interim/weather/hourly", "interim/congestion/hourly"},
    "rail": _EVENTS | _PREDICTED | _SCHEDULED,
}
_DESCRIBED_IN = {"bikes": set(), "road": {"interim/road/arcs"}, "fire": set(), "rail": set()}
for _domain, _models in MODELS.items():
    _place, _data = f"models/{_domain}", _LEARNT_FROM[_domain]
    _champions = {f"{_place}/{model}_champion" for model in _models}
    ASSETS |= {f"{_place}/{model}_challenger": (WHOLE, _data) for model in _models}
    ASSETS |= {f"{_place}/{model}_champion": (WHOLE, {f"{_place}/{model}_challenger"}) for model in _models}
    ASSETS |= {
        f"{_place}/forecasts": (WHOLE, _champions | _data),
        f"{_place}/no_forecasts": (WHOLE, _data | _DESCRIBED_IN[_domain]),
        f"{_place}/live_scores": (WHOLE, {f"{_place}/forecasts"} | _data),
        f"{_place}/drift": (WHOLE, _champions | _data),
    }
ASSETS |= {
    "models/rail/alerts": (WHOLE, _SIGHTINGS | {"models/rail/forecasts"}),
    "models/rail/alert_deliveries": (WHOLE, {"models/rail/alerts"}),
}
JOBS = {
    *(f"roll_back_{domain}_{model}" for domain, models in MODELS.items() for model in models),
    *(f"{kind}_{domain}{end}" for domain in MODELS for kind, end in (("train", "_models"), ("forecast", ""))),
    "fetch_bikes",
    "clean_bikes_days",
    "build_bikes_days",
    "refresh_bikes_tables",
    "check_bikes_freshness",
    "fetch_road",
    "clean_road_months",
    "build_road_months",
    "update_road_months",
    "refresh_road_tables",
    "check_road_freshness",
    "fetch_fire",
    "clean_fire_months",
    "build_fire_months",
    "update_fire_months",
    "refresh_fire_tables",
    "check_fire_freshness",
    "fetch_rail",
    "clean_rail_days",
    "build_rail_days",
    "refresh_rail_tables",
    "check_rail_freshness",
    "fetch_weather",
    "clean_weather_months",
    "build_weather_months",
    "update_weather_months",
    "check_weather_freshness",
    "build_calendar",
    "clean_congestion_months",
    "maintain_lake",
    "publish_warehouse",
}
SCHEDULES = {
    "close_bikes_day": ("15 4 * * *", "build_bikes_days"),
    "compact_bikes_today": ("*/15 * * * *", "clean_bikes_days"),
    "check_bikes_freshness_daily": ("0 7 * * *", "check_bikes_freshness"),
    "close_road_month": ("15 4 * * *", "update_road_months"),
    "compact_road_this_month": ("20 * * * *", "update_road_months"),
    "check_road_freshness_daily": ("0 7 * * *", "check_road_freshness"),
    "close_fire_month": ("15 4 * * *", "update_fire_months"),
    "compact_fire_this_month": ("40 5 * * *", "update_fire_months"),
    "check_fire_freshness_daily": ("0 7 * * *", "check_fire_freshness"),
    "close_rail_day": ("15 4 * * *", "build_rail_days"),
    "compact_rail_today": ("*/15 * * * *", "clean_rail_days"),
    "check_rail_freshness_daily": ("0 7 * * *", "check_rail_freshness"),
    "close_weather_month": ("15 4 * * *", "update_weather_months"),
    "compact_weather_this_month": ("40 * * * *", "update_weather_months"),
    "check_weather_freshness_daily": ("0 7 * * *", "check_weather_freshness"),
    "maintain_lake_nightly": ("30 3 * * *", "maintain_lake"),
    "publish_warehouse_daily": ("0 6 * * *", "publish_warehouse"),
}
SENSORS = {
    "bikes_arrivals",
    "bikes_follows",
    "bikes_learns",
    "road_arrivals",
    "road_follows",
    "road_learns",
    "fire_arrivals",
    "fire_follows",
    "fire_learns",
    "rail_arrivals",
    "rail_follows",
    "rail_learns",
    "weather_arrivals",
    "congestion_arrivals",
    "alert_on_failed_run",
}
CHECKS = {
    "interim/bikes/station_status": {
        "rows": True,
        "accounting": True,
        "completeness": False,
        "distribution": False,
        "drift": False,
        "relation_to_station_information": False,
        "yesterday_exists": False,
    },
    "interim/bikes/station_information": {"rows": True, "accounting": True},
    "interim/bikes/stations": {"rows": True, "accounting": True},
    "interim/bikes/station_latest": {"rows": True, "relation_to_stations": False},
    "interim/road/counts_hourly": {
        "rows": True,
        "accounting": True,
        "completeness": False,
        "distribution": False,
        "drift": False,
        "relation_to_arc_descriptions": False,
        "yesterday_exists": False,
    },
    "interim/road/arc_descriptions": {"rows": True, "accounting": True},
    "interim/road/arcs": {"rows": True, "accounting": True},
    "interim/fire/incidents": {
        "rows": True,
        "accounting": True,
        "completeness": False,
        "distribution": False,
        "drift": False,
        "recent_rows_exist": False,
    },
    "interim/fire/mobilisations": {"rows": True, "accounting": True, "beside_calls": False},
    "interim/fire/stations": {"rows": True, "accounting": True},
    "interim/rail/scheduled_calls": {"rows": True, "accounting": True, "times_rise": True},
    "interim/rail/predicted_calls": {
        "rows": True,
        "accounting": True,
        "completeness": False,
        "yesterday_exists": False,
    },
    "interim/rail/stop_events": {"rows": True, "accounting": True, "distribution": False},
    "interim/rail/disruption_sightings": {"rows": True, "accounting": True},
    "interim/rail/stops": {"rows": True, "accounting": True},
    "interim/rail/disruptions": {"rows": True, "accounting": True},
    "interim/weather/hourly": {"rows": True, "accounting": True, "completeness": False, "yesterday_exists": False},
    "interim/calendar/days": {"rows": True, "accounting": True},
    "interim/congestion/hourly": {"rows": True, "accounting": True},
}
RESOURCES = {"lake", "duckdb", "registry"}
_ZONES = {"weather": "UTC", "fire": "Europe/London"}

DEFINITIONS = definitions.build()
GRAPH = DEFINITIONS.resolve_asset_graph()
REPOSITORY = DEFINITIONS.get_repository_def()


def _period(partitions: dg.PartitionsDefinition | None) -> str | None:
    kinds = {dg.DailyPartitionsDefinition: DAYS, dg.MonthlyPartitionsDefinition: MONTHS, type(None): WHOLE}
    return kinds[type(partitions)]


def test_the_graph_is_this_one() -> None:
    found = {
        key.to_user_string(): (
            _period(GRAPH.get(key).partitions_def),
            {parent.to_user_string() for parent in GRAPH.get(key).parent_keys},
        )
        for key in GRAPH.get_all_asset_keys()
    }
    assert found == ASSETS


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_asset_says_what_it_is(name: str) -> None:
    node = GRAPH.get(dg.AssetKey(name.split("/")))
    layer, domain, _ = node.key.path
    assert node.description
    assert node.group_name == f"{domain}_{layer}"
    assert node.kinds
    assert node.owners == [f"team:{domain}"]
    assert (node.tags["layer"], node.tags["domain"]) == (layer, domain)
    assert "dagster/code_references" in node.metadata or layer == "processed"


@pytest.mark.parametrize(
    "table",
    [table for table in (*TABLES, *mart_tables()) if "/".join(table.asset_key) in ASSETS],
    ids=lambda table: table.relation,
)
def test_columns_are_those_of_the_table(table: Table) -> None:
    schema = GRAPH.get(dg.AssetKey(list(table.asset_key))).metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns] == list(table.column_names)
    assert all(column.description for column in schema.columns)


def test_every_table_of_a_domain_is_an_asset() -> None:
    described = {"/".join(table.asset_key) for table in (*TABLES, *mart_tables())}
    of_domains = ("interim/", "processed/", "models/bikes/", "models/road/", "models/fire/", "models/rail/")
    with_each_evaluation = {"/".join(table.asset_key) for table in EXTRA_TABLES}  # no asset of its own fills it
    assert {name for name in described - with_each_evaluation if name.startswith(of_domains)} == {
        name for name in ASSETS if not name.startswith("raw/") and not name.endswith(("_challenger", "_champion"))
    }


def test_partitions_are_filled_by_one_run_of_a_range() -> None:
    for name, (period, _) in ASSETS.items():
        policy = GRAPH.get(dg.AssetKey(name.split("/"))).backfill_policy
        assert (policy == dg.BackfillPolicy.single_run()) is (period is not WHOLE), name


def test_checks_block_where_marts_would_be_wrong() -> None:
    found: dict[str, dict[str, bool]] = {}
    for key in GRAPH.asset_check_keys:
        spec = GRAPH.get_check_spec(key)
        found.setdefault(key.asset_key.to_user_string(), {})[key.name] = spec.blocking
    assert {name: checks for name, checks in found.items() if name in CHECKS} == CHECKS
    assert all(found.get(name) for name in ASSETS if name.startswith("processed/"))


def test_every_job_is_named_in_plain_words_and_described() -> None:
    jobs = {job.name: job for job in REPOSITORY.get_all_jobs() if not job.name.startswith("__")}
    assert set(jobs) == JOBS
    assert all(job.description for job in jobs.values())


def test_assets_find_these_resources() -> None:
    assert set(DEFINITIONS.resources or {}) == RESOURCES


@pytest.mark.parametrize("domain", sorted(MODELS))
def test_each_model_of_a_domain_is_trained_decided_about_and_rolled_back_by_name(domain: str) -> None:
    assert {f"{domain}_{model}" for model in MODELS[domain]} == {model.name for model in domain_of(domain).models}


def test_schedules_run_by_the_clock_of_their_partitions_and_are_off() -> None:
    assert {schedule.name: (schedule.cron_schedule, schedule.job_name) for schedule in REPOSITORY.schedule_defs} == (
        SCHEDULES
    )
    for schedule in REPOSITORY.schedule_defs:
        zone = next((zone for domain, zone in _ZONES.items() if f"_{domain}_" in schedule.name), "Europe/Paris")
        assert schedule.execution_timezone == zone, schedule.name
        assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED, schedule.name


def test_sensors_are_off() -> None:
    assert {sensor.name for sensor in REPOSITORY.sensor_defs} == SENSORS
    assert {sensor.default_status for sensor in REPOSITORY.sensor_defs} == {dg.DefaultSensorStatus.STOPPED}


def test_what_has_sources_in_the_lake_follows_them() -> None:
    for name, (_, sources) in ASSETS.items():
        condition = GRAPH.get(dg.AssetKey(name.split("/"))).automation_condition
        # Stop events are built by the job that builds what they are made of, whenever something has landed.
        follows = any(not source.startswith("raw/") for source in sources) and name != "interim/rail/stop_events"
        assert (condition is not None) is follows, name


def test_every_job_of_assets_and_every_sensor_has_something_to_do() -> None:
    of_ops = {"maintain_lake", "publish_warehouse"}
    for job in REPOSITORY.get_all_jobs():
        layer = job.asset_layer
        is_of_ops = job.name in of_ops or job.name.startswith("roll_back_")
        assert is_of_ops or layer.executable_asset_keys or layer.asset_graph.asset_check_keys, job.name
    for sensor in REPOSITORY.sensor_defs:
        if isinstance(sensor, dg.AutomationConditionSensorDefinition):
            assert sensor.asset_selection.resolve(GRAPH), sensor.name


def test_the_command_line_runs_the_domains_of_the_graph() -> None:
    assert {name.split("/")[1] for name in ASSETS} == set(runs.DOMAINS)
    assert {name.split("/")[0] for name in ASSETS} == set(runs.STEPS)
    assert set(MODELS) == set(runs.LEARNING)


def test_loading_the_code_location_imports_nothing_slow() -> None:
    code = (
        "import sys, transit_assets.definitions;"
        "print(*{'great_expectations', 'mlflow', 'sklearn', 'lightgbm', 'pandas', 'polars'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
