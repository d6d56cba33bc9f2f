"""How reports look in a terminal."""

from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from transit_assets.status import Status, TableStatus

_WIDE = 10_000  # without a terminal nothing is cut off or folded


def console() -> Console:
    """Standard output, as wide as the data where it is not a terminal."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=_WIDE)


def show_status(found: "Status") -> None:
    """Print the report: tables, feeds, then what is wrong."""
    out = console()
    origin = f"{found.origin} data" if found.origin else "empty: `transit demo` or `transit run bikes` fills it"
    out.print(Text.assemble(("Lake ", "bold"), found.lake, "  ", (origin, "yellow" if found.origin != "real" else "")))
    if found.tables:
        out.print(_tables(found))
    if found.feeds:
        out.print(_feeds(found))
    if found.models:
        out.print(_models(found))
    for table in found.tables:
        if table.damage:
            out.print(Text(f"✗ {table.relation} is damaged: {table.damage}", "red"))
        if table.refused_partitions:
            days = ", ".join(table.refused_partitions)
            out.print(Text(f"✗ {table.relation}: refused, the last good version stays: {days}", "red"))
    for check in found.failed_checks:
        where = f" of {check.partition}" if check.partition else ""
        kind, style = ("blocking", "red") if check.is_blocking else ("warning", "yellow")
        rows = f", {check.failing_rows:,} rows" if check.failing_rows else ""
        out.print(Text(f"✗ {check.relation}{where}: {check.check_name} failed ({kind}{rows})", style))
    out.print(Text(f"{found.checks_passed} checks passed, {len(found.failed_checks)} failed"))


def _tables(found: "Status") -> Table:
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("table", "rows", "partitions", "last", "loaded", "quarantined"):
        grid.add_column(name, justify="right" if name in {"rows", "partitions", "quarantined"} else "left")
    for table in found.tables:
        grid.add_row(*_row(table, found.as_of))
    return grid


def _row(table: "TableStatus", as_of: datetime) -> tuple[str, ...]:
    return (
        table.relation,
        f"{table.rows:,}",
        "" if table.partitions is None else f"{table.partitions:,}",
        table.last_partition or "",
        age(table.loaded_at, as_of),
        f"{table.quarantined_rows:,}" if table.quarantined_rows else "",
    )


def _feeds(found: "Status") -> Table:
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("feed", "payloads", "failed attempts", "last answer", "since then"):
        grid.add_column(name, justify="right" if name in {"payloads", "failed attempts"} else "left")
    for feed in found.feeds:
        trouble = f"{feed.failures_since} failed: {feed.last_error}" if feed.failures_since else ""
        grid.add_row(
            f"{feed.domain} {feed.feed}",
            f"{feed.payloads:,}",
            f"{feed.failed_attempts:,}",
            age(feed.last_success_at, found.as_of),
            Text(trouble, "red"),
        )
    return grid


def _models(found: "Status") -> Table:
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("model", "champion", "ahead", "metric", "score", "best baseline", "its score", "gain", "95 %"):
        grid.add_column(name, justify="right" if name in {"ahead", "score", "its score", "gain"} else "left")
    for one in found.models:
        gain = "" if one.improvement is None else f"{one.improvement:+.1%}"
        bounds = "" if one.ci_low is None or one.ci_high is None else f"{one.ci_low:+.1%} to {one.ci_high:+.1%}"
        grid.add_row(
            one.model,
            f"{one.champion} ({one.estimator})" + (f", {one.waiting} waits" if one.waiting else ""),
            "" if one.horizon_minutes is None else f"{one.horizon_minutes} min",
            one.metric,
            f"{one.value:.4f}",
            one.baseline,
            f"{one.baseline_value:.4f}",
            Text(gain, "green" if (one.ci_low or 0) > 0 else ""),
            bounds,
        )
    return grid


def age(instant: datetime | None, as_of: datetime) -> str:
    """`3 min ago`; an instant in the future, as a fixed clock may make it, is shown as it is."""
    if instant is None:
        return "never"
    seconds = (as_of - instant).total_seconds()
    if seconds < 0:
        return f"{instant:%Y-%m-%d %H:%M} UTC"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
