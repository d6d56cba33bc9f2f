{%- set recorded = 'nullif(count(*) filter (not is_derived), 0)' -%}
select
    month,
    station,
    case when station <> 'unknown' then min(station_code) end as station_code,
    count(*)::integer as mobilisations,
    count(*) filter (is_derived)::integer as derived_mobilisations,
    count(distinct incident_number)::integer as calls,
    {{ median_where_enough('attendance_seconds') }} as attendance_median_seconds,
    {%- for part in ['turnout', 'travel'] %}
    count({{ part }}_seconds)::integer as {{ part }}_timed,
    {{ median_where_enough(part ~ '_seconds') }} as {{ part }}_median_seconds,
    {%- endfor %}
    {%- for state in ['engaged', 'busy'] %}
    count({{ state }}_seconds)::integer as {{ state }}_timed,
    count({{ state }}_seconds) / {{ recorded }} as {{ state }}_coverage,
    case when count({{ state }}_seconds) / {{ recorded }} >= {{ var('min_coverage') }} then sum({{ state }}_seconds) / 60 end
        as {{ state }}_minutes,
    {{ mean_where_enough(state ~ '_seconds') }} / 60 as {{ state }}_mean_minutes,
    {%- endfor %}
    count(is_from_home)::integer as deployed_from_known,
    {{ where_enough('avg(is_from_home::integer)', 'is_from_home') }} as home_station_share
from {{ ref('fire__vehicles_sent') }}
where {{ is_built_now('month') }}
group by month, station
order by month, station
