-- What each station held, from the poll that first gave a report until the next report, or until
-- max_gap_minutes after the last poll that gave it, within one Paris day. A state is observed where the station was
-- operating (bikes or docks, nothing known to be closed), its bikes and free docks known, and for as long as what the
-- provider reported is fresh: a frozen station goes on saying the same, which nobody knows to be true.
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
            and coalesce(bikes + docks_free > 0, false) as is_operating,
        epoch_us(first_polled_at) as from_us,
        -- computed before the window, where the day of a file is still one constant
        least(epoch_us(polled_at) + {{ minutes_us(var('max_gap_minutes')) }}, {{ day_start_us('day + 1') }}) as latest_us,
        case
            when reported_at_provenance = 'provider'
                then epoch_us(reported_at) + {{ minutes_us(var('max_report_age_minutes')) }}
            else latest_us
        end as fresh_until_us
    from {{ source('bikes_interim', 'bikes__station_status') }}
    where {{ is_built_now() }}
),

followed as (
    select
        *,
        least(latest_us, lead(from_us, 1, latest_us) over (partition by day, station_code order by from_us, reported_at))
            as until_us
    from reports
)

select
    day,
    station_code,
    bikes,
    mechanical,
    ebike,
    docks_free,
    is_operating and fresh_until_us > from_us as is_observed,
    from_us,
    until_us,
    case when is_operating then greatest(from_us, least(until_us, fresh_until_us)) else from_us end
        as observed_until_us
from followed
where until_us > from_us
