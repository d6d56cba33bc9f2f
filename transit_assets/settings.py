"""Every `TRANSIT_*` setting, typed, with its default.

Settings come from the environment, else from `.env` in the working directory, else from that of the checkout, and
from nowhere else. Secrets are `SecretStr`: they never show in a log or a `repr`.
"""

import re
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent

PARIS = ZoneInfo("Europe/Paris")
"""The city's own time zone: a day of the lake is one of its days, of 23, 24 or 25 hours."""

LONDON = ZoneInfo("Europe/London")
"""The fire brigade's time zone."""

FIRST_DAY = date(2018, 1, 1)
"""First partition of the daily tables: Vélib' Métropole opened that day."""

_PATHS = ("lake", "dagster_home", "warehouse")  # the settings that name a place on disk
_LOOPBACK = {"localhost", "127.0.0.1", "::1", "[::1]"}


def _https_or_loopback(url: HttpUrl) -> HttpUrl:
    if url.scheme != "https" and url.host not in _LOOPBACK:
        raise ValueError("must be https, except on a loopback address")
    return url


def _secret_https_or_loopback(url: SecretStr) -> SecretStr:
    try:
        _https_or_loopback(HttpUrl(url.get_secret_value()))
    except ValueError:
        # The error of the URL itself would show it.
        raise ValueError("must be a URL with https, except on a loopback address") from None
    return url


BaseUrl = Annotated[HttpUrl, AfterValidator(_https_or_loopback)]
SecretUrl = Annotated[SecretStr, AfterValidator(_secret_https_or_loopback)]


def _folder_or_s3(lake: str) -> str:
    if "://" in lake and not lake.startswith("s3://"):
        raise ValueError("must be a folder or s3://bucket/prefix")
    return lake


def _this_age(instant: datetime) -> datetime:
    if not 1971 <= instant.year <= 2199:
        raise ValueError("must be between the years 1971 and 2199")
    return instant


def _iso_or_unset(instant: Any) -> Any:
    """Pydantic would take `2026` for seconds since 1970; an empty text is no instant, as of an unset variable."""
    if isinstance(instant, str) and not instant.strip():
        return None
    if not isinstance(instant, datetime | None) and re.fullmatch(r"\s*[+-]?[\d_.]+\s*", str(instant)):
        raise ValueError("must be an ISO instant with an offset, such as 2026-03-29T12:00:00+02:00")
    return instant


def _known_faults(text: str) -> str:
    if text:  # the simulator costs an import of numpy
        from transit_assets.simulator import FaultPlan

        FaultPlan.parse(text)
    return text


class _DotEnvOfCheckout(DotEnvSettingsSource):
    """`.env` of the checkout, so that `cd dbt_project && dbt build` works on the same lake; its paths start there."""

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        return found | {name: str(CHECKOUT / found[name]) for name in _PATHS if _is_relative(found.get(name))}


def _is_relative(path: str | None) -> bool:
    return bool(path) and "://" not in str(path)


class SettingMissing(Exception):
    """A setting that has no default for this lake; the message names it."""


