"""What is being done right now, on standard error: a spinner on a terminal, one line each elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]


@contextmanager
def progress() -> Iterator[Say]:
    """A function that names the next piece of work; the piece before it is then shown with its seconds."""
    from rich.console import Console
    from rich.status import Status

    console = Console(stderr=True, highlight=False)
    current: str | None = None
    started = time.monotonic()

    def finish() -> None:
        if current is not None:
            console.print(f"[green]✓[/] {current} [dim]{time.monotonic() - started:.1f} s[/]", soft_wrap=True)

    with Status("", console=console) as status:

        def say(message: str) -> None:
            nonlocal current, started
            finish()
            current, started = message, time.monotonic()
            status.update(message)

        yield say
        finish()


@contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """A function that is told (what, its number, how many) and moves a bar, which goes away at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")

        def report(what: str, number: int, total: int) -> None:
            bar.update(task, description=what, completed=number - 1, total=total)

        yield report
