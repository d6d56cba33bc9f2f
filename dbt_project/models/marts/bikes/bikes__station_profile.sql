{{ week_profile(ref('bikes__station_hourly'), 'station_code') }}
