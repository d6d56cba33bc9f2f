-- By code: names of wards occur in several boroughs.
select
    month,
    ward_code,
    case when ward_code <> 'unknown' then min(ward) end as ward,
    case when ward_code <> 'unknown' then min(borough) end as borough,
    {{ attendance() }}
from {{ ref('fire__calls') }}
where {{ is_built_now('month') }}
group by month, ward_code
order by month, ward_code
