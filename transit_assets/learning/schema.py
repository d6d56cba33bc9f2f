"""The tables that every model shares: evaluations, decisions; and those that each domain has of its own."""

import pyarrow as pa

from transit_assets.lake import UTC_INSTANT, Column, Table

DRIFT_LIMIT = 0.25
"""Of the population stability index: above it a feature has another population than in training."""

_DOMAIN = Column("domain", pa.string(), "Domain of the model.", is_nullable=False)
_MODEL = Column("model", pa.string(), "Name of the model, `bikes_full`.", is_nullable=False)
_HORIZON = Column(
    "horizon_minutes", pa.int32(), "How far ahead; null for a model without horizons.", unit="minutes", minimum=0
)
_TRAIN = (
    Column("train_from", UTC_INSTANT, "First instant of the training window.", is_nullable=False),
    Column("train_to", UTC_INSTANT, "End of the training window, exclusive.", is_nullable=False),
)
_TEST = (
    Column("test_from", UTC_INSTANT, "First instant of the test window.", is_nullable=False),
    Column("test_to", UTC_INSTANT, "End of the test window, exclusive.", is_nullable=False),
)
_DATA_VERSION = Column(
    "data_version",
    pa.string(),
    "Delta versions of the relations it was made from: `interim.bikes__station_status@12`.",
    is_nullable=False,
)

EVALUATIONS = Table(
    layer="models",
    domain=None,
    name="evaluations",
    description="One metric of one model on one segment of one test window, beside one baseline.",
    key=(
        "domain",
        "model",
        "version",
        "horizon_minutes",
        "segment",
        "metric",
        "baseline",
        "test_from",
        "test_to",
    ),
    columns=(
        _DOMAIN,
        _MODEL,
        Column(
            "version",
            pa.string(),
            "Version in the registry; `unregistered` for an evaluation on demand.",
            is_nullable=False,
        ),
        _HORIZON,
        Column("segment", pa.string(), "`all`, or `name=value` (`zone=Paris 12e`).", is_nullable=False),
        Column(
            "metric",
            pa.string(),
            "Name of the metric; `recall` is of congestion, `mae` of levels is by how many levels a forecast is off.",
            is_nullable=False,
            values=("mae", "rmse", "mase", "brier", "log_loss", "auc", "accuracy", "macro_f1", "recall", "coverage"),
        ),
        Column("baseline", pa.string(), "Name of the baseline.", is_nullable=False),
        Column("value", pa.float64(), "The metric of the model.", is_nullable=False),
        Column("baseline_value", pa.float64(), "The metric of the baseline on the same examples."),
        Column(
            "improvement",
            pa.float64(),
            "Relative gain over the baseline for errors, difference for AUC, accuracy, macro-F1 and recall "
            "and for coverage by how much it is nearer to .8 (of an upper bound .9); positive is better; "
            "null where the baseline's error is 0.",
        ),
        Column("ci_low", pa.float64(), "Lower bound of the improvement, 95 %, paired block bootstrap."),
        Column("ci_high", pa.float64(), "Upper bound of the improvement, 95 %, paired block bootstrap."),
        Column("n", pa.int64(), "Examples in the segment.", is_nullable=False, unit="rows", minimum=1),
        *_TRAIN,
        *_TEST,
        _DATA_VERSION,
        Column("evaluated_at", UTC_INSTANT, "When, by the real clock.", is_nullable=False),
    ),
)

