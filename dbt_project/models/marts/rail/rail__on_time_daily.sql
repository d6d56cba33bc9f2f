-- By calls instead of travellers, whom no feed counts. Of what was scheduled, a call is judged where the train was
-- observed or said not to run; a train that was cancelled is late for whoever waits for it.
with calls as (
    select
        service_date,
        station,
        direction,
        is_cancelled,
        case when not is_cancelled then date_diff('second', scheduled_at, passed_at) end as delay_seconds
    from {{ ref('rail__passings') }}
    where scheduled_at is not null
),

sums as (
    select
        service_date,
        station,
        direction,
        count(*)::integer as calls,
        count(delay_seconds)::integer as observed,
        count(*) filter (is_cancelled)::integer as cancelled,
        count(*) filter (delay_seconds < {{ late_from_seconds() }})::integer as on_time,
        (count(delay_seconds) + count(*) filter (is_cancelled)) / count(*) as coverage,
        avg(delay_seconds) as delay_mean_seconds,
        quantile_cont(delay_seconds, 0.5) as delay_median_seconds,
        quantile_cont(delay_seconds, 0.9) as delay_p90_seconds
    from calls
    group by service_date, station, direction
)

select
    service_date,
    station,
    direction,
    calls,
    observed,
    cancelled,
    on_time,
    coverage,
    {{ where_observed('on_time / (observed + cancelled)', 'observed + cancelled') }} as on_time_share,
    {%- for statistic in ['mean', 'median', 'p90'] %}
    {{ where_observed('delay_' ~ statistic ~ '_seconds', 'observed') }} as delay_{{ statistic }}_seconds
    {{- ',' if not loop.last }}
    {%- endfor %}
from sums
order by service_date, station, direction
