select
    month,
    borough,
    case when borough <> 'unknown' then min(borough_code) end as borough_code,
    {{ attendance() }}
from {{ ref('fire__calls') }}
where {{ is_built_now('month') }}
group by month, borough
order by month, borough
