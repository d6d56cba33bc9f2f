-- What each station held, from the poll that first gave a report until the next report, or until
-- max_gap_minutes after the last poll that gave it, within one Paris day. A state counts as observed where the
-- station was operating (bikes or docks, nothing known to be closed), its report fresh and all its counts known.
with reports as (
    select
        day,
        station_code,
        reported_at,
        bikes,
        mechanical,
        ebike,
        docks_free,
        not is_stale
            and is_installed is not false
            and is_renting is not false
            and is_returning is not false
            and coalesce(bikes + docks_free > 0 and mechanical >= 0 and ebike >= 0, false) as is_observed,
        epoch_us(first_polled_at) as from_us,
        -- computed before the window, where the day of a file is still one constant
        least(epoch_us(polled_at) + {{ var('max_gap_minutes') }} * 60000000, {{ day_start_us('day + 1') }}) as latest_us
    from {{ source('bikes_interim', 'bikes__station_status') }}
    where {{ is_built_now() }}
),

followed as (
    select
        *,
        lead(from_us) over (partition by day, station_code order by from_us, reported_at) as next_us
    from reports
)

select
    day,
    station_code,
    bikes,
    mechanical,
    ebike,
    docks_free,
    is_observed,
    from_us,
    least(latest_us, coalesce(next_us, latest_us)) as until_us
from followed
where least(latest_us, coalesce(next_us, latest_us)) > from_us
