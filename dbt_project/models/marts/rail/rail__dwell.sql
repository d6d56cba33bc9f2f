-- From the arrival to the departure as last announced of trains that were observed: polls of 2022 announce one minute,
-- and tell of no dwell; trains that begin or end somewhere have none there.
with sums as (
    select
        service_date,
        station,
        direction,
        count(*)::integer as calls,
        count(dwell_seconds)::integer as timed,
        count(dwell_seconds) / count(*) as coverage,
        avg(dwell_seconds) as mean_seconds,
        quantile_cont(dwell_seconds, 0.5) as median_seconds,
        quantile_cont(dwell_seconds, 0.9) as p90_seconds,
        count(scheduled_dwell_seconds) filter (dwell_seconds is not null)::integer as scheduled,
        avg(scheduled_dwell_seconds) filter (dwell_seconds is not null) as scheduled_mean_seconds
    from {{ ref('rail__passings') }}
    where is_announced and not is_cancelled
    group by service_date, station, direction
)

select
    service_date,
    station,
    direction,
    calls,
    timed,
    coverage,
    {%- for statistic in ['mean_seconds', 'median_seconds', 'p90_seconds'] %}
    {{ where_observed(statistic, 'timed') }} as {{ statistic }},
    {%- endfor %}
    scheduled,
    {{ where_observed('scheduled_mean_seconds', 'scheduled', 'scheduled / timed') }} as scheduled_mean_seconds
from sums
order by service_date, station, direction