DECISIONS = Table(
    layer="models",
    domain=None,
    name="decisions",
    description="One decision about which version of a model is served, with its evidence.",
    key=("model", "decided_at"),
    columns=(
        _DOMAIN,
        _MODEL,
        Column("decided_at", UTC_INSTANT, "When, by the real clock.", is_nullable=False),
        Column(
            "outcome",
            pa.string(),
            "`promoted`, `refused`, or `rolled_back` (by hand).",
            is_nullable=False,
            values=("promoted", "refused", "rolled_back"),
        ),
        Column("version", pa.string(), "Version that the decision is about.", is_nullable=False),
        Column(
            "estimator",
            pa.string(),
            "Its kind, or the name of the baseline that it is.",
            is_nullable=False,
        ),
        Column("champion", pa.string(), "Version that is served after the decision.", is_nullable=False),
        Column(
            "compared_with",
            pa.string(),
            "`champion <version>`, or the best baseline for a first champion.",
        ),
        Column("metric", pa.string(), "The metric that decides.", is_nullable=False),
        Column("gain", pa.float64(), "Relative gain in that metric on the holdout."),
        Column("gain_low", pa.float64(), "Lower bound of the gain, 95 %, paired block bootstrap."),
        Column("gain_high", pa.float64(), "Upper bound of the gain, 95 %, paired block bootstrap."),
        *(Column(one.name, one.type, one.description) for one in (*_TRAIN, *_TEST)),
        Column("n", pa.int64(), "Examples in the holdout.", unit="rows", minimum=0),
        Column("data_version", pa.string(), _DATA_VERSION.description),
        Column("reason", pa.string(), "Why, in a sentence.", is_nullable=False),
        Column("evidence", pa.string(), "JSON array: every condition with what was found.", is_nullable=False),
    ),
)


def forecasts(domain: str) -> Table:
    """Every forecast of a domain that was scored or served."""
    return Table(
        layer="models",
        domain=domain,
        name="forecasts",
        description="One forecast as it was given: by which version, from what, and what the best baseline said.",
        key=("model", "version", "entity", "origin_at", "horizon_minutes"),
        partition_by="day",
        columns=(
            Column("day", pa.date32(), "UTC day of `origin_at`.", is_nullable=False),
            _MODEL,
            Column("version", pa.string(), "Version in the registry that spoke.", is_nullable=False),
            Column("entity", pa.string(), "What it is about: a station code.", is_nullable=False),
            Column("origin_at", UTC_INSTANT, "Instant of the newest data that it knew.", is_nullable=False),
            Column("horizon_minutes", pa.int32(), "How far ahead.", unit="minutes", is_nullable=False),
            Column("target_at", UTC_INSTANT, "Instant that it is about.", is_nullable=False),
            Column("value", pa.float64(), "What was forecast: a probability or a quantity.", is_nullable=False),
            Column("low", pa.float64(), "Lower end of the 80 % interval; null for a probability."),
            Column("high", pa.float64(), "Upper end of the 80 % interval; null for a probability."),
            Column("baseline", pa.string(), "Name of the best baseline at the time of training.", is_nullable=False),
            Column("baseline_value", pa.float64(), "What that baseline forecast.", is_nullable=False),
            _DATA_VERSION,
            Column("made_at", UTC_INSTANT, "When it was made, by the real clock.", is_nullable=False),
        ),
        owner=domain,
    )


def no_forecasts(domain: str) -> Table:
    """What a domain forecasts nothing of now, and why."""
    return Table(
        layer="models",
        domain=domain,
        name="no_forecasts",
        description="One entity of which one model can forecast nothing now, with the reason.",
        key=("model", "entity"),
        columns=(
            _MODEL,
            Column("entity", pa.string(), "What it is about: a station code, an arc.", is_nullable=False),
            Column("reason", pa.string(), "Why, in a sentence.", is_nullable=False),
            Column("asked_at", UTC_INSTANT, "Instant of the newest data that was known.", is_nullable=False),
        ),
        owner=domain,
    )


