-- Vehicles sent, with the seconds for which each was engaged (told until it left the place) and busy (told until it was
-- back). An end before the beginning, as the hour that October repeats can make it, is an unknown one.
select
    month,
    incident_number,
    is_derived,
    coalesce(station, 'unknown') as station,
    station_code,
    attendance_seconds,
    turnout_seconds,
    travel_seconds,
    case when left_at >= mobilised_at then date_diff('second', mobilised_at, left_at) end as engaged_seconds,
    case when returned_at >= mobilised_at then date_diff('second', mobilised_at, returned_at) end as busy_seconds,
    deployed_from = 'Home Station' as is_from_home,
    delay_code,
    case when delay_code <> 0 or delay_reason is not null then coalesce(delay_reason, 'code ' || delay_code) end
        as delay_reason
from {{ source('fire_interim', 'fire__mobilisations') }}
