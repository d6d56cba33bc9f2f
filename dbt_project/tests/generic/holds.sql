{#- An expression that is true of every row; null passes, as unknown is not wrong. -#}
{% test holds(model, expression) %}
select * from {{ model }} where not ({{ expression }})
{% endtest %}
