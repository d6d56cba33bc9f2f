{#- What is true of every table of bike statistics. Null passes: unknown is not wrong. -#}

{% test shares_are_shares(model) %}
select * from {{ model }}
where not (empty_share between 0 and 1 and full_share between 0 and 1 and coverage between 0 and 1)
{% endtest %}

{% test never_both_empty_and_full(model) %}
select * from {{ model }} where empty_share + full_share > 1 + 1e-9
{% endtest %}

{% test means_lie_within_extremes(model) %}
select * from {{ model }}
where false
  {%- for measure in bike_measures() %}
  or {{ measure }}_min < 0
  {%- for statistic in ['mean', 'time_weighted_mean'] %}
  or not {{ measure }}_{{ statistic }} between {{ measure }}_min - 1e-6 and {{ measure }}_max + 1e-6
  {%- endfor %}
  {%- endfor %}
{% endtest %}

{% test statistics_are_known_together(model) %}
select * from {{ model }}
where false
  {%- for measure in bike_measures() %}
  {%- for statistic in ['mean', 'time_weighted_mean', 'min', 'max'] %}
  or ({{ measure }}_{{ statistic }} is null) != (empty_share is null)
  {%- endfor %}
  {%- endfor %}
{% endtest %}
