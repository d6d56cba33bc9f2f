-- The states of stations cut at the full hours: one part of one state within one hour. Paris is whole hours from UTC,
-- so the hours of both are the same.
with hours as (
    select
        *,
        unnest(range(from_us // {{ hour_us() }}, (until_us - 1) // {{ hour_us() }} + 1)) as hour
    from {{ ref('bikes__station_states') }}
),

parts as (
    select
        day,
        station_code,
        hour,
        bikes,
        mechanical,
        ebike,
        docks_free,
        greatest(from_us, hour * {{ hour_us() }}) as from_us,
        least(until_us, (hour + 1) * {{ hour_us() }}) as until_us,
        least(greatest(observed_until_us, hour * {{ hour_us() }}), (hour + 1) * {{ hour_us() }}) as observed_until_us
    from hours
)

select
    *,
    observed_until_us > from_us as is_observed
from parts
