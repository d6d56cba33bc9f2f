{#- What is true of every table of bike statistics. Null passes: unknown is not wrong. -#}

{% test shares_are_shares(model) %}
select * from {{ model }}
where not (empty_share between 0 and 1 and full_share between 0 and 1 and coverage between 0 and 1)
{% endtest %}

{% test never_both_empty_and_full(model) %}
select * from {{ model }} where empty_share + full_share > 1 + 1e-9
{% endtest %}

{#- Weights have nine decimals: a zone that holds 1,431 free docks for an hour has a mean of 1431.0000012. -#}
{% test means_lie_within_extremes(model) %}
select * from {{ model }}
where false
  {%- for measure in bike_measures() %}
  or {{ measure }}_min < 0
  {%- for statistic in ['mean', 'time_weighted_mean'] %}
  or not {{ measure }}_{{ statistic }} between {{ measure }}_min - 1e-8 * (100 + {{ measure }}_max)
    and {{ measure }}_max + 1e-8 * (100 + {{ measure }}_max)
  {%- endfor %}
  {%- endfor %}
{% endtest %}

{#- Bikes and free docks are known wherever the shares are; their split may be unknown, but never without them. -#}
{% test statistics_are_known_together(model) %}
select * from {{ model }}
where (empty_share is null) != (full_share is null)
  {%- for measure in bike_measures() %}
  {%- for statistic in ['mean', 'time_weighted_mean', 'min', 'max'] %}
  or ({{ measure }}_{{ statistic }} is null) != ({{ measure if measure in ['mechanical', 'ebike'] else 'empty' }}_{{
    'mean' if measure in ['mechanical', 'ebike'] else 'share' }} is null)
  {%- endfor %}
  {%- endfor %}
  or coalesce(mechanical_mean, ebike_mean) is not null and empty_share is null
{% endtest %}
