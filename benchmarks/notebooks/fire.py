"""What a notebook makes of the London Fire Brigade's two CSV files: the rows of the interim tables, in bare Parquet.

Of both the cleaning is that of `transit_assets.fire.clean` as far as the simulated files need it. They know beforehand
that vehicles are told in GMT.
"""

from collections.abc import Callable
from typing import Any

_LONGEST = 1_200
TIMES = {
    "mobilised_at": "DateAndTimeMobilised",
    "mobile_at": "DateAndTimeMobile",
    "arrived_at": "DateAndTimeArrived",
    "left_at": "DateAndTimeLeft",
    "returned_at": "DateAndTimeReturned",
}
TEXTS = {
    "incidents": {
        "incident_number": "IncidentNumber",
        "incident_group": "IncidentGroup",
        "stop_code": "StopCodeDescription",
        "special_service_type": "SpecialServiceType",
        "property_category": "PropertyCategory",
        "property_type": "PropertyType",
        "address_qualifier": "AddressQualifier",
        "postcode_district": "Postcode_district",
        "borough_code": "IncGeo_BoroughCode",
        "borough": "IncGeo_BoroughName",
        "ward_code": "IncGeo_WardCode",
        "ward": "IncGeo_WardNameNew",
        "station_ground": "IncidentStationGround",
        "first_pump_station": "FirstPumpArriving_DeployedFromStation",
        "second_pump_station": "SecondPumpArriving_DeployedFromStation",
    },
    "mobilisations": {
        "mobilisation_id": "ResourceMobilisationId",
        "incident_number": "IncidentNumber",
        "resource_code": "Resource_Code",
        "station_code": "DeployedFromStation_Code",
        "station": "DeployedFromStation_Name",
        "deployed_from": "DeployedFromLocation",
        "plus_code": "PlusCode_Code",
        "delay_reason": "DelayCode_Description",
    },
}
WHOLE = {
    "incidents": {
        "easting_m": "Easting_rounded",
        "northing_m": "Northing_rounded",
        "first_pump_attendance_seconds": "FirstPumpArriving_AttendanceTime",
        "second_pump_attendance_seconds": "SecondPumpArriving_AttendanceTime",
        "stations_attending": "NumStationsWithPumpsAttending",
        "pumps_attending": "NumPumpsAttending",
        "pump_count": "PumpCount",
        "pump_minutes": "PumpMinutesRounded",
        "calls": "NumCalls",
    },
    "mobilisations": {
        "performance_reporting": "PerformanceReporting",
        "turnout_seconds": "TurnoutTimeSeconds",
        "travel_seconds": "TravelTimeSeconds",
        "attendance_seconds": "AttendanceTimeSeconds",
        "pump_order": "PumpOrder",
        "delay_code": "DelayCodeId",
    },
}
_COST = "Notional Cost (£)"
_UNPLACED = ["NOT GEO-CODED", "Not geo-coded", "E00000000"]
_PUMPS = {1: "first", 2: "second"}


