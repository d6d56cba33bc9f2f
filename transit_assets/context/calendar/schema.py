"""The table of the calendar: every local day of every region."""

import pyarrow as pa

from transit_assets.lake import Column, Rule, Table

CALENDAR_DAYS = Table(
    layer="interim",
    domain="calendar",
    name="days",
    description="One local day of one region: free by law, free of school or a bridge, and from when that was known.",
    key=("country", "region", "day"),
    columns=(
        Column("country", pa.string(), "ISO 3166 code (`FR`, `GB`).", is_nullable=False),
        Column(
            "region", pa.string(), "City, or school zone, that the day is about (`Paris`, `London`).", is_nullable=False
        ),
        Column("day", pa.date32(), "Local day.", is_nullable=False),
        Column(
            "school_zone",
            pa.string(),
            "Zone of school holidays that the region is in (`C`); that of London is London.",
            is_nullable=False,
        ),
        Column("weekday", pa.int32(), "1 (Monday) to 7 (Sunday).", is_nullable=False, minimum=1, maximum=7),
        Column(
            "is_public_holiday", pa.bool_(), "A holiday by law or proclamation in the whole region.", is_nullable=False
        ),
        Column("public_holiday_name", pa.string(), "Its name, in the language of the country; null on other days."),
        Column(
            "is_school_holiday",
            pa.bool_(),
            "Pupils are free, weekends within a holiday included; a holiday that begins after class counts from the "
            "next day. Null where the calendar of the school year is not published. Terms of London differ by borough: "
            "`school_holiday_source` says which days are published and which a rule of thumb.",
        ),
        Column("school_holiday_name", pa.string(), "Its name; null on other days."),
        Column(
            "is_bridge_day",
            pa.bool_(),
            "A working day between two free ones: a Friday after a Thursday's holiday, a Monday before a Tuesday's.",
            is_nullable=False,
        ),
        Column(
            "known_from",
            pa.date32(),
            "Local day from which all of the row was public: that of the publication of the school year's calendar, or "
            "the first day of the school year (1 September), which bounds it, where the publication is not recorded; "
            "the day of the decision where holidays were moved (spring 2021) or added (London 2011, 2022, 2023). Null "
            "where only what the law fixes for all time is told.",
        ),
        Column(
            "public_holiday_source",
            pa.string(),
            "Library and version that says so, or gov.uk's file where it was imported.",
            is_nullable=False,
        ),
        Column(
            "school_holiday_source",
            pa.string(),
            "Likewise, a school that published it, or `rule of thumb`; null where nothing is told.",
        ),
    ),
    rules=(
        Rule("known_before_it_holds", "known_from <= day", "a day is known before it is over"),
        Rule(
            "named_where_free",
            "is_public_holiday = (public_holiday_name IS NOT NULL) "
            "AND coalesce(is_school_holiday, false) = (school_holiday_name IS NOT NULL)",
            "a holiday has a name, and other days have none",
        ),
        Rule("weekday_of_day", "isodow(day) = weekday", "the weekday is that of the day"),
    ),
    owner="calendar",
)
