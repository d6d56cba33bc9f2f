with sums as (
    select
        day,
        station_code,
        {{ sums_of_states() }}
    from {{ ref('bikes__station_states') }}
    group by day, station_code
),

shares as (
    select
        *,
        {{ coverage_of(day_length_us('day')) }}
    from sums
)

select
    day,
    station_code,
    {{- statistics_where_covered() }}
    case when coverage >= {{ var('min_coverage') }} then empty_us / observed_us end as empty_share,
    case when coverage >= {{ var('min_coverage') }} then full_us / observed_us end as full_share,
    coverage,
    states::integer as states
from shares
order by day, station_code