def with_polars(folder: str) -> Callable[[], int]:
    """The same cleaning of both files, as a notebook would do it."""
    import polars as pl
    import pyproj  # noqa: F401

    from transit_assets.fire.clean import places

    def read(table: str, *more: str) -> Any:
        columns = [*TEXTS[table].values(), *WHOLE[table].values(), *more]
        return pl.scan_csv(
            f"{folder}/{table}.csv",
            schema_overrides=dict.fromkeys(columns, pl.String)
            | dict.fromkeys(WHOLE[table].values(), pl.Float64)
            | {_COST: pl.Float64},
            null_values=["NULL", ""],
        ).select(columns)

    def texts(table: str) -> dict[str, Any]:
        return {name: pl.col(written).str.strip_chars() for name, written in TEXTS[table].items()}

    def whole(table: str) -> dict[str, Any]:
        return {name: pl.col(written).cast(pl.Int32) for name, written in WHOLE[table].items()}

    def calls() -> Any:
        wall = (pl.col("DateOfCall") + " " + pl.col("TimeOfCall")).str.to_datetime("%d %b %Y %H:%M:%S")
        london = wall.dt.replace_time_zone("Europe/London", ambiguous="earliest", non_existent="null")
        rows = (
            read("incidents", "DateOfCall", "TimeOfCall", "FRS", _COST)
            .select(
                called_at=london.dt.convert_time_zone("UTC"),
                month=wall.dt.truncate("1mo").dt.date(),
                is_over_the_border=pl.col("FRS") == "OverTheBorder",
                notional_cost_gbp=_COST,
                **texts("incidents"),
                **whole("incidents"),
            )
            .with_columns(pl.col("borough_code", "borough", "ward_code", "ward").replace(_UNPLACED, None))
            .filter(pl.col("called_at").is_not_null() & pl.col("incident_number").is_not_null())
            .filter(_none_above(pl, "first_pump_attendance_seconds", "second_pump_attendance_seconds"))
            .unique("incident_number", keep="last", maintain_order=True)
            .collect()
        )
        names = {name: places.borough(name) for name in rows["borough"].drop_nulls().unique()}
        latitude, longitude = places.wgs84(rows["easting_m"].to_numpy(), rows["northing_m"].to_numpy())
        return rows.with_columns(pl.col("borough").replace_strict(names), latitude=latitude, longitude=longitude).sort(
            "month", "incident_number"
        )

    def vehicles(incidents: Any) -> Any:
        instants = {
            name: pl.col(written).str.to_datetime("%d/%m/%Y %H:%M:%S", time_zone="UTC")
            for name, written in TIMES.items()
        }
        ahead = pl.col("hour_of_call") - pl.col("mobilised_at").dt.hour().cast(pl.Int32)
        day = pl.col("mobilised_at").dt.offset_by(
            pl.when(ahead > 12).then(pl.lit("-1d")).when(ahead == -23).then(pl.lit("1d")).otherwise(pl.lit("0d"))
        )
        sent = (
            read("mobilisations", *TIMES.values(), "HourOfCall")
            .select(
                hour_of_call=pl.col("HourOfCall").cast(pl.Int32),
                is_derived=False,
                **texts("mobilisations"),
                **whole("mobilisations"),
                **instants,
            )
            .with_columns(month=day.dt.truncate("1mo").dt.date())
            .drop("hour_of_call")
            .filter(_none_above(pl, "attendance_seconds") & pl.col("attendance_seconds").is_not_null())
            .filter(_in_order(pl))
            .unique("mobilisation_id", keep="last", maintain_order=True)
            .collect()
        )
        alone = incidents.join(sent.select("incident_number").unique(), on="incident_number", how="anti")
        derived = [
            alone.filter(pl.col(f"{name}_pump_attendance_seconds").is_not_null()).select(
                "month",
                "incident_number",
                mobilisation_id=pl.col("incident_number") + f"/{which}",
                is_derived=True,
                attendance_seconds=f"{name}_pump_attendance_seconds",
                station=f"{name}_pump_station",
                pump_order=pl.lit(which, pl.Int32),
            )
            for which, name in _PUMPS.items()
        ]
        return pl.concat([sent, *derived], how="diagonal").sort("month", "mobilisation_id")

    def run() -> int:
        incidents = calls()
        incidents.write_parquet(f"{folder}/polars-incidents.parquet")
        sent = vehicles(incidents)
        sent.write_parquet(f"{folder}/polars-mobilisations.parquet")
        return len(incidents) + len(sent)

    return run


def _none_above(pl: Any, *names: str) -> Any:
    """Rows whose attendance times lie where they may."""
    return pl.all_horizontal(pl.col(name).is_between(0, _LONGEST).fill_null(True) for name in names)


def _in_order(pl: Any) -> Any:
    """Vehicles that leave and arrive after they were told to, and whose times add up."""
    told, took = pl.col("mobilised_at"), pl.col("attendance_seconds")
    apart = (took - pl.col("turnout_seconds") - pl.col("travel_seconds")).abs()
    return (
        (pl.col("mobile_at") >= told).fill_null(True)
        & (pl.col("arrived_at") >= told).fill_null(True)
        & (apart <= 1).fill_null(True)
    )


