-- Calls by the day and the hour on the clock in London. A ground, borough or ward that nothing tells is `unknown`, so
-- that areas add up to all calls; those outside Greater London have no borough or ward here.
select
    month,
    {{ london_day('called_at') }} as day,
    {{ london_hour('called_at') }} as local_hour,
    isodow({{ london_day('called_at') }}) >= 6 as is_weekend,
    incident_number,
    coalesce(borough, 'unknown') as borough,
    borough_code,
    coalesce(ward_code, 'unknown') as ward_code,
    ward,
    coalesce(station_ground, 'unknown') as station_ground,
    easting_m,
    northing_m,
    first_pump_attendance_seconds,
    first_pump_station,
    second_pump_attendance_seconds,
    -- 9 of the 13,476 of early 2017 have a second pump's time and one pump attending
    coalesce(pumps_attending >= 2, false)
        or coalesce(second_pump_attendance_seconds::varchar, second_pump_station) is not null as has_second_pump
from {{ source('fire_interim', 'fire__incidents') }}
