-- What an answer shows holds until the next one of its feed, at most `max_gap_minutes`: longer silence is unknown, not
-- quiet. An answer counts once for each cause and severity that it shows in force, however many disruptions have them.
with answers as (
    select
        service_date,
        source,
        observed_at,
        least(
            coalesce(
                epoch_us(lead(observed_at) over (partition by service_date, source order by observed_at)),
                {{ day_start_us('service_date + 1') }}
            ),
            epoch_us(observed_at) + {{ minutes_us(var('max_gap_minutes')) }},
            {{ day_start_us('service_date + 1') }}
        ) - epoch_us(observed_at) as known_us
    from {{ source('rail_interim', 'rail__disruption_sightings') }}
    where {{ is_built_now('service_date') }}
    group by service_date, source, observed_at
),

days as (
    select
        service_date,
        source,
        sum(known_us)::bigint as known_us
    from answers
    group by service_date, source
),

shown as (
    select distinct
        service_date,
        source,
        observed_at,
        coalesce(cause, 'unknown') as cause,
        coalesce(severity, effect, 'unknown') as severity
    from {{ source('rail_interim', 'rail__disruption_sightings') }}
    where {{ is_built_now('service_date') }} and is_active
),

states as (
    select
        answers.service_date,
        answers.source,
        coalesce(shown.cause, 'none') as cause,
        coalesce(shown.severity, 'none') as severity,
        count(*)::integer as answers,
        sum(answers.known_us)::bigint as shown_us
    from answers
    left join shown using (service_date, source, observed_at)
    group by all
),

covered as (
    select
        states.*,
        days.known_us,
        days.known_us / {{ day_length_us('states.service_date') }} as coverage
    from states
    inner join days using (service_date, source)
)

select
    service_date,
    source,
    cause,
    severity,
    answers,
    known_us / 60000000 as observed_minutes,
    coverage,
    case when coverage >= {{ var('min_coverage') }} then shown_us / 60000000 end as minutes,
    case when coverage >= {{ var('min_coverage') }} then shown_us / nullif(known_us, 0) end as share
from covered
order by service_date, source, cause, severity
