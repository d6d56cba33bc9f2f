{#- How a mart reaches the lake: the days or months to build, the `lake` materialization, the commit at the end of the run. -#}

{#- Schemas are named as they are in the lake: `processed`, not `scratch_processed`. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}

{#- First and last partition of the run, as SQL dates: its first and last day, or the months that contain them. The
    period is the name of a partition column; a service date is a day. -#}
{% macro bounds_of_run(period='day') -%}
  {%- set from_day = var('from_day') or '0001-01-01' -%}
  {%- set to_day = var('to_day') or '9999-12-31' -%}
  {%- for day in (from_day, to_day) -%}
    {%- if not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', day | string) -%}
      {{ exceptions.raise_compiler_error("from_day and to_day are days such as 2025-09-08, not " ~ day) }}
    {%- endif -%}
  {%- endfor -%}
  {%- if (from_day | string) > (to_day | string) -%}
    {{ exceptions.raise_compiler_error("from_day " ~ from_day ~ " is after to_day " ~ to_day) }}
  {%- endif -%}
  {%- if period == 'month' -%}
    {%- set from_day, to_day = (from_day | string)[:7] ~ '-01', (to_day | string)[:7] ~ '-01' -%}
  {%- elif period not in ('day', 'service_date') -%}
    {{ exceptions.raise_compiler_error("a mart is partitioned by day, service_date or month, not by " ~ period) }}
  {%- endif -%}
  {{ return(("DATE '" ~ from_day ~ "'", "DATE '" ~ to_day ~ "'")) }}
{%- endmacro %}

{#- Condition on a partition column, `day` or `hourly.month`: the partitions of the run, one step of them at a time
    while a mart is being built. -#}
{% macro is_built_now(column='day') -%}
  {%- set first, last = bounds_of_run(column.split('.') | last) -%}
  {{ column }} between coalesce(getvariable('step_from'), {{ first }})
    and coalesce(getvariable('step_to'), {{ last }})
{%- endmacro %}

{#- Relations of the lake that a model reads, through ephemeral models too: `interim.bikes__station_status`. -#}
{% macro lake_sources(node) -%}
  {%- set found = [] -%}
  {%- for parent_id in node.depends_on.nodes -%}
    {%- set parent = graph.sources.get(parent_id) or graph.nodes[parent_id] -%}
    {%- if parent.resource_type == 'source' -%}
      {%- do found.append(parent.schema ~ '.' ~ parent.identifier) -%}
    {%- elif parent.config.materialized == 'lake' -%}
      {%- do found.append(parent.schema ~ '.' ~ parent.alias) -%}
    {%- else -%}
      {%- do found.extend(lake_sources(parent)) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found | unique | sort | list) }}
{%- endmacro %}

{#- Steps in which a mart is built: runs of partitions that hold at most so many source rows together. Window functions
    over 65 million rows take ten times the memory of one day at a time and no less time. -#}
{% macro steps_of_run(sources, period) -%}
  {%- set first, last = bounds_of_run(period) -%}
  {%- set query -%}
    select min(partition)::varchar as step_from, max(partition)::varchar as step_to
    from (
      select partition, sum(sum(rows)) over (order by partition) // {{ var('rows_per_step', 2000000) }} as step
      from lake.partitions
      where relation in ('{{ sources | join("', '") }}') and partition between {{ first }} and {{ last }}
      group by partition
    )
    group by step order by step
  {%- endset -%}
  {{ return(run_query(query).rows) }}
{%- endmacro %}

{#- Builds the partitions of the run into `built.<mart>`; `processed.<mart>` then shows the committed ones and these. -#}
{% materialization lake, adapter='duckdb' %}
  {%- set partition = config.get('meta').get('partition_by') -%}
  {%- set built = api.Relation.create(database=this.database, schema='built', identifier=this.identifier) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set columns = model.columns.values() | map(attribute='name') | map('tojson') | join(', ') -%}
  {%- set sources = lake_sources(model) -%}

  {{ run_hooks(pre_hooks) }}
  {{ get_assert_columns_equivalent(sql) }}
  {% do run_query('create or replace table ' ~ built ~ get_table_columns_and_constraints()) %}

  {%- set insert = 'insert into ' ~ built ~ ' select ' ~ columns ~ ' from (' ~ sql ~ ')' -%}
  {% if partition %}
    {% for step_from, step_to in steps_of_run(sources, partition) %}
      {% do run_query("set variable step_from = DATE '" ~ step_from ~ "'") %}
      {% do run_query("set variable step_to = DATE '" ~ step_to ~ "'") %}
      {% do run_query(insert) %}
    {% endfor %}
    {% do run_query('reset variable step_from') %}
    {% do run_query('reset variable step_to') %}
    {%- set first, last = bounds_of_run(partition) -%}
    {%- set kept = 'where not ' ~ partition ~ ' between ' ~ first ~ ' and ' ~ last -%}
    {% do run_query("delete from lake.partitions where relation = '" ~ this.schema ~ '.' ~ this.identifier
                    ~ "' and partition between " ~ first ~ ' and ' ~ last) %}
    {% do run_query("insert into lake.partitions select '" ~ this.schema ~ '.' ~ this.identifier ~ "', " ~ partition
                    ~ ', count(*) from ' ~ built ~ ' group by ' ~ partition) %}
  {% else %}
    {% do run_query(insert) %}
    {%- set kept = 'where false' -%}
  {% endif %}

  {% call statement('main') %}
    create or replace view {{ target_relation }} as
    select {{ columns }} from committed.{{ this.identifier }} {{ kept }}
    union all select {{ columns }} from {{ built }}
  {% endcall %}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- Data tests of a build look at the partitions being built: the others were tested when they were committed. -#}
{% macro get_where_subquery(relation) -%}
  {%- set built = api.Relation.create(database=relation.database, schema='built', identifier=relation.identifier) -%}
  {%- if execute and flags.WHICH == 'build' and adapter.get_columns_in_relation(built) -%}
    {%- set relation = built -%}
  {%- endif -%}
  {%- set where = config.get('where') -%}
  {{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery' if where else relation) }}
{%- endmacro %}

{#- Refuses days that make no sense, and shows the lake as it is now, also where a process runs dbt several times
    over one connection. -#}
{% macro begin_run() -%}
  {%- if execute -%}
    {%- do bounds_of_run() -%}
    {%- do tell_lake({'event': 'begin'}) -%}
  {%- endif -%}
{%- endmacro %}

{#- Commits the marts that were built, if nothing failed and each one's data tests ran; a build's tests go to the ledger. -#}
{% macro commit_to_lake(results) -%}
  {%- if execute -%}
    {%- set wanted, built, failed, ran, marts, sources = [], [], [], [], [], {} -%}
    {%- for result in results -%}
      {%- if result.status | string != 'skipped' -%}
        {%- do ran.append(result.node.unique_id) -%}
      {%- endif -%}
      {%- set is_mart = result.node.resource_type == 'model' and result.node.config.materialized == 'lake' -%}
      {%- if is_mart -%}
        {%- do wanted.append(result.node.name) -%}
        {%- do sources.update({result.node.schema ~ '.' ~ result.node.alias: lake_sources(result.node)}) -%}
      {%- endif -%}
      {%- if result.status | string in ('error', 'fail', 'runtime error', 'partial success') -%}
        {%- do failed.append(result.node.name) -%}
      {%- elif is_mart and result.status | string == 'success' -%}
        {%- do built.append(result.node) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- set untested = [] -%}
    {%- for test in graph.nodes.values() if test.resource_type == 'test' and test.unique_id not in ran -%}
      {%- for node in built if node.unique_id in test.depends_on.nodes -%}
        {%- do untested.append(node.name) -%}
      {%- endfor -%}
    {%- endfor -%}
    {%- if wanted and (failed or built | length < wanted | length) -%}
      {%- do exceptions.warn('Nothing was committed to the lake, because ' ~ failed | join(', ')
                             ~ ' did not pass. Not committed: ' ~ wanted | join(', ') ~ '.') -%}
    {%- elif untested -%}
      {%- do exceptions.warn('Nothing was committed to the lake: not all data tests of ' ~ untested | unique | join(', ')
                             ~ ' were run. Use dbt build, which runs them.') -%}
    {%- else -%}
      {%- for node in built -%}
        {%- set relation = node.schema ~ '.' ~ node.alias -%}
        {%- do marts.append({'relation': relation, 'sql': node.compiled_code, 'sources': sources[relation]}) -%}
      {%- endfor -%}
    {%- endif -%}
    {%- set tested = results if flags.WHICH == 'build' else [] -%}
    {%- if marts or tested -%}
      {%- do tell_lake({'event': 'end', 'marts': marts, 'sources': sources, 'results': tested, 'run_id': invocation_id,
                        'tested_by': var('tested_by'), 'from_day': var('from_day'), 'to_day': var('to_day')}) -%}
    {%- endif -%}
  {%- endif -%}
{%- endmacro %}

{#- `store_relation` is the adapter's one way into a plugin. -#}
{% macro tell_lake(message) -%}
  {%- do adapter.store_relation('lake', api.Relation.create(schema='lake', identifier='lake'), [], '', 'delta', message) -%}
{%- endmacro %}