class Settings(BaseSettings):
    """The settings of one process. Build it with `settings()`; tests build their own."""

    model_config = SettingsConfigDict(env_prefix="TRANSIT_", env_file=".env", extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first source that has a setting gives it. `Settings(_env_file=None)` reads neither `.env`."""
        sources = (init_settings, env_settings, dotenv_settings, file_secret_settings)
        if getattr(dotenv_settings, "env_file", None) is None:
            return sources
        return *sources, _DotEnvOfCheckout(settings_cls, env_file=CHECKOUT / ".env")

    # Lake
    lake: Annotated[str, AfterValidator(_folder_or_s3)] = Field(
        str(CHECKOUT / "data"), description="Folder or `s3://bucket/prefix`."
    )
    vacuum_retention_hours: int = Field(
        168, ge=0, le=876_000, description="Age at which files no snapshot names are deleted."
    )

    # Clock
    now: Annotated[Annotated[AwareDatetime, AfterValidator(_this_age)] | None, BeforeValidator(_iso_or_unset)] = Field(
        None, description="An ISO instant with an offset that fixes the clock everywhere, for replays."
    )

    # Feeds
    feeds: Literal["simulated", "live"] = Field("simulated", description="The offline city, or the real hosts.")
    bikes_source: Literal["gbfs", "opendatasoft"] = Field("gbfs", description="Which Vélib' feed is polled.")
    velib_url: BaseUrl = Field(
        HttpUrl("https://velib-metropole-opendata.smovengo.cloud/opendata/Velib_Metropole/"),
        description="Base URL of the operator's GBFS.",
    )
    ods_url: BaseUrl = Field(HttpUrl("https://opendata.paris.fr/"), description="Base URL of the Opendatasoft portal.")
    ods_key: SecretStr | None = Field(None, description="Opendatasoft API key; anonymous calls are allowed.")
    feed_timeout_seconds: float = Field(20.0, gt=0)
    feed_max_attempts: int = Field(4, ge=1)
    feed_max_bytes: int = Field(64 * 2**20, gt=0, description="Cap on one answer, after decompression.")
    archive_max_bytes: int = Field(4 * 2**30, gt=0, description="Cap on one imported file, as it is and unpacked.")
    velib_daily_quota: int = Field(10_000, gt=0, description="Calls a UTC day to the Vélib' operator.")
    ods_daily_quota: int = Field(5_000, gt=0, description="Calls a UTC day to the Opendatasoft portal.")
    visualcrossing_url: BaseUrl = Field(
        HttpUrl("https://weather.visualcrossing.com/VisualCrossingWebServices/rest/services/timeline/"),
        description="Base URL of Visual Crossing's timeline of the weather.",
    )
    visualcrossing_key: SecretStr | None = Field(
        None, description="Visual Crossing's API key; the real host needs one."
    )
    visualcrossing_daily_records: int = Field(
        1_000, gt=0, description="Records a UTC day of the plan at Visual Crossing: 24 for each day of hourly history."
    )
    lfb_url: BaseUrl = Field(
        HttpUrl("https://data.london.gov.uk/"),
        description="Base URL of the portal with the London Fire Brigade's files.",
    )
    lfb_max_bytes: int = Field(2**30, gt=0, description="Cap on one file of the brigade: they hold years.")
    fire_publication_days: int = Field(
        62, ge=1, le=3660, description="Days within which the brigade publishes a call: files come by months."
    )
    poll_seconds: int = Field(60, ge=10, description="Seconds between two polls of live state.")
    road_look_back_hours: int = Field(
        72, ge=0, le=8760, description="Hours of road counts that are asked for again, late and corrected ones."
    )
    road_publication_delay_minutes: int = Field(
        0, ge=0, le=10_080, description="Minutes after the end of an hour until its road counts are known."
    )
    rail_line: str = Field(
        "C01743", min_length=1, description="Line that the rail keeps, RER B; `*` keeps all of a feed."
    )
    rail_source: Literal["line", "areas"] = Field(
        "line", description="Trains are asked for by line, in one request, or station by station."
    )
    prim_url: BaseUrl = Field(
        HttpUrl("https://prim.iledefrance-mobilites.fr/marketplace/"),
        description="Base URL of Île-de-France Mobilités' PRIM.",
    )
    prim_key: SecretStr | None = Field(None, description="PRIM's API key; the real host needs one.")
    gtfs_url: BaseUrl = Field(
        HttpUrl("https://eu.ftp.opendatasoft.com/stif/GTFS/IDFM-gtfs.zip"), description="GTFS zip of the schedules."
    )
    gtfs_max_bytes: int = Field(2**30, gt=0, description="Cap on the GTFS zip: it holds a whole region.")

    # Simulator
    simulator_seed: int = 7
    simulator_faults: Annotated[str, AfterValidator(_known_faults)] = Field(
        "", description="What the simulator does wrong: a list such as `ok,rate_limited,html`, or a share of requests."
    )
    simulator_poll_minutes: int = Field(
        15, ge=1, le=60, description="Minutes between two simulated polls when a whole day is filled at once."
    )
    simulator_rail_poll_minutes: int = Field(
        2, ge=1, le=60, description="The same for trains: further apart than two minutes, no passing is observed."
    )
    simulator_arcs: int = Field(40, ge=1, le=3000, description="Arcs of road on which the simulator has counters.")

    simulator_calls_per_day: int = Field(
        60, ge=1, le=1000, description="Calls a day to the simulated fire brigade; London's has about 280."
    )

    # Engine
    duckdb_threads: int = Field(2, ge=1, le=1024)
    duckdb_memory_limit: str = Field("2GB", pattern=r"(?i)^\d+(\.\d+)? ?[KMGT]i?B$")

    # Dagster
    postgres_url: SecretStr | None = Field(
        None, description="PostgreSQL URL of the Dagster instance; SQLite inside the lake without it."
    )
    dagster_home: Path | None = Field(None, description="Default: `_dagster` inside a folder lake; needed on S3.")
    alert_url: SecretUrl | None = Field(
        None, description="Webhook that is told of failed runs and of alerts; its address is a secret."
    )
    alert_sns_topic: str | None = Field(
        None,
        pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$",
        description="ARN of the Amazon SNS topic that is told of alerts; credentials from the usual AWS_* variables.",
    )
    alert_share: float = Field(
        0.25, gt=0, le=10, description="An alert warns of trips that take longer than scheduled by this share."
    )

    # Learning
    mlflow_uri: SecretStr | None = Field(
        None,
        description="MLflow store (`sqlite:///`, `postgresql://`) or server; SQLite inside a folder lake without it, "
        "needed on S3.",
    )
    training_days: int = Field(60, ge=1, le=3660, description="Days of data that a training of bikes looks back on.")
    road_training_days: int = Field(
        1096, ge=1, le=3660, description="Days of data that a training of the road looks back on."
    )
    fire_training_days: int = Field(
        1096, ge=1, le=7320, description="Days of calls that a training of the fire looks back on."
    )
    training_examples: int = Field(
        1_000_000, ge=1000, description="Examples of a training and its holdout; of more an even share is drawn."
    )
    training_seed: int = Field(7, ge=0, le=2**31 - 1)

    # Warehouse
    warehouse: Path | None = Field(None, description="Default: `warehouse.duckdb` inside a folder lake; needed on S3.")

    def clock(self) -> datetime:
        """The current instant in UTC, or the fixed one of `TRANSIT_NOW`."""
        return (self.now or datetime.now(UTC)).astimezone(UTC)

    @property
    def warehouse_path(self) -> Path:
        """The file that `transit publish` replaces. Raises SettingMissing where a lake on S3 names none."""
        if self.warehouse is not None:
            return self.warehouse
        if self.lake.startswith("s3://"):
            raise SettingMissing(f"the lake {self.lake} is on S3: set TRANSIT_WAREHOUSE to a local file")
        return Path(self.lake) / "warehouse.duckdb"

    @property
    def mlflow_store(self) -> str:
        """The URI of the MLflow store. Raises SettingMissing where a lake on S3 names none."""
        if self.mlflow_uri is not None:
            return self.mlflow_uri.get_secret_value()
        if self.lake.startswith("s3://"):
            raise SettingMissing(f"the lake {self.lake} is on S3: set TRANSIT_MLFLOW_URI to a store or a server")
        return f"sqlite:///{Path(self.lake).resolve()}/_mlflow/mlflow.db"

    @property
    def is_simulated(self) -> bool:
        return self.feeds == "simulated"


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