def live_scores(domain: str) -> Table:
    """The errors of a domain's forecasts since the truth has arrived."""
    return Table(
        layer="models",
        domain=domain,
        name="live_scores",
        description="One metric of one version on one UTC day and horizon, over the forecasts whose truth has arrived.",
        key=("model", "version", "day", "horizon_minutes", "metric"),
        columns=(
            _MODEL,
            Column("version", pa.string(), "Version in the registry that spoke.", is_nullable=False),
            Column("day", pa.date32(), "UTC day of `origin_at`.", is_nullable=False),
            Column("horizon_minutes", pa.int32(), "How far ahead.", unit="minutes", is_nullable=False),
            Column(
                "metric",
                pa.string(),
                "`brier` or `mae`; `accuracy` of levels; `calibration` (mean forecast less what came true on average); "
                "`coverage` of the 80 % interval.",
                is_nullable=False,
            ),
            Column("value", pa.float64(), "Of the model.", is_nullable=False),
            Column("baseline", pa.string(), "Name of the baseline beside it.", is_nullable=False),
            Column("baseline_value", pa.float64(), "Of that baseline; null where it has none."),
            Column("forecasts", pa.int64(), "Forecasts made.", unit="rows", is_nullable=False, minimum=0),
            Column("met", pa.int64(), "Forecasts whose truth has arrived.", unit="rows", is_nullable=False, minimum=0),
        ),
        owner=domain,
    )


def underestimates(domain: str, margin: str) -> Table:
    """How right the warnings of a domain's models are that a forecast is too low; `margin` says by how much."""
    share = "Share of the questions"
    return Table(
        layer="models",
        domain=domain,
        name="underestimates",
        description=f"How right one version's warnings of answers more than {margin} above the forecast are on one "
        "segment of one test window, beside those of a plain rule.",
        key=("model", "version", "segment", "test_from", "test_to"),
        columns=(
            _MODEL,
            Column(
                "version",
                pa.string(),
                "Version in the registry; `unregistered` for an evaluation on demand.",
                is_nullable=False,
            ),
            Column("segment", pa.string(), "`all`, or `name=value`.", is_nullable=False),
            Column("margin_seconds", pa.float64(), "How far above the forecast counts.", unit="s", is_nullable=False),
            Column("threshold", pa.float64(), "Probability from which on it is a warning.", is_nullable=False),
            Column("base_rate", pa.float64(), f"{share} of which it came true.", is_nullable=False),
            Column("mean_probability", pa.float64(), "What was said of them on average.", is_nullable=False),
            Column("warned", pa.float64(), f"{share} that were warned of.", is_nullable=False),
            Column("precision", pa.float64(), "Share of the warnings that came true; null without any."),
            Column("recall", pa.float64(), "Share of those that came true that were warned of; null without any."),
            Column("rule_warned", pa.float64(), f"{share} that the rule warns of.", is_nullable=False),
            Column("rule_precision", pa.float64(), "As `precision`, of the rule."),
            Column("rule_recall", pa.float64(), "As `recall`, of the rule."),
            Column("n", pa.int64(), "Questions in the segment.", unit="rows", is_nullable=False, minimum=1),
            *_TRAIN,
            *_TEST,
            _DATA_VERSION,
            Column("evaluated_at", UTC_INSTANT, "When, by the real clock.", is_nullable=False),
        ),
        owner=domain,
    )


def drift(domain: str) -> Table:
    """How far the features of a domain's forecasts are from those that the champion learnt from."""
    return Table(
        layer="models",
        domain=domain,
        name="drift",
        description="The population stability of one feature of one version on the data of one UTC day.",
        key=("model", "version", "day", "feature"),
        columns=(
            _MODEL,
            Column("version", pa.string(), "Version in the registry.", is_nullable=False),
            Column("day", pa.date32(), "UTC day of the data.", is_nullable=False),
            Column("feature", pa.string(), "Name of the feature.", is_nullable=False),
            Column(
                "psi",
                pa.float64(),
                "Population stability index against the training data: below 0.1 alike, above 0.25 another population.",
                is_nullable=False,
                minimum=0,
            ),
            Column("n", pa.int64(), "Questions it was measured on.", unit="rows", is_nullable=False, minimum=1),
        ),
        owner=domain,
    )


TABLES = (EVALUATIONS, DECISIONS)
