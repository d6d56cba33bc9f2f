"""The tables of alerts that a domain has: states as they changed, and every attempt to tell of them."""

import pyarrow as pa

from transit_assets.lake import UTC_INSTANT, Column, Table

STATUSES = ("opened", "updated", "closed")
SEVERITIES = ("disturbed", "blocked")
"""In rising order."""
CHANNELS = ("log", "webhook", "sns")

_ALERT = (
    Column("alert_id", pa.string(), "Hash of what it is about and when it opened.", is_nullable=False),
    Column("version", pa.int32(), "1 when it opened, rising with each change.", is_nullable=False, minimum=1),
)


def alerts(domain: str, kinds: tuple[str, ...]) -> Table:
    """Every state of every alert of a domain."""
    return Table(
        layer="models",
        domain=domain,
        name="alerts",
        description="One version of one alert: that it opened, changed or closed, and what it then said.",
        key=("alert_id", "version"),
        columns=(
            *_ALERT,
            Column("status", pa.string(), "What happened to it.", is_nullable=False, values=STATUSES),
            Column("kind", pa.string(), "What it is made from.", is_nullable=False, values=kinds),
            Column(
                "about",
                pa.string(),
                "What it is about; two alerts of one kind about the same are never open at once.",
                is_nullable=False,
            ),
            Column("severity", pa.string(), "The worst that is said.", is_nullable=False, values=SEVERITIES),
            Column("cause", pa.string(), "Cause, as the provider sends it."),
            Column("direction", pa.string(), "Direction that it is about; null for all."),
            Column("title", pa.string(), "What it is, in a line.", is_nullable=False),
            Column("text", pa.string(), "What is known of it."),
            Column("probability", pa.float64(), "Of what a forecast warns of; null for what is known.", minimum=0),
            Column("references", pa.list_(pa.string()), "The provider's identifiers of what it is made of."),
            Column("source", pa.string(), "Who said so last.", is_nullable=False),
            Column("opened_at", UTC_INSTANT, "Instant of the answer or forecast that opened it.", is_nullable=False),
            Column("updated_at", UTC_INSTANT, "Instant of that which made this version.", is_nullable=False),
            Column("closed_at", UTC_INSTANT, "When it closed; null while it is open."),
            Column(
                "ended_by",
                pa.string(),
                "`over`: it is said no more. `silence`: for two hours nobody said anything. Null while it is open.",
                values=("over", "silence"),
            ),
            Column("judged_at", UTC_INSTANT, "When the version was made, by the real clock.", is_nullable=False),
        ),
        owner=domain,
    )


def alert_deliveries(domain: str) -> Table:
    """Every attempt to tell of an alert of a domain."""
    return Table(
        layer="models",
        domain=domain,
        name="alert_deliveries",
        description="One attempt to tell one channel of one version of an alert, written before it is made.",
        key=("idempotency_key", "attempt"),
        columns=(
            Column(
                "idempotency_key",
                pa.string(),
                "Alert, version and channel; the receiver gets it with the message, the same at each attempt.",
                is_nullable=False,
            ),
            Column("attempt", pa.int32(), "1 for the first.", is_nullable=False, minimum=1),
            *_ALERT,
            Column("channel", pa.string(), "Who is told.", is_nullable=False, values=CHANNELS),
            Column(
                "outcome",
                pa.string(),
                "`sending`: begun. `sent`: accepted. `failed`: surely not accepted, and made again later. `unknown`: "
                "it may have arrived (no answer, or the run died), so it is not made again where it could arrive "
                "twice.",
                is_nullable=False,
                values=("sending", "sent", "failed", "unknown"),
            ),
            Column("error", pa.string(), "What went wrong, without addresses and secrets."),
            Column("receipt", pa.string(), "The receiver's: SNS's message id, the HTTP status."),
            Column("started_at", UTC_INSTANT, "When it was written down, by the real clock.", is_nullable=False),
            Column("finished_at", UTC_INSTANT, "When its outcome was known; null before."),
            Column("run_id", pa.string(), "Run that made it; null outside of Dagster."),
        ),
        owner=domain,
    )
