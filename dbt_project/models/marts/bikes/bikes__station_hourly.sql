with sums as (
    select
        day,
        station_code,
        hour,
        {{ sums_of_states() }}
    from {{ ref('bikes__station_hour_states') }}
    group by day, station_code, hour
),

shares as (
    select
        *,
        make_timestamptz(hour * {{ hour_us() }}) as hour_start_at,
        {{ coverage_of(hour_us()) }}
    from sums
)

select
    day,
    station_code,
    hour_start_at,
    hour(timezone('Europe/Paris', hour_start_at))::integer as local_hour,
    {{- statistics_where_covered() }}
    case when coverage >= {{ var('min_coverage') }} then empty_us / observed_us end as empty_share,
    case when coverage >= {{ var('min_coverage') }} then full_us / observed_us end as full_share,
    coverage,
    states::integer as states
from shares
order by day, station_code, hour_start_at
