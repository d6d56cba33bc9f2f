{{ week_profile(ref('bikes__zone_hourly'), 'zone') }}
