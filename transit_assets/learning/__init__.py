"""One protocol for every model: split, baselines, evaluate, promote, serve, watch. Knows no domain, no Dagster.

In the order of the work: `examples` (what is learnt from), `splits`, `estimators`, `fitting`, `scores`,
`evaluation`, `registry` (MLflow), `promotion`, `reports`, `training`, `deciding`, `watching`; `schema` describes the
tables.
"""
