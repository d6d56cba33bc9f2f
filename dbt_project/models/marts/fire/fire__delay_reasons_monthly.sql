-- Of the brigade's own records: rows derived from incidents say nothing of delays.
with recorded as (
    select *
    from {{ ref('fire__vehicles_sent') }}
    where {{ is_built_now('month') }} and not is_derived
),

months as (
    select
        month,
        count(*) as recorded_mobilisations,
        count(delay_reason) as mobilisations_with_reason
    from recorded
    group by month
),

reasons as (
    select
        month,
        delay_reason,
        min(delay_code) as delay_code,
        count(*) as mobilisations,
        {{ mean_where_enough('attendance_seconds') }} as attendance_mean_seconds,
        {{ median_where_enough('attendance_seconds') }} as attendance_median_seconds
    from recorded
    where delay_reason is not null
    group by month, delay_reason
)

select
    month,
    delay_reason,
    delay_code,
    mobilisations::integer as mobilisations,
    mobilisations / mobilisations_with_reason as share,
    attendance_mean_seconds,
    attendance_median_seconds,
    mobilisations_with_reason::integer as mobilisations_with_reason,
    recorded_mobilisations::integer as recorded_mobilisations,
    mobilisations_with_reason / recorded_mobilisations as coverage
from reasons
inner join months using (month)
order by month, delay_reason
