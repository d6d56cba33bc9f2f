-- Each answer about a train that ran is a prediction, held against its passing; the minute of a timetable is none. A
-- prediction of a train that was never observed belongs to the band of its own lead, and counts as not judged.
with predictions as (
    select
        said.service_date,
        said.source,
        said.station,
        passings.direction,
        said.journey_id,
        said.observed_at,
        coalesce(said.expected_departure_at, said.expected_arrival_at) as predicted_at,
        passings.passed_at
    from {{ source('rail_interim', 'rail__predicted_calls') }} as said
    inner join {{ ref('rail__passings') }} as passings using (service_date, journey_id, station)
    where {{ is_built_now('said.service_date') }} and not said.is_cancelled and coalesce(said.is_real_time, true)
),

leads as (
    select
        *,
        date_diff('millisecond', observed_at, coalesce(passed_at, predicted_at)) / 60000 as lead_minutes,
        date_diff('second', predicted_at, passed_at) as error_seconds
    from predictions
    where predicted_at is not null
),

bands as (
    select *
    from (values
        {%- for band in eta_bands() %}
        ({{ band | join(', ') }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as bands (lead_from_minutes, lead_to_minutes, early_seconds, late_seconds)
),

sums as (
    select
        leads.service_date,
        leads.source,
        leads.station,
        leads.direction,
        bands.lead_from_minutes,
        bands.lead_to_minutes,
        count(*)::integer as predictions,
        count(leads.error_seconds)::integer as judged,
        count(distinct leads.journey_id) filter (leads.error_seconds is not null)::integer as trains,
        count(leads.error_seconds) / count(*) as coverage,
        count(*) filter (leads.error_seconds between -bands.early_seconds and bands.late_seconds)::integer as accurate,
        avg(leads.error_seconds) as error_mean_seconds,
        avg(abs(leads.error_seconds)) as absolute_error_mean_seconds,
        quantile_cont(abs(leads.error_seconds), 0.5) as absolute_error_median_seconds
    from leads
    inner join bands
        on leads.lead_minutes >= bands.lead_from_minutes
        and leads.lead_minutes < bands.lead_to_minutes
    group by all
)

select
    service_date,
    source,
    station,
    direction,
    lead_from_minutes,
    lead_to_minutes,
    predictions,
    judged,
    trains,
    coverage,
    accurate,
    {{ where_observed('accurate / judged', 'trains') }} as accurate_share,
    {%- for statistic in ['error_mean', 'absolute_error_mean', 'absolute_error_median'] %}
    {{ where_observed(statistic ~ '_seconds', 'trains') }} as {{ statistic }}_seconds {{- ',' if not loop.last }}
    {%- endfor %}
from sums
order by service_date, source, station, direction, lead_from_minutes