def with_pandas(folder: str) -> Callable[[], int]:
    """The same cleaning of both files, as a notebook would do it."""
    import numpy as np
    import pandas as pd
    import pyproj  # noqa: F401

    from transit_assets.fire.clean import places

    def read(table: str, *more: str) -> Any:
        texts, whole = TEXTS[table], WHOLE[table]
        rows = pd.read_csv(
            f"{folder}/{table}.csv",
            usecols=[*texts.values(), *whole.values(), *more],
            dtype=dict.fromkeys([*texts.values(), *more], str) | {_COST: float},
            na_values=["NULL"],
            keep_default_na=True,
        ).rename(columns={written: name for name, written in (texts | whole).items()})
        for name in texts:
            rows[name] = rows[name].str.strip()
        return rows.astype(dict.fromkeys(whole, "Int32"))

    def calls() -> Any:
        rows = read("incidents", "DateOfCall", "TimeOfCall", "FRS", _COST)
        wall = pd.to_datetime(rows.pop("DateOfCall") + " " + rows.pop("TimeOfCall"), format="%d %b %Y %H:%M:%S")
        # Of the hour that comes twice the first is meant: that of summer.
        first = wall.dt.tz_localize("Europe/London", ambiguous=np.ones(len(wall), bool), nonexistent="NaT")
        rows["called_at"] = first.dt.tz_convert("UTC")
        rows["month"] = wall.dt.to_period("M").dt.to_timestamp()
        rows["is_over_the_border"] = rows.pop("FRS") == "OverTheBorder"
        rows = rows.rename(columns={_COST: "notional_cost_gbp"})
        for name in ("borough_code", "borough", "ward_code", "ward"):
            rows[name] = rows[name].where(~rows[name].isin(_UNPLACED))
        names = {name: places.borough(name) for name in rows["borough"].dropna().unique()}
        rows["borough"] = rows["borough"].map(names)
        for name in ("first_pump_attendance_seconds", "second_pump_attendance_seconds"):
            rows = rows[(rows[name].isna() | rows[name].between(0, _LONGEST))]
        rows = rows.dropna(subset=["called_at", "incident_number"]).drop_duplicates("incident_number", keep="last")
        grid = (rows[name].to_numpy(float) for name in ("easting_m", "northing_m"))
        rows["latitude"], rows["longitude"] = places.wgs84(*grid)
        return rows.sort_values(["month", "incident_number"])

    def vehicles(incidents: Any) -> Any:
        rows = read("mobilisations", *TIMES.values(), "HourOfCall").rename(
            columns={written: name for name, written in TIMES.items()}
        )
        for name in TIMES:
            rows[name] = pd.to_datetime(rows[name], format="%d/%m/%Y %H:%M:%S", utc=True)
        ahead = rows.pop("HourOfCall").astype(int) - rows["mobilised_at"].dt.hour
        days = np.select([ahead > 12, ahead == -23], [-1, 1], 0)
        called = (rows["mobilised_at"] + pd.to_timedelta(days, unit="D")).dt.tz_localize(None)
        rows["month"] = called.dt.to_period("M").dt.to_timestamp()
        rows["is_derived"] = False
        apart = (rows["attendance_seconds"] - rows["turnout_seconds"] - rows["travel_seconds"]).abs()
        is_fine = rows["attendance_seconds"].between(0, _LONGEST).fillna(False) & (apart.isna() | (apart <= 1))
        for name in ("mobile_at", "arrived_at"):
            is_fine &= rows[name].isna() | (rows[name] >= rows["mobilised_at"])
        rows = rows[is_fine].drop_duplicates("mobilisation_id", keep="last")
        alone = incidents[~incidents["incident_number"].isin(rows["incident_number"])]
        derived = []
        for which, name in _PUMPS.items():
            timed = alone[alone[f"{name}_pump_attendance_seconds"].notna()]
            derived.append(
                pd.DataFrame(
                    {
                        "month": timed["month"],
                        "incident_number": timed["incident_number"],
                        "mobilisation_id": timed["incident_number"] + f"/{which}",
                        "is_derived": True,
                        "attendance_seconds": timed[f"{name}_pump_attendance_seconds"],
                        "station": timed[f"{name}_pump_station"],
                        "pump_order": which,
                    }
                )
            )
        return pd.concat([rows, *derived]).sort_values(["month", "mobilisation_id"])

    def run() -> int:
        incidents = calls()
        incidents.to_parquet(f"{folder}/pandas-incidents.parquet", compression="zstd")
        sent = vehicles(incidents)
        sent.to_parquet(f"{folder}/pandas-mobilisations.parquet", compression="zstd")
        return len(incidents) + len(sent)

    return run
