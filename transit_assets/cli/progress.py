"""What is being done right now, on standard error: a spinner on a terminal, one line each elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Say = Callable[[str], None]
Result = TypeVar("Result")


def stoppable(work: Callable[[], Result]) -> Result:
    """Do some work so that Ctrl-C ends it at once, by KeyboardInterrupt; its errors are raised here.

    On the main thread Dagster takes Ctrl-C for a step that failed, and its retry policy starts the step again. What
    the work had begun is left as by a kill: the lake holds what was committed, and the next start closes the run.
    """
    done: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  raised again by the main thread
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)  # an unbounded join would not hear Ctrl-C
    if errors:
        raise errors[0]
    return done[0]


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
